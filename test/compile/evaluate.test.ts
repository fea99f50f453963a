import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../src/compile/evaluate.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import type { Answer, Effect, Evaluation } from '../../src/model/evaluation.ts';
import { exactHost, exactPath, type RouteMatch } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { ProxyRequest } from '../../src/model/request.ts';
import type { Route, RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { SETTINGS as BASE } from '../support/settings.ts';
import { ENTRY_POINTS, host, matchOf } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

const [WEB, WEBSECURE] = ENTRY_POINTS;
const SETTINGS = {
  ...BASE,
  trustedProxies: ['10.0.0.0/8'],
};
const TARGETS = { caddy: caddyTarget, traefik: traefikTarget } as const;

/** A GET on `web` (with `https://`: on `websecure`), evaluated as one proxy reads it. */
function ask(table: RoutingTable, url: string, overrides: Partial<ProxyRequest> = {}, server: keyof typeof TARGETS = 'caddy'): Evaluation {
  const [, scheme, name = '', target = '/'] = /^(https?):\/\/([^/]*)(.*)$/.exec(url) ?? [];
  const entryPoint = scheme === 'https' ? WEBSECURE : WEB;
  const parsed = parseGoUrl(target === '' ? '/' : target);
  if (!entryPoint || !parsed) throw new RangeError(`Cannot ask for ${url}`);
  const request: ProxyRequest = { entryPoint, method: 'GET', host: name, url: parsed, headers: [], ip: '192.0.2.1', ...overrides };
  return evaluate(table, request, { proxy: TARGETS[server].reading(SETTINGS), trustedProxies: SETTINGS.trustedProxies });
}

function answerOf(evaluation: Evaluation): Answer {
  const [outcome] = evaluation.outcomes;
  if (!outcome) throw new RangeError('Cannot find an answer');
  return outcome.answer;
}

/** What becomes of a request, in short. */
function brief(evaluation: Evaluation): string {
  const answer = answerOf(evaluation);
  if (answer.kind === 'respond') return `${answer.status} ${answer.reason}`;
  if (answer.kind === 'redirect') return `${answer.status} ${answer.location}`;
  return `${evaluation.route?.id ?? ''} ${answer.kind === 'connect' ? `connects, ${answer.tls ?? 'no TLS'}` : answer.target}`;
}

function withMiddlewares(middlewares: readonly Middleware[], overrides: Partial<Route> = {}): RoutingTable {
  return tableOf([routeOf('a', 'a.io', '/', { action: to('pool'), middlewares, ...overrides })], poolOf('pool', [9001]));
}

function effectsOf(middleware: Middleware, overrides: Partial<ProxyRequest> = {}, url = 'http://a.io/'): Effect | undefined {
  return ask(withMiddlewares([middleware]), url, overrides).outcomes[0]?.steps[0]?.effect;
}

test('evaluate() lets nobody to instances without TLS who has to show a certificate', () => {
  const clientAuth = { caFiles: ['/ca'], mode: 'requireAndVerify' } as const;
  const table = withMiddlewares([], { tlsProfile: { name: 'mutual', clientAuth } });
  const wishing = withMiddlewares([], { tlsProfile: { name: 'wish', clientAuth: { ...clientAuth, mode: 'request' } } });

  assert.deepEqual([brief(ask(table, 'http://a.io/')), brief(ask(table, 'https://a.io/'))], ['403 certificate', 'a /']);
  assert.equal(brief(ask(wishing, 'http://a.io/')), 'a /');
});

test('evaluate() takes a dot behind a host where the tag is one of Traefik, and no empty host for it', () => {
  const ofTraefik = withMiddlewares([], { dialect: 'traefik' });
  const answers = (table: RoutingTable, server: keyof typeof TARGETS): readonly string[] =>
    ['http://a.io./', 'https://A.io.:443/', 'http://a.io../', 'http:///'].map((url) => brief(ask(table, url, {}, server)));

  assert.deepEqual(answers(ofTraefik, 'caddy'), ['a /', 'a /', '404 noRoute', '404 noRoute']);
  assert.deepEqual(answers(withMiddlewares([]), 'caddy'), ['404 noRoute', '404 noRoute', '404 noRoute', '404 noRoute']);
  assert.deepEqual(answers(ofTraefik, 'traefik').slice(0, 2), ['a /', 'a /']);
});

test('evaluate() asks the routes in rank order and names the part of each that does not hold', () => {
  const conditions: RouteMatch['conditions'] = [{ kind: 'method', method: 'POST' }];
  const table = tableOf(
    [
      routeOf('secure', 'a.io', '/', { entryPoints: ['websecure'] }),
      routeOf('other', 'b.io', '/'),
      routeOf('port', 'a.io', '/', { match: { ...matchOf('a.io'), host: exactHost(host('a.io'), 'own') }, entryPoints: ['web'] }),
      routeOf('path', 'a.io', '/p'),
      routeOf('post', 'a.io', '/', { match: { ...matchOf('a.io'), conditions } }),
      routeOf('last', '*', '/', { action: to('pool') }),
      routeOf('never', '*', '/'),
    ],
    poolOf('pool', [9001]),
  );

  const { asked, route } = ask(table, 'http://a.io:8099/x');

  assert.deepEqual(
    asked.map(({ route: { id }, failure }) => [id, failure?.part, failure?.wanted, failure?.found]),
    [
      ['secure', 'entryPoint', 'websecure', 'web'],
      ['other', 'host', 'b.io', 'a.io:8099'],
      ['port', 'port', 'a.io', 'a.io:8099'],
      ['path', 'path', '/p', '/x'],
      ['post', 'condition', 'POST', 'GET'],
      ['last', undefined, undefined, undefined],
    ],
  );
  assert.equal(route?.id, 'last');
});

test('evaluate() answers what no route takes with the configured status, or the one that Traefik can say', () => {
  const teapot = { ...SETTINGS, unknownHost: { status: 418 } };
  assert.equal(brief(ask(tableOf([]), 'http://a.io/')), '404 noRoute');
  assert.equal(caddyTarget.reading(teapot).unknownHost, 418);
  assert.equal(traefikTarget.reading(teapot).unknownHost, 404);
});

test('evaluate() refuses a Host header that Go refuses, before any route is asked', () => {
  const evaluation = ask(tableOf([routeOf('all', '*', '/')]), 'http://a.io/', { host: 'a"b' });

  assert.equal(brief(evaluation), '400 refused');
  assert.deepEqual(evaluation.asked, []);
});

test('evaluate() gives each instance its share by weight and none to those of weight 0', () => {
  const pool = poolOf('pool', [9001, 9002, 9003]);
  const weights = [3, 1, 0];
  const weighted = { ...pool, endpoints: pool.endpoints.map((endpoint, index) => ({ ...endpoint, weight: weights[index] ?? 0 })) };

  const answer = answerOf(ask(tableOf([routeOf('a', 'a.io', '/', { action: to('pool') })], weighted), 'http://a.io/'));

  assert.deepEqual(answer.kind === 'forward' && answer.instances.map(({ endpoint, share }) => [endpoint.port, share]), [
    [9001, 0.75],
    [9002, 0.25],
  ]);
});

test('evaluate() answers 503 where no instance is left', () => {
  const pool = poolOf('pool', [9001]);
  const none = { ...pool, endpoints: pool.endpoints.map((endpoint) => ({ ...endpoint, weight: 0 })) };

  assert.equal(brief(ask(tableOf([routeOf('a', 'a.io', '/', { action: to('pool') })], none), 'http://a.io/')), '503 unhealthy');
});

test('evaluate() asks by server name before any request is read, where TLS comes in', () => {
  const connections = { protocol: 'tcp', entryPoints: ['websecure'], tcpTls: 'passthrough' } as const;
  const table = tableOf(
    [
      routeOf('page', 'a.io', '/', { action: to('pool') }),
      routeOf('raw', 'a.io', '/', { ...connections, action: to('pool') }),
      routeOf('gone', 'b.io', '/', connections),
    ],
    poolOf('pool', [9001]),
  );

  assert.equal(brief(ask(table, 'https://a.io/x', {}, 'traefik')), 'raw connects, passthrough');
  assert.equal(brief(ask(table, 'https://a.io/x', { sni: 'c.io' }, 'traefik')), 'page /x');
  assert.equal(brief(ask(table, 'https://b.io/', {}, 'traefik')), '0 unhealthy');
  assert.equal(brief(ask(table, 'http://a.io/x', {}, 'traefik')), 'page /x');
  const asked = (url: string): readonly string[] => ask(table, url, {}, 'traefik').asked.map(({ route: { id } }) => id);
  assert.deepEqual(asked('https://c.io/x'), ['raw', 'gone', 'page']);
  assert.deepEqual(asked('http://c.io/x'), ['page', 'raw', 'gone']);
});

test('evaluate() says that a redirect to the URL that is asked for leads nowhere on Traefik', () => {
  const redirect = { status: 301, to: [{ kind: 'text', text: 'http://a.io/x' }] } as const;
  const table = tableOf([routeOf('a', 'a.io', '/', { action: { kind: 'redirect', redirect }, dialect: 'hind' })]);

  assert.equal(brief(ask(table, 'http://a.io/x', {}, 'traefik')), '503 loop');
  assert.equal(brief(ask(table, 'http://a.io/y', {}, 'traefik')), '301 http://a.io/x');
});

test('evaluate() sends the last Host and the last value of every header that middlewares set', () => {
  const headers = (...request: readonly (readonly [string, string])[]): Middleware => ({
    kind: 'headers',
    request: request.map(([name, value]) => ({ name, value })),
    response: [],
  });
  const answer = answerOf(
    ask(withMiddlewares([headers(['Host', 'b.io'], ['X-A', '1'], ['X-B', '2']), headers(['x-a', '3'], ['hOST', 'c.io'])]), 'http://a.io/'),
  );
  const kept = answerOf(ask(withMiddlewares([headers(['X-A', '1'])]), 'http://a.io/'));

  assert.deepEqual(answer.kind === 'forward' && [answer.host, answer.headers.map(({ name, value }) => `${name}: ${value}`)], [
    'c.io',
    ['x-a: 3', 'X-B: 2'],
  ]);
  assert.deepEqual(kept.kind === 'forward' && kept.host, 'a.io');
});

test('evaluate() redirects by the Host that a middleware has set before', () => {
  const host = (value: string): Middleware => ({
    kind: 'headers',
    request: [
      { name: 'X-A', value: 'x' },
      { name: 'Host', value },
    ],
    response: [],
  });
  const scheme: Middleware = { kind: 'redirectScheme', scheme: 'https', permanent: true };

  assert.equal(brief(ask(withMiddlewares([host('b.io'), scheme]), 'http://a.io/', {}, 'traefik')), '301 https://b.io/');
  assert.equal(brief(ask(withMiddlewares([host(''), scheme]), 'http://a.io/', {}, 'traefik')), '301 https://a.io/');
});

test('evaluate() sends all prefixes that middlewares cut off', () => {
  const cut = (prefix: string): Middleware => ({ kind: 'stripPrefix', prefixes: [prefix] });
  const answer = answerOf(ask(withMiddlewares([cut('/a'), cut('/b')]), 'http://a.io/a/b/c'));

  assert.deepEqual(answer.kind === 'forward' && answer.headers, [{ name: 'X-Forwarded-Prefix', value: '/a, /b' }]);
});

test('evaluate() tells each part of a split route with its share and its own middlewares', () => {
  const action: Route['action'] = {
    kind: 'split',
    parts: [
      { weight: 1, middlewares: [{ kind: 'stripPrefix', prefixes: ['/x'] }], action: { kind: 'forward', backend: poolOf('one', []).id } },
      { weight: 3, middlewares: [], action: { kind: 'forward', backend: poolOf('two', []).id } },
    ],
  };
  const route = routeOf('a', 'a.io', '/', { action, middlewares: [{ kind: 'contentType' }] });
  const table = tableOf([route], poolOf('one', [9001]), poolOf('two', [9002]));

  const { outcomes } = ask(table, 'http://a.io/x/y');

  assert.deepEqual(
    outcomes.map(({ share, answer, steps }) => [
      share,
      answer.kind === 'forward' && answer.target,
      steps.map(({ middleware }) => middleware.kind).join(),
    ]),
    [
      [0.25, '/y', 'contentType,stripPrefix'],
      [0.75, '/x/y', 'contentType'],
    ],
  );
});

test('evaluate() runs the middlewares in their order and stops at the one that answers', () => {
  const table = withMiddlewares([
    { kind: 'stripPrefix', prefixes: ['/api'] },
    { kind: 'addPrefix', prefix: '/v2' },
    { kind: 'ipDeny', cidrs: ['192.0.2.0/24'], of: { kind: 'peer' } },
    { kind: 'contentType' },
  ]);

  const { outcomes } = ask(table, 'http://a.io/api/x');

  assert.deepEqual(
    outcomes[0]?.steps.map(({ effect }) => effect.kind),
    ['path', 'path', 'answers'],
  );
  assert.equal(brief(ask(table, 'http://a.io/api/x')), '403 middleware');
  assert.equal(brief(ask(table, 'http://a.io/api/x', { ip: '192.0.3.1' })), 'a /v2/x');
});

for (const server of ['caddy', 'traefik'] as const) {
  test(`evaluate() strips, replaces and adds paths as ${server} does`, () => {
    const path = (middleware: Middleware, url: string): string =>
      brief(ask(withMiddlewares([middleware]), `http://a.io${url}`, {}, server));

    assert.equal(path({ kind: 'stripPrefix', prefixes: ['/x', '/api'] }, '/api/b?q=1'), 'a /b?q=1');
    assert.equal(path({ kind: 'stripPrefix', prefixes: ['/api'] }, '/apifoo'), 'a /foo');
    assert.equal(path({ kind: 'stripPrefix', prefixes: ['/api'] }, '/API/x'), 'a /API/x');
    assert.equal(path({ kind: 'stripPrefixRegexp', regexps: ['^/[a-z]+/[0-9]+'] }, '/v/12/x'), 'a /x');
    assert.equal(path({ kind: 'replacePath', path: '/z' }, '/a/b?q=1'), 'a /z?q=1');
    assert.equal(path({ kind: 'replacePathRegexp', regexp: '^/old/(.*)$', replacement: '/new/${1}' }, '/old/x'), 'a /new/x');
    assert.equal(path({ kind: 'addPrefix', prefix: '/p' }, '/a%20b'), 'a /p/a%20b');
  });

  test(`evaluate() redirects as ${server} does`, () => {
    const scheme: Middleware = { kind: 'redirectScheme', scheme: 'https', permanent: true };
    const regexp: Middleware = { kind: 'redirectRegexp', regexp: '^http://a.io/(.*)$', replacement: 'https://b.io/${1}', permanent: false };
    const answer = (middleware: Middleware, url: string, method: string): string =>
      brief(ask(withMiddlewares([middleware]), url, { method }, server));

    assert.equal(answer(scheme, 'http://a.io/x?q', 'GET'), '301 https://a.io/x?q');
    assert.equal(answer(scheme, 'http://a.io:80/x', 'POST'), '308 https://a.io/x');
    assert.equal(answer(scheme, 'https://a.io/x', 'GET'), 'a /x');
    assert.equal(answer(regexp, 'http://a.io/x', 'GET'), '302 https://b.io/x');
    assert.equal(answer(regexp, 'https://a.io/x', 'GET'), 'a /x');
  });
}

test('evaluate() answers a redirecting route with the status that the proxy can say', () => {
  const redirect = { status: 303, to: [{ kind: 'text', text: 'https://b.io' }, { kind: 'path' }] } as const;
  const table = tableOf([routeOf('a', 'a.io', '/', { action: { kind: 'redirect', redirect } })]);

  assert.equal(brief(ask(table, 'http://a.io/x?q=1')), '303 https://b.io/x?q=1');
  assert.equal(brief(ask(table, 'http://a.io/x?q=1', {}, 'traefik')), '302 https://b.io/x?q=1');
});

test('evaluate() passes a redirect on that already was followed, as Fabio does', () => {
  const redirect = { status: 301, to: [{ kind: 'text', text: 'https://a.io' }, { kind: 'path' }] } as const;
  const table = tableOf(
    [routeOf('to', 'a.io', '/', { action: { kind: 'redirect', redirect } }), routeOf('all', '*', '/', { action: to('pool') })],
    poolOf('pool', [9001]),
  );
  const headers = [{ name: 'X-Forwarded-Proto', value: 'https' }];

  assert.equal(brief(ask(table, 'http://a.io/x', { headers })), 'all /x');
  assert.equal(ask(table, 'http://a.io/x', { headers }).asked[0]?.failure?.part, 'target');
  assert.equal(brief(ask(table, 'http://a.io/x')), '301 https://a.io/x');
});

test('evaluate() sees the path as each proxy sees it: decoded in Caddy, reserved characters encoded in Traefik', () => {
  const table = tableOf(
    [routeOf('p', 'a.io', '/', { match: { ...matchOf('a.io'), path: exactPath('/a/b') }, action: to('pool') })],
    poolOf('pool', [9001]),
  );

  assert.equal(brief(ask(table, 'http://a.io/a%2Fb')), 'p /a%2Fb');
  assert.equal(brief(ask(table, 'http://a.io/a%2Fb', {}, 'traefik')), '404 noRoute');
  assert.equal(brief(ask(table, 'http://a.io/x/..//%61/b', {}, 'traefik')), 'p /a/b');
});

test('evaluate() gives a raw route the path as it was sent where the proxy can', () => {
  const table = withMiddlewares([], { pathForm: 'raw' });

  assert.equal(brief(ask(table, 'http://a.io/a//b/../c')), 'a /a//b/../c');
  assert.equal(brief(ask(table, 'http://a.io/a//b/../c', {}, 'traefik')), 'a /a/c');
});

test('evaluate() gives instances the Host header that their pool asks for', () => {
  const hostOf = (upstreamHost: Parameters<typeof poolOf>[2]): string | undefined => {
    const answer = answerOf(
      ask(tableOf([routeOf('a', 'a.io', '/', { action: to('pool') })], poolOf('pool', [9001], upstreamHost)), 'http://a.io:80/'),
    );
    return answer.kind === 'forward' ? answer.host : 'none';
  };

  assert.equal(hostOf({}), 'a.io:80');
  assert.equal(hostOf({ upstreamHost: { kind: 'endpoint' } }), undefined);
  assert.equal(hostOf({ upstreamHost: { kind: 'fixed', host: host('b.io') } }), 'b.io');
  assert.equal(hostOf({ upstreamHost: { kind: 'fixed', host: host('b.io'), header: 'B.io:81' } }), 'B.io:81');
});

test('evaluate() looks at the addresses that a list names', () => {
  const status = (middleware: Middleware, forwarded: string, ip: string): string => {
    const headers = forwarded === '' ? [] : [{ name: 'X-Forwarded-For', value: forwarded }];
    return brief(ask(withMiddlewares([middleware]), 'http://a.io/', { ip, headers })).replace(/ .*/, '');
  };
  const allow = (of: Extract<Middleware, { kind: 'ipAllow' }>['of']): Middleware => ({ kind: 'ipAllow', cidrs: ['192.0.2.0/24'], of });

  assert.equal(status(allow({ kind: 'peer' }), '198.51.100.1', '192.0.2.1'), 'a');
  assert.equal(status(allow({ kind: 'everyHop' }), '198.51.100.1', '192.0.2.1'), '403');
  assert.equal(status(allow({ kind: 'everyHop' }), '192.0.2.9, unknown', '192.0.2.1'), 'a');
  assert.equal(status(allow({ kind: 'everyHop' }), '::ffff:192.0.2.9', '192.0.2.1'), '403');
  assert.equal(status(allow({ kind: 'client' }), '198.51.100.1, 192.0.2.9', '10.0.0.1'), 'a');
  assert.equal(status(allow({ kind: 'client' }), '192.0.2.9', '198.51.100.1'), '403');
  assert.equal(status(allow({ kind: 'depth', depth: 2 }), '192.0.2.9, 198.51.100.1', '10.0.0.1'), 'a');
  assert.equal(status(allow({ kind: 'excluding', cidrs: ['10.0.0.0/8'] }), '192.0.2.9, 10.1.1.1', '10.0.0.1'), 'a');
  assert.equal(status({ kind: 'ipDeny', cidrs: ['198.51.100.0/24'], of: { kind: 'everyHop' } }, '198.51.100.7', '192.0.2.1'), '403');
  assert.equal(status({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' }, status: 404 }, '', '192.0.2.1'), '404');
});

test('evaluate() asks for a name, and leaves open whether the password is right', () => {
  const auth: Middleware = { kind: 'basicAuth', users: { kind: 'policy', policy: 'team' }, removeHeader: true, userHeader: 'X-User' };
  const headers = [{ name: 'authorization', value: 'Basic eDp5' }];

  assert.deepEqual(effectsOf(auth), { kind: 'answers', status: 401, why: 'the request names no user of policy team' });
  assert.equal(effectsOf(auth, { headers })?.kind, 'mayAnswer');
  const answer = answerOf(ask(withMiddlewares([auth]), 'http://a.io/', { headers }));
  assert.deepEqual(answer.kind === 'forward' && answer.headers, [
    { name: 'Authorization', value: '' },
    { name: 'X-User', value: '{user}' },
  ]);
});

test('evaluate() never shows a hash of listed users', () => {
  const users = { kind: 'listed', users: [{ name: 'eve', hash: '$2y$10$secret' }] } as const;

  assert.deepEqual(effectsOf({ kind: 'digestAuth', users }), {
    kind: 'answers',
    status: 401,
    why: 'the request names no user of the users eve',
  });
});

/** Every other kind: what it does to a plain request. */
const OTHERS: readonly (readonly [Middleware, Effect['kind'], number?])[] = [
  [{ kind: 'headers', request: [{ name: 'A', value: 'b' }], response: [] }, 'headers'],
  [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false, preload: false, always: false }, 'nothing'],
  [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: true, preload: true, always: true }, 'headers'],
  [{ kind: 'allowedHosts', hosts: ['A.io'] }, 'nothing'],
  [{ kind: 'allowedHosts', hosts: ['b.io'] }, 'answers', 500],
  [{ kind: 'forwardAuth', address: 'http://auth.io', copyHeaders: [], bypass: [] }, 'mayAnswer', 401],
  [{ kind: 'rateLimit', average: 1, periodMs: 1000, burst: 1, by: { kind: 'host' } }, 'mayAnswer', 429],
  [{ kind: 'inFlight', amount: 1, by: { kind: 'host' } }, 'mayAnswer', 429],
  [{ kind: 'maxBody', bytes: 10 }, 'mayAnswer', 413],
  [{ kind: 'buffering' }, 'does'],
  [{ kind: 'buffering', maxRequestBytes: 10 }, 'mayAnswer', 413],
  [{ kind: 'compress' }, 'does'],
  [{ kind: 'retry', attempts: 2 }, 'does'],
  [{ kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.3' }, 'mayAnswer', 503],
  [{ kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: poolOf('pool', []).id, query: '/{status}' }, 'does'],
  [{ kind: 'contentType' }, 'does'],
  [{ kind: 'grpcWeb', allowOrigins: [] }, 'does'],
  [{ kind: 'passTlsClientCert', pem: true, info: [] }, 'does'],
];

for (const [middleware, kind, status] of OTHERS)
  test(`evaluate() says what ${middleware.kind} does: ${kind}${status === undefined ? '' : ` ${status}`}`, () => {
    const effect = effectsOf(middleware);

    assert.equal(effect?.kind, kind);
    if (status !== undefined) assert.equal(effect && 'status' in effect && effect.status, status);
  });

test('evaluate() answers preflight requests and tells whether an origin is allowed', () => {
  const cors: Middleware = {
    kind: 'cors',
    allowCredentials: false,
    allowHeaders: [],
    allowMethods: [],
    allowOrigins: ['https://ok.io'],
    allowOriginRegexps: ['^https://[a-z]+\\.ok\\.io$'],
    exposeHeaders: [],
    addVary: false,
  };
  const origin = (value: string) => [{ name: 'Origin', value }];

  assert.equal(effectsOf(cors)?.kind, 'nothing');
  assert.equal(effectsOf(cors, { headers: origin('https://ok.io') })?.kind, 'does');
  assert.equal(effectsOf(cors, { headers: origin('https://a.ok.io') })?.kind, 'does');
  assert.equal(effectsOf(cors, { headers: origin('https://evil.io') })?.kind, 'nothing');
  const preflight = { method: 'OPTIONS', headers: [...origin('https://ok.io'), { name: 'Access-Control-Request-Method', value: 'PUT' }] };
  assert.equal(effectsOf(cors, preflight)?.kind, 'answers');
});

test('evaluate() refuses encoded characters that are not allowed', () => {
  const guard: Middleware = { kind: 'encodedCharacters', allowed: ['slash'] };

  assert.equal(effectsOf(guard, {}, 'http://a.io/a%2fb')?.kind, 'nothing');
  assert.deepEqual(effectsOf(guard, {}, 'http://a.io/a%5cb'), { kind: 'answers', status: 400, why: 'the path holds %5C' });
});

test('evaluate() tests every condition of a match', () => {
  const holds = (conditions: RouteMatch['conditions'], url: string, overrides: Partial<ProxyRequest> = {}): boolean =>
    ask(tableOf([routeOf('c', 'a.io', '/', { match: { ...matchOf('a.io'), conditions } })]), url, overrides).route !== undefined;
  const headers = [{ name: 'x-version', value: '12' }];

  assert.ok(holds([{ kind: 'header', name: 'X-Version', value: '12' }], 'http://a.io/', { headers }));
  assert.ok(!holds([{ kind: 'header', name: 'X-Version', value: '1' }], 'http://a.io/', { headers }));
  assert.ok(holds([{ kind: 'headerRegexp', name: 'X-Version', regexp: '^1' }], 'http://a.io/', { headers }));
  assert.ok(holds([{ kind: 'query', key: 'a b', value: '\u00e9' }], 'http://a.io/?a+b=%C3%A9'));
  assert.ok(holds([{ kind: 'query', key: 'a' }], 'http://a.io/?x=1&a=2'));
  assert.ok(!holds([{ kind: 'query', key: 'a' }], 'http://a.io/?x=a'));
  assert.ok(holds([{ kind: 'queryRegexp', key: 'a', regexp: '^[0-9]+$' }], 'http://a.io/?a=x&a=2'));
  assert.ok(holds([{ kind: 'clientIp', cidrs: ['192.0.2.0/24'] }], 'http://a.io/'));
  assert.ok(!holds([{ kind: 'not', condition: { kind: 'clientIp', cidrs: ['192.0.2.0/24'] } }], 'http://a.io/'));
  assert.ok(holds([{ kind: 'not', condition: { kind: 'path', path: { kind: 'exact', path: '/x', ignoreCase: false } } }], 'http://a.io/y'));
  assert.ok(!holds([{ kind: 'host', host: { kind: 'exact', host: host('b.io'), port: 'any' } }], 'http://a.io/'));
});

test('evaluate() needs no longer for an expression that would stop a backtracking engine', () => {
  const conditions: RouteMatch['conditions'] = [
    { kind: 'headerRegexp', name: 'X', regexp: '(a|aa)?(a|aa)?(a|aa)?(a|aa)?[ab]+[ab]+[ab]+[ab]+c$' },
  ];
  const table = tableOf([routeOf('c', 'a.io', '/', { match: { ...matchOf('a.io'), conditions } })]);
  const startedAtMs = performance.now();

  ask(table, 'http://a.io/', { headers: [{ name: 'X', value: 'a'.repeat(4000) }] });

  assert.ok(performance.now() - startedAtMs < 1000);
});
