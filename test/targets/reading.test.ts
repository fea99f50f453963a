import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoUrl, requestUri } from '../../src/lib/go-url.ts';
import type { PathMiddleware, ProxyRequest } from '../../src/model/request.ts';
import type { DialectName, Redirect } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { exactHost, type HostMatch, type PathMatch } from '../../src/model/match.ts';
import { SETTINGS } from '../support/settings.ts';
import { ENTRY_POINTS, host, port } from '../support/intents.ts';
import { poolOf, routeOf } from '../support/tables.ts';

/** What each proxy makes of the same request, side by side. Against the real programs: `npm run differential`. */
const PROXIES = [caddyTarget.reading(SETTINGS), traefikTarget.reading(SETTINGS)] as const;
const [WEB] = ENTRY_POINTS;

function urlOf(text: string) {
  const url = parseGoUrl(text);
  assert.ok(url);
  return url;
}

const strip = (...prefixes: readonly string[]): PathMiddleware => ({ kind: 'stripPrefix', prefixes });
const forced = (...prefixes: readonly string[]): PathMiddleware => ({ kind: 'stripPrefix', prefixes, forceSlash: true });
const cut = (...regexps: readonly string[]): PathMiddleware => ({ kind: 'stripPrefixRegexp', regexps });
const add = (prefix: string): PathMiddleware => ({ kind: 'addPrefix', prefix });
const put = (path: string): PathMiddleware => ({ kind: 'replacePath', path });
const swap = (regexp: string, replacement: string): PathMiddleware => ({ kind: 'replacePathRegexp', regexp, replacement });

/** A path, what changes it, and what it is then in Caddy and in Traefik, for labels and for prefixes. */
const CHANGES: readonly (readonly [string, PathMiddleware, string, string?])[] = [
  ['/api/b?q=1', strip('/x', '/api'), '/b?q=1 without /api | /b?q=1 without /api'],
  ['/apifoo', strip('/api'), '/foo without /api | /foo without /api'],
  ['/api', strip('/api'), '/ without /api | / without /api'],
  ['/api', forced('/api'), '/ without /api | / without /api'],
  ['/api//b', forced('/api'), '400 | 400', '/b without /api | 400'],
  ['/api//b', cut('/[a-z]+'), '400 | 400'],
  ['/api//b/c', cut('/api//b'), '/c without /api//b | /c without /api//b'],
  ['/api/b%2F%2Fc', cut('/api'), '/b%2F%2Fc without /api | /b%2F%2Fc without /api'],
  ['/api', strip('/'), '/api without / | /api without /'],
  ['/b', strip('/api'), 'same | same'],
  ['/a%2Fb/c', strip('/a/'), '/b/c without /a/ | /b/c without /a/'],
  ['/a%20b/c%2Fd', strip('/a b'), '/c%2Fd without /a b | /c%2Fd without /a b', '/c/d without /a%20b | /c%2Fd without /a b'],
  ['/a%2Fb%2Fc', forced('/a/b'), '/c without /a/b | /c without /a/b'],
  ['/a/%2e%2e/b', strip('/a'), '/%2e%2e/b without /a | /%2e%2e/b without /a', 'same | /%2e%2e/b without /a'],
  ['/a%3Fb/c', strip('/a'), '/%3Fb/c without /a | /%3Fb/c without /a', '/%3Fb/c | /%3Fb/c without /a'],
  ['/a%25b/c', strip('/a'), '/%25b/c without /a | /%25b/c without /a', '/%25b/c | /%25b/c without /a'],
  ['/a/../x', strip('/a'), '400 | 400', 'same | 400'],
  ['/v1/x', cut('^/y', '^/v[0-9]'), '/x without /v1 | /x without /v1'],
  ['/xv1/x', cut('/v[0-9]'), 'same | same'],
  ['/v1%2Fx/y', cut('^/v[0-9]/x'), '/y without /v1/x | /y without /v1/x'],
  ['/', cut('^/*$'), 'same | / without /'],
  ['/v1/x', cut('z*'), 'same | same'],
  ['/x', add('/p'), '/p/x | /p/x'],
  ['/x%2Fy', add('/p'), '/p/x%2Fy | /p/x%2Fy', '/p/x/y | /p/x%2Fy'],
  ['/x', add('p'), '/p/x | /p/x', 'p/x | /p/x'],
  ['/x?q=1', add('/p?a%2F#'), '/p%3Fa%252F%23/x?q=1 | /p%3Fa%252F%23/x?q=1'],
  ['/a//b', add('/p'), '/p/a//b | /p/a//b', '/p/a/b | /p/a//b'],
  ['/x?q=1', put('/z'), '/z?q=1 | /z?q=1'],
  ['/x', put('/a%2Fb'), '/a%2Fb | /a%2Fb'],
  ['/x', put('/%zz'), '500 | 500'],
  ['/x', put('z'), 'z | z'],
  ['/old/x', swap('^/old/(.*)$', '/new/${1}'), '/new/x | /new/x'],
  ['/old%2Fx/y', swap('^/old%2F(.*)$', '/new/${1}'), '/new/x/y | /new/x/y'],
  ['/x', swap('^/y', '/z'), 'same | same'],
  ['/x', swap('^/x', '/..'), '400 | 400'],
  ['/x', swap('^/x', '/%zz'), '500 | 500'],
  ['/x', swap('^/x$', ''), '/ | /'],
];

for (const [path, middleware, labels, prefixes = labels] of CHANGES)
  test(`changePath() makes of ${path} by ${JSON.stringify(middleware)} ${labels}`, () => {
    const outcome = (dialect: DialectName): string =>
      PROXIES.map((proxy) => {
        const change = proxy.changePath(urlOf(path), middleware, dialect);
        if (change.kind === 'same') return 'same';
        return change.kind === 'refused'
          ? String(change.status)
          : [requestUri(change.url), change.prefix].filter((text) => text !== undefined).join(' without ');
      }).join(' | ');

    assert.equal(outcome('traefik'), labels);
    assert.equal(outcome('fabio'), prefixes);
  });

/** A path as sent and what matches of labels and of prefixes are compared with, in Caddy and in Traefik. */
const SEEN: readonly (readonly [string, string, string])[] = [
  ['/a%2Fb', '/a%2Fb | /a%2Fb', '/a/b | /a%2Fb'],
  ['/a%2Fb//%61%3D%2F..', '/a%2Fb/a=%2F.. | /a%2Fb//a%3D%2F..', '/a/b | /a%2Fb//a=%2F..'],
  ['/a%2fb', '/a%2Fb | /a/b', '/a/b | /a/b'],
  ['/%61b', '/ab | /ab', '/ab | /ab'],
  ['/a%20b', '/a b | /a b', '/a b | /a b'],
  ['/a%3Bb%26', '/a;b& | /a%3Bb%26', '/a;b& | /a;b&'],
  ['/x/..//y', '/y | /x/..//y', '/y | /x/..//y'],
  ['/a%25b', '/a%b | /a%25b', '/a%b | /a%b'],
  ['/', '/ | /', '/ | /'],
  ['/%C3%A4', '/\u00e4 | /\u00e4', '/\u00e4 | /\u00e4'],
  ['/a+b', '/a+b | /a+b', '/a+b | /a+b'],
  ['/a%3a', '/a: | /a:', '/a: | /a:'],
];

for (const [path, labels, prefixes] of SEEN)
  test(`matchedPath() compares ${path} as ${labels}`, () => {
    const seen = (dialect: DialectName): string =>
      PROXIES.map((proxy) => proxy.matchedPath(urlOf(path), { path: asking('prefix', '/x/y'), dialect })).join(' | ');

    assert.equal(seen('traefik'), labels);
    assert.equal(seen('fabio'), prefixes);
  });

/** A path as sent, and what instances get of it from Caddy for labels and for prefixes. */
const SHAPED: readonly (readonly [string, string, string])[] = [
  ['/a//b/./c/../d/', '/a/b/d/', '/a/b/d/'],
  ['/a//b%2F/../c', '/a/c', '/a/c'],
  ["/x/..//a'b%27", "/a'b%27", '/a%27b%27'],
  ['/a/%2e%2E/b%2Fc/%2e', '/b%2Fc', '/b/c'],
  ['/a%2F..%2Fb', '/a%2F..%2Fb', '/b'],
  ['/%61/b%20c', '/a/b%20c', '/%61/b%20c'],
  ['/%61//b%2Fc%252F%25', '/a/b%2Fc%252F%25', '/%61//b%2Fc%252F%25'],
  ["/%61/b'", "/%61/b'", "/%61/b'"],
  ['/%c3%a9;%3B', '/%C3%A9;%3B', '/%c3%a9;%3B'],
  ['/%61//b%2Fc', '/a/b%2Fc', '/a/b/c'],
  ['/a?x;y//z', '/a?x&y//z', '/a?x;y//z'],
  ['/a/%2e%2E/b', '/b', '/b'],
  ['/a%3Fb/%2e%2e/c', '/c', '/a%3Fb/%2e%2e/c'],
];

for (const [path, labels, prefixes] of SHAPED)
  test(`shaped() makes of ${path} ${labels} for labels and ${prefixes} for prefixes on Caddy`, () => {
    const [caddy] = PROXIES;
    const shaped = (dialect: DialectName): string =>
      requestUri(caddy.shaped(urlOf(path), routeOf('r', 'a.io', '/', { dialect, pathForm: 'clean' })));

    assert.equal(shaped('traefik'), labels);
    assert.equal(shaped('fabio'), prefixes);
  });

test('matchedPath() shows a slash for an encoded one where no slash is asked for on Caddy, but not to expressions of labels', () => {
  const seen = (path: string, asked: PathMatch): string =>
    PROXIES.map((proxy) => proxy.matchedPath(urlOf(path), { path: asked, dialect: 'traefik' })).join(' | ');

  assert.equal(seen('/a%2Fb', asking('exact', '/')), '/a%2Fb | /a%2Fb');
  assert.equal(seen('/%2F', asking('exact', '/')), '/%2F | /%2F');
  assert.equal(seen('/a%2Fb', asking('prefix', '/a')), '/a/b | /a%2Fb');
  assert.equal(seen('/a/b%2Fc', asking('prefix', '/a/b')), '/a/b/c | /a/b%2Fc');
  assert.equal(seen('/a/b%2Fc', asking('prefix', '/a/b/c')), '/a/b%2Fc | /a/b%2Fc');
  assert.equal(seen('/a%2Fb', { kind: 'regexp', regexp: '^/a/b' }), '/a%2Fb | /a%2Fb');
  assert.equal(seen('/a%20b', { kind: 'regexp', regexp: '^/a b' }), '/a b | /a b');
});

function asking(kind: 'exact' | 'prefix', path: string): PathMatch {
  return { kind, path, ignoreCase: false };
}

const text = (value: string) => ({ kind: 'text', text: value }) as const;
const REDIRECTS: (readonly [string, Redirect, 'clean' | 'raw', string, string])[] = [
  [
    '/x/y?q=1',
    { status: 301, otherStatus: 308, to: [text('https://b.io'), { kind: 'path' }] },
    'clean',
    'GET',
    '301 https://b.io/x/y?q=1 | 301 https://b.io/x/y?q=1',
  ],
  [
    '/x//y?q=1',
    { status: 301, otherStatus: 308, to: [text('https://b.io'), { kind: 'path' }] },
    'raw',
    'HEAD',
    '301 https://b.io/x//y?q=1 | 308 https://b.io/x//y?q=1',
  ],
  [
    '/x//y?q=1',
    { status: 302, otherStatus: 307, to: [text('https://b.io'), { kind: 'path' }] },
    'clean',
    'POST',
    '307 https://b.io/x/y?q=1 | 307 https://b.io/x//y?q=1',
  ],
  [
    '/x//y?q=1',
    { status: 302, otherStatus: 307, to: [text('https://b.io/fix')] },
    'clean',
    'GET',
    '302 https://b.io/fix | 302 https://b.io/fix',
  ],
  ['/x?', { status: 301, to: [text('https://b.io'), { kind: 'path' }] }, 'clean', 'GET', '301 https://b.io/x | 301 https://b.io/x'],
  ['/x?', { status: 301, to: [text('https://b.io'), { kind: 'path' }] }, 'raw', 'GET', '301 https://b.io/x? | 301 https://b.io/x'],
  [
    '/x?q',
    { status: 301, to: [text('https://b.io/?u='), { kind: 'path' }] },
    'clean',
    'GET',
    '301 https://b.io/?u=/x | 301 https://b.io/?u=/x',
  ],
  [
    '/x',
    { status: 303, to: [text('https://'), { kind: 'host' }, { kind: 'path' }] },
    'clean',
    'GET',
    '303 https://a.io:8080/x | 302 https://a.io:8080/x',
  ],
  [
    '/x',
    { status: 308, to: [text('https://'), { kind: 'hostname' }, text(':8443'), { kind: 'path' }] },
    'clean',
    'GET',
    '308 https://a.io:8443/x | 301 https://a.io:8443/x',
  ],
  ['/x', { status: 301, to: [text('http://'), { kind: 'host' }, { kind: 'path' }] }, 'clean', 'GET', '301 http://a.io:8080/x | passes'],
  ['/x', { status: 301, to: [text('HTTP://[::1]/p q?r=s')] }, 'clean', 'GET', '301 HTTP://[::1]/p%20q?r=s | 301 HTTP://[::1]/p%20q?r=s'],
  [
    '/a%20b',
    { status: 301, otherStatus: 308, to: [text('https://b.io/p q'), { kind: 'path' }] },
    'clean',
    'PUT',
    '308 https://b.io/p%20q/a%20b | 308 https://b.io/p%20q/a%20b',
  ],
];

/** Behind a text of its own path a target takes the request's as it was sent on Caddy, but where that must be read anew. */
const SENT: readonly (readonly [string, Redirect['to'], string])[] = [
  ['/a!b(c)%2Fd?q', [text('https://b.io/x'), { kind: 'path' }], '/x/a!b(c)%2Fd?q'],
  ["/a'b", [text('https://'), { kind: 'host' }, text('/x'), { kind: 'path' }], "/x/a'b"],
  ["/a'b", [text('https://'), { kind: 'host' }, text(':81/x'), { kind: 'path' }], ":81/x/a'b"],
  ["/a'b?", [text('/x'), { kind: 'path' }], "/x/a'b"],
  ["/a//b'c", [text('https://b.io/x'), { kind: 'path' }], '/x/a/b%27c'],
  ["/a%25'", [text('https://b.io/x'), { kind: 'path' }], '/x/a%25%27'],
  ["/a'b", [text('https://b.io'), { kind: 'path' }], '/a%27b'],
  ["/a'b?q", [text('https://b.io/x'), { kind: 'path' }, text('?p=1')], '/x/a%27b?p=1'],
  ["/a'b", [text('https://b.io/x'), { kind: 'path' }, text('/z')], '/x/a%27b/z'],
];

for (const [path, to, expected] of SENT)
  test(`redirect() leads ${path} by ${JSON.stringify(to)} to ${expected} on Caddy`, () => {
    const [caddy] = PROXIES;
    const redirect: Redirect = { status: 301, to };
    const route = routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect }, pathForm: 'clean' });
    assert.ok(WEB);
    const request: ProxyRequest = { entryPoint: WEB, method: 'GET', host: 'a.io', url: urlOf(path), headers: [], ip: '192.0.2.1' };

    const location = caddy.redirect(redirect, request, { route, shaped: request.url })?.location ?? '';

    assert.equal(location.replace(/^https:\/\/(a|b)\.io/, ''), expected);
  });

/** What is cut off the path of a redirect leaves no slash, and a query goes to the end. */
const CUT: readonly (readonly [string, Redirect['to'], string])[] = [
  ['/old', [text('https://b.io/new'), { kind: 'path', strip: '/old' }], '301 https://b.io/new'],
  ['/oldx/y?q=1', [text('https://b.io/new'), { kind: 'path', strip: '/old' }], '301 https://b.io/newx/y?q=1'],
  ['/a/old?', [text('https://b.io/new'), { kind: 'path', strip: '/old' }], '301 https://b.io/new/a/old'],
  ['/old', [text('/rel'), { kind: 'path', strip: '/old' }], '301 /rel'],
  ['/x?q=1', [text('https://b.io'), { kind: 'path' }, text('/z')], '301 https://b.io/x/z?q=1'],
  ['/x?q=1', [text('https://b.io/a'), { kind: 'path' }, text('/z?k=1')], '301 https://b.io/a/x/z?k=1'],
  ['/x%20y?q=1', [text('https://b.io'), { kind: 'path' }, text('?k=1')], '301 https://b.io/x%20y?k=1'],
  ['/old/%20?q', [text('https://b.io/a'), { kind: 'path', strip: '/old' }, text('?k=1')], '301 https://b.io/a/%20?k=1'],
  ['/old/%20', [text('https://'), { kind: 'host' }, text('/a'), { kind: 'path', strip: '/old' }], '301 https://a.io:8080/a/%20'],
  ['/old/x', [text('https://'), { kind: 'hostname' }, text(':81/a'), { kind: 'path', strip: '/old' }], '301 https://a.io:81/a/x'],
];

for (const [path, to, expected] of CUT) REDIRECTS.push([path, { status: 301, to }, 'clean', 'GET', `${expected} | ${expected}`]);

for (const [path, redirect, pathForm, method, expected] of REDIRECTS)
  test(`redirect() leads ${method} ${path} by ${JSON.stringify(redirect.to)} ${redirect.status} of a ${pathForm} route to ${expected}`, () => {
    assert.ok(WEB);
    const request: ProxyRequest = { entryPoint: WEB, method, host: 'a.io:8080', url: urlOf(path), headers: [], ip: '192.0.2.1' };
    const route = routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect }, pathForm });
    const answers = PROXIES.map((proxy) => {
      const answer = proxy.redirect(redirect, request, { route, shaped: request.url });
      return answer ? `${answer.status} ${answer.location}` : 'passes';
    });

    assert.equal(answers.join(' | '), expected);
  });

test('served() leaves instances of weight 0 out', () => {
  const { endpoints } = poolOf('p', [1, 2]);
  const weighted = endpoints.map((endpoint, index) => ({ ...endpoint, weight: index }));

  for (const proxy of PROXIES)
    assert.deepEqual(
      proxy.served(weighted).map(({ port }) => port),
      [2],
    );
});

test('unknownHost is what the proxy can say', () => {
  const said = (status: number): readonly number[] =>
    [caddyTarget, traefikTarget].map((target) => target.reading({ ...SETTINGS, unknownHost: { status } }).unknownHost);

  assert.deepEqual([404, 503, 418].map(said), [
    [404, 404],
    [503, 503],
    [418, 404],
  ]);
});

test('redirectScheme() names the port that is not the usual one', () => {
  assert.ok(WEB);
  const request: ProxyRequest = { entryPoint: WEB, method: 'POST', host: 'a.io:80', url: urlOf('/x?q'), headers: [], ip: '192.0.2.1' };
  const led = (port?: number): readonly string[] =>
    PROXIES.map((proxy) => {
      const answer = proxy.redirectScheme(
        { kind: 'redirectScheme', scheme: 'https', permanent: false, ...(port !== undefined && { port }) },
        request,
      );
      return answer ? `${answer.status} ${answer.location}` : 'passes';
    });

  assert.deepEqual(led(), ['307 https://a.io/x?q', '307 https://a.io/x?q']);
  assert.deepEqual(led(443), led());
  assert.deepEqual(led(8443), ['307 https://a.io:8443/x?q', '307 https://a.io:8443/x?q']);
});

const TRAEFIK = traefikTarget.reading({ ...SETTINGS, trustedProxies: ['10.0.0.0/8', '11.0.0.0/8'] });

/** A request for `a.io:8080` on the plain entry point. */
function requestOf(overrides: Partial<ProxyRequest> = {}): ProxyRequest {
  assert.ok(WEB);
  return { entryPoint: WEB, method: 'GET', host: 'a.io:8080', url: urlOf('/x'), headers: [], ip: '192.0.2.1', ...overrides };
}

const SECURED = ENTRY_POINTS.find(({ tls }) => tls);

/** What a client asks for, on an entry point with TLS or not, the scheme that a trusted proxy named, and where it is led. */
const SCHEMES: readonly (readonly [asked: string, tls: boolean, named: string | undefined, to: 'http' | 'https', location: string])[] = [
  ['a.io', false, undefined, 'https', 'https://a.io/x'],
  ['a.io', true, undefined, 'https', 'none'],
  ['a.io', true, undefined, 'http', 'http://a.io/x'],
  ['a.io', false, 'HTTPS', 'https', 'none'],
  ['a.io', false, 'wss', 'https', 'none'],
  ['a.io', true, 'http', 'https', 'https://a.io/x'],
  ['a.io', true, 'ws', 'http', 'none'],
  ['a.io', false, 'ftp', 'http', 'none'],
  ['a.io', true, 'ftp', 'https', 'none'],
  ['a.io:80', false, undefined, 'http', 'none'],
  ['a.io:443', false, undefined, 'http', 'http://a.io/x'],
  ['a.io:443', true, undefined, 'https', 'none'],
  ['a.io:80', true, undefined, 'https', 'https://a.io/x'],
  ['a.io:8443', true, undefined, 'https', 'https://a.io/x'],
];

for (const [asked, tls, named, scheme, location] of SCHEMES)
  test(`redirectScheme() leads from ${tls ? 'https' : 'http'}://${asked}, named ${named} by a trusted proxy, to ${location}`, () => {
    assert.ok(SECURED);
    const headers = [{ name: 'Accept', value: 'ftp' }, ...(named === undefined ? [] : [{ name: 'X-forwarded-Proto', value: named }])];
    const request = requestOf({ host: asked, headers, ip: '10.1.2.3', ...(tls && { entryPoint: SECURED }) });

    for (const proxy of [TRAEFIK, caddyTarget.reading({ ...SETTINGS, trustedProxies: ['10.0.0.0/8'] })])
      assert.equal(proxy.redirectScheme({ kind: 'redirectScheme', scheme, permanent: true }, request)?.location ?? 'none', location);
  });

test('redirectScheme() does not believe the scheme that a client names', () => {
  const headers = [{ name: 'X-Forwarded-Proto', value: 'https' }];

  for (const proxy of [TRAEFIK, ...PROXIES]) {
    const answer = proxy.redirectScheme({ kind: 'redirectScheme', scheme: 'https', permanent: true }, requestOf({ host: 'a.io', headers }));
    assert.equal(answer?.location, 'https://a.io/x');
  }
});

test('redirectRegexp() of Traefik compares the whole URL, with its scheme and port', () => {
  assert.ok(SECURED);
  const rule = { kind: 'redirectRegexp', regexp: '^https://a.io:8443/(.*)$', replacement: 'https://b.io/${1}', permanent: true } as const;
  const led = (overrides: Partial<ProxyRequest>): string | undefined => TRAEFIK.redirectRegexp(rule, requestOf(overrides))?.location;

  assert.equal(led({ host: 'a.io:8443', entryPoint: SECURED, url: urlOf('/x?y') }), 'https://b.io/x?y');
  assert.equal(led({ host: 'a.io:8443' }), undefined);
  assert.equal(led({ host: 'a.io', entryPoint: SECURED }), undefined);
});

test('redirect() of Traefik keeps an IPv6 host whole', () => {
  const redirect: Redirect = { status: 301, to: [text('https://'), { kind: 'hostname' }, text('/y')] };
  const request = requestOf({ host: '[::1]:80' });
  const route = routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect } });

  assert.equal(TRAEFIK.redirect(redirect, request, { route, shaped: request.url })?.location, 'https://[::1]/y');
});

test('headersSeen() of Traefik sets where a request comes from, and believes what trusted proxies say of it', () => {
  const seen = (overrides: Partial<ProxyRequest>): readonly string[] =>
    TRAEFIK.headersSeen(requestOf(overrides)).map(({ name, value }) => `${name}: ${value}`);
  const said = [
    { name: 'x-forwarded-proto', value: 'https' },
    { name: 'X-REAL-IP', value: '1.1.1.1' },
    { name: 'X-Forwarded-Port', value: '9' },
    { name: 'X-Forwarded-Host', value: 'h.io' },
  ];
  const own = ['X-Real-Ip: 192.0.2.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Port: 8080', 'X-Forwarded-Host: a.io:8080'];
  const others = [
    { name: 'X-Real-Ip-2', value: 'b' },
    { name: 'Not-X-Forwarded-For', value: 'c' },
  ];
  assert.ok(SECURED);

  assert.deepEqual(seen({}), own);
  assert.deepEqual(seen({ headers: said }), own);
  assert.deepEqual(seen({ headers: said, ip: 'unknown' }), ['X-Real-Ip: unknown', ...own.slice(1)]);
  assert.deepEqual(seen({ headers: others }), ['X-Real-Ip-2: b', 'Not-X-Forwarded-For: c', ...own]);
  assert.deepEqual(seen({ headers: said, ip: '10.1.2.3' }), [
    'x-forwarded-proto: https',
    'X-REAL-IP: 1.1.1.1',
    'X-Forwarded-Port: 9',
    'X-Forwarded-Host: h.io',
  ]);
  assert.deepEqual(seen({ host: 'a.io' }).slice(2), ['X-Forwarded-Port: 80', 'X-Forwarded-Host: a.io']);
  assert.deepEqual(seen({ host: 'a.io', entryPoint: SECURED }).slice(1), [
    'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 443',
    'X-Forwarded-Host: a.io',
  ]);
});

const ONE_LABEL: HostMatch = { kind: 'glob', pattern: '*.a.io', regexp: '^[^.]+\\.a\\.io$', port: 'any' };
const HOSTS: readonly (readonly [what: string, match: HostMatch, asked: string, problem?: 'host' | 'port'])[] = [
  ['an exact host in any case, with any port', exactHost(host('a.io')), 'A.io:81'],
  ['an exact host with the dot that ends it', exactHost(host('a.io')), 'a.io.'],
  ['no other host', exactHost(host('a.io')), 'b.io', 'host'],
  ['no host that ends alike', exactHost(host('a.io')), 'b.a.io', 'host'],
  ['the port that is asked for', exactHost(host('a.io'), port(81)), 'a.io:81'],
  ['no host without the port', exactHost(host('a.io'), port(81)), 'a.io', 'port'],
  ['no other port', exactHost(host('a.io'), port(81)), 'a.io:8181', 'port'],
  ['an IPv6 host', exactHost(host('[::1]')), '[::1]:80'],
  ['every host', { kind: 'any' }, 'x'],
  ['a pattern', ONE_LABEL, 'x.a.io'],
  ['a pattern of one label with the dot that ends it', ONE_LABEL, 'x.a.io.'],
  ['no more labels than the pattern has', ONE_LABEL, 'x.y.a.io', 'host'],
  ['no other port than that of the pattern', { ...ONE_LABEL, port: port(81) }, 'x.a.io:82', 'port'],
  ['an expression, in lower case', { kind: 'regexp', regexp: '^r' }, 'R.io:1'],
  ['no host beside an expression', { kind: 'regexp', regexp: '^r' }, 'a.io', 'host'],
];

for (const [what, match, asked, problem] of HOSTS)
  test(`hostProblem() of Traefik takes ${what}`, () => {
    assert.equal(TRAEFIK.hostProblem(match, requestOf({ host: asked }), 'traefik'), problem);
  });

const CADDY = caddyTarget.reading(SETTINGS);
const FABIO_GLOB: HostMatch = { kind: 'glob', pattern: '*.a.io', regexp: '^.*\\.a\\.io$', port: 'own' };
const ON_CADDY: readonly (readonly [what: string, match: HostMatch, asked: string, problem?: 'host' | 'port'])[] = [
  ['an exact host in any case, with any port', exactHost(host('a.io')), 'A.io:81'],
  ['no other host', exactHost(host('a.io')), 'b.io', 'host'],
  ['its own port', exactHost(host('a.io'), 'own'), 'a.io:80'],
  ['no port where its own is meant', exactHost(host('a.io'), 'own'), 'a.io'],
  ['no other port than its own', exactHost(host('a.io'), 'own'), 'a.io:81', 'port'],
  ['the port that is asked for', exactHost(host('a.io'), port(81)), 'a.io:81'],
  ['no other port', exactHost(host('a.io'), port(81)), 'a.io', 'port'],
  ['a pattern over dots', FABIO_GLOB, 'X.y.a.io:80'],
  ['no host beside a pattern', FABIO_GLOB, 'a.io', 'host'],
  ['no other port behind a pattern', FABIO_GLOB, 'x.a.io:81', 'port'],
  ['an expression, in any case and without the port', { kind: 'regexp', regexp: '^r.io$' }, 'R.io:81'],
  ['no host beside an expression', { kind: 'regexp', regexp: '^r' }, 'a.io', 'host'],
  ['every host', { kind: 'any' }, 'x'],
];

for (const [what, match, asked, problem] of ON_CADDY)
  test(`hostProblem() of Caddy takes ${what}`, () => {
    assert.equal(CADDY.hostProblem(match, requestOf({ host: asked }), 'fabio'), problem);
  });

test('redirectScheme() of Caddy leads to the scheme that the entry point has not', () => {
  assert.ok(SECURED);
  const led = (scheme: 'http' | 'https', overrides: Partial<ProxyRequest>): string | undefined =>
    CADDY.redirectScheme({ kind: 'redirectScheme', scheme, permanent: true }, requestOf({ host: 'a.io', ...overrides }))?.location;

  assert.deepEqual(
    [led('https', {}), led('http', {}), led('https', { entryPoint: SECURED }), led('http', { entryPoint: SECURED })],
    ['https://a.io/x', undefined, undefined, 'http://a.io/x'],
  );
});

test('headersSeen() of Caddy shows the Host header beside the others', () => {
  assert.deepEqual(CADDY.headersSeen(requestOf({ headers: [{ name: 'A', value: 'b' }] })), [
    { name: 'A', value: 'b' },
    { name: 'Host', value: 'a.io:8080' },
  ]);
});

test('admit() of Traefik refuses a path with a bare `#` and cleans the others', () => {
  const url = urlOf('/a/../b');

  assert.deepEqual(TRAEFIK.admit({ ...url, rawPath: '/a#b' }), { refused: 400 });
  const admitted = TRAEFIK.admit(url);
  assert.equal('url' in admitted && requestUri(admitted.url), '/b');
});

test('passesOn() of Traefik passes over a redirect only for requests that are where it leads', () => {
  const redirect = (...to: Redirect['to']) => routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect: { status: 301, to } } });
  const text = (words: string): Redirect['to'][number] => ({ kind: 'text', text: words });
  const whole = redirect(text('https://b.io/x'));
  const sameHost = redirect(text('https://'), { kind: 'host' }, text('/x'));
  const samePath = redirect(text('https://b.io'), { kind: 'path' });
  const passes = (route: typeof whole, overrides: Partial<ProxyRequest>, proto = 'https'): boolean =>
    TRAEFIK.passesOn(route, requestOf({ headers: [{ name: 'x-forwarded-PROTO', value: proto }], ...overrides })) ===
    'the request already is what it redirects to';

  assert.ok(passes(whole, { host: 'b.io' }));
  assert.ok(
    passes(whole, {
      host: 'b.io',
      headers: [
        { name: 'Accept', value: 'x' },
        { name: 'X-Forwarded-Proto', value: 'https' },
      ],
    }),
  );
  assert.ok(!passes(whole, { host: 'b.io' }, 'http'));
  assert.ok(!passes(whole, { host: 'b.io', headers: [{ name: 'x-proto', value: 'https' }] }));
  assert.ok(!passes(whole, { host: 'a.io' }));
  assert.ok(!passes(whole, { host: 'b.io', url: urlOf('/y') }));
  assert.ok(passes(sameHost, { host: 'any.io' }));
  assert.ok(!passes(sameHost, { host: 'any.io', url: urlOf('/y') }));
  assert.ok(passes(samePath, { host: 'b.io', url: urlOf('/y') }));
  assert.ok(!passes(routeOf('r', 'a.io', '/'), { host: 'b.io' }));
});
