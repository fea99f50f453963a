import { sha256 } from '../../lib/hash.ts';
import type { ClientCriterion, EncodedCharacter, MiddlewareOf } from '../../model/middleware.ts';
import { ENCODED_CHARACTERS } from '../../model/middleware.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { URI } from './canonical.ts';
import { headerName } from './headers.ts';

/**
 * A limit by the module `rate_limit`: at most `burst` requests in the time in which the average grants so many. Its zones are known by name
 * in the whole proxy, also after a reload: the name is that of route and limit.
 */
export function rateLimitHandler(limit: MiddlewareOf<'rateLimit'>, { route }: { readonly route: string }): Handler {
  const { average, periodMs, burst, by } = limit;
  const windowMs = Math.max(1, Math.ceil((burst * periodMs) / average));
  const zone = sha256(JSON.stringify([route, limit])).slice(0, 16);
  const lines = [...keyLines(by), line('window', `${windowMs}ms`), line('events', String(burst))];
  return { matchers: [], directives: [block(['rate_limit'], [block(['zone', zone], lines)])] };
}

/** Whether Caddy can tell clients apart so: by one address that it knows, a header or the host. */
export function canTellApart(by: ClientCriterion): boolean {
  return by.kind !== 'address' || by.of.kind === 'peer' || by.of.kind === 'client';
}

function keyLines(by: ClientCriterion): readonly Node[] {
  switch (by.kind) {
    case 'host':
      return [line('key', '{http.request.host}')];
    case 'header':
      return [line('key', text(`{http.request.header.${headerName(by.name).text}}`))];
    case 'address': {
      const key = line('key', by.of.kind === 'client' ? '{http.vars.client_ip}' : '{http.request.remote.host}');
      return [key, ...(by.ipv6Bits === undefined ? [] : [line('ipv6_prefix', String(by.ipv6Bits))])];
    }
    default:
      throw new TypeError(`Cannot tell clients apart: ${JSON.stringify(by satisfies never)}`);
  }
}

/** Answers 413 to a larger body: before any instance sees it where the client says how large it is, else when so much has come. */
export function maxBodyHandler(bytes: number, name: string): Handler {
  const said = '{http.request.header.Content-Length}';
  return {
    matchers: [line(`@${name}`, 'expression', text(`${said} != "" && int(${said}) > ${bytes}`))],
    directives: [line('respond', `@${name}`, '413'), block(['request_body'], [line('max_size', String(bytes))])],
  };
}

const ESCAPES: Readonly<Record<EncodedCharacter, string>> = {
  backSlash: '5c',
  hash: '23',
  nullCharacter: '00',
  percent: '25',
  questionMark: '3f',
  semicolon: '3b',
  slash: '2f',
};

/** Whether the path of a URL as sent holds an encoded character that `encodedCharacters` knows. */
export const ENCODED: string = `(?i)^[^?]*%(?:${Object.values(ESCAPES).join('|')})`;

/** Answers 400 to paths with encoded characters other than these. */
export function encodedCharactersHandler({ allowed }: MiddlewareOf<'encodedCharacters'>, name: string): Handler {
  const refused = ENCODED_CHARACTERS.filter((character) => !allowed.includes(character)).map((character) => ESCAPES[character]);
  if (refused.length === 0) return { matchers: [], directives: [] };
  return {
    matchers: [line(`@${name}`, 'vars_regexp', URI, text(`(?i)^[^?]*%(?:${refused.join('|')})`))],
    directives: [line('respond', `@${name}`, '400')],
  };
}
