import { cleanPath, encodedPath, unescapePath } from '../../lib/go-url.ts';
import { parseHostname, parsePort } from '../../model/names.ts';
import type { DiagnosticCode } from '../../model/codes.ts';
import type { Redirect, RedirectPart } from '../../model/route.ts';

/** Why a redirect is refused. */
export interface RedirectProblem {
  readonly code: DiagnosticCode;
  readonly message: string;
}

/**
 * Reads CODE and URL of `redirect=CODE,URL` as Go's url.Parse and Fabio do (fabiolb/fabio:route/target.go BuildRedirectURL): user and
 * fragment are dropped, the path is decoded and encoded again, an absent one is `/`. `$path` counts once, in the path or at the end of
 * the host, where it replaces the path; it carries path and query and absorbs one `/` before it. `$host` counts once, in the host.
 */
export function parseRedirect(code: string, url: string): Redirect | RedirectProblem {
  const status = /^\+?\d{1,9}$/.test(code) ? Number(code) : 0;
  if (status < 300 || status > 399)
    return { code: 'FABIO_REDIRECT_CODE', message: `Cannot redirect with status "${code}": expected 300 to 399` };
  const to = partsOf(url);
  return typeof to === 'string' ? { code: 'FABIO_REDIRECT_FORM', message: `Cannot redirect to "${url}": ${to}` } : { status, to };
}

/** The parts of a target, or what is wrong with it. */
function partsOf(url: string): readonly RedirectPart[] | string {
  const [, scheme = '', authority, rest = ''] = /^(?:([a-z]+):(?=\/\/))?(?:\/\/([^/?#]*))?([^#]*)/i.exec(url) ?? [];
  const query = rest.includes('?') ? rest.slice(rest.indexOf('?')) : '';
  const path = rest.slice(0, rest.length - query.length);
  // Go cleans a target that names no host (net/http Redirect)
  if (authority === undefined) return path.startsWith('/') ? pathParts(cleanPath(path), query) : 'expected http://, https:// or a path';
  if (!/^https?$/i.test(scheme)) return 'expected http://, https:// or a path';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const carries = host.endsWith('$path');
  const name = carries ? host.slice(0, -'$path'.length) : host;
  if (!isHost(name) || (carries && /:\d*$/.test(name))) return `"${host}" is no host`;
  const tail = carries ? pathParts('$path', query) : pathParts(path, query);
  return typeof tail === 'string' ? tail : joined([text(`${scheme.toLowerCase()}://`), ...hostParts(name), ...tail]);
}

/** What `strip` and `prepend` of a tag say. */
export interface PathChanges {
  readonly strip: string | undefined;
  readonly prepend: string | undefined;
}

/**
 * A redirect whose `$path` is shortened and lengthened before (BuildRedirectURL): `prepend` stands before what `strip` leaves. Undefined
 * where it needs no other words than those of a route that does not redirect: nothing is changed, or a slash begins what is left, as one
 * does behind a bare host.
 */
export function withPathChanges(redirect: Redirect, { strip, prepend }: PathChanges): Redirect | undefined {
  const at = redirect.to.findIndex(({ kind }) => kind === 'path');
  const before = redirect.to.slice(0, Math.max(at, 0));
  const isBare = /^(\w+:\/\/[^/]*)?$/.test(before.map((part) => (part.kind === 'text' ? part.text : 'h')).join(''));
  // the slash at the end of a text before `$path` counts for nothing, so that none can be told of there
  if (at < 0 || (prepend === undefined ? strip === undefined || isBare : prepend.endsWith('/'))) return undefined;
  const added = prepend !== undefined && isBare && !prepend.startsWith('/') ? `/${prepend}` : (prepend ?? '');
  const path: RedirectPart = strip === undefined ? { kind: 'path' } : { kind: 'path', strip };
  return { ...redirect, to: joined([...before, text(encoded(added)), path, ...redirect.to.slice(at + 1)]) };
}

/** A host name with a port, where `$host` may stand for (a part of) the name. */
function isHost(text: string): boolean {
  const [, name = '', port] = /^(.*?)(?::(\d*))?$/.exec(text) ?? [];
  const known = name.replace('$host', 'h');
  return parseHostname(known) !== undefined && (port === undefined || port === '' || parsePort(port) !== undefined);
}

function hostParts(name: string): readonly RedirectPart[] {
  const at = name.indexOf('$host');
  return at < 0 ? [text(name)] : [text(name.slice(0, at)), { kind: 'host' }, text(name.slice(at + '$host'.length))];
}

function pathParts(path: string, query: string): readonly RedirectPart[] | string {
  const decoded = unescapePath(path);
  if (decoded === undefined || /[^ -~]/.test(decoded)) return 'its path cannot be read';
  if (/[^!-~]/.test(query) || /["\\`{}<>^|]/.test(query)) return 'its query holds a character that no URL has';
  const at = decoded.indexOf('$path');
  if (at < 0) return joined([text(encoded(decoded === '' ? '/' : decoded)), text(query)]);
  const [before, after] = [decoded.slice(0, at), decoded.slice(at + '$path'.length)];
  const head = before.endsWith('/') ? before.slice(0, -1) : before;
  return joined([text(encoded(head)), { kind: 'path' }, text(encoded(after)), text(query)]);
}

/** Go's URL.EscapedPath of a path whose raw form is the decoded one. */
function encoded(path: string): string {
  return encodedPath({ path, rawPath: path });
}

/** Neighbouring texts in one; empty ones left out. */
function joined(parts: readonly RedirectPart[]): readonly RedirectPart[] {
  const whole: RedirectPart[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part.kind === 'text' && last?.kind === 'text') whole[whole.length - 1] = text(last.text + part.text);
    else if (part.kind !== 'text' || part.text !== '') whole.push(part);
  }
  return whole;
}

function text(value: string): RedirectPart {
  return { kind: 'text', text: value };
}
