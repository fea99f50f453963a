import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import { exactHost } from '../../src/model/match.ts';
import { ENCODED_CHARACTERS, type Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { Backend, Endpoint } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { fragmentOf } from '../../src/targets/traefik/dynamic.ts';
import { middlewareOf, type MiddlewareContext } from '../../src/targets/traefik/middlewares.ts';
import type { Named } from '../../src/targets/traefik/named.ts';
import type { HttpMiddleware } from '../../src/targets/traefik/schema.ts';
import { serviceOf } from '../../src/targets/traefik/services.ts';
import { splitOf, type PartService } from '../../src/targets/traefik/split.ts';
import { transportOf } from '../../src/targets/traefik/transports.ts';
import { host, matchOf, port } from '../support/intents.ts';
import { WIDE_SETTINGS as SETTINGS } from '../support/settings.ts';
import { poolOf, routeOf, splitRoute, to } from '../support/tables.ts';

/** What stands in the file: no undefined values, and names without their digests. */
function written(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replace(/-[0-9a-f]{20}"/g, '"'));
}

const SIDE = backendId('side');
const CREDENTIALS = new Map([['staff', { usersFile: '/nowhere', users: [{ name: 'oracle', hash: new Secret('$2a$10$hash') }] }]]);
const CONTEXT: MiddlewareContext = {
  settings: { credentials: CREDENTIALS },
  reach: { trustedProxies: ['10.0.0.1/32'], via: true },
  notAsking: [],
};
const DIRECT: MiddlewareContext = { ...CONTEXT, reach: { ...CONTEXT.reach, via: false } };
const ASKING: Middleware = { kind: 'forwardAuth', address: 'http://x', copyHeaders: ['X'], bypass: ['1.0.0.0/8'] };
const NAME_PARTS = ['commonName', 'country', 'domainComponent', 'locality', 'organization', 'province', 'serialNumber'];
const CERTIFICATE_PARTS = [
  'notAfter',
  'notBefore',
  'sans',
  'serialNumber',
  'subject.organizationalUnit',
  ...NAME_PARTS.flatMap((part) => [`subject.${part}`, `issuer.${part}`]),
];

const middleware = (one: Middleware, context = CONTEXT): unknown => written(middlewareOf(one, context));

function pool(overrides: Partial<Backend>, ports: readonly number[], endpoints: readonly Partial<Endpoint>[] = []): Backend {
  const base = poolOf('p', ports);
  return { ...base, endpoints: base.endpoints.map((endpoint, index) => ({ ...endpoint, ...endpoints[index] })), ...overrides };
}

/** The load balancer of a pool, and how its servers are spoken to where that is not as usual. */
function service(...wishes: Parameters<typeof pool>): unknown {
  const backend = pool(...wishes);
  const transport = transportOf(backend);
  const { name, value } = serviceOf(backend);
  assert.equal(name, 'p');
  assert.equal('loadBalancer' in value ? value.loadBalancer?.serversTransport : '', transport?.name);
  return written({ ...value, ...(transport && { transport: transport.value }) });
}

const HASHED: Partial<Backend> = { loadBalancing: 'ipHash' };
const CHECKED: Partial<Backend> = { healthCheck: { mode: 'http', headers: [] } };
const BEHIND: readonly Named<HttpMiddleware>[] = [{ name: 'm', value: { contentType: {} } }];

const part = (
  weight: number,
  id: string | undefined,
  overrides: Partial<Backend> = {},
  middlewares: readonly Named<HttpMiddleware>[] = [],
): PartService => ({ weight, middlewares, ...(id !== undefined && { backend: poolOf(id, [1], overrides) }) });

const split = (...parts: readonly PartService[]): unknown =>
  Object.fromEntries(splitOf('s', parts).map(({ name, value }) => [name, written(value)]));

/** The part of a route to these instances, over TCP unless the route says otherwise. */
function connections(overrides: Partial<Route>, wishes: Partial<Backend>, endpoints: readonly Partial<Endpoint>[]): unknown {
  const ports = endpoints.map((_endpoint, index) => index + 1);
  const own = pool(
    wishes,
    ports,
    endpoints.map((endpoint) => ({ protocol: 'tcp', ...endpoint })),
  );
  const route = routeOf('r', 'a.io', '/', { action: to('p'), protocol: 'tcp', entryPoints: ['raw', 'gone'], ...overrides });
  const backends = new Map([own, { ...own, id: backendId('q') }].map((backend) => [backend.id, backend]));
  return written(fragmentOf(route, { settings: SETTINGS, backends }));
}

const MIDDLEWARES: readonly (readonly [what: string, part: unknown, expected: unknown])[] = [
  [
    'addresses of connections that may pass',
    middleware({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } }),
    [{ ipAllowList: { sourceRange: ['10.0.0.0/8'] } }],
  ],
  [
    'addresses by their place in X-Forwarded-For, and the answer to others',
    middleware({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'depth', depth: 2 }, status: 404 }),
    [{ ipAllowList: { sourceRange: ['10.0.0.0/8'], ipStrategy: { depth: 2 }, rejectStatusCode: 404 } }],
  ],
  [
    'addresses in X-Forwarded-For but for some',
    middleware({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'excluding', cidrs: ['9.0.0.0/8'] } }),
    [{ ipAllowList: { sourceRange: ['10.0.0.0/8'], ipStrategy: { excludedIPs: ['9.0.0.0/8'] } } }],
  ],
  [
    'addresses of clients that trusted proxies name',
    middleware({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'client' } }),
    [{ ipAllowList: { sourceRange: ['10.0.0.0/8'], ipStrategy: { excludedIPs: ['10.0.0.1/32'] } } }],
  ],
  [
    'addresses of clients that come themselves',
    middleware({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'client' } }, DIRECT),
    [{ ipAllowList: { sourceRange: ['10.0.0.0/8'] } }],
  ],
  [
    'everybody but denied clients',
    middleware({ kind: 'ipDeny', cidrs: ['0.0.0.0/1', '::/0'], of: { kind: 'client' } }),
    [{ ipAllowList: { sourceRange: ['128.0.0.0/1'], ipStrategy: { excludedIPs: ['10.0.0.1/32'] } } }],
  ],
  [
    'every IPv6 client where IPv4 ones are denied',
    middleware({ kind: 'ipDeny', cidrs: ['0.0.0.0/1'], of: { kind: 'depth', depth: 1 } }),
    [{ ipAllowList: { sourceRange: ['128.0.0.0/1', '0:0:0:0:0:0:0:0/0'], ipStrategy: { depth: 1 } } }],
  ],
  ['nothing for denied connections, which a rule refuses', middleware({ kind: 'ipDeny', cidrs: ['0.0.0.0/1'], of: { kind: 'peer' } }), []],
  ['nothing for denied hops, which a rule refuses', middleware({ kind: 'ipDeny', cidrs: ['0.0.0.0/1'], of: { kind: 'everyHop' } }), []],
  [
    'nothing for cross-origin rules that say nothing',
    middleware({
      kind: 'cors',
      allowCredentials: false,
      allowHeaders: [],
      allowMethods: [],
      allowOrigins: [],
      allowOriginRegexps: [],
      exposeHeaders: [],
      addVary: false,
    }),
    [],
  ],
  [
    'how long a preflight answer holds',
    middleware({
      kind: 'cors',
      allowCredentials: false,
      allowHeaders: [],
      allowMethods: [],
      allowOrigins: [],
      allowOriginRegexps: [],
      exposeHeaders: [],
      addVary: false,
      maxAgeSeconds: 0,
    }),
    [{ headers: { accessControlMaxAge: 0 } }],
  ],
  [
    'every cross-origin rule',
    middleware({
      kind: 'cors',
      allowCredentials: true,
      allowHeaders: ['A'],
      allowMethods: ['B'],
      allowOrigins: ['C'],
      allowOriginRegexps: ['D'],
      exposeHeaders: ['E'],
      addVary: true,
    }),
    [
      {
        headers: {
          accessControlAllowCredentials: true,
          accessControlAllowHeaders: ['A'],
          accessControlAllowMethods: ['B'],
          accessControlAllowOriginList: ['C'],
          accessControlAllowOriginListRegex: ['D'],
          accessControlExposeHeaders: ['E'],
          addVaryHeader: true,
        },
      },
    ],
  ],
  ['nothing for no header', middleware({ kind: 'headers', request: [], response: [] }), []],
  [
    'headers of the request alone',
    middleware({ kind: 'headers', request: [{ name: 'A', value: '' }], response: [] }),
    [{ headers: { customRequestHeaders: { A: '' } } }],
  ],
  [
    'headers of the answer alone',
    middleware({ kind: 'headers', request: [], response: [{ name: 'A', value: 'b' }] }),
    [{ headers: { customResponseHeaders: { A: 'b' } } }],
  ],
  [
    'the age of HSTS alone',
    middleware({ kind: 'hsts', maxAgeSeconds: 5, includeSubdomains: false, preload: false, always: false }),
    [{ headers: { stsSeconds: 5 } }],
  ],
  [
    'all of HSTS',
    middleware({ kind: 'hsts', maxAgeSeconds: 5, includeSubdomains: true, preload: true, always: true }),
    [{ headers: { stsSeconds: 5, stsIncludeSubdomains: true, stsPreload: true, forceSTSHeader: true } }],
  ],
  ['a size for a buffer without wishes', middleware({ kind: 'buffering' }), [{ buffering: { memRequestBodyBytes: 1048576 } }]],
  [
    'every wish of a buffer',
    middleware({
      kind: 'buffering',
      memRequestBytes: 1,
      maxRequestBytes: 2,
      maxResponseBytes: 3,
      memResponseBytes: 4,
      retryExpression: 'Attempts() < 2',
    }),
    [
      {
        buffering: {
          maxRequestBodyBytes: 2,
          memRequestBodyBytes: 1,
          maxResponseBodyBytes: 3,
          memResponseBodyBytes: 4,
          retryExpression: 'Attempts() < 2',
        },
      },
    ],
  ],
  ['a limit of bodies as a buffer', middleware({ kind: 'maxBody', bytes: 9 }), [{ buffering: { maxRequestBodyBytes: 9 } }]],
  ['nothing where nothing is tried again', middleware({ kind: 'retry', attempts: 2, ignoreConnectionErrors: true }), []],
  [
    'what is tried again for its status only',
    middleware({
      kind: 'retry',
      attempts: 2,
      ignoreConnectionErrors: true,
      statuses: [
        { from: 500, to: 500 },
        { from: 502, to: 504 },
      ],
    }),
    [{ retry: { attempts: 2, status: ['500', '502-504'], disableRetryOnNetworkError: true } }],
  ],
  [
    'when and what is tried again',
    middleware({ kind: 'retry', attempts: 3, initialIntervalMs: 5, timeoutMs: 6, maxBodyBytes: 7, anyMethod: true }),
    [{ retry: { attempts: 3, initialInterval: '5ms', timeout: '6ms', maxRequestBodyBytes: 7, retryNonIdempotentMethod: true } }],
  ],
  [
    'a rate for each host',
    middleware({ kind: 'rateLimit', average: 1, periodMs: 2000, burst: 3, by: { kind: 'host' } }),
    [{ rateLimit: { average: 1, period: '2000ms', burst: 3, sourceCriterion: { requestHost: true } } }],
  ],
  [
    'a rate for each subnet of connections',
    middleware({ kind: 'rateLimit', average: 1, periodMs: 2000, burst: 3, by: { kind: 'address', of: { kind: 'peer' }, ipv6Bits: 64 } }),
    [{ rateLimit: { average: 1, period: '2000ms', burst: 3, sourceCriterion: { ipStrategy: { depth: 0, ipv6Subnet: 64 } } } }],
  ],
  [
    'requests in flight for each value of a header',
    middleware({ kind: 'inFlight', amount: 2, by: { kind: 'header', name: 'X' } }),
    [{ inFlightReq: { amount: 2, sourceCriterion: { requestHeaderName: 'X' } } }],
  ],
  [
    'requests in flight for each client behind trusted proxies',
    middleware({ kind: 'inFlight', amount: 2, by: { kind: 'address', of: { kind: 'client' } } }),
    [{ inFlightReq: { amount: 2, sourceCriterion: { ipStrategy: { excludedIPs: ['10.0.0.1/32'] } } } }],
  ],
  [
    'pages for errors',
    middleware({
      kind: 'errors',
      statuses: [
        { from: 500, to: 599 },
        { from: 404, to: 404 },
      ],
      backend: SIDE,
      query: '/e',
    }),
    [{ errors: { status: ['500-599', '404'], service: 'side', query: '/e' } }],
  ],
  [
    'pages for errors that get another status and no header',
    middleware({
      kind: 'errors',
      statuses: [{ from: 500, to: 599 }],
      backend: SIDE,
      query: '/e',
      rewrites: [{ from: 500, to: 501, status: 200 }],
      requestHeaders: [],
    }),
    [
      {
        errors: {
          status: ['500-599'],
          statusRewrites: { '500-501': 200 },
          service: 'side',
          query: '/e',
          errorRequestHeaders: ['Hind-Proxy-None'],
        },
      },
    ],
  ],
  [
    'pages for errors that get one header',
    middleware({ kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: SIDE, query: '/e', requestHeaders: ['A'] }),
    [{ errors: { status: ['500-599'], service: 'side', query: '/e', errorRequestHeaders: ['A'] } }],
  ],
  [
    'every wish of a circuit breaker',
    middleware({ kind: 'circuitBreaker', expression: 'x', checkPeriodMs: 1, fallbackMs: 2, recoveryMs: 3, status: 418 }),
    [{ circuitBreaker: { expression: 'x', checkPeriod: '1ms', fallbackDuration: '2ms', recoveryDuration: '3ms', responseCode: 418 } }],
  ],
  ['compression without wishes', middleware({ kind: 'compress' }), [{ compress: {} }]],
  [
    'every wish of compression',
    middleware({
      kind: 'compress',
      encodings: ['gzip'],
      defaultEncoding: 'br',
      includedContentTypes: ['a'],
      excludedContentTypes: ['b'],
      minBytes: 1,
    }),
    [
      {
        compress: {
          encodings: ['gzip'],
          defaultEncoding: 'br',
          includedContentTypes: ['a'],
          excludedContentTypes: ['b'],
          minResponseBodyBytes: 1,
        },
      },
    ],
  ],
  ['content types that are found out', middleware({ kind: 'contentType' }), [{ contentType: {} }]],
  ['origins of gRPC-Web', middleware({ kind: 'grpcWeb', allowOrigins: ['*'] }), [{ grpcWeb: { allowOrigins: ['*'] } }]],
  ['hosts that are allowed', middleware({ kind: 'allowedHosts', hosts: ['a.io'] }), [{ headers: { allowedHosts: ['a.io'] } }]],
  [
    "every part of a client's certificate",
    middleware({ kind: 'passTlsClientCert', pem: true, info: [...CERTIFICATE_PARTS] }),
    [
      {
        passTLSClientCert: {
          pem: true,
          info: {
            notAfter: true,
            notBefore: true,
            sans: true,
            serialNumber: true,
            subject: {
              commonName: true,
              country: true,
              domainComponent: true,
              locality: true,
              organization: true,
              province: true,
              serialNumber: true,
              organizationalUnit: true,
            },
            issuer: {
              commonName: true,
              country: true,
              domainComponent: true,
              locality: true,
              organization: true,
              province: true,
              serialNumber: true,
            },
          },
        },
      },
    ],
  ],
  [
    "no part of a client's certificate",
    middleware({ kind: 'passTlsClientCert', pem: false, info: [] }),
    [{ passTLSClientCert: { pem: false, info: { subject: {}, issuer: {} } } }],
  ],
  [
    'no encoded character',
    middleware({ kind: 'encodedCharacters', allowed: [] }),
    [
      {
        encodedCharacters: {
          allowEncodedBackSlash: false,
          allowEncodedHash: false,
          allowEncodedNullCharacter: false,
          allowEncodedPercent: false,
          allowEncodedQuestionMark: false,
          allowEncodedSemicolon: false,
          allowEncodedSlash: false,
        },
      },
    ],
  ],
  [
    'every encoded character',
    middleware({ kind: 'encodedCharacters', allowed: ENCODED_CHARACTERS }),
    [
      {
        encodedCharacters: {
          allowEncodedBackSlash: true,
          allowEncodedHash: true,
          allowEncodedNullCharacter: true,
          allowEncodedPercent: true,
          allowEncodedQuestionMark: true,
          allowEncodedSemicolon: true,
          allowEncodedSlash: true,
        },
      },
    ],
  ],
  [
    'a redirect to another scheme',
    middleware({ kind: 'redirectScheme', scheme: 'https', permanent: true }),
    [{ redirectScheme: { scheme: 'https', permanent: true } }],
  ],
  [
    'a redirect to another port',
    middleware({ kind: 'redirectScheme', scheme: 'http', port: port(8443), permanent: false }),
    [{ redirectScheme: { scheme: 'http', port: '8443', permanent: false } }],
  ],
  [
    'a redirect of what matches',
    middleware({ kind: 'redirectRegexp', regexp: 'a', replacement: 'b', permanent: true }),
    [{ redirectRegex: { regex: 'a', replacement: 'b', permanent: true } }],
  ],
  ['prefixes that are cut off', middleware({ kind: 'stripPrefix', prefixes: ['/a'] }), [{ stripPrefix: { prefixes: ['/a'] } }]],
  ['expressions that are cut off', middleware({ kind: 'stripPrefixRegexp', regexps: ['/a'] }), [{ stripPrefixRegex: { regex: ['/a'] } }]],
  ['a prefix that is added', middleware({ kind: 'addPrefix', prefix: '/a' }), [{ addPrefix: { prefix: '/a' } }]],
  ['a path that replaces others', middleware({ kind: 'replacePath', path: '/p' }), [{ replacePath: { path: '/p' } }]],
  [
    'a path that is replaced where it matches',
    middleware({ kind: 'replacePathRegexp', regexp: 'a', replacement: 'b' }),
    [{ replacePathRegex: { regex: 'a', replacement: 'b' } }],
  ],
  [
    'users that a tag lists',
    middleware({
      kind: 'basicAuth',
      users: { kind: 'listed', users: [{ name: 'a', hash: 'h' }] },
      realm: 'r',
      removeHeader: true,
      userHeader: 'U',
    }),
    [{ basicAuth: { users: ['a:h'], realm: 'r', removeHeader: true, headerField: 'U' } }],
  ],
  [
    'digests that a tag lists',
    middleware({ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'r:h' }] } }),
    [{ digestAuth: { users: ['a:r:h'] } }],
  ],
  [
    'users of a policy',
    middleware({ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } }),
    [{ basicAuth: { users: ['oracle:$2a$10$hash'] } }],
  ],
  [
    'another server that is asked, and headers in every spelling that only it may set',
    middleware({ kind: 'forwardAuth', address: 'http://x', copyHeaders: ['X-A'], bypass: [] }),
    [
      { headers: { customRequestHeaders: { 'X-A': '', X_A: '', 'X.A': '' } } },
      {
        forwardAuth: {
          address: 'http://x',
          trustForwardHeader: false,
          preserveLocationHeader: true,
          maxResponseBodySize: 1048576,
          authResponseHeaders: ['X-A'],
        },
      },
    ],
  ],
  [
    'another server that is asked and sets nothing',
    middleware({ kind: 'forwardAuth', address: 'http://x', copyHeaders: [], bypass: [] }),
    [{ forwardAuth: { address: 'http://x', trustForwardHeader: false, preserveLocationHeader: true, maxResponseBodySize: 1048576 } }],
  ],
  [
    'the same headers removed from clients that are not asked',
    middleware(ASKING, { ...CONTEXT, notAsking: [ASKING] }),
    [{ headers: { customRequestHeaders: { X: '' } } }],
  ],
];

/** A load balancer of one server, and what else is said of it. */
const toOne = (wishes: object = {}): object => ({ loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }], ...wishes } });

const POOLS: readonly (readonly [what: string, part: unknown, expected: unknown])[] = [
  [
    'servers without weights where all weigh 1',
    service({}, [1, 2]),
    { loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }, { url: 'http://127.0.0.1:2' }] } },
  ],
  [
    'servers by weight, without those that get nothing',
    service({}, [1, 2, 3], [{ weight: 2 }, { weight: 0 }]),
    {
      loadBalancer: {
        servers: [
          { url: 'http://127.0.0.1:1', weight: 2 },
          { url: 'http://127.0.0.1:3', weight: 1 },
        ],
      },
    },
  ],
  [
    'weights that are equal but not 1',
    service({}, [1, 2], [{ weight: 2 }, { weight: 2 }]),
    {
      loadBalancer: {
        servers: [
          { url: 'http://127.0.0.1:1', weight: 2 },
          { url: 'http://127.0.0.1:2', weight: 2 },
        ],
      },
    },
  ],
  [
    'an IPv6 server over TLS',
    service({}, [1], [{ protocol: 'https', address: '::1' }]),
    { loadBalancer: { servers: [{ url: 'https://[::1]:1' }] } },
  ],
  ['turns for a pool that chooses by chance', service({ loadBalancing: 'random' }, [1]), toOne()],
  ['turns for a pool that asks for them', service({ loadBalancing: 'roundRobin' }, [1]), toOne()],
  ['a hash of the address', service({ loadBalancing: 'ipHash' }, [1]), toOne({ strategy: 'hrw' })],
  ['a cookie instead of a hash of the address', service({ loadBalancing: 'ipHash', sticky: {} }, [1]), toOne({ sticky: { cookie: {} } })],
  [
    'every wish of a cookie, beside the choice of the less busy',
    service(
      {
        loadBalancing: 'powerOfTwo',
        sticky: { name: 'n', secure: true, httpOnly: true, sameSite: 'lax', maxAgeSeconds: 1, path: '/p', domain: host('d.io') },
      },
      [1],
    ),
    {
      loadBalancer: {
        servers: [{ url: 'http://127.0.0.1:1' }],
        strategy: 'p2c',
        sticky: { cookie: { name: 'n', secure: true, httpOnly: true, sameSite: 'lax', maxAge: 1, path: '/p', domain: 'd.io' } },
      },
    },
  ],
  ['the choice of the less busy for least connections', service({ loadBalancing: 'leastConnections' }, [1]), toOne({ strategy: 'p2c' })],
  ['the choice of the quickest', service({ loadBalancing: 'leastTime' }, [1]), toOne({ strategy: 'leasttime' })],
  [
    'a check without wishes, of which the mode is said',
    service({ healthCheck: { mode: 'http', headers: [] } }, [1]),
    toOne({ healthCheck: { mode: 'http' } }),
  ],
  ['a check with one wish', service({ healthCheck: { mode: 'http', headers: [], path: '/' } }, [1]), toOne({ healthCheck: { path: '/' } })],
  [
    'every wish of a check',
    service(
      {
        healthCheck: {
          mode: 'grpc',
          scheme: 'https',
          host: host('h.io'),
          port: port(5),
          path: '/h',
          method: 'HEAD',
          headers: [{ name: 'A', value: 'b' }],
          status: 204,
          intervalMs: 1,
          unhealthyIntervalMs: 2,
          timeoutMs: 3,
          followRedirects: false,
        },
      },
      [1],
    ),
    {
      loadBalancer: {
        servers: [{ url: 'http://127.0.0.1:1' }],
        healthCheck: {
          mode: 'grpc',
          scheme: 'https',
          hostname: 'h.io',
          port: 5,
          path: '/h',
          method: 'HEAD',
          headers: { A: 'b' },
          status: 204,
          interval: '1ms',
          unhealthyInterval: '2ms',
          timeout: '3ms',
          followRedirects: false,
        },
      },
    },
  ],
  ['no check of connections for requests', service({ healthCheck: { mode: 'tcp', headers: [] } }, [1]), toOne()],
  ['failed requests without wishes', service({ passiveHealthCheck: {} }, [1]), toOne({ passiveHealthCheck: {} })],
  [
    'failed requests that are counted',
    service({ passiveHealthCheck: { maxFailures: 2, windowMs: 5 } }, [1]),
    toOne({ passiveHealthCheck: { maxFailedAttempts: 2, failureWindow: '5ms' } }),
  ],
  ["the server's own address as Host", service({ upstreamHost: { kind: 'endpoint' } }, [1]), toOne({ passHostHeader: false })],
  ['no word of a Host that a middleware sets', service({ upstreamHost: { kind: 'fixed', host: host('u.io') } }, [1]), toOne()],
  ['answers that are sent at once', service({ flushIntervalMs: -1 }, [1]), toOne({ responseForwarding: { flushInterval: '-1ms' } })],
  ['no word of certificates to plain servers', service({ transport: { skipVerify: true } }, [1]), toOne()],
  [
    'certificates that are not checked',
    service({ transport: { skipVerify: true } }, [1], [{ protocol: 'https' }]),
    { loadBalancer: { servers: [{ url: 'https://127.0.0.1:1' }], serversTransport: 'transport' }, transport: { insecureSkipVerify: true } },
  ],
  [
    'a name and authorities of certificates where one server has TLS',
    service({ transport: { skipVerify: false, serverName: host('s.io'), rootCas: ['/c'] } }, [1, 2], [{}, { protocol: 'https' }]),
    {
      loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }, { url: 'https://127.0.0.1:2' }], serversTransport: 'transport' },
      transport: { serverName: 's.io', rootCAs: ['/c'] },
    },
  ],
  [
    'authorities alone',
    service({ transport: { skipVerify: false, rootCas: ['/c'] } }, [1], [{ protocol: 'https' }]),
    { loadBalancer: { servers: [{ url: 'https://127.0.0.1:1' }], serversTransport: 'transport' }, transport: { rootCAs: ['/c'] } },
  ],
  [
    'certificates as usual',
    service({ transport: { skipVerify: false } }, [1], [{ protocol: 'https' }]),
    { loadBalancer: { servers: [{ url: 'https://127.0.0.1:1' }] } },
  ],
  [
    'a limit of idling',
    service({ transport: { skipVerify: false, idleTimeoutMs: 3 } }, [1]),
    {
      loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }], serversTransport: 'transport' },
      transport: { forwardingTimeouts: { idleConnTimeout: '3ms' } },
    },
  ],
  [
    'a limit of answering',
    service({ transport: { skipVerify: false, responseTimeoutMs: 2 } }, [1]),
    {
      loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }], serversTransport: 'transport' },
      transport: { forwardingTimeouts: { responseHeaderTimeout: '2ms' } },
    },
  ],
  [
    'a limit of dialing',
    service({ transport: { skipVerify: false, dialTimeoutMs: 1 } }, [1]),
    {
      loadBalancer: { servers: [{ url: 'http://127.0.0.1:1' }], serversTransport: 'transport' },
      transport: { forwardingTimeouts: { dialTimeout: '1ms' } },
    },
  ],
];

const SPLITS: readonly (readonly [what: string, part: unknown, expected: unknown])[] = [
  [
    'shares of a pool, of a pool behind middlewares, and of middlewares that answer',
    split(part(1, 'p'), part(3, 'q', {}, BEHIND), part(1, undefined, {}, BEHIND)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
            { name: 's-part2', weight: 1 },
          ],
        },
      },
      's-part1': { middlewares: ['m'], weighted: { services: [{ name: 'q', weight: 1 }] } },
      's-part2': { middlewares: ['m'], loadBalancer: { servers: [] } },
    },
  ],
  [
    'shares by the address of the client where all pools choose so',
    split(part(1, 'p', HASHED), part(3, 'q', HASHED)),
    {
      's-split': {
        highestRandomWeight: {
          services: [
            { name: 'p', weight: 1 },
            { name: 'q', weight: 3 },
          ],
        },
      },
    },
  ],
  [
    'shares by turns where a part answers itself',
    split(part(1, 'p', HASHED), part(3, undefined, {}, BEHIND)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
          ],
        },
      },
      's-part1': { middlewares: ['m'], loadBalancer: { servers: [] } },
    },
  ],
  [
    'shares by turns where one pool chooses otherwise',
    split(part(1, 'p', HASHED), part(3, 'q')),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 'q', weight: 3 },
          ],
        },
      },
    },
  ],
  [
    'a cookie of its own where a pool has a named one',
    split(part(1, 'p', HASHED), part(3, 'q', { ...HASHED, sticky: { name: 'n', path: '/p' } })),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 'q', weight: 3 },
          ],
          sticky: { cookie: { name: 'n-part', path: '/p' } },
        },
      },
    },
  ],
  [
    'a cookie without a name',
    split(part(1, 'p', { sticky: {} }), part(3, undefined)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
          ],
          sticky: { cookie: {} },
        },
      },
      's-part1': { loadBalancer: { servers: [] } },
    },
  ],
  [
    'the health of pools that are all checked',
    split(part(1, 'p', CHECKED), part(3, 'q', CHECKED, BEHIND)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
          ],
          healthCheck: {},
        },
      },
      's-part1': { middlewares: ['m'], weighted: { services: [{ name: 'q', weight: 1 }], healthCheck: {} } },
    },
  ],
  [
    'no health where one pool is not checked',
    split(part(1, 'p', CHECKED), part(3, 'q', {}, BEHIND)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
          ],
        },
      },
      's-part1': { middlewares: ['m'], weighted: { services: [{ name: 'q', weight: 1 }] } },
    },
  ],
  [
    'no health where a part answers itself',
    split(part(1, 'p', CHECKED), part(3, undefined, {}, BEHIND)),
    {
      's-split': {
        weighted: {
          services: [
            { name: 'p', weight: 1 },
            { name: 's-part1', weight: 3 },
          ],
        },
      },
      's-part1': { middlewares: ['m'], loadBalancer: { servers: [] } },
    },
  ],
];

/** A part of connections: a router of them all to one server, but for what is said. */
const ofTcp = (router: object, others: object = {}): object => ({
  tcp: {
    routers: [{ name: 'r', value: { entryPoints: ['raw'], service: 'r', ...router } }],
    services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } }],
    middlewares: [],
    transports: [],
    ...others,
  },
});

const CONNECTIONS: readonly (readonly [what: string, part: unknown, expected: unknown])[] = [
  ['every connection of the entry points that there are', connections({ match: matchOf('*') }, {}, [{}]), ofTcp({ rule: 'HostSNI(`*`)' })],
  ['connections by server name', connections({}, {}, [{}]), ofTcp({ rule: 'HostSNI(`a.io`)', tls: {} })],
  [
    'connections that are handed on undecrypted',
    connections({ tcpTls: 'passthrough' }, {}, [{}]),
    ofTcp({ rule: 'HostSNI(`a.io`)', tls: { passthrough: true } }),
  ],
  [
    'connections whose TLS ends as a policy asks',
    connections({ match: matchOf('*'), tcpTls: 'terminate', tlsProfile: { name: 'x', minVersion: '1.3' } }, {}, [{}]),
    {
      tcp: {
        routers: [{ name: 'r', value: { rule: 'HostSNI(`*`)', entryPoints: ['raw'], service: 'r', tls: { options: 'tls' } } }],
        services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } }],
        middlewares: [],
        transports: [],
      },
      tlsOptions: [{ name: 'tls', value: { minVersion: 'VersionTLS13' } }],
    },
  ],
  [
    'no policy of connections that are handed on',
    connections({ tcpTls: 'passthrough', tlsProfile: { name: 'x', minVersion: '1.3' } }, {}, [{}]),
    ofTcp({ rule: 'HostSNI(`a.io`)', tls: { passthrough: true } }),
  ],
  ['nothing without an entry point', connections({ entryPoints: ['gone'] }, {}, [{}]), {}],
  [
    'closed connections where no instance gets any',
    connections({ match: matchOf('*') }, {}, [{ weight: 0 }]),
    ofTcp(
      { rule: 'HostSNI(`*`)', service: 'hind-proxy-closed' },
      { services: [{ name: 'hind-proxy-closed', value: { loadBalancer: { servers: [] } } }] },
    ),
  ],
  [
    'closed connections of a route that is withheld',
    connections({ match: matchOf('*'), action: { kind: 'respond', status: 503, reason: 'unhealthy' } }, {}, [{}]),
    ofTcp(
      { rule: 'HostSNI(`*`)', service: 'hind-proxy-closed' },
      { services: [{ name: 'hind-proxy-closed', value: { loadBalancer: { servers: [] } } }] },
    ),
  ],
  [
    'a service for each weight',
    connections({ match: matchOf('*') }, {}, [{ weight: 1 }, { weight: 3 }, { weight: 3 }, { weight: 0 }]),
    ofTcp(
      { rule: 'HostSNI(`*`)' },
      {
        services: [
          {
            name: 'r',
            value: {
              weighted: {
                services: [
                  { name: 'r-part0', weight: 1 },
                  { name: 'r-part1', weight: 6 },
                ],
              },
            },
          },
          { name: 'r-part0', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } },
          { name: 'r-part1', value: { loadBalancer: { servers: [{ address: '127.0.0.1:2' }, { address: '127.0.0.1:3' }] } } },
        ],
      },
    ),
  ],
  [
    'every wish of a check, and the health of each weight',
    connections(
      { match: matchOf('*') },
      {
        healthCheck: {
          mode: 'tcp',
          headers: [],
          port: port(5),
          send: 's',
          expect: 'e',
          intervalMs: 1,
          unhealthyIntervalMs: 2,
          timeoutMs: 3,
        },
      },
      [
        { weight: 1, tls: true },
        { weight: 2, address: '::1' },
      ],
    ),
    ofTcp(
      { rule: 'HostSNI(`*`)' },
      {
        services: [
          {
            name: 'r',
            value: {
              weighted: {
                services: [
                  { name: 'r-part0', weight: 1 },
                  { name: 'r-part1', weight: 2 },
                ],
                healthCheck: {},
              },
            },
          },
          {
            name: 'r-part0',
            value: {
              loadBalancer: {
                servers: [{ address: '127.0.0.1:1', tls: true }],
                healthCheck: { port: 5, send: 's', expect: 'e', interval: '1ms', unhealthyInterval: '2ms', timeout: '3ms' },
              },
            },
          },
          {
            name: 'r-part1',
            value: {
              loadBalancer: {
                servers: [{ address: '[::1]:2' }],
                healthCheck: { port: 5, send: 's', expect: 'e', interval: '1ms', unhealthyInterval: '2ms', timeout: '3ms' },
              },
            },
          },
        ],
      },
    ),
  ],
  [
    'refused, allowed and counted connections, and the PROXY line',
    connections(
      {
        match: matchOf('*'),
        middlewares: [
          { kind: 'ipDeny', cidrs: ['1.0.0.0/8', '2.0.0.0/8'], of: { kind: 'peer' } },
          { kind: 'ipAllow', cidrs: ['3.0.0.0/8'], of: { kind: 'peer' } },
          { kind: 'inFlight', amount: 4, by: { kind: 'address', of: { kind: 'peer' } } },
          { kind: 'contentType' },
        ],
      },
      { proxyProtocol: 1 },
      [{}],
    ),
    {
      tcp: {
        routers: [
          {
            name: 'r-refuse',
            value: {
              rule: 'HostSNI(`*`) && (ClientIP(`1.0.0.0/8`) || ClientIP(`2.0.0.0/8`))',
              entryPoints: ['raw'],
              service: 'hind-proxy-closed',
            },
          },
          { name: 'r', value: { rule: 'HostSNI(`*`)', entryPoints: ['raw'], service: 'r', middlewares: ['allow', 'in-flight'] } },
        ],
        services: [
          { name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }], serversTransport: 'transport' } } },
          { name: 'hind-proxy-closed', value: { loadBalancer: { servers: [] } } },
        ],
        middlewares: [
          { name: 'allow', value: { ipAllowList: { sourceRange: ['3.0.0.0/8'] } } },
          { name: 'in-flight', value: { inFlightConn: { amount: 4 } } },
        ],
        transports: [{ name: 'transport', value: { proxyProtocol: { version: 1 } } }],
      },
    },
  ],
  [
    'conditions on connections',
    connections(
      {
        match: {
          ...matchOf('*'),
          conditions: [
            { kind: 'clientIp', cidrs: ['1.0.0.0/8'] },
            { kind: 'not', condition: { kind: 'alpn', protocols: ['h2', 'x'] } },
            { kind: 'not', condition: { kind: 'host', host: { kind: 'exact', host: host('b.io'), port: 'any' } } },
          ],
        },
      },
      {},
      [{}],
    ),
    {
      tcp: {
        routers: [
          {
            name: 'r',
            value: {
              rule: 'HostSNI(`*`) && ClientIP(`1.0.0.0/8`) && !((ALPN(`h2`) || ALPN(`x`))) && !(HostSNI(`b.io`))',
              entryPoints: ['raw'],
              service: 'r',
            },
          },
        ],
        services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } }],
        middlewares: [],
        transports: [],
      },
    },
  ],
  [
    'server names by pattern',
    connections({ match: { ...matchOf('*'), host: { kind: 'glob', pattern: '*.a.io', regexp: '^.*\\.a\\.io$', port: 'any' } } }, {}, [{}]),
    ofTcp({ rule: 'HostSNIRegexp(`^.*\\.a\\.io$`)', tls: {} }),
  ],
  [
    'server names by an expression that holds for every text',
    connections({ match: { ...matchOf('*'), host: { kind: 'regexp', regexp: '' } } }, {}, [{}]),
    ofTcp({ rule: 'HostSNIRegexp(`.*`)', tls: {} }),
  ],
  [
    'an IPv6 address as server name',
    connections({ match: { ...matchOf('*'), host: exactHost(host('[::1]')) } }, {}, [{}]),
    ofTcp({ rule: 'HostSNIRegexp(`^\\[\\x3a\\x3a1\\]$`)', tls: {} }),
  ],
  [
    'a half closed connection',
    connections({}, { terminationDelayMs: -1 }, [{}]),
    ofTcp(
      { rule: 'HostSNI(`a.io`)', tls: {} },
      {
        services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }], serversTransport: 'transport' } } }],
        transports: [{ name: 'transport', value: { terminationDelay: '-1ms' } }],
      },
    ),
  ],
  [
    'a limit of dialing for connections',
    connections({}, { transport: { skipVerify: false, dialTimeoutMs: 1 } }, [{}]),
    ofTcp(
      { rule: 'HostSNI(`a.io`)', tls: {} },
      {
        services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }], serversTransport: 'transport' } } }],
        transports: [{ name: 'transport', value: { dialTimeout: '1ms' } }],
      },
    ),
  ],
  [
    'certificates of servers that are not checked',
    connections({}, { transport: { skipVerify: true } }, [{ tls: true }]),
    ofTcp(
      { rule: 'HostSNI(`a.io`)', tls: {} },
      {
        services: [
          { name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1', tls: true }], serversTransport: 'transport' } } },
        ],
        transports: [{ name: 'transport', value: { tls: { insecureSkipVerify: true } } }],
      },
    ),
  ],
  [
    'no word of certificates to servers without TLS',
    connections({}, { transport: { skipVerify: true } }, [{}]),
    ofTcp({ rule: 'HostSNI(`a.io`)', tls: {} }),
  ],
  [
    'shares of several pools',
    connections({ action: splitRoute('r', [{ weight: 1, backend: 'p' }, { weight: 3, backend: 'q' }, { weight: 5 }]).action }, {}, [{}]),
    ofTcp(
      { rule: 'HostSNI(`a.io`)', tls: {} },
      {
        services: [
          {
            name: 'r',
            value: {
              weighted: {
                services: [
                  { name: 'r-part0', weight: 1 },
                  { name: 'r-part1', weight: 3 },
                ],
              },
            },
          },
          { name: 'r-part0', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } },
          { name: 'r-part1', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } },
        ],
      },
    ),
  ],
  [
    'datagrams of the entry points that there are',
    connections({ protocol: 'udp', entryPoints: ['datagrams', 'gone'] }, {}, [{}]),
    {
      udp: {
        routers: [{ name: 'r', value: { entryPoints: ['datagrams'], service: 'r' } }],
        services: [{ name: 'r', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } }],
      },
    },
  ],
  [
    'datagrams by weight',
    connections({ protocol: 'udp', entryPoints: ['datagrams'] }, {}, [{ weight: 1 }, { weight: 2 }, { weight: 2 }]),
    {
      udp: {
        routers: [{ name: 'r', value: { entryPoints: ['datagrams'], service: 'r' } }],
        services: [
          {
            name: 'r',
            value: {
              weighted: {
                services: [
                  { name: 'r-part0', weight: 1 },
                  { name: 'r-part1', weight: 4 },
                ],
              },
            },
          },
          { name: 'r-part0', value: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } },
          { name: 'r-part1', value: { loadBalancer: { servers: [{ address: '127.0.0.1:2' }, { address: '127.0.0.1:3' }] } } },
        ],
      },
    },
  ],
  ['nothing for datagrams without an instance', connections({ protocol: 'udp', entryPoints: ['datagrams'] }, {}, [{ weight: 0 }]), {}],
  ['nothing for datagrams without an entry point', connections({ protocol: 'udp', entryPoints: ['gone'] }, {}, [{}]), {}],
];

for (const [what, own, expected] of [...MIDDLEWARES, ...POOLS, ...SPLITS, ...CONNECTIONS])
  test(`traefikTarget writes ${what}`, () => {
    assert.deepEqual(own, expected);
  });

test('traefikTarget throws for users that nobody knows, which no route comes to', () => {
  const unknown: Middleware = { kind: 'basicAuth', users: { kind: 'policy', policy: 'nobody' } };

  assert.throws(() => middlewareOf(unknown, CONTEXT), /^RangeError: Cannot render basicAuth: it has no users$/);
});
