import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectOf } from '../../src/compile/evaluation/effects.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import type { AddressSource, Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { ProxyRequest } from '../../src/model/request.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { SETTINGS } from '../support/settings.ts';
import { ENTRY_POINTS } from '../support/intents.ts';

const [WEB, WEBSECURE] = ENTRY_POINTS;
const PROXY = caddyTarget.reading(SETTINGS);
const PEER: AddressSource = { kind: 'peer' };

/** What a middleware does with a GET for http://a.io/x?q, and the headers that it changes. */
function effected(
  middleware: Middleware,
  { url = '/x?q', ...overrides }: { readonly url?: string } & Partial<Omit<ProxyRequest, 'url'>> = {},
) {
  const parsed = parseGoUrl(url);
  assert.ok(WEB && parsed);
  const request: ProxyRequest = { entryPoint: WEB, method: 'GET', host: 'a.io', url: parsed, headers: [], ip: '192.0.2.1', ...overrides };
  const { effect, next } = effectOf(
    middleware,
    { request, changed: [] },
    { proxy: PROXY, trustedProxies: ['10.0.0.0/8'], dialect: 'traefik' },
  );
  return { effect, changed: next.changed.map(({ name, value }) => `${name}: ${value}`) };
}

/** The same in one line. */
function brief(middleware: Middleware, overrides: Parameters<typeof effected>[1] = {}): string {
  const { effect, changed } = effected(middleware, overrides);
  const { kind, ...rest } = effect;
  return [
    kind,
    ...Object.values(rest).map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))),
    ...changed,
  ].join(' | ');
}

const header = (name: string, value: string): Pick<ProxyRequest, 'headers'> => ({ headers: [{ name, value }] });
const cors = (allowOrigins: readonly string[], allowOriginRegexps: readonly string[] = []): Middleware => ({
  kind: 'cors',
  allowOrigins,
  allowOriginRegexps,
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  addVary: false,
});
const errors = (statuses: Extract<Middleware, { kind: 'errors' }>['statuses']): Middleware => ({
  kind: 'errors',
  statuses,
  query: '/{status}',
  backend: backendId('b'),
});
const listed: Middleware = {
  kind: 'basicAuth',
  users: {
    kind: 'listed',
    users: [
      { name: 'eve', hash: 'x' },
      { name: 'bob', hash: 'y' },
    ],
  },
};

const EFFECTS: readonly (readonly [string, Middleware, Parameters<typeof effected>[1], string])[] = [
  ['a prefix that does not fit', { kind: 'stripPrefix', prefixes: ['/y'] }, {}, 'nothing | the path does not fit'],
  ['a prefix that fits', { kind: 'stripPrefix', prefixes: ['/x'] }, { url: '/x/y' }, 'path | /x/y | /y | X-Forwarded-Prefix: /x'],
  [
    'a redirect to https of https',
    { kind: 'redirectScheme', scheme: 'https', permanent: true },
    WEBSECURE && { entryPoint: WEBSECURE },
    'nothing | the request already is https',
  ],
  [
    'a redirect that does not fit',
    { kind: 'redirectRegexp', regexp: '^y', replacement: 'z', permanent: true },
    {},
    'nothing | the expression changes nothing in its URL',
  ],
  [
    'a path that must be cleaned again',
    { kind: 'stripPrefix', prefixes: ['/api'] },
    { url: '/api/../x' },
    'answers | 400 | the path that is left must be cleaned again',
  ],
  [
    'users of a server that is asked',
    { kind: 'forwardAuth', address: 'http://auth', copyHeaders: [], bypass: [] },
    {},
    'mayAnswer | 401 | http://auth answers with anything but a 2xx, which goes to the client',
  ],
  ['bodies', { kind: 'buffering' }, {}, 'does | reads whole bodies before they go on'],
  ['bodies that are too large', { kind: 'buffering', maxRequestBytes: 9 }, {}, 'mayAnswer | 413 | the body is larger than 9 bytes'],
  ['answers', { kind: 'compress' }, {}, 'does | compresses the answer where the client accepts it'],
  ['a request that fails', { kind: 'retry', attempts: 3 }, {}, 'does | tries up to 3 instances'],
  ['a pool that fails', { kind: 'circuitBreaker', expression: 'X > 1' }, {}, 'mayAnswer | 503 | X > 1 holds'],
  ['a pool that fails, and a status', { kind: 'circuitBreaker', expression: 'X > 1', status: 500 }, {}, 'mayAnswer | 500 | X > 1 holds'],
  ['a certificate', { kind: 'passTlsClientCert', pem: true, info: [] }, {}, "does | hands the client's certificate on"],
  [
    'headers',
    { kind: 'headers', request: [{ name: 'A', value: '1' }], response: [] },
    {},
    'headers | [{"name":"A","value":"1"}] | [] | A: 1',
  ],
  ['an allowed host in another case', { kind: 'allowedHosts', hosts: ['b.io', 'A.io'] }, {}, 'nothing | the host is allowed'],
  ['a host that is not allowed', { kind: 'allowedHosts', hosts: ['b.io', 'c.io'] }, {}, 'answers | 500 | the host is none of b.io, c.io'],
  [
    'a limit of requests',
    { kind: 'rateLimit', average: 5, periodMs: 1000, burst: 7, by: { kind: 'address', of: PEER } },
    {},
    'mayAnswer | 429 | a client has more than 5 requests in 1000 ms, with a burst of 7',
  ],
  [
    'a limit of requests at once',
    { kind: 'inFlight', amount: 3, by: { kind: 'address', of: PEER } },
    {},
    'mayAnswer | 429 | a client has more than 3 requests in flight',
  ],
  ['a limit of bodies', { kind: 'maxBody', bytes: 9 }, {}, 'mayAnswer | 413 | the body is larger than 9 bytes'],
  ['a default type', { kind: 'contentType' }, {}, 'does | sets a missing Content-Type from the first bytes of the answer'],
  ['gRPC-Web', { kind: 'grpcWeb', allowOrigins: [] }, {}, 'does | translates gRPC-Web requests'],
  [
    'pages of errors',
    errors([
      { from: 404, to: 404 },
      { from: 500, to: 599 },
    ]),
    {},
    'does | replaces answers of 404, 500–599 by what another pool says to /{status}',
  ],
  ['no origin', cors(['*']), {}, 'nothing | the request names no origin'],
  ['any origin', cors(['*']), header('Origin', 'https://o.io'), 'does | allows the origin https://o.io'],
  [
    'an origin that is listed',
    cors(['https://x.io', 'https://o.io']),
    header('origin', 'https://o.io'),
    'does | allows the origin https://o.io',
  ],
  [
    'an origin that an expression allows',
    cors([], ['^https://o']),
    header('Origin', 'https://o.io'),
    'does | allows the origin https://o.io',
  ],
  [
    'an origin that nothing allows',
    cors(['https://x.io'], ['^x']),
    header('Origin', 'https://o.io'),
    'nothing | the origin https://o.io is not allowed',
  ],
  [
    'a preflight request',
    cors([]),
    {
      method: 'OPTIONS',
      headers: [
        { name: 'Origin', value: 'https://o.io' },
        { name: 'Access-Control-Request-Method', value: 'PUT' },
      ],
    },
    'answers | 200 | it is a preflight request',
  ],
  [
    'OPTIONS without a method',
    cors([]),
    { ...header('Origin', 'https://o.io'), method: 'OPTIONS' },
    'nothing | the origin https://o.io is not allowed',
  ],
  [
    'a question for a method that is not asked before a request',
    cors(['*']),
    {
      headers: [
        { name: 'Origin', value: 'https://o.io' },
        { name: 'Access-Control-Request-Method', value: 'PUT' },
      ],
    },
    'does | allows the origin https://o.io',
  ],
  [
    'a question for a method from nowhere',
    cors(['*']),
    { ...header('Access-Control-Request-Method', 'PUT'), method: 'OPTIONS' },
    'nothing | the request names no origin',
  ],
  ['an address that may come in', { kind: 'ipAllow', cidrs: ['192.0.2.0/24'], of: PEER }, {}, 'nothing | 192.0.2.1 may come in'],
  ['an address that may not', { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: PEER }, {}, 'answers | 403 | 192.0.2.1 is not allowed'],
  ['an address that is denied', { kind: 'ipDeny', cidrs: ['192.0.2.1/32'], of: PEER }, {}, 'answers | 403 | 192.0.2.1 is denied'],
  [
    'no address at that depth',
    { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'depth', depth: 2 } },
    {},
    'answers | 403 | no address is not allowed',
  ],
  [
    'several addresses',
    { kind: 'ipDeny', cidrs: ['10.0.0.0/8'], of: { kind: 'everyHop' } },
    header('X-Forwarded-For', '192.0.2.7'),
    'nothing | 192.0.2.1, 192.0.2.7 may come in',
  ],
  [
    'an IPv6 connection that may come in',
    { kind: 'ipAllow', cidrs: ['2001:db8::/32'], of: { kind: 'everyHop' } },
    { ip: '2001:db8::1' },
    'nothing | 2001:db8::1 may come in',
  ],
  [
    'an IPv6 hop, whose spellings are too many to allow it',
    { kind: 'ipAllow', cidrs: ['2001:db8::/32', '192.0.2.0/24'], of: { kind: 'everyHop' } },
    header('X-Forwarded-For', '2001:db8::1'),
    'answers | 403 | 2001:db8::1 is not allowed',
  ],
  [
    'an IPv6 connection that is not denied',
    { kind: 'ipDeny', cidrs: ['2001:db8::/32'], of: { kind: 'everyHop' } },
    { ip: '2001:db9::1' },
    'nothing | 2001:db9::1 may come in',
  ],
  [
    'an IPv6 hop where any is denied',
    { kind: 'ipDeny', cidrs: ['10.0.0.0/8', '2001:db8::/32'], of: { kind: 'everyHop' } },
    header('X-Forwarded-For', '2001:db9::1'),
    'answers | 403 | 2001:db9::1 is denied',
  ],
  [
    'an IPv6 hop where none is denied',
    { kind: 'ipDeny', cidrs: ['10.0.0.0/8'], of: { kind: 'everyHop' } },
    header('X-Forwarded-For', '2001:db9::1'),
    'nothing | 192.0.2.1, 2001:db9::1 may come in',
  ],
  [
    'an IPv4 hop in disguise',
    { kind: 'ipDeny', cidrs: ['10.0.0.0/8'], of: { kind: 'everyHop' } },
    header('X-Forwarded-For', '::ffff:192.0.2.9'),
    'answers | 403 | ::ffff:192.0.2.9 is denied',
  ],
  [
    'a client that only trusted proxies name',
    { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'client' } },
    { ...header('X-Forwarded-For', '10.1.1.1, 10.2.2.2'), ip: '10.0.0.1' },
    'nothing | 10.1.1.1 may come in',
  ],
  [
    'a trusted proxy that comes itself',
    { kind: 'ipDeny', cidrs: ['10.0.0.1/32'], of: { kind: 'client' } },
    { ip: '10.0.0.1' },
    'answers | 403 | 10.0.0.1 is denied',
  ],
  [
    'a hop behind those that are passed over, which nobody trusted names',
    { kind: 'ipAllow', cidrs: ['192.0.2.0/24'], of: { kind: 'excluding', cidrs: ['198.51.100.0/24'] } },
    header('X-Forwarded-For', '192.0.2.9, 198.51.100.1'),
    'answers | 403 | no address is not allowed',
  ],
  [
    'hops that are all passed over',
    { kind: 'ipAllow', cidrs: ['192.0.2.0/24'], of: { kind: 'excluding', cidrs: ['198.51.100.0/24'] } },
    { ...header('X-Forwarded-For', '198.51.100.1'), ip: '10.0.0.1' },
    'answers | 403 | no address is not allowed',
  ],
  [
    'a word of the scheme in another header',
    listed,
    header('Proxy-Authorization', 'Basic x'),
    'answers | 401 | the request names no user of the users eve, bob',
  ],
  ['no user', listed, {}, 'answers | 401 | the request names no user of the users eve, bob'],
  [
    'a user of another scheme',
    listed,
    header('Authorization', 'Digest x'),
    'answers | 401 | the request names no user of the users eve, bob',
  ],
  ['a user', listed, header('Authorization', 'Basic x'), 'mayAnswer | 401 | name and password are not those of the users eve, bob'],
  [
    'a digest',
    { ...listed, kind: 'digestAuth' },
    header('Authorization', 'Digest x'),
    'mayAnswer | 401 | name and password are not those of the users eve, bob',
  ],
  [
    'an encoded character that is refused',
    { kind: 'encodedCharacters', allowed: ['hash'] },
    { url: '/a%3bb%23' },
    'answers | 400 | the path holds %3B',
  ],
  [
    'encoded characters that are allowed',
    { kind: 'encodedCharacters', allowed: ['semicolon', 'hash'] },
    { url: '/a%3bb%23' },
    'nothing | the path holds no encoded character that is refused',
  ],
];

for (const [what, middleware, overrides, expected] of EFFECTS)
  test(`effectOf() says what ${middleware.kind} does with ${what}`, () => {
    assert.equal(brief(middleware, overrides), expected);
  });

test('effectOf() sends Strict-Transport-Security over TLS, or always where it is told so', () => {
  const hsts = (always: boolean, includeSubdomains = false, preload = false): Middleware => ({
    kind: 'hsts',
    maxAgeSeconds: 60,
    includeSubdomains,
    preload,
    always,
  });
  const sent = (value: string): string => `headers | [] | [{"name":"Strict-Transport-Security","value":"${value}"}]`;

  assert.equal(brief(hsts(false)), 'nothing | the request came without TLS');
  assert.equal(brief(hsts(true)), sent('max-age=60'));
  assert.equal(brief(hsts(false, true, true), WEBSECURE && { entryPoint: WEBSECURE }), sent('max-age=60; includeSubDomains; preload'));
});
