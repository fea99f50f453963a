import type { Hostname, Port } from './names.ts';

/**
 * Which requests a route answers: one conjunction. `||` in a rule becomes several routes, so that every route has one host
 * and one path to be ranked by. An absent part matches everything.
 */
export interface RouteMatch {
  readonly host: HostMatch;
  readonly path: PathMatch;
  /** All must hold. Sorted by their canonical text. */
  readonly conditions: readonly Condition[];
}

/**
 * The host part. `any`: every host. `exact`: compared case-blind. `glob`: a Fabio pattern or Traefik's `*.x` as an anchored
 * lower-case regular expression of ours, with the pattern it came from (it decides the rank). `regexp`: a Traefik HostRegexp,
 * unanchored, lower-case, in the safe RE2 subset.
 */
export type HostMatch =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly host: Hostname; readonly port: HostPort }
  | { readonly kind: 'glob'; readonly pattern: string; readonly regexp: string; readonly port: HostPort }
  | { readonly kind: 'regexp'; readonly regexp: string };

/**
 * What the port in the Host header must be. `any`: not looked at (Traefik, HinD). `own`: absent, or the entry point's own or
 * usual one (Fabio without a port in the tag). A number: exactly that one.
 */
export type HostPort = 'any' | 'own' | Port;

/** The path part, matched on the decoded, cleaned path. `prefix` is a plain string prefix: `/foo` also matches `/foot`. */
export type PathMatch =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly path: string; readonly ignoreCase: boolean }
  | { readonly kind: 'prefix'; readonly path: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regexp'; readonly regexp: string };

/**
 * A further condition on the request. `header` values compare exactly; `query` without value asks only for the key, with an empty value
 * for an empty one (Traefik's Query of one argument); `clientIp` is the peer's address; `alpn` holds where the client offers one of the protocols (tcp routes).
 */
export type Condition =
  | { readonly kind: 'method'; readonly method: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'headerRegexp'; readonly name: string; readonly regexp: string }
  | { readonly kind: 'query'; readonly key: string; readonly value?: string }
  | { readonly kind: 'queryRegexp'; readonly key: string; readonly regexp: string }
  | { readonly kind: 'clientIp'; readonly cidrs: readonly string[] }
  | { readonly kind: 'alpn'; readonly protocols: readonly string[] }
  | { readonly kind: 'host'; readonly host: Exclude<HostMatch, { kind: 'any' }> }
  | { readonly kind: 'path'; readonly path: Exclude<PathMatch, { kind: 'any' }> }
  | { readonly kind: 'not'; readonly condition: Condition };

/** Every host. */
export const ANY_HOST: HostMatch = { kind: 'any' };
/** Every path. */
export const ANY_PATH: PathMatch = { kind: 'any' };
/** All but ACME's HTTP-01 path, which must answer without TLS (RFC 8555, 8.3). */
export const NOT_ACME: Condition = {
  kind: 'not',
  condition: { kind: 'path', path: { kind: 'prefix', path: '/.well-known/acme-challenge/', ignoreCase: false } },
};

/** An exact host. */
export function exactHost(host: Hostname, port: HostPort = 'any'): HostMatch {
  return { kind: 'exact', host, port };
}

/** A string prefix; `/` matches everything and is therefore no condition. */
export function pathPrefix(path: string, ignoreCase = false): PathMatch {
  return path === '/' ? ANY_PATH : { kind: 'prefix', path, ignoreCase };
}

/** An exact path. */
export function exactPath(path: string, ignoreCase = false): PathMatch {
  return { kind: 'exact', path, ignoreCase };
}

/**
 * The canonical text of a match: equal for two matches that ask the same. `any` and `own` ports count as the same question
 * in two dialects' words.
 */
export function matchKey(match: RouteMatch): string {
  return JSON.stringify([hostKey(match.host), match.path, match.conditions]);
}

/** What of a match an owner holds: an exact host with everything under it; of a wide pattern only pattern and path. */
export function claimKey(match: RouteMatch): string {
  const { host, path } = match;
  if (host.kind === 'exact') return `host ${host.host}`;
  return `wide ${hostKey(host)} ${JSON.stringify(path)}`;
}

/** Whether a pattern is Traefik's own: one whole label before a name. */
export function isOneLabel({ pattern, regexp }: Extract<HostMatch, { kind: 'glob' }>): boolean {
  return /^\*\.[^*?[\]{}]+$/.test(pattern) && regexp.startsWith('^[^.]+\\.');
}

/** A host part as its tag wrote it, without a port; `*` for every host. */
export function hostText(host: HostMatch): string {
  if (host.kind === 'exact') return host.host;
  return host.kind === 'glob' ? host.pattern : host.kind === 'regexp' ? host.regexp : '*';
}

/** The canonical text of a host part. */
export function hostKey(host: HostMatch): string {
  switch (host.kind) {
    case 'any':
      return '*';
    case 'exact':
      return `=${host.host}${portKey(host.port)}`;
    case 'glob':
      return `~${host.regexp}${portKey(host.port)}`;
    case 'regexp':
      return `~${host.regexp}`;
    default:
      throw new TypeError(`Cannot name a host match: ${JSON.stringify(host satisfies never)}`);
  }
}

function portKey(port: HostPort): string {
  return typeof port === 'number' ? `:${port}` : '';
}
