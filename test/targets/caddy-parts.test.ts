import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import { pathPrefix } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Backend, Endpoint } from '../../src/model/pool.ts';
import type { Route, TlsProfile } from '../../src/model/route.ts';
import { replacementParts } from '../../src/targets/caddy/redirects.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { SETTINGS, WIDE_SETTINGS } from '../support/settings.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

/** What is asked of a route for a.io to a pool, and of the settings. */
interface Wishes {
  readonly route?: Partial<Route>;
  readonly pool?: Partial<Backend>;
  readonly endpoints?: readonly Partial<Endpoint>[];
  readonly settings?: Partial<RenderSettings>;
}

function rendered({ route = {}, pool = {}, endpoints = [{}], settings = {} }: Wishes) {
  const base = poolOf(
    'p',
    endpoints.map((_endpoint, index) => index + 1),
  );
  const own = { ...base, ...pool, endpoints: base.endpoints.map((endpoint, index) => ({ ...endpoint, ...endpoints[index] })) };
  return caddyTarget.render(tableOf([routeOf('r', 'a.io', '/', { action: to('p'), ...route })], own), { ...SETTINGS, ...settings });
}

/** The blocks of a Caddyfile, each as its lines without indents. */
const blocksOf = (wishes: Wishes): readonly (readonly string[])[] =>
  (rendered(wishes).value.files[0]?.content ?? '').split('\n\n').map((block) => block.split('\n').map((line) => line.trim()));

/** The lines of a block whose first line begins so, without that and its end. */
function block(wishes: Wishes, begin: string): readonly string[] {
  const found = blocksOf(wishes).find(([first]) => first?.startsWith(begin));
  assert.ok(found, begin);
  return found.slice(1, -1);
}

const globals = (settings: Partial<RenderSettings>, route: Partial<Route> = {}): readonly string[] =>
  block({ settings, route }, '# Written').filter((line) => !/^[#{]|generation|discard|include|^log|exclude|^}$/.test(line));
const plain = (wishes: Wishes): readonly string[] => block(wishes, 'http://a.io');
const secured = (wishes: Wishes): readonly string[] => block(wishes, 'https://a.io');
const forwarded = (wishes: Wishes): readonly string[] => {
  const lines = plain(wishes);
  return lines
    .slice(
      lines.findIndex((line) => line.startsWith('reverse_proxy')),
      -2,
    )
    .filter((line) => line !== 'stream_close_delay 5m');
};
/** What a middleware puts before the pool. */
const before = (middleware: Middleware, settings: Partial<RenderSettings> = {}): readonly string[] => {
  const lines = plain({ route: { middlewares: [middleware] }, settings });
  return lines
    .slice(
      1,
      lines.findIndex((line) => line.startsWith('reverse_proxy')),
    )
    .filter((line) => !/^(route \{|invoke clean)$/.test(line));
};
const withTls = (tls: Partial<RenderSettings['tls']>): Partial<RenderSettings> => ({ tls: { ...SETTINGS.tls, ...tls } });
const certified = (tlsProfile: Partial<TlsProfile>): Partial<Route> => ({ tlsProfile: { name: 'x', ...tlsProfile } });
const MUTUAL = certified({ clientAuth: { caFiles: ['/ca'], mode: 'requireAndVerify' } });
const INTERNAL = ['issuer internal {', '}'];
const FILES = withTls({ mode: 'files', certificates: [{ cert: '/c', key: '/k' }] });
const CREDENTIALS = new Map([['staff', { usersFile: '/nowhere', users: [{ name: 'o{r', hash: new Secret(`$2a$10$${'h'.repeat(53)}`) }] }]]);

/** What keeps requests with an encoded slash away from a path. */
const unslashed = (path: string, dialect: Route['dialect']): readonly string[] => {
  const match = { ...routeOf('r', 'a.io', '/').match, path: pathPrefix(path) };
  return plain({ route: { match, dialect } }).filter((line) => line.includes('%2f`') && line.startsWith('not '));
};

/** The lines that say how the site of a.io ends TLS. */
function ending(wishes: Wishes): readonly string[] {
  const lines = secured(wishes);
  return lines.slice(
    1,
    lines.findIndex((line) => line.startsWith('@') || line === 'route {'),
  );
}

const PARTS: readonly (readonly [what: string, found: readonly string[], expected: readonly string[]])[] = [
  ['what is usual', globals({}), ['admin `127.0.0.1:2019`', 'persist_config off', 'auto_https disable_redirects', 'skip_install_trust']],
  [
    'an administrative socket',
    globals({ caddy: { file: '/f', admin: 'unix//run/a.sock' } }).slice(0, 1),
    ['admin `unix//run/a.sock|0660`'],
  ],
  [
    'an administrative address without its scheme',
    globals({ caddy: { file: '/f', admin: 'https://unix/x:2019/' } }).slice(0, 1),
    ['admin `unix/x:2019`'],
  ],
  ['certificates from files', globals(FILES).slice(2), ['auto_https off', 'cert_issuer acme']],
  ['no TLS', globals(withTls({ mode: 'off' })).slice(2), ['auto_https off']],
  [
    'trusted proxies',
    globals({ trustedProxies: ['10.0.0.0/8', '::1'] }).slice(-3),
    ['servers {', 'trusted_proxies static `10.0.0.0/8` `::1`', 'trusted_proxies_strict'],
  ],
  ['sites that ask for certificates', globals({}, MUTUAL).slice(-2), ['servers {', 'strict_sni_host insecure_off']],
  ['sites that ask for none', globals({}, certified({ minVersion: '1.3' })).slice(-1), ['skip_install_trust']],
  ['certificates of our own', ending({}), ['tls {', ...INTERNAL, '}']],
  ['TLS 1.3 everywhere', ending({ settings: withTls({ minVersion: '1.3' }) }), ['tls {', 'protocols tls1.3', ...INTERNAL, '}']],
  ['certificates of files', ending({ settings: FILES }), ['tls `/c` `/k` {', '}']],
  ['no certificate', ending({ settings: withTls({ mode: 'files' }) }), []],
  ['no certificate, and TLS 1.3', ending({ settings: withTls({ mode: 'files', minVersion: '1.3' }) }), ['tls {', 'protocols tls1.3', '}']],
  [
    'what a policy asks of TLS',
    ending({
      route: certified({
        minVersion: '1.3',
        curves: ['X25519', 'P256', 'P384', 'P521'],
        cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
        clientAuth: { caFiles: ['/a', '/b'], mode: 'request' },
      }),
    }),
    [
      'tls {',
      'protocols tls1.3',
      'ciphers `TLS_AES_128_GCM_SHA256` `TLS_AES_256_GCM_SHA384` `TLS_CHACHA20_POLY1305_SHA256`',
      'curves `x25519` `secp256r1` `secp384r1` `secp521r1`',
      'client_auth {',
      'mode request',
      'trust_pool file `/a` `/b`',
      '}',
      ...INTERNAL,
      '}',
    ],
  ],
  [
    'an answer of 421 for those who greeted another host',
    secured({ route: MUTUAL }).slice(9, 16),
    ['@misdirected {', 'not {', 'vars {http.request.tls.server_name} `a.io`', '}', '}', 'route {', 'respond @misdirected 421'],
  ],
  [
    'an answer of 403 for those who show no certificate without TLS',
    plain({ route: MUTUAL }),
    ['bind 127.0.0.1', 'route {', 'respond * 403', '}'],
  ],
  [
    'no address to listen on where it is every one',
    plain({ settings: { entryPoints: SETTINGS.entryPoints.map((point) => ({ ...point, address: `:${point.port}` })) } }).slice(0, 1),
    ['route {'],
  ],
  [
    'a server that is asked',
    before({ kind: 'forwardAuth', address: 'http://auth.io', copyHeaders: [], bypass: [] }),
    ['forward_auth `auth.io:80` {', 'uri `/?`', 'header_up Host `{http.reverse_proxy.upstream.hostport}`', '}'],
  ],
  [
    'a server that is asked over TLS but for some, and headers that only it may set',
    before({ kind: 'forwardAuth', address: 'https://auth.io/x?y', copyHeaders: ['X-A'], bypass: ['1.0.0.0/8', '::1'] }),
    [
      '@r0m0 {',
      'not {',
      'client_ip `1.0.0.0/8` `::1`',
      '}',
      '}',
      'request_header * `-X-A`',
      'request_header * `-X_A`',
      'request_header * `-X.A`',
      'forward_auth @r0m0 `auth.io:443` {',
      'uri `/x?y`',
      'copy_headers `X-A`',
      'header_up Host `{http.reverse_proxy.upstream.hostport}`',
      'transport http {',
      'tls',
      '}',
      '}',
    ],
  ],
  [
    'a server at a port',
    before({ kind: 'forwardAuth', address: 'https://auth.io:81', copyHeaders: [], bypass: [] }).slice(0, 1),
    ['forward_auth `auth.io:81` {'],
  ],
  [
    'users of a policy',
    before({ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } }, { credentials: CREDENTIALS }),
    ['basic_auth {', `\`o\\{r\` \`$2a$10$${'h'.repeat(53)}\``, '}'],
  ],
  [
    'users of a tag, and what instances get to know of them',
    before({
      kind: 'basicAuth',
      users: { kind: 'listed', users: [{ name: 'a', hash: `$2a$10$${'a'.repeat(53)}` }] },
      realm: 'r',
      removeHeader: true,
      userHeader: 'X-U',
    }),
    [
      'basic_auth bcrypt `r` {',
      `\`a\` \`$2a$10$${'a'.repeat(53)}\``,
      '}',
      'request_header * `-Authorization`',
      'request_header * `X-U` `{http.auth.user.id}`',
    ],
  ],
  ['a path of one segment', unslashed('/a', 'traefik'), []],
  [
    'a path of two segments of a Traefik tag, where an encoded slash is none',
    unslashed('/a/b', 'traefik'),
    ['not vars_regexp {http.request.uri} `(?i)^/+[^/?]*%2f`'],
  ],
  [
    'a path of more segments of a Traefik tag',
    unslashed('/a/b/c', 'traefik'),
    ['not vars_regexp {http.request.uri} `(?i)^(?:/+[^/?]*){1,2}%2f`'],
  ],
  ['a path of two segments of another tag', unslashed('/a/b', 'fabio'), []],
  [
    'answers that are sent at once',
    forwarded({ pool: { flushIntervalMs: -1 } }),
    ['reverse_proxy 127.0.0.1:1 {', 'flush_interval -1', '}'].slice(0, 2),
  ],
  [
    'answers that are sent after a while',
    forwarded({ pool: { flushIntervalMs: 0 } }),
    ['reverse_proxy 127.0.0.1:1 {', 'flush_interval 0s'],
  ],
  [
    'another attempt after a while',
    forwarded({ route: { middlewares: [{ kind: 'retry', attempts: 3, initialIntervalMs: 5, timeoutMs: 6 }] } }),
    ['reverse_proxy 127.0.0.1:1 {', 'lb_retries 2', 'lb_try_duration 6ms', 'lb_try_interval 5ms'],
  ],
  [
    'no other attempt where one is enough',
    forwarded({ route: { middlewares: [{ kind: 'retry', attempts: 1 }] }, endpoints: [{}, {}] }).slice(0, 2),
    ['reverse_proxy 127.0.0.1:1 127.0.0.1:2 {', 'lb_policy round_robin'],
  ],
];

for (const [what, found, expected] of PARTS)
  test(`caddyTarget writes for ${what} what Caddy knows it by`, () => {
    assert.deepEqual(found, expected);
  });

test('caddyTarget starts with a file that answers 503 to everybody on every entry point of requests', () => {
  const [file] = caddyTarget.renderBoot(WIDE_SETTINGS).files;
  const sites = (file?.content ?? '')
    .split('\n\n')
    .slice(1)
    .map((text) => text.replaceAll(/\s+/g, ' ').trim());

  assert.deepEqual(sites, [
    'http://:80 { bind 127.0.0.1 header Retry-After 5 respond 503 }',
    'https://:443 { bind 127.0.0.1 tls { issuer internal { } on_demand } header Retry-After 5 respond 503 }',
  ]);
  assert.match(file?.content ?? '', /include hind-proxy\.boot/);
});

test('caddyTarget serves no entry point with TLS where it is off', () => {
  const names = (mode: RenderSettings['tls']['mode']): readonly string[] =>
    caddyTarget.entryPoints(tableOf([]), { ...SETTINGS, ...withTls({ mode }) }).map(({ name }) => name);

  assert.deepEqual([names('internal'), names('off')], [['web', 'websecure'], ['web']]);
});

test('caddyTarget names the instances of a pool that do not speak as most of it do', () => {
  const said = (...protocols: readonly Endpoint['protocol'][]): readonly string[] =>
    rendered({ endpoints: protocols.map((protocol) => ({ protocol })) }).diagnostics.map(({ code, message }) => `${code} ${message}`);

  assert.deepEqual(said('http', 'http'), []);
  assert.deepEqual(said('http', 'https', 'http', 'https', 'https'), [
    'CADDY_MIXED_SCHEMES Cannot mix http and https instances in one pool: http://127.0.0.1:1, http://127.0.0.1:3 get no requests',
  ]);
});

test('caddyTarget leaves out what has no safe form in a Caddyfile, and withholds a route that would do it', () => {
  const header = (value: string): Middleware => ({ kind: 'headers', request: [{ name: 'X', value }], response: [] });
  const outcome = (route: Partial<Route>): string => {
    const found = caddyTarget.obstacle(routeOf('r', 'a.io', '/', { action: to('p'), ...route }), {
      settings: SETTINGS,
      backends: new Map([[poolOf('p', [1]).id, poolOf('p', [1])]]),
    });
    return found ? `${found.effect}: ${found.message}` : 'none';
  };
  const message = 'Cannot write the route: one of its texts has no safe form in a Caddyfile';
  const match = (text: string): Partial<Route> => ({
    match: { ...routeOf('r', 'a.io', '/').match, conditions: [{ kind: 'headerRegexp', name: 'X', regexp: text }] },
  });

  assert.deepEqual(
    ['a', '{b}', 'a$b', 'a"b'].map((text) => outcome({ middlewares: [header(text)] })),
    ['none', 'none', 'none', 'none'],
  );
  for (const text of ['`', 'a\\b', '{$A}', 'é', 'a\nb', '\nb', 'a\n', '{$A}`é']) {
    assert.equal(outcome({ middlewares: [header(text)] }), `withhold: ${message}`, JSON.stringify(text));
  }
  assert.equal(outcome(match('a')), 'none');
  assert.equal(outcome(match('`')), `drop: ${message}`);
});

const REPLACEMENTS: readonly (readonly [replacement: string, parts: ReturnType<typeof replacementParts>])[] = [
  ['', []],
  ['https://b.io/', ['https://b.io/']],
  ['https://$1/${2}x', ['https://', { group: 1 }, '/', { group: 2 }, 'x']],
  ['$0', [{ group: 0 }]],
  ['${12}$34', [{ group: 12 }, { group: 34 }]],
  ['$$1', ['$', '1']],
  ['a$$', ['a', '$']],
  ['$1x', []],
  ['${name}$name', []],
  ['$01', []],
  ['$123', []],
  ['a$', ['a$']],
];

for (const [replacement, parts] of REPLACEMENTS)
  test(`replacementParts() makes of "${replacement}" ${JSON.stringify(parts)}`, () => {
    assert.deepEqual(replacementParts(replacement), parts);
  });

test('caddyTarget redirects by expressions as Go does', () => {
  const reading = caddyTarget.reading(SETTINGS);
  const [entryPoint] = SETTINGS.entryPoints;
  assert.ok(entryPoint);
  const request = { entryPoint, method: 'GET', host: 'a.io', url: { path: '/x', rawPath: '' }, headers: [], ip: '1.1.1.1' };
  const led = (regexp: string, replacement: string): string | undefined =>
    reading.redirectRegexp({ kind: 'redirectRegexp', regexp, replacement, permanent: true }, request)?.location;

  assert.equal(led('^http://(.*)$', 'https://$1'), 'https://a.io/x');
  assert.equal(led('a(b)?', 'c$1'), 'http://c.io/x');
  assert.equal(led('^http', 'http'), undefined);
  assert.equal(led('^y', 'z'), undefined);
});
