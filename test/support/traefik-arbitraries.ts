import fc from 'fast-check';
import type { RouteIntent } from '../../src/model/intent.ts';
import { ANY_HOST, ANY_PATH, exactHost, exactPath, pathPrefix, type Condition, type RouteMatch } from '../../src/model/match.ts';
import { ENCODED_CHARACTERS, type AddressSource, type ClientCriterion, type Middleware } from '../../src/model/middleware.ts';
import type { HealthCheck, PoolOptions, StickyCookie } from '../../src/model/pool.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import { host, port } from './intents.ts';

/** Everything that Traefik labels can say, as intents of one instance. */
export function traefikIntents(instance: ServiceInstance): fc.Arbitrary<readonly RouteIntent[]> {
  return fc.array(fc.oneof({ weight: 4, arbitrary: httpIntent(instance) }, tcpIntent(instance), udpIntent(instance)), {
    minLength: 1,
    maxLength: 4,
  });
}

const label = fc.constantFrom('a', 'b-c', 'x1', 'under_score');
const hostname = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => host([...labels, 'io'].join('.')));
const pathText = fc.constantFrom('/a', '/a/', '/api/v1', "/it's~fine", '/@x', '/p%3Aq', '/.well-known/x');
const regexp = fc.constantFrom('^a\\.io$', '^[a-z]+\\.b\\.io$', 'i\\.io', '^(?:x|y)$', '^/v[0-9]{1,3}/');
const token = fc.constantFrom('X-One', 'Accept', 'x-two');
const word = fc.constantFrom('a', 'true', 'two words', 'a`b', 'quo"te', 'back\\slash', '{x}', '$HOME');
const cidr = fc.constantFrom('10.0.0.0/8', '192.168.1.1', '2001:db8::/32');
const flag = fc.boolean();
const ms = fc.constantFrom(100, 1000, 1500, 30_000);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

/** A record of the parts that are there. */
function parts<T extends object>(
  model: { readonly [Key in keyof Required<T>]: fc.Arbitrary<Required<T>[Key] | undefined> },
): fc.Arbitrary<Partial<T>> {
  const entries = Object.entries<fc.Arbitrary<unknown>>(model).map(([key, arbitrary]) => arbitrary.map((value) => [key, value] as const));
  return fc.tuple(...entries).map((found) => Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Partial<T>);
}

const hostMatch = fc.oneof(
  fc.constant(ANY_HOST),
  hostname.map((name) => exactHost(name)),
  fc.constant({ kind: 'exact', host: host('[::1]'), port: 'any' } as const),
  fc.constant({ kind: 'glob', pattern: '*.b.io', regexp: '^[^.]+\\.b\\.io$', port: 'any' } as const),
  regexp.map((pattern) => ({ kind: 'regexp', regexp: pattern }) as const),
);
const pathMatch = fc.oneof(
  fc.constant(ANY_PATH),
  pathText.map((path) => exactPath(path)),
  pathText.map((path) => pathPrefix(path)),
  regexp.map((pattern) => ({ kind: 'regexp', regexp: pattern }) as const),
);
const simpleCondition: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom('GET', 'POST').map((method) => ({ kind: 'method', method }) as const),
  fc.record({ kind: fc.constant('header' as const), name: token, value: word }),
  fc.record({ kind: fc.constant('headerRegexp' as const), name: token, regexp }),
  fc.record({ kind: fc.constant('query' as const), key: token, value: fc.oneof(word, fc.constant('')) }),
  fc.record({ kind: fc.constant('queryRegexp' as const), key: token, regexp }),
  cidr.map((block) => ({ kind: 'clientIp', cidrs: [block] }) as const),
);
const condition = fc.oneof(
  simpleCondition,
  simpleCondition.map((inner) => ({ kind: 'not', condition: inner }) as const),
  hostname.map((name) => ({ kind: 'not', condition: { kind: 'host', host: { kind: 'exact', host: name, port: 'any' } } }) as const),
);

/** Conditions as a reader leaves them: each once, in the order of their text. */
function conditionsOf(arbitrary: fc.Arbitrary<Condition>): fc.Arbitrary<readonly Condition[]> {
  return fc.array(arbitrary, { maxLength: 2 }).map((list) => {
    const byText = new Map(list.map((one) => [JSON.stringify(one), one]));
    return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  });
}

const httpMatch: fc.Arbitrary<RouteMatch> = fc.record({ host: hostMatch, path: pathMatch, conditions: conditionsOf(condition) });

const source: fc.Arbitrary<AddressSource> = fc.oneof(
  fc.constant({ kind: 'peer' } as const),
  fc.constantFrom(1, 3).map((depth) => ({ kind: 'depth', depth }) as const),
  fc.constant({ kind: 'excluding', cidrs: ['10.0.0.0/8'] } as const),
);
const criterion: fc.Arbitrary<ClientCriterion> = fc.oneof(
  fc.constant({ kind: 'host' } as const),
  token.map((name) => ({ kind: 'header', name }) as const),
  source.map((of) => ({ kind: 'address', of }) as const),
  fc.constant({ kind: 'address', of: { kind: 'peer' }, ipv6Bits: 64 } as const),
);
const headerList = fc
  .uniqueArray(fc.record({ name: fc.constantFrom('X-A', 'x-b', 'Server'), value: fc.constantFrom('', 'v', 'a b', '{$HOME}') }), {
    selector: ({ name }) => name,
  })
  .map((list) => list.toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1)));
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 });
const answer = parts<{ realm: string; removeHeader: true; userHeader: string }>({
  realm: fc.constantFrom('traefik', 'staff', 'two words'),
  removeHeader: fc.constantFrom(true as const, undefined),
  userHeader: maybe(token),
});

/** One middleware of every kind that labels can say. */
export const traefikMiddleware: fc.Arbitrary<Middleware> = fc.oneof(
  fc
    .record({ prefixes: fc.uniqueArray(fc.constantFrom('/a', '/b/'), { minLength: 1 }), force: flag })
    .map(({ prefixes, force }): Middleware => ({ kind: 'stripPrefix', prefixes, ...(force && { forceSlash: true }) })),
  fc.constant<Middleware>({ kind: 'stripPrefixRegexp', regexps: ['^/v[0-9]', '^/x'] }),
  fc.constantFrom<Middleware>({ kind: 'addPrefix', prefix: '/z' }, { kind: 'replacePath', path: '/new%20path' }),
  fc.constant<Middleware>({ kind: 'replacePathRegexp', regexp: '^/a/(.*)$', replacement: '/b/$1' }),
  fc.constantFrom<Middleware>(
    { kind: 'redirectScheme', scheme: 'https', permanent: true },
    { kind: 'redirectScheme', scheme: 'http', port: 8080, permanent: false },
    { kind: 'redirectRegexp', regexp: '^https?://([^/]+)(/.*)$', replacement: 'https://b.io$2', permanent: true },
  ),
  fc
    .record({ request: headerList, response: headerList })
    .filter(({ request, response }) => request.length + response.length > 0)
    .map((lists): Middleware => ({ kind: 'headers', ...lists })),
  fc
    .record({
      allowCredentials: flag,
      allowHeaders: names,
      allowMethods: names,
      allowOrigins: names,
      exposeHeaders: names,
      addVary: flag,
      age: maybe(fc.nat(100)),
    })
    .map(
      ({ age, ...rules }): Middleware => ({
        kind: 'cors',
        ...rules,
        allowOriginRegexps: ['^https://a'],
        ...(age !== undefined && { maxAgeSeconds: age }),
      }),
    ),
  fc
    .record({ includeSubdomains: flag, preload: flag, always: flag })
    .map((rest): Middleware => ({ kind: 'hsts', maxAgeSeconds: 60, ...rest })),
  fc.constant<Middleware>({ kind: 'allowedHosts', hosts: ['a.io', 'b.io'] }),
  fc
    .record({ of: source, status: maybe(fc.constant(404)) })
    .map(({ of, status }): Middleware => ({ kind: 'ipAllow', cidrs: ['10.0.0.0/8', '::1'], of, ...(status !== undefined && { status }) })),
  answer.map(
    (rest): Middleware => ({ kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'u', hash: '$2y$05$abc/./' }] }, ...rest }),
  ),
  answer.map((rest): Middleware => ({ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'u', hash: 'r:0123' }] }, ...rest })),
  fc.record({ by: criterion, periodMs: ms }).map((rest): Middleware => ({ kind: 'rateLimit', average: 10, burst: 5, ...rest })),
  criterion.map((by): Middleware => ({ kind: 'inFlight', amount: 7, by })),
  fc.constantFrom<Middleware>(
    { kind: 'maxBody', bytes: 1000 },
    { kind: 'buffering' },
    { kind: 'buffering', memRequestBytes: 5, retryExpression: 'IsNetworkError() && Attempts() < 2' },
  ),
  fc.constantFrom<Middleware>(
    { kind: 'compress' },
    { kind: 'compress', encodings: ['gzip'], defaultEncoding: 'gzip', includedContentTypes: ['text/html'], minBytes: 10 },
    { kind: 'contentType' },
    { kind: 'grpcWeb', allowOrigins: ['*'] },
  ),
  fc.constantFrom<Middleware>(
    { kind: 'retry', attempts: 3, initialIntervalMs: 100 },
    {
      kind: 'retry',
      attempts: 2,
      timeoutMs: 1000,
      statuses: [
        { from: 500, to: 599 },
        { from: 404, to: 404 },
      ],
      maxBodyBytes: -1,
      ignoreConnectionErrors: true,
      anyMethod: true,
    },
    { kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.5 || LatencyAtQuantileMS(50.0) > 100', checkPeriodMs: 100, status: 500 },
  ),
  fc.constantFrom<Middleware>(
    { kind: 'passTlsClientCert', pem: true, info: [] },
    { kind: 'passTlsClientCert', pem: false, info: ['issuer.commonName', 'notAfter', 'subject.organizationalUnit'] },
  ),
  fc.subarray([...ENCODED_CHARACTERS]).map((allowed): Middleware => ({ kind: 'encodedCharacters', allowed })),
);

const sticky: fc.Arbitrary<StickyCookie> = parts<StickyCookie>({
  name: maybe(fc.constant('lb')),
  secure: fc.constantFrom(true, undefined),
  httpOnly: fc.constantFrom(true, undefined),
  sameSite: maybe(fc.constantFrom('lax', 'none')),
  maxAgeSeconds: maybe(fc.constant(60)),
  path: maybe(fc.constant('/x')),
  domain: maybe(fc.constant(host('b.io'))),
});
const healthCheck: fc.Arbitrary<HealthCheck> = parts<Omit<HealthCheck, 'mode' | 'headers' | 'send' | 'expect'>>({
  path: maybe(fc.constant('/health?x=1')),
  scheme: maybe(fc.constant('https')),
  host: maybe(fc.constant(host('h.io'))),
  port: maybe(fc.constant(port(9000))),
  method: maybe(fc.constant('HEAD')),
  status: maybe(fc.constant(204)),
  intervalMs: maybe(ms),
  unhealthyIntervalMs: maybe(ms),
  timeoutMs: maybe(ms),
  followRedirects: fc.constantFrom(false, undefined),
}).chain((rest) => fc.record({ mode: fc.constantFrom('http', 'grpc'), headers: headerList }).map((base) => ({ ...base, ...rest })));

const httpPool: fc.Arbitrary<PoolOptions> = fc
  .record({
    loadBalancing: fc.constantFrom('roundRobin', 'powerOfTwo', 'ipHash', 'leastTime'),
    upstreamHost: fc.constantFrom(
      { kind: 'client' } as const,
      { kind: 'endpoint' } as const,
      { kind: 'fixed', host: host('up.io') } as const,
    ),
  })
  .chain((base) =>
    parts<PoolOptions>({
      loadBalancing: fc.constant(base.loadBalancing),
      transport: fc.constant({ skipVerify: false }),
      upstreamHost: fc.constant(base.upstreamHost),
      sticky: base.loadBalancing === 'ipHash' ? fc.constant(undefined) : maybe(sticky),
      healthCheck: maybe(healthCheck),
      passiveHealthCheck: maybe(fc.constantFrom({ maxFailures: 3 }, { maxFailures: 1, windowMs: 1500 })),
      flushIntervalMs: maybe(fc.constantFrom(-1000, 0, 1500)),
      proxyProtocol: fc.constant(undefined),
      terminationDelayMs: fc.constant(undefined),
    }).map((rest) => ({ ...base, transport: { skipVerify: false }, ...rest })),
  );

function httpIntent(instance: ServiceInstance): fc.Arbitrary<RouteIntent> {
  const span = tagSpan(instance, 0);
  const reference = (to: 'policy' | 'transport' | 'middleware' | 'service', name: string) =>
    ({ kind: 'reference', to, name, span, code: 'TRAEFIK_REFERENCE_UNKNOWN' }) as const;
  const links = fc.array(
    fc.oneof({ weight: 5, arbitrary: traefikMiddleware }, fc.constantFrom(reference('policy', 'p'), reference('middleware', 'm'))),
    { maxLength: 3 },
  );
  return fc
    .record({
      match: httpMatch,
      middlewares: links,
      pool: httpPool,
      entryPoints: fc.constantFrom(
        { kind: 'plain' } as const,
        { kind: 'tls' } as const,
        { kind: 'named', names: ['web', 'other'], tls: false } as const,
        { kind: 'named', names: ['websecure'], tls: true } as const,
      ),
      protocol: fc.constantFrom('http', 'https', 'h2c'),
      endpointPort: fc.constantFrom(instance.port, port(9999)),
      weight: maybe(fc.constantFrom(0, 1, 7)),
      priority: maybe(fc.constantFrom(-3, 1, 4000)),
      transport: maybe(fc.constant(reference('transport', 't'))),
      tlsProfile: maybe(fc.constant(reference('policy', 'mtls'))),
      backend: fc.constantFrom(undefined, undefined, undefined, reference('service', 'other')),
    })
    .map(({ endpointPort, weight, priority, transport, tlsProfile, backend, pool, protocol, ...rest }): RouteIntent => {
      const isTls = rest.entryPoints.kind === 'tls' || ('tls' in rest.entryPoints && rest.entryPoints.tls);
      const own = backend
        ? {
            protocol: 'http' as const,
            endpoint: { address: instance.address, port: instance.port },
            pool: { ...PLAIN, upstreamHost: pool.upstreamHost.kind === 'endpoint' ? PLAIN.upstreamHost : pool.upstreamHost },
            backend,
          }
        : {
            protocol,
            pool,
            endpoint: { address: instance.address, port: endpointPort },
            ...(weight !== undefined && pool.loadBalancing !== 'powerOfTwo' && { weight }),
            ...(transport && { transport }),
          };
      return {
        ...baseOf(instance),
        ...rest,
        ...own,
        ...(priority === undefined ? { ruleLength: 33 } : { priority, ruleLength: 33 }),
        ...(tlsProfile && isTls && { tlsProfile }),
      };
    });
}

const PLAIN = { loadBalancing: 'roundRobin', transport: { skipVerify: false }, upstreamHost: { kind: 'client' } } as const;

function tcpIntent(instance: ServiceInstance): fc.Arbitrary<RouteIntent> {
  const sni = fc.oneof(
    fc.constant(ANY_HOST),
    hostname.map((name) => exactHost(name)),
    fc.constant({ kind: 'regexp', regexp: '^a\\.' } as const),
  );
  const asked: fc.Arbitrary<Condition> = fc.oneof(
    cidr.map((block) => ({ kind: 'clientIp', cidrs: [block] }) as const),
    cidr.map((block) => ({ kind: 'not', condition: { kind: 'clientIp', cidrs: [block] } }) as const),
  );
  return fc
    .record({
      host: sni,
      conditions: conditionsOf(asked),
      tls: fc.constantFrom('passthrough', 'terminate', undefined),
      alpn: flag,
      middlewares: fc.subarray<Middleware>([
        { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } },
        { kind: 'inFlight', amount: 3, by: { kind: 'address', of: { kind: 'peer' } } },
      ]),
      pool: parts<PoolOptions>({
        loadBalancing: fc.constant('roundRobin'),
        transport: fc.constant({ skipVerify: false }),
        upstreamHost: fc.constant({ kind: 'client' }),
        healthCheck: maybe(
          fc.constantFrom(
            { mode: 'tcp', headers: [] } as const,
            { mode: 'tcp', headers: [], port: port(1), send: 'PING', expect: 'PONG', intervalMs: 1000 } as const,
          ),
        ),
        proxyProtocol: maybe(fc.constantFrom(1, 2)),
        terminationDelayMs: maybe(fc.constant(-1)),
        sticky: fc.constant(undefined),
        passiveHealthCheck: fc.constant(undefined),
        flushIntervalMs: fc.constant(undefined),
      }),
      serverTls: flag,
      named: flag,
    })
    .map(
      ({ host: sniHost, conditions, tls, alpn, pool, serverTls, named, middlewares }): RouteIntent => ({
        ...baseOf(instance),
        entryPoints: { kind: 'tcp', ...(named && { names: ['db'] }) },
        match: {
          host: tls ? sniHost : ANY_HOST,
          path: ANY_PATH,
          conditions: tls && alpn ? [{ kind: 'alpn', protocols: ['h2'] }, ...conditions] : conditions,
        },
        middlewares,
        protocol: 'tcp',
        pool: { ...PLAIN, ...pool },
        endpoint: { address: instance.address, port: instance.port },
        ruleLength: 20,
        ...(serverTls && { tls: true }),
        ...(tls && { tcpTls: tls }),
      }),
    );
}

function udpIntent(instance: ServiceInstance): fc.Arbitrary<RouteIntent> {
  return fc.constantFrom(instance.port, port(53)).map((own) => ({
    ...baseOf(instance),
    entryPoints: { kind: 'udp', names: ['dns'] },
    match: { host: ANY_HOST, path: ANY_PATH, conditions: [] },
    middlewares: [],
    protocol: 'udp',
    pool: PLAIN,
    endpoint: { address: instance.address, port: own },
  }));
}

function baseOf(instance: ServiceInstance): Pick<RouteIntent, 'dialect' | 'owner' | 'service' | 'spans' | 'pathForm' | 'action'> {
  return {
    dialect: 'traefik',
    owner: instance.owner,
    service: instance.service,
    spans: [tagSpan(instance, 0)],
    pathForm: 'clean',
    action: { kind: 'forward' },
  };
}
