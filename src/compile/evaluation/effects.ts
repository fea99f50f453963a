import { encodedPath, requestUri, type GoUrl } from '../../lib/go-url.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import type { Effect } from '../../model/evaluation.ts';
import type { AuthAnswer, AuthUsers, EncodedCharacter, HeaderValue, Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { DialectName } from '../../model/route.ts';
import type { PathMiddleware, ProxyReading, ProxyRequest, RedirectAnswer } from '../../model/request.ts';
import { addressesOf, isAllowed, isDenied } from './addresses.ts';

/** A request on its way through the middlewares, and the headers that they have set or removed. */
export interface Passage {
  readonly request: ProxyRequest;
  readonly changed: readonly HeaderValue[];
}

/** What decides beside the request. */
export interface EvaluationContext {
  readonly proxy: ProxyReading;
  /** CIDRs whose X-Forwarded-* headers are believed. */
  readonly trustedProxies: readonly string[];
}

/** What decides for one route. */
export interface RouteContext extends EvaluationContext {
  readonly dialect: DialectName;
}

/** What a middleware does with a request, and the request behind it. */
export interface Effected {
  readonly effect: Effect;
  readonly next: Passage;
}

/** The effect of one middleware of a route. An effect of kind `answers` or `redirects` ends the way. */
export function effectOf(middleware: Middleware, passage: Passage, { proxy, trustedProxies, dialect }: RouteContext): Effected {
  const { request } = passage;
  const stays = (effect: Effect): Effected => ({ effect, next: passage });
  const does = (what: string): Effected => stays({ kind: 'does', what });
  const mayAnswer = (status: number, when: string): Effected => stays({ kind: 'mayAnswer', status, when });
  const nothing = (why: string): Effected => stays({ kind: 'nothing', why });
  switch (middleware.kind) {
    case 'stripPrefix':
    case 'stripPrefixRegexp':
    case 'addPrefix':
    case 'replacePath':
    case 'replacePathRegexp':
      return pathEffect(middleware, passage, { proxy, dialect });
    case 'redirectScheme':
      return stays(redirectEffect(proxy.redirectScheme(middleware, request), `the request already is ${middleware.scheme}`));
    case 'redirectRegexp':
      return stays(redirectEffect(proxy.redirectRegexp(middleware, request), 'the expression changes nothing in its URL'));
    case 'headers':
      return withHeaders(passage, middleware.request, middleware.response);
    case 'cors':
      return stays(corsEffect(middleware, request));
    case 'hsts':
      if (!request.entryPoint.tls && !middleware.always) return nothing('the request came without TLS');
      return withHeaders(passage, [], [{ name: 'Strict-Transport-Security', value: hstsValue(middleware) }]);
    case 'allowedHosts':
      return middleware.hosts.some((host) => host.toLowerCase() === request.host.toLowerCase())
        ? nothing('the host is allowed')
        : stays({ kind: 'answers', status: 500, why: `the host is none of ${middleware.hosts.join(', ')}` });
    case 'ipAllow':
    case 'ipDeny':
      return stays(addressEffect(middleware, request, trustedProxies));
    case 'basicAuth':
      return authEffect(middleware, 'Basic', passage);
    case 'digestAuth':
      return authEffect(middleware, 'Digest', passage);
    case 'forwardAuth':
      return mayAnswer(401, `${middleware.address} answers with anything but a 2xx, which goes to the client`);
    case 'rateLimit': {
      const { average, periodMs, burst } = middleware;
      return mayAnswer(429, `a client has more than ${average} requests in ${periodMs} ms, with a burst of ${burst}`);
    }
    case 'inFlight':
      return mayAnswer(429, `a client has more than ${middleware.amount} requests in flight`);
    case 'maxBody':
      return mayAnswer(413, `the body is larger than ${middleware.bytes} bytes`);
    case 'buffering':
      return middleware.maxRequestBytes === undefined
        ? does('reads whole bodies before they go on')
        : mayAnswer(413, `the body is larger than ${middleware.maxRequestBytes} bytes`);
    case 'compress':
      return does('compresses the answer where the client accepts it');
    case 'retry':
      return does(`tries up to ${middleware.attempts} instances`);
    case 'circuitBreaker':
      return mayAnswer(middleware.status ?? 503, `${middleware.expression} holds`);
    case 'errors':
      return does(`replaces answers of ${middleware.statuses.map(rangeText).join(', ')} by what another pool says to ${middleware.query}`);
    case 'contentType':
      return does('sets a missing Content-Type from the first bytes of the answer');
    case 'grpcWeb':
      return does('translates gRPC-Web requests');
    case 'passTlsClientCert':
      return does("hands the client's certificate on");
    case 'encodedCharacters':
      return stays(encodedEffect(middleware, request.url));
    default:
      throw new TypeError(`Cannot evaluate a middleware: ${JSON.stringify(middleware satisfies never)}`);
  }
}

function pathEffect(middleware: PathMiddleware, passage: Passage, { proxy, dialect }: Pick<RouteContext, 'proxy' | 'dialect'>): Effected {
  const { request } = passage;
  const change = proxy.changePath(request.url, middleware, dialect);
  if (change.kind === 'same') return { effect: { kind: 'nothing', why: 'the path does not fit' }, next: passage };
  if (change.kind === 'refused')
    return { effect: { kind: 'answers', status: change.status, why: 'the path that is left must be cleaned again' }, next: passage };
  const { url, prefix } = change;
  const changed = prefix === undefined ? passage.changed : [...passage.changed, forwardedPrefix(prefix, passage.changed)];
  return {
    effect: { kind: 'path', from: encodedPath(request.url), to: requestUri({ path: url.path, rawPath: url.rawPath }) },
    next: { request: { ...request, url }, changed },
  };
}

/** Each middleware that cuts something adds it: instances get all of it, as one list. */
function forwardedPrefix(prefix: string, changed: readonly HeaderValue[]): HeaderValue {
  const before = changed.findLast(({ name }) => name.toLowerCase() === 'x-forwarded-prefix')?.value ?? '';
  return { name: 'X-Forwarded-Prefix', value: before === '' ? prefix : `${before}, ${prefix}` };
}

function redirectEffect(answer: RedirectAnswer | undefined, otherwise: string): Effect {
  return answer ? { kind: 'redirects', ...answer } : { kind: 'nothing', why: otherwise };
}

function withHeaders(passage: Passage, request: readonly HeaderValue[], response: readonly HeaderValue[]): Effected {
  const host = request.findLast(({ name, value }) => name.toLowerCase() === 'host' && value !== '')?.value ?? passage.request.host;
  const next: Passage = { request: { ...passage.request, host }, changed: [...passage.changed, ...request] };
  return { effect: { kind: 'headers', request, response }, next };
}

function corsEffect({ allowOrigins, allowOriginRegexps }: MiddlewareOf<'cors'>, { method, headers }: ProxyRequest): Effect {
  const valueOf = (wanted: string): string | undefined => headers.find(({ name }) => name.toLowerCase() === wanted)?.value;
  const origin = valueOf('origin');
  if (method === 'OPTIONS' && origin !== undefined && valueOf('access-control-request-method') !== undefined)
    return { kind: 'answers', status: 200, why: 'it is a preflight request' };
  if (origin === undefined) return { kind: 'nothing', why: 'the request names no origin' };
  const isAllowed = allowOrigins.some((allowed) => allowed === '*' || allowed === origin);
  return isAllowed || allowOriginRegexps.some((regexp) => compileRegexp(regexp).test(origin))
    ? { kind: 'does', what: `allows the origin ${origin}` }
    : { kind: 'nothing', why: `the origin ${origin} is not allowed` };
}

function hstsValue({ maxAgeSeconds, includeSubdomains, preload }: MiddlewareOf<'hsts'>): string {
  return `max-age=${maxAgeSeconds}${includeSubdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}

function addressEffect(middleware: MiddlewareOf<'ipAllow' | 'ipDeny'>, request: ProxyRequest, trustedProxies: readonly string[]): Effect {
  const { kind, cidrs, of } = middleware;
  const addresses = addressesOf(of, request, trustedProxies);
  const status = kind === 'ipAllow' ? (middleware.status ?? 403) : 403;
  const culprit = addresses.find((address, index) =>
    kind === 'ipAllow' ? !isAllowed(address, cidrs, index > 0) : isDenied(address, cidrs, index > 0),
  );
  if (culprit)
    return { kind: 'answers', status, why: `${culprit.text || 'no address'} is ${kind === 'ipAllow' ? 'not allowed' : 'denied'}` };
  return { kind: 'nothing', why: `${addresses.map(({ text }) => text).join(', ')} may come in` };
}

function authEffect(middleware: { readonly users: AuthUsers } & AuthAnswer, scheme: 'Basic' | 'Digest', passage: Passage): Effected {
  const { users, removeHeader, userHeader } = middleware;
  const { headers } = passage.request;
  const of = users.kind === 'policy' ? `policy ${users.policy}` : `the users ${users.users.map(({ name }) => name).join(', ')}`;
  const isNamed = headers.some(({ name, value }) => name.toLowerCase() === 'authorization' && value.startsWith(`${scheme} `));
  if (!isNamed) return { effect: { kind: 'answers', status: 401, why: `the request names no user of ${of}` }, next: passage };
  const removed = removeHeader ? [{ name: 'Authorization', value: '' }] : [];
  const named = userHeader === undefined ? [] : [{ name: userHeader, value: '{user}' }];
  return {
    effect: { kind: 'mayAnswer', status: 401, when: `name and password are not those of ${of}` },
    next: { ...passage, changed: [...passage.changed, ...removed, ...named] },
  };
}

const ESCAPES: Readonly<Record<EncodedCharacter, string>> = {
  backSlash: '%5C',
  hash: '%23',
  nullCharacter: '%00',
  percent: '%25',
  questionMark: '%3F',
  semicolon: '%3B',
  slash: '%2F',
};

function encodedEffect({ allowed }: MiddlewareOf<'encodedCharacters'>, url: GoUrl): Effect {
  const path = encodedPath(url).toUpperCase();
  const denied = Object.entries(ESCAPES).find(([name, escape]) => path.includes(escape) && !allowed.some((known) => known === name));
  return denied
    ? { kind: 'answers', status: 400, why: `the path holds ${denied[1]}` }
    : { kind: 'nothing', why: 'the path holds no encoded character that is refused' };
}

function rangeText({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? String(from) : `${from}–${to}`;
}
