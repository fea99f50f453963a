import { regexpLiteral } from '../../lib/quote.ts';
import type { EntryPointChoice } from '../../model/entry-point.ts';
import { ANY_PATH, exactHost, exactPath, pathPrefix, type HostMatch, type PathMatch } from '../../model/match.ts';
import { parseHostname, parsePort } from '../../model/names.ts';
import type { Token } from './lex.ts';

/** What one site address asks for. */
export interface Address {
  readonly host: HostMatch;
  readonly path: PathMatch;
  readonly entryPoints: EntryPointChoice;
  /** Where its path stands in the tag. */
  readonly pathToken: Token;
}

/** What is wrong with an address, and where. */
export interface AddressProblem {
  readonly problem: string;
  readonly token: Token;
}

const SCHEME = 'https://';

/**
 * Reads `https://host[:port][/path]` as Caddy reads a site address (caddyserver/caddy:caddyconfig/httpcaddyfile/addresses.go, MatchPath):
 * `*.` as the first label stands for one label; a path is compared in any case, whole or, where it ends in `*`, as a prefix.
 */
export function parseAddress(token: Token): Address | AddressProblem {
  const { text, start } = token;
  // an empty part is shown by the character before it
  const part = (from: number, to: number): Token => ({
    text: text.slice(from, to),
    start: start + (from < to ? from : from - 1),
    end: start + to,
  });
  if (!text.startsWith(SCHEME)) return { problem: `"${text}" is no address that begins with ${SCHEME}`, token };
  const slash = text.indexOf('/', SCHEME.length);
  const cut = slash < 0 ? text.length : slash;
  const [, name = '', portText] = /^(.*?)(?::([^:\]]*))?$/.exec(text.slice(SCHEME.length, cut)) ?? [];
  const host = hostOf(name);
  if (!host) return { problem: `"${name}" is no host name`, token: part(SCHEME.length, SCHEME.length + name.length) };
  const port = portText === undefined ? undefined : parsePort(portText);
  if (portText !== undefined && port === undefined)
    return { problem: `"${portText}" is no port`, token: part(SCHEME.length + name.length + 1, cut) };
  const pathToken = { text: text.slice(cut), start: start + cut, end: token.end };
  const path = pathOf(pathToken.text);
  if (typeof path === 'string') return { problem: path, token: pathToken };
  return { host, path, pathToken, entryPoints: port === undefined || port === 443 ? { kind: 'tls' } : { kind: 'port', port, tls: true } };
}

function hostOf(text: string): HostMatch | undefined {
  const name = parseHostname(text.startsWith('*.') ? text.slice(2) : text);
  if (name === undefined || (text.startsWith('*.') && name.startsWith('['))) return undefined;
  if (!text.startsWith('*.')) return exactHost(name);
  return { kind: 'glob', pattern: `*.${name}`, regexp: `^[^.]+\\.${regexpLiteral(name)}$`, port: 'any' };
}

/** The path part, or what is wrong with it. */
function pathOf(text: string): PathMatch | string {
  if (text === '') return ANY_PATH;
  if (!/^[A-Za-z0-9._~!$&'()*+;=:@/-]*$/.test(text)) return 'its path holds a comma, an encoded character, or one that no path has';
  if (text.includes('//')) return 'its path holds an empty segment';
  if (text.split('/').some((segment) => /^\.{1,2}$/.test(segment))) return 'its path holds a dot segment';
  if (text.includes('*') && text.indexOf('*') < text.length - 1) return '`*` may only end the path';
  return text.endsWith('*') ? pathPrefix(text.slice(0, -1), true) : exactPath(text, true);
}
