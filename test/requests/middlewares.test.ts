import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware, MiddlewareOf } from '../../src/model/middleware.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import type { Answer } from '../support/caddy.ts';
import { listen, serveBy, type Asking } from '../support/both.ts';
import { port } from '../support/intents.ts';

/** The same middlewares on both proxies: the same requests get the same answers. */

const CORS: MiddlewareOf<'cors'> = {
  kind: 'cors',
  allowCredentials: false,
  allowHeaders: [],
  allowMethods: [],
  allowOrigins: [],
  allowOriginRegexps: [],
  exposeHeaders: [],
  addVary: false,
};

for (const server of SERVERS) {
  test(`${server} changes paths as Traefik's tags ask`, async (t) => {
    const served = await serveBy(t, server, {
      route: { dialect: 'traefik' },
      hosts: {
        'strip.io': [{ kind: 'stripPrefix', prefixes: ['/api', '/b c'] }],
        'force.io': [
          { kind: 'stripPrefix', prefixes: ['/api'], forceSlash: true },
          { kind: 'addPrefix', prefix: '/p' },
        ],
        'again.io': [
          { kind: 'stripPrefix', prefixes: ['/api'] },
          { kind: 'addPrefix', prefix: '/p' },
        ],
        'twice.io': [
          { kind: 'stripPrefixRegexp', regexps: ['/[0-9]+', '/api'] },
          { kind: 'stripPrefix', prefixes: ['/v1', '/v2'] },
          { kind: 'headers', request: [{ name: 'X-A', value: 'a' }], response: [] },
          { kind: 'addPrefix', prefix: '/p' },
          { kind: 'addPrefix', prefix: '/q' },
        ],
        'regexp.io': [{ kind: 'stripPrefixRegexp', regexps: ['/none', '^/[a-z]+/(?:v1|v2)', '/x'] }],
        'slash.io': [
          { kind: 'addPrefix', prefix: '/p/' },
          { kind: 'stripPrefixRegexp', regexps: ['/p/v[0-9]', '/p//v[0-9]', '/p/*x/', '/p'] },
        ],
        'dots.io': [
          { kind: 'replacePath', path: '/a/../b' },
          { kind: 'stripPrefix', prefixes: ['/a'] },
        ],
        'add.io': [{ kind: 'addPrefix', prefix: '/p+$1' }],
        'odd.io': [{ kind: 'addPrefix', prefix: '/{p} $1 100%' }],
        'replace.io': [{ kind: 'replacePath', path: '/new%2Fpath/$1' }],
        'rewrite.io': [{ kind: 'replacePathRegexp', regexp: '^/([a-z]+)/([0-9]+)', replacement: '/${2}0/$1' }],
        'brace.io': [{ kind: 'replacePathRegexp', regexp: '^/a', replacement: '/{x}$$' }],
        'cut.io': [{ kind: 'replacePathRegexp', regexp: '^/cut/', replacement: '' }],
      },
    });
    if (!served) return;
    const path = async (host: string, asked: string): Promise<unknown> => {
      const { status, echo } = await served.ask(host, { path: asked });
      return echo?.url ?? status;
    };
    const paths = async (host: string, ...asked: readonly string[]): Promise<readonly unknown[]> =>
      Promise.all(asked.map((one) => path(host, one)));

    const cut = async (asked: string): Promise<unknown> => {
      const { echo } = await served.ask('twice.io', { path: asked, headers: { 'x-forwarded-prefix': '/forged' } });
      return echo?.headers['x-forwarded-prefix'];
    };
    assert.deepEqual([await cut('/7/v1/x'), await cut('/v2/x'), await cut('/8/x')], ['/7, /v1', '/v2', '/8']);
    assert.deepEqual(await paths('strip.io', '/api/x?q=%2F', '/API/x', '/apix', '/api', '/api/', '/b%20c/d', '/none?'), [
      '/x?q=%2F',
      '/API/x',
      '/x',
      '/',
      '/',
      '/d',
      '/none?',
    ]);
    assert.deepEqual(await paths('strip.io', '/api/x%2Fy', '/api/%3Fa%25b', '/api../x', '/%61pi/caf%C3%A9'), [
      '/x%2Fy',
      '/%3Fa%25b',
      400,
      '/caf%C3%A9',
    ]);
    assert.deepEqual(await paths('force.io', '/api', '/api/x'), ['/p/', '/p/x']);
    assert.deepEqual(await paths('again.io', '/api', '/api/', '/api/x', '/', '/x?q'), ['/p', '/p/', '/p/x', '/p/', '/p/x?q']);
    assert.deepEqual(await paths('twice.io', '/api/v2', '/api/v1/', '/7', '/v1', '/', '/8/v1/x'), [
      '/q/p',
      '/q/p/',
      '/q/p',
      '/q/p',
      '/q/p/',
      '/q/p/x',
    ]);
    assert.deepEqual(await paths('regexp.io', '/shop/v1/a%2Fb?q', '/shop/v3/a', '/shop/v2', '/x/a', '/y/x'), [
      '/a%2Fb?q',
      '/shop/v3/a',
      '/',
      '/a',
      '/y/x',
    ]);
    assert.deepEqual(await paths('slash.io', '/a', '/v1/a%2Fb', '/x/..b', '/v1', '/x/./b'), [400, '/a%2Fb', '/..b', '/', '/b']);
    assert.deepEqual(await paths('dots.io', '/a'), [400]);
    assert.deepEqual(await paths('add.io', '/a%2Fb', '/'), ['/p+$1/a%2Fb', '/p+$1/']);
    assert.deepEqual(await paths('odd.io', '/a%20b', '/'), ['/%7Bp%7D%20$1%20100%25/a%20b', '/%7Bp%7D%20$1%20100%25/']);
    assert.deepEqual(await paths('replace.io', '/old/a%2Fb?q=1', '/'), ['/new%2Fpath/$1?q=1', '/new%2Fpath/$1']);
    assert.deepEqual(await paths('rewrite.io', '/ab/12/x%2Fy?q=1', '/AB/12'), ['/120/ab/x%2Fy?q=1', '/AB/12']);
    assert.deepEqual(await paths('brace.io', '/a/b'), ['/%7Bx%7D$/b']);
    assert.deepEqual(await paths('cut.io', '/cut/x', '/x'), [400, '/x']);
    const headers = async (host: string, asked: string): Promise<readonly unknown[]> => {
      const { echo } = await served.ask(host, { path: asked });
      return [echo?.headers['x-forwarded-prefix'], echo?.headers['x-replaced-path']];
    };
    assert.deepEqual(
      [
        await headers('strip.io', '/api/x'),
        await headers('regexp.io', '/shop/v1/a'),
        await headers('replace.io', '/o%2F?q'),
        await headers('rewrite.io', '/a/1'),
      ],
      [
        ['/api', undefined],
        ['/shop/v1', undefined],
        [undefined, '/o%2F'],
        [undefined, '/a/1'],
      ],
    );
  });

  test(`${server} redirects to another scheme, and from another port`, async (t) => {
    const scheme = (to: 'http' | 'https', wanted?: number): readonly Middleware[] => [
      { kind: 'redirectScheme', scheme: to, permanent: true, ...(wanted !== undefined && { port: port(wanted) }) },
    ];
    const served = await serveBy(t, server, {
      hosts: { 'https.io': scheme('https'), 'http.io': scheme('http', 80), 'port.io': scheme('http', 8080) },
    });
    if (!served) return;
    const led = async (host: string, asking: Asking = {}): Promise<string> => {
      const { status, headers } = await served.ask(host, { path: '/x?q', ...asking });
      return `${status} ${headers.location ?? ''}`.trim();
    };

    assert.equal(await led('https.io:8080'), '301 https://https.io/x?q');
    assert.equal(await led('https.io', { method: 'POST' }), '308 https://https.io/x?q');
    assert.equal(await led('https.io', { tls: true }), '200');
    assert.deepEqual([await led('http.io'), await led('http.io:80')], ['200', '200']);
    assert.deepEqual([await led('http.io:443'), await led('http.io', { tls: true })], Array(2).fill('301 http://http.io/x?q'));
    assert.deepEqual(
      [await led('port.io:8080'), await led('port.io'), await led('port.io:80')],
      ['200', ...Array<string>(2).fill('301 http://port.io:8080/x?q')],
    );
  });

  test(`${server} believes the scheme that a trusted proxy names, and no other`, async (t) => {
    const toHttps: readonly Middleware[] = [{ kind: 'redirectScheme', scheme: 'https', permanent: true }];
    const statusesBehind = async (trustedProxies: readonly string[]): Promise<readonly number[] | undefined> => {
      const served = await serveBy(t, server, { hosts: { 'a.io': toHttps }, wishes: { trustedProxies } });
      if (!served) return undefined;
      const named = async (scheme: string, tls = false): Promise<number> =>
        (await served.ask('a.io', { tls, headers: { 'x-forwarded-proto': scheme } })).status;
      const plain = [await named('https'), await named('WSS'), await named('http'), await named('ftp'), (await served.ask('a.io')).status];
      return [...plain, await named('http', true), await named('ftp', true), (await served.ask('a.io', { tls: true })).status];
    };

    const behind = await statusesBehind(['127.0.0.1/32']);
    if (!behind) return;
    assert.deepEqual(behind, [200, 200, 301, 301, 301, 301, 200, 200]);
    assert.deepEqual(await statusesBehind(['10.0.0.0/8']), [301, 301, 301, 301, 301, 200, 200, 200]);
  });

  test(`${server} redirects by expressions`, async (t) => {
    const redirect = (regexp: string, replacement: string, permanent = false): readonly Middleware[] => [
      { kind: 'redirectRegexp', regexp, replacement, permanent },
    ];
    const served = await serveBy(t, server, {
      hosts: {
        'whole.io': redirect('^http://[^/]+/(?:old|older)/([a-z]+)(.*)$', 'https://new.io/${1}1/$1-$$$3x$2', true),
        'part.io': redirect('/a/(b)', '/${1}/{http.request.host}/$0'),
        'same.io': redirect('^(.*)$', '$1'),
        'none.io': redirect('^https://', 'http://'),
      },
    });
    if (!served) return;
    const at = async (host: string, path: string, method = 'GET'): Promise<readonly unknown[]> => {
      const { status, headers, echo } = await served.ask(host, { path, method, headers: { 'x-a': '1' } });
      return [status, headers['location']?.replace(`:${served.web}`, '') ?? echo?.url];
    };

    assert.deepEqual(await at('whole.io', '/older/ab/c%20d?q=1'), [301, 'https://new.io/ab1/ab-$/c%20d?q=1']);
    assert.deepEqual(
      [await at('whole.io', '/old/x', 'POST'), await at('whole.io', '/new')],
      [
        [308, 'https://new.io/x1/x-$'],
        [200, '/new'],
      ],
    );
    assert.deepEqual(await at('part.io', '/x/a/b?q'), [302, 'http://part.io/x/b/%7Bhttp.request.host%7D//a/b?q']);
    assert.deepEqual(
      [await at('part.io', '/x'), await at('same.io', '/x?q'), await at('none.io', '/')],
      [
        [200, '/x'],
        [200, '/x?q'],
        [200, '/'],
      ],
    );
  });

  test(`${server} redirects with the query as it was sent, to the host that is set before, and tells each path that is replaced`, async (t) => {
    const host: Middleware = { kind: 'headers', request: [{ name: 'Host', value: 'set.io' }], response: [] };
    const scheme: Middleware = { kind: 'redirectScheme', scheme: 'https', permanent: true };
    const regexp: Middleware = { kind: 'redirectRegexp', regexp: '/api', replacement: '/moved', permanent: false };
    const served = await serveBy(t, server, {
      route: { dialect: 'traefik' },
      hosts: {
        'scheme.io': [scheme],
        'regexp.io': [regexp],
        'before.io': [host, scheme],
        'behind.io': [regexp, host],
        'again.io': [
          { kind: 'replacePathRegexp', regexp: '^/a', replacement: '/b' },
          { kind: 'replacePath', path: '/c' },
        ],
      },
    });
    if (!served) return;
    const answer = async (name: string, path: string): Promise<unknown> => {
      const { headers, echo } = await served.ask(name, { path });
      return echo ? `${echo.headers.host ?? ''}${echo.url}` : headers.location;
    };

    assert.equal((await served.ask('again.io', { path: '/a/x' })).echo?.headers['x-replaced-path'], '/a/x, /b/x');
    assert.equal(await answer('scheme.io', '/x?a;b'), 'https://scheme.io/x?a;b');
    assert.equal(await answer('regexp.io', '/x//api?a;b'), 'http://regexp.io/x/moved?a;b');
    assert.equal(await answer('regexp.io', '/x;y?a;b'), 'regexp.io/x;y?a&b');
    assert.equal(await answer('before.io', '/x'), 'https://set.io/x');
    assert.deepEqual([await answer('behind.io', '/api'), await answer('behind.io', '/x?a;b')], ['http://behind.io/moved', 'set.io/x?a&b']);
  });

  test(`${server} sets, removes and guards headers`, async (t) => {
    const served = await serveBy(t, server, {
      hosts: {
        'headers.io': [
          {
            kind: 'headers',
            request: [
              { name: 'X-Gone', value: '' },
              { name: 'X-In', value: '{http.request.host} $1' },
            ],
            response: [{ name: 'X-Out', value: '{http.request.host}' }],
          },
        ],
        'hsts.io': [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: true, preload: true, always: false }],
        'always.io': [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false, preload: false, always: true }],
        'hosts.io': [{ kind: 'allowedHosts', hosts: ['other.io', 'HOSTS.io'] }],
        'other.io': [{ kind: 'allowedHosts', hosts: ['hosts.io'] }],
        'cert.io': [{ kind: 'passTlsClientCert', pem: true, info: [] }],
      },
      codes: { caddy: ['CADDY_APPROXIMATED'] },
    });
    if (!served) return;

    const headers = await served.ask('headers.io', { headers: { 'x-gone': 'a' } });
    assert.deepEqual(
      [headers.echo?.headers['x-in'], headers.echo?.headers['x-gone'], headers.headers['x-out']],
      ['{http.request.host} $1', undefined, '{http.request.host}'],
    );
    const hsts = async (host: string, tls: boolean): Promise<unknown> =>
      (await served.ask(host, { tls })).headers['strict-transport-security'];
    assert.deepEqual([await hsts('hsts.io', true), await hsts('hsts.io', false)], ['max-age=60; includeSubDomains; preload', undefined]);
    assert.deepEqual([await hsts('always.io', true), await hsts('always.io', false)], ['max-age=60', 'max-age=60']);
    assert.deepEqual([(await served.ask('hosts.io')).status, (await served.ask('other.io')).status], [200, 500]);
    const forged = { 'x-forwarded-tls-client-cert': 'forged', 'x-forwarded-tls-client-cert-info': 'forged' };
    const { echo } = await served.ask('cert.io', { tls: true, headers: forged });
    assert.deepEqual(
      [echo?.headers['x-forwarded-tls-client-cert'], echo?.headers['x-forwarded-tls-client-cert-info']],
      [undefined, undefined],
    );
  });

  test(`${server} answers cross-origin questions`, async (t) => {
    const own = await listen(t, (_request, response) =>
      response.setHeader('Access-Control-Allow-Origin', 'own').setHeader('Vary', 'A').end(),
    );
    const served = await serveBy(t, server, {
      ports: [own],
      hosts: {
        'cors.io': [
          {
            ...CORS,
            allowCredentials: true,
            allowHeaders: ['X-A'],
            allowMethods: ['GET', 'PUT'],
            allowOrigins: ['https://a.io'],
            allowOriginRegexps: ['^https://[a-z]+\\.b\\.io$'],
            exposeHeaders: ['X-B'],
            maxAgeSeconds: 30,
            addVary: true,
          },
        ],
        'star.io': [{ ...CORS, allowOrigins: ['https://a.io', '*'] }],
        'all.io': [
          { ...CORS, allowOrigins: ['*'], allowCredentials: true, allowHeaders: ['*'], allowMethods: ['*'], exposeHeaders: ['*'] },
        ],
        'none.io': [{ ...CORS, exposeHeaders: ['X-B', 'X-C'] }],
      },
    });
    if (!served) return;
    const NAMES = ['allow-origin', 'allow-credentials', 'allow-methods', 'allow-headers', 'max-age', 'expose-headers'];
    const granted = ({ status, headers }: Answer): readonly unknown[] => [
      status,
      ...NAMES.map((name) => headers[`access-control-${name}`]),
    ];
    const preflight = async (host: string, origin: string): Promise<readonly unknown[]> =>
      granted(
        await served.ask(host, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-z' },
        }),
      );
    const plain = async (host: string, origin?: string): Promise<readonly unknown[]> =>
      granted(await served.ask(host, { headers: origin === undefined ? {} : { origin } }));

    const no = undefined;
    assert.deepEqual(await preflight('cors.io', 'https://x.b.io'), [200, 'https://x.b.io', 'true', 'GET,PUT', 'X-A', '30', 'X-B']);
    assert.deepEqual(await preflight('cors.io', 'https://evil.io'), [200, no, 'true', 'GET,PUT', 'X-A', '30', 'X-B']);
    assert.deepEqual(await plain('cors.io', 'https://a.io'), [200, 'https://a.io', 'true', no, no, no, 'X-B']);
    assert.deepEqual(await plain('cors.io', 'https://evil.io'), [200, 'own', 'true', no, no, no, 'X-B']);
    assert.deepEqual((await served.ask('cors.io')).headers['vary']?.split(/, */), ['A', 'Origin']);
    assert.deepEqual(
      [await plain('star.io', 'https://a.io'), await plain('star.io', 'https://x.io'), await plain('star.io')],
      [
        [200, 'https://a.io', no, no, no, no, no],
        [200, '*', no, no, no, no, no],
        [200, '*', no, no, no, no, no],
      ],
    );
    assert.deepEqual(await preflight('all.io', 'https://a.io'), [200, 'https://a.io', 'true', 'PUT', 'x-z', no, no]);
    assert.deepEqual(await plain('all.io'), [200, '', 'true', no, no, no, no], 'a request without an origin');
    assert.deepEqual(await plain('none.io', 'https://a.io'), [200, 'own', no, no, no, no, 'X-B,X-C']);
  });
}
