import { encodedPath, joined, textOfBytes, unescapePath, type GoUrl } from '../lib/go-url.ts';
import { compileRegexp } from '../lib/regexp.ts';
import type { PathChange, PathMiddleware } from '../model/request.ts';

/** The encoded path with unreserved characters decoded and escapes in capitals (normalizePath, before the path is cleaned). */
export function normalised(url: GoUrl): GoUrl {
  if (url.rawPath === '') return url;
  const rawPath = url.rawPath.replace(/%(..)/g, (escape, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : escape.toUpperCase();
  });
  return { ...url, rawPath };
}

/** What Traefik makes of a path: decoded and encoded form change together, and escapes stay what they are (pkg/middlewares). */
export function changeEncoded(url: GoUrl, middleware: PathMiddleware): PathChange {
  switch (middleware.kind) {
    case 'stripPrefix': {
      const prefix = middleware.prefixes.find((candidate) => url.path.startsWith(candidate));
      return prefix === undefined ? { kind: 'same' } : stripped(url, prefix, middleware.forceSlash ? forced : slashed);
    }
    case 'stripPrefixRegexp': {
      const matches = middleware.regexps.map((regexp) => compileRegexp(regexp).match(textOfBytes(url.path)));
      const found = matches.find((match) => match !== undefined && match.start === 0 && match.end > 0);
      return found ? stripped(url, url.path.slice(0, found.end), slashed) : { kind: 'same' };
    }
    case 'addPrefix':
      return { kind: 'changed', url: added(url, middleware.prefix) };
    case 'replacePath':
      return replaced(url, middleware.path);
    case 'replacePathRegexp': {
      const current = url.rawPath === '' ? encodedPath(url) : url.rawPath;
      const regexp = compileRegexp(middleware.regexp);
      if (!regexp.test(current)) return { kind: 'same' };
      return checked(replaced(url, regexp.replaceAll(current, middleware.replacement)));
    }
    default:
      throw new TypeError(`Cannot change a path: ${JSON.stringify(middleware satisfies never)}`);
  }
}

/** Cut off the decoded and the encoded path; what must be cleaned again after that is refused (pkg/middlewares/stripprefix). */
function stripped(url: GoUrl, prefix: string, begin: (rest: string) => string): PathChange {
  const rawPath = url.rawPath === '' ? '' : begin(url.rawPath.slice(lengthOfEncoded(url.rawPath, prefix.length)));
  const change: PathChange = { kind: 'changed', url: { ...url, path: begin(url.path.slice(prefix.length)), rawPath }, prefix };
  return checked(change);
}

/** How many characters of an encoded path stand for so many decoded ones. */
function lengthOfEncoded(encoded: string, decoded: number): number {
  let at = 0;
  for (let count = 0; count < decoded && at < encoded.length; count += 1) at += encoded.charAt(at) === '%' ? 3 : 1;
  return at;
}

function checked(change: PathChange): PathChange {
  if (change.kind !== 'changed' || change.url.path === '') return change;
  const url = joined(change.url);
  return url.path === change.url.path ? { ...change, url } : { kind: 'refused', status: 400 };
}

function added(url: GoUrl, prefix: string): GoUrl {
  return { ...url, path: slashed(prefix + url.path), rawPath: url.rawPath === '' ? '' : slashed(prefix + url.rawPath) };
}

function replaced(url: GoUrl, encoded: string): PathChange {
  const path = unescapePath(encoded);
  return path === undefined ? { kind: 'refused', status: 500 } : { kind: 'changed', url: { ...url, path, rawPath: encoded } };
}

function slashed(path: string): string {
  return path === '' || path.startsWith('/') ? path : `/${path}`;
}

/** Whatever is left, behind one slash. */
function forced(rest: string): string {
  return `/${rest.replace(/^\//, '')}`;
}
