import { compileRegexp, regexpSamples } from '../lib/regexp.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Condition, HostMatch, PathMatch } from '../model/match.ts';
import type { HeaderValue, Middleware } from '../model/middleware.ts';
import type { Route, RoutingTable } from '../model/route.ts';
import { distinctRequests, type AskedRequest } from './request.ts';

/** A request that a table suggests. `own`: one that a route is made for, not a variation of it. */
export interface DerivedRequest extends AskedRequest {
  readonly own?: true;
}

/** Which requests are made of a table. */
export interface RequestOptions {
  /**
   * Also requests that proxies read in different ways whatever the tags say: `//`, dot segments and escapes in paths, ports and final
   * dots in hosts.
   */
  readonly odd?: boolean;
  /** An address of loopback that is believed when it says for whom it asks; absent: nobody is. */
  readonly trusted?: string;
}

/**
 * Requests that a table is asked: for each of its http routes some that it should take (host and path as they stand and in capitals, with a
 * slash, a rest, a query; with and without credentials; other methods; what its middlewares look at) and some that just miss it. All of
 * them at the plain entry points and at those of routes that are only there; at others that end TLS some. Own ones first. The same for the
 * same table.
 */
export function requestsOf(
  table: RoutingTable,
  entryPoints: readonly EntryPoint[],
  options: RequestOptions = {},
): readonly DerivedRequest[] {
  const points = entryPoints.filter(({ protocol }) => protocol === 'http');
  const routes = table.routes.filter(({ protocol }) => protocol === 'http');
  const all = routes.flatMap((route) => requestsOfRoute(route, { points, options }));
  return distinctRequests([...all.filter(({ own }) => own), ...all]);
}

type Variant = Omit<DerivedRequest, 'entryPoint'>;

function requestsOfRoute(
  { match, middlewares, entryPoints }: Route,
  { points, options }: { readonly points: readonly EntryPoint[]; readonly options: RequestOptions },
): readonly DerivedRequest[] {
  const hosts = hostSamples(match.host);
  const [host = 'none.test', ...otherHosts] = [...hosts.usual, ...(options.odd ? hosts.odd : [])];
  const paths = pathSamples(match.path);
  const [path = '/', ...otherPaths] = [...paths.usual, ...(options.odd ? paths.odd : [])];
  const { method, headers, query } = meeting(match.conditions);
  const plain: Variant = { host, path: withQuery(path, query), method, headers, from: '127.0.0.1' };
  const variants: readonly Variant[] = [
    { ...plain, own: true },
    ...otherHosts.map((other) => ({ ...plain, host: other })),
    ...otherPaths.map((other) => ({ ...plain, path: withQuery(other, query) })),
    { ...plain, method: method === 'POST' ? 'GET' : 'POST' },
    ...(match.conditions.length > 0 ? [{ ...plain, headers: [], path }] : []),
    { ...plain, headers: [...headers, { name: 'Authorization', value: 'Basic b3JhY2xlOm9yYWNsZQ==' }] },
    ...middlewares.flatMap((middleware) => requestsOfMiddleware(middleware, { base: plain, options })),
  ];
  const isTlsOnly = points.every(({ name, tls }) => tls || !entryPoints.includes(name));
  return points.flatMap(({ name, tls }) => {
    const asked = tls && !(isTlsOnly && entryPoints.includes(name)) ? variants.slice(0, 2) : variants;
    return asked.map((variant) => ({ ...variant, entryPoint: name }));
  });
}

/** Headers that say how a request is sent, not what it asks for. */
const CONNECTION_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Requests of which a middleware takes notice. */
function requestsOfMiddleware(
  middleware: Middleware,
  { base, options: { odd = false, trusted } }: { readonly base: Variant; readonly options: RequestOptions },
): readonly Variant[] {
  const withHeaders = (...headers: readonly HeaderValue[]): Variant => ({ ...base, headers: [...base.headers, ...headers] });
  const hops = (value: string): HeaderValue => ({ name: 'X-Forwarded-For', value });
  const origin = { name: 'Origin', value: 'https://a.test' };
  switch (middleware.kind) {
    case 'ipAllow':
    case 'ipDeny':
      return [
        ...['127.0.0.2', '127.0.0.3'].map((from) => ({ ...base, from })),
        ...(trusted === undefined ? [] : ['10.0.0.1', '9.9.9.9, 10.0.0.1', '10.0.0.1, 9.9.9.9', '10.0.0.1, 10.9.0.1']).map((value) => ({
          ...withHeaders(hops(value)),
          from: trusted ?? base.from,
        })),
      ];
    case 'cors':
      return [withHeaders(origin), { ...withHeaders(origin, { name: 'Access-Control-Request-Method', value: 'PUT' }), method: 'OPTIONS' }];
    case 'compress':
      return [withHeaders({ name: 'Accept-Encoding', value: 'gzip' })];
    case 'encodedCharacters':
      return ['%2F', '%5c', '%3B', '%00', '/%23'].map((escape) => ({ ...base, path: base.path.replace(/\?|$/, `/a${escape}b$&`) }));
    case 'stripPrefixRegexp':
    case 'replacePathRegexp': {
      const regexps = middleware.kind === 'stripPrefixRegexp' ? middleware.regexps : [middleware.regexp];
      const made = madeFor(regexps).map((text) => (text.startsWith('/') ? text : `/${text}`));
      return ['/shop/v1/a%2Fb?q=1', '/shop/v1', '/shop/v1../x', '/x/y', '/ab/12/c', '/ab/12%20/', '/a']
        .filter((path) => odd || !/%|\.\./.test(path))
        .concat(made.flatMap((path) => [path, `${path}/rest`]).filter((path) => USUAL_PATH.test(path)))
        .map((path) => ({ ...base, path }));
    }
    // one that is taken away is seen only where it is sent
    case 'headers': {
      const sent = middleware.request.filter(({ name }) => !CONNECTION_HEADERS.has(name.toLowerCase()));
      return sent.length === 0 ? [] : [withHeaders(...sent.map(({ name }) => ({ name, value: 'sent' })))];
    }
    default:
      return [];
  }
}

interface Samples {
  /** The first one is taken by the route, as far as one can tell. */
  readonly usual: readonly string[];
  readonly odd: readonly string[];
}

function hostSamples(host: HostMatch): Samples {
  switch (host.kind) {
    case 'any':
      return { usual: ['any.test'], odd: ['none.other.test:8080'] };
    case 'exact': {
      const own = typeof host.port === 'number' ? `${host.host}:${host.port}` : host.host;
      const port = own.slice(host.host.length);
      return { usual: [own, `${host.host.toUpperCase()}${port}`, `x${own}`], odd: [`${host.host}:8099`, `${host.host}.`] };
    }
    case 'glob': {
      const sample = globSample(host.pattern);
      const own = typeof host.port === 'number' ? `${sample}:${host.port}` : sample;
      return { usual: [own, `deep.${own}`], odd: [`${sample}:8099`] };
    }
    case 'regexp': {
      const { test } = testOf(host.regexp);
      const made = madeFor([host.regexp]).filter((text) => /^[a-z0-9][a-z0-9.-]*$/.test(text));
      const known = ['www.example.com', 'a.test', 'api.example.com', ...made];
      return { usual: known.toSorted((a, b) => Number(test(b)) - Number(test(a))), odd: [] };
    }
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

function pathSamples(path: PathMatch): Samples {
  const odd = (clean: string): readonly string[] => [
    clean.replace('/', '//'),
    `/./x/..${clean}`,
    `${clean}/%2Fx`,
    `${clean}/b%20c%C3%A9`,
    `${clean}/%66%2E%c3%a9`,
  ];
  switch (path.kind) {
    case 'any':
      return { usual: ['/', '/some/path?q=1', '/some?a=1&b=/', '/Some/Path/'], odd: [...odd('/some'), '/%61'] };
    case 'exact':
      return { usual: [path.path, ...around(path.path), `${path.path}x`, `${path.path}?a=1&b=/`], odd: odd(path.path) };
    case 'prefix':
      return {
        usual: [
          path.path,
          ...around(path.path),
          `${path.path}x`,
          `${path.path}/deep/`,
          path.path.slice(0, -1) || '/',
          `${path.path}?a=1&b=/`,
        ],
        odd: odd(path.path),
      };
    case 'regexp': {
      const { test, samples } = testOf(path.regexp);
      const made = madeFor([path.regexp]).filter((text) => USUAL_PATH.test(text));
      const known = [...new Set([...samples, ...made, '/', '/api/v1/items', '/img/a.png', '/v2/x'])];
      return { usual: known.toSorted((a, b) => Number(test(b)) - Number(test(a))), odd: [] };
    }
    default:
      throw new TypeError(`Cannot make a path: ${JSON.stringify(path satisfies never)}`);
  }
}

/** Paths that no proxy reads in a way of its own. */
const USUAL_PATH = /^(?!.*\/\/|.*\/\.)\/[\w./~-]*$/;
/** So many texts are made for an expression. */
const MADE = 8;

/** Texts that expressions match. */
function madeFor(regexps: readonly string[]): readonly string[] {
  return regexps.flatMap((regexp) => regexpSamples(regexp).slice(0, MADE));
}

/** The same path with and without its last slash, and in the other case. */
function around(path: string): readonly string[] {
  const slashed = path.endsWith('/') ? path.slice(0, -1) || '/' : `${path}/`;
  const upper = path.toUpperCase();
  return [slashed, upper === path ? path.toLowerCase() : upper];
}

/** Whether an expression fits a text, and texts made of its literal beginning, which it may fit. */
function testOf(regexp: string): { readonly test: (text: string) => boolean; readonly samples: readonly string[] } {
  const compiled = compileRegexp(regexp);
  const [, literal = ''] = /^\^?((?:[A-Za-z0-9/_~-]|\\[./-])*)/.exec(regexp) ?? [];
  const start = literal.replaceAll('\\', '');
  const samples = start.startsWith('/') ? ['', '1', '12', 'a', 'a1', '/', '/1', '/a'].map((end) => `${start}${end}`) : [];
  return { test: (text) => compiled.test(text), samples };
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
