import { sha256 } from '../../lib/hash.ts';
import { regexpLiteral } from '../../lib/quote.ts';
import type { StickyCookie } from '../../model/pool.ts';
import { line, text, type Node } from './ast.ts';
import { literalValue } from './quote.ts';

/** The name of a cookie. As in Traefik each pool has one of its own: several pools of one host would take theirs from each other. */
export function cookieName(id: string, { name }: StickyCookie): string {
  return name ?? `_${sha256(id).slice(0, 12)}`;
}

/** The attributes of a cookie, each behind a semicolon, as Caddy expands them. */
export function cookieAttributes({ secure, httpOnly, sameSite, maxAgeSeconds = 0, path = '/', domain }: StickyCookie): string {
  const attributes = [
    `Path=${literalValue(path.replace(/;.*$/, ''))}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(maxAgeSeconds === 0 ? [] : [`Max-Age=${Math.max(0, maxAgeSeconds)}`]),
    ...(httpOnly ? ['HttpOnly'] : []),
    ...(secure ? ['Secure'] : []),
    ...(sameSite === undefined ? [] : [`SameSite=${{ none: 'None', lax: 'Lax', strict: 'Strict' }[sameSite]}`]),
  ];
  return attributes.map((attribute) => `; ${attribute}`).join('');
}

/** Gives the cookie that Caddy sets for a pool the attributes that are asked for, once the instance has answered. */
export function attributesLine(id: string, sticky: StickyCookie): Node {
  const own = `^(${regexpLiteral(cookieName(id, sticky))}=[0-9a-f]+); Path=/; HttpOnly(; Secure)?; SameSite=(Lax|None)$`;
  return line('header', '*', '>Set-Cookie', text(own), text(`$1${cookieAttributes(sticky).replaceAll('$', '$$$$')}`));
}
