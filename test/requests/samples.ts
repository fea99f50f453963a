import { compileRegexp } from '../../src/lib/regexp.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import type { Condition, HostMatch, PathMatch } from '../../src/model/match.ts';
import type { HeaderValue, Middleware } from '../../src/model/middleware.ts';
import type { Route, RoutingTable } from '../../src/model/route.ts';
import type { AskedRequest } from './model.ts';

/** The address of a client that says for whom it asks, and is believed. */
export const TRUSTED_PROXY = '127.0.0.9';

/**
 * Requests that a table is asked: for each of its http routes some that it should take (with paths that middlewares and cleaning change)
 * and some that just miss it, at the plain entry points; at those that end TLS, where a request costs a handshake, only some of them. The
 * same for the same table.
 */
export function samplesFor(table: RoutingTable, entryPoints: readonly EntryPoint[]): readonly AskedRequest[] {
  const points = entryPoints.filter(({ protocol }) => protocol === 'http');
  const requests = table.routes.filter(({ protocol }) => protocol === 'http').flatMap((route) => samplesOfRoute(route, points));
  return [...new Map(requests.map((request) => [JSON.stringify(request), request])).values()];
}

function samplesOfRoute({ match, middlewares }: Route, points: readonly EntryPoint[]): readonly AskedRequest[] {
  const hosts = hostSamples(match.host);
  const [host = 'none.test', ...otherHosts] = hosts;
  const [path = '/', ...otherPaths] = pathSamples(match.path);
  const { method, headers, query } = meeting(match.conditions);
  const base = { host, path: withQuery(path, query), method, headers, from: '127.0.0.1' };
  const variants = [
    base,
    ...otherHosts.map((other) => ({ ...base, host: other })),
    ...otherPaths.map((other) => ({ ...base, path: withQuery(other, query) })),
    { ...base, method: method === 'POST' ? 'GET' : 'POST' },
    ...(match.conditions.length > 0 ? [{ ...base, headers: [], path }] : []),
    { ...base, headers: [...headers, { name: 'Authorization', value: 'Basic b3JhY2xlOm9yYWNsZQ==' }] },
    ...middlewares.flatMap((middleware) => samplesOfMiddleware(middleware, base)),
  ];
  return points.flatMap(({ name, tls }) => (tls ? variants.slice(0, 2) : variants).map((variant) => ({ ...variant, entryPoint: name })));
}

/** Requests of which a middleware takes notice. */
function samplesOfMiddleware({ kind }: Middleware, base: Omit<AskedRequest, 'entryPoint'>): readonly Omit<AskedRequest, 'entryPoint'>[] {
  const withHeaders = (...headers: readonly HeaderValue[]): typeof base => ({ ...base, headers: [...base.headers, ...headers] });
  const hops = (value: string): HeaderValue => ({ name: 'X-Forwarded-For', value });
  const origin = { name: 'Origin', value: 'https://a.test' };
  switch (kind) {
    case 'ipAllow':
    case 'ipDeny':
      return [
        ...['127.0.0.2', '127.0.0.3'].map((from) => ({ ...base, from })),
        ...['10.0.0.1', '9.9.9.9, 10.0.0.1', '10.0.0.1, 9.9.9.9', '10.0.0.1, 10.9.0.1'].map((value) => ({
          ...withHeaders(hops(value)),
          from: TRUSTED_PROXY,
        })),
      ];
    case 'cors':
      return [withHeaders(origin), { ...withHeaders(origin, { name: 'Access-Control-Request-Method', value: 'PUT' }), method: 'OPTIONS' }];
    case 'encodedCharacters':
      return ['%2F', '%5c', '%3B', '%00', '/%23'].map((escape) => ({ ...base, path: base.path.replace(/\?|$/, `/a${escape}b$&`) }));
    case 'stripPrefixRegexp':
    case 'replacePathRegexp':
      return ['/shop/v1/a%2Fb?q=1', '/shop/v1', '/shop/v1../x', '/x/y', '/ab/12/c', '/ab/12%20/', '/a'].map((path) => ({ ...base, path }));
    default:
      return [];
  }
}

function hostSamples(host: HostMatch): readonly string[] {
  switch (host.kind) {
    case 'any':
      return ['any.test', 'none.other.test:8080'];
    case 'exact': {
      const own = typeof host.port === 'number' ? `${host.host}:${host.port}` : host.host;
      return [own, host.host.toUpperCase(), `${host.host}:8099`, `${host.host}.`, `x${host.host}`];
    }
    case 'glob': {
      const sample = globSample(host.pattern);
      return [typeof host.port === 'number' ? `${sample}:${host.port}` : sample, `deep.${sample}`, `${sample}:8099`];
    }
    case 'regexp':
      return ['www.example.com', 'a.test', 'api.example.com'].toSorted(
        (a, b) => Number(compileRegexp(host.regexp).test(b)) - Number(compileRegexp(host.regexp).test(a)),
      );
    default:
      throw new TypeError(`Cannot make a host: ${JSON.stringify(host satisfies never)}`);
  }
}

/** A host that a Fabio pattern is likely to fit. */
function globSample(pattern: string): string {
  return pattern
    .replace(/\*+/g, 'star')
    .replace(/\?/g, 'q')
    .replace(/\{([^,}]*)[^}]*\}/g, '$1')
    .replace(/\[!?(.)[^\]]*\]/g, '$1');
}

function pathSamples(path: PathMatch): readonly string[] {
  const rough = (clean: string): readonly string[] => [
    clean.replace('/', '//'),
    `/./x/..${clean}`,
    `${clean}?a=1&b=/`,
    `${clean}/%2Fx`,
    `${clean}/b%20c%C3%A9`,
  ];
  switch (path.kind) {
    case 'any':
      return ['/', '/some/path?q=1', ...rough('/some'), '/%61'];
    case 'exact':
      return [path.path, `${path.path}x`, `${path.path}/`, path.path.toUpperCase(), ...rough(path.path)];
    case 'prefix':
      return [
        path.path,
        `${path.path}x`,
        `${path.path}/deep/`,
        path.path.toUpperCase(),
        path.path.slice(0, -1) || '/',
        ...rough(path.path),
      ];
    case 'regexp':
      return ['/', '/api/v1/items', '/img/a.png', '/v2/x'].toSorted(
        (a, b) => Number(compileRegexp(path.regexp).test(b)) - Number(compileRegexp(path.regexp).test(a)),
      );
    default:
      throw new TypeError(`Cannot make a path: ${JSON.stringify(path satisfies never)}`);
  }
}

/** Method, headers and query that meet the conditions, as far as one can tell. */
function meeting(conditions: readonly Condition[]): {
  readonly method: string;
  readonly headers: readonly HeaderValue[];
  readonly query: string;
} {
  let method = 'GET';
  const headers: HeaderValue[] = [];
  const query: string[] = [];
  for (const condition of conditions) {
    if (condition.kind === 'method') method = condition.method;
    if (condition.kind === 'header') headers.push({ name: condition.name, value: condition.value });
    if (condition.kind === 'query') query.push(`${condition.key}=${condition.value ?? ''}`);
  }
  return { method, headers, query: query.join('&') };
}

function withQuery(path: string, query: string): string {
  if (query === '') return path;
  return path.includes('?') ? `${path}&${query}` : `${path}?${query}`;
}
