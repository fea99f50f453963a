import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware, MiddlewareOf } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import { listen, serveBy } from '../support/both.ts';
import { startEcho, type Answer } from '../support/caddy.ts';
import { poolOf, routeOf, to } from '../support/tables.ts';

/** What both proxies make of answers, and of instances that give none. */

/** The password `oracle`. */
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

const ERRORS: MiddlewareOf<'errors'> = {
  kind: 'errors',
  statuses: [
    { from: 404, to: 404 },
    { from: 500, to: 599 },
  ],
  backend: backendId('side'),
  query: '/{status}?u={url}',
};

for (const server of SERVERS) {
  test(`${server} compresses answers and sets missing content types`, async (t) => {
    const page = await listen(t, ({ url }, response) => {
      if (url !== '/untyped')
        response.setHeader('content-type', url === '/image' ? 'image/png' : url === '/css' ? 'text/css; charset=utf-8' : 'text/plain');
      response.end('<html>'.repeat(100));
    });
    const served = await serveBy(t, server, {
      ports: [page],
      hosts: {
        'usual.io': [{ kind: 'compress' }],
        'small.io': [{ kind: 'compress', minBytes: 100 }],
        'order.io': [{ kind: 'compress', encodings: ['zstd', 'gzip'], minBytes: 100 }],
        'excluded.io': [{ kind: 'compress', encodings: ['gzip'], excludedContentTypes: ['text/css'], minBytes: 100 }],
        'included.io': [{ kind: 'compress', encodings: ['gzip'], includedContentTypes: ['text/css'], minBytes: 100 }],
        'type.io': [{ kind: 'contentType' }],
      },
    });
    if (!served) return;
    const encoding = async (host: string, path = '/', accept = 'gzip, br'): Promise<unknown> =>
      (await served.ask(host, { path, headers: accept === '' ? {} : { 'accept-encoding': accept } })).headers['content-encoding'];

    assert.deepEqual(
      [await encoding('usual.io'), await encoding('small.io', '/', 'gzip'), await encoding('small.io', '/', '')],
      [undefined, 'gzip', undefined],
    );
    assert.deepEqual([await encoding('order.io', '/', 'gzip'), await encoding('order.io', '/', 'zstd')], ['gzip', 'zstd']);
    assert.deepEqual([await encoding('excluded.io'), await encoding('excluded.io', '/css')], ['gzip', undefined]);
    assert.deepEqual(
      [await encoding('included.io'), await encoding('included.io', '/css'), await encoding('included.io', '/image')],
      [undefined, 'gzip', undefined],
    );
    assert.equal((await served.ask('type.io', { path: '/untyped' })).headers['content-type'], 'text/html; charset=utf-8');
  });

  test(`${server} shows pages for errors`, async (t) => {
    const broken = await listen(
      t,
      ({ url }, response) =>
        void response
          .writeHead(url === '/404' ? 404 : url === '/403' ? 403 : 500, { 'x-secret': 'a', 'content-encoding': 'odd' })
          .end('broken'),
    );
    const served = await serveBy(t, server, {
      ports: [broken],
      hosts: {
        'errors.io': [ERRORS],
        'rewrite.io': [
          {
            ...ERRORS,
            rewrites: [{ from: 500, to: 599, status: 418 }],
            requestHeaders: ['X-Kept', 'X-Absent'],
            query: '{status}-{originalStatus}.html',
          },
        ],
        'bare.io': [{ ...ERRORS, requestHeaders: [] }],
        'before.io': [
          { ...ERRORS, statuses: [{ from: 403, to: 403 }] },
          { kind: 'ipAllow', cidrs: ['127.0.0.9'], of: { kind: 'peer' } },
        ],
      },
    });
    if (!served) return;
    const headers = { 'x-kept': 'yes', 'x-lost': 'no' };

    const page = await served.ask('errors.io', { path: '/x?y=1', method: 'POST', body: 'b', headers });
    const { echo } = page;
    assert.deepEqual(
      [
        page.status,
        echo?.name,
        echo?.method,
        echo?.url,
        page.headers['x-secret'],
        page.headers['content-encoding'],
        echo?.headers['x-lost'],
        echo?.headers.host,
      ],
      [500, 'side', 'GET', '/500?u=http%3A%2F%2Ferrors.io%2Fx%3Fy%3D1', undefined, undefined, 'no', 'errors.io'],
    );
    assert.deepEqual(
      [(await served.ask('errors.io', { path: '/404' })).echo?.url, (await served.ask('errors.io', { path: '/403' })).body],
      ['/404?u=http%3A%2F%2Ferrors.io%2F404', 'broken'],
    );
    const rewritten = await served.ask('rewrite.io', { headers });
    assert.deepEqual(
      [
        rewritten.status,
        rewritten.echo?.url,
        rewritten.echo?.headers['x-kept'],
        rewritten.echo?.headers['x-lost'],
        rewritten.echo?.headers['x-absent'],
      ],
      [418, '/418-500.html', 'yes', undefined, undefined],
    );
    assert.deepEqual(
      [(await served.ask('rewrite.io', { path: '/404' })).status, (await served.ask('bare.io', { headers })).echo?.headers['x-kept']],
      [404, undefined],
    );
    const denied = await served.ask('before.io', {});
    assert.deepEqual([denied.status, denied.echo?.name], [403, 'side']);
  });

  test(`${server} shows pages where no instance answers`, async (t) => {
    const wide = routeOf('wide', 'any.io', '/', { middlewares: [{ ...ERRORS, requestHeaders: ['X-Kept'] }], action: to('a') });
    const served = await serveBy(t, server, {
      ports: [1],
      hosts: {
        'plain.io': [],
        'errors.io': [ERRORS, { kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: HASH }] } }],
        'rewrite.io': [{ ...ERRORS, rewrites: [{ from: 502, to: 502, status: 418 }] }],
        'auth.io': [
          { ...ERRORS, statuses: [{ from: 401, to: 401 }] },
          { kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: HASH }] } },
        ],
      },
      routes: [routeOf('half', 'half.io', '/only', { action: to('a') }), { ...wide, match: { ...wide.match, host: { kind: 'any' } } }],
    });
    if (!served) return;
    const user = { authorization: `Basic ${Buffer.from('a:oracle').toString('base64')}` };
    const seen = ({ status, echo }: Answer): readonly unknown[] => [status, echo?.url];

    assert.deepEqual(seen(await served.ask('plain.io')), [502, undefined]);
    assert.deepEqual(seen(await served.ask('errors.io', { path: '/p?q', method: 'POST', body: 'b', headers: user })), [
      502,
      '/502?u=http%3A%2F%2Ferrors.io%2Fp%3Fq',
    ]);
    assert.deepEqual(
      [(await served.ask('errors.io')).status, seen(await served.ask('rewrite.io'))],
      [401, [418, '/418?u=http%3A%2F%2Frewrite.io%2F']],
    );
    assert.deepEqual(seen(await served.ask('auth.io')), [401, '/401?u=http%3A%2F%2Fauth.io%2F']);
    assert.deepEqual(seen(await served.ask('half.io', { path: '/x' })), [502, '/502?u=http%3A%2F%2Fhalf.io%2Fx']);
    assert.deepEqual(seen(await served.ask('half.io', { path: '/only' })), [502, undefined]);
    const wider = await served.ask('other.io', { headers: { 'x-kept': 'yes', 'x-lost': 'no' } });
    assert.deepEqual(
      [...seen(wider), wider.echo?.headers['x-kept'], wider.echo?.headers['x-lost']],
      [502, '/502?u=http%3A%2F%2Fother.io%2F', 'yes', undefined],
    );
  });

  test(`${server} sets headers on its own answers too, those of the middlewares that the request has passed`, async (t) => {
    const outer: Middleware = { kind: 'headers', request: [], response: [{ name: 'X-Outer', value: 'a' }] };
    const inner: Middleware = { kind: 'headers', request: [], response: [{ name: 'X-Inner', value: 'b' }] };
    const auth: Middleware = { kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: HASH }] } };
    const hsts: Middleware = { kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false, preload: false, always: true };
    const cors: Middleware = {
      kind: 'cors',
      allowCredentials: true,
      allowHeaders: [],
      allowMethods: [],
      allowOrigins: ['https://a.io'],
      allowOriginRegexps: [],
      exposeHeaders: [],
      addVary: true,
    };
    const wide = routeOf('wide', 'any.io', '/', { middlewares: [inner], action: to('a') });
    const served = await serveBy(t, server, {
      // nobody listens on the lowest ports
      ports: [1],
      hosts: { 'auth.io': [outer, auth, inner], 'page.io': [outer, ERRORS, inner], 'many.io': [hsts, cors] },
      pools: [poolOf('sticky.io', [1], { sticky: { name: 'lb', secure: true } })],
      routes: [routeOf('half', 'half.io', '/only', { action: to('a') }), { ...wide, match: { ...wide.match, host: { kind: 'any' } } }],
    });
    if (!served) return;
    const user = { authorization: `Basic ${Buffer.from('a:oracle').toString('base64')}` };
    const seen = async (host: string, headers: Record<string, string> = {}, path = '/'): Promise<readonly unknown[]> => {
      const { status, headers: found } = await served.ask(host, { headers, path });
      return [status, found['x-outer'], found['x-inner']];
    };

    assert.deepEqual(await seen('auth.io'), [401, 'a', undefined]);
    assert.deepEqual(await seen('auth.io', user), [502, 'a', 'b']);
    assert.deepEqual(await seen('page.io'), [502, 'a', undefined]);
    assert.deepEqual(await seen('half.io', {}, '/only'), [502, undefined, undefined]);
    assert.deepEqual(await seen('half.io'), [502, undefined, 'b']);
    assert.deepEqual(await seen('other.io'), [502, undefined, 'b']);
    const { headers: many } = await served.ask('many.io', { headers: { origin: 'https://a.io' } });
    assert.deepEqual(
      ['strict-transport-security', 'access-control-allow-origin', 'access-control-allow-credentials', 'vary'].map((name) => many[name]),
      ['max-age=60', 'https://a.io', 'true', 'Origin'],
    );
    const cookie = (await served.ask('sticky.io')).headers['set-cookie'] ?? [];
    assert.deepEqual(
      cookie.map((text) => text.replace(/=[^;]*/, '=…')),
      ['lb=…; Path=/; Secure'],
    );
    const { headers: foreign } = await served.ask('many.io', { headers: { origin: 'https://b.io' } });
    assert.equal(foreign['access-control-allow-origin'], undefined);
  });

  test(`${server} tries other instances`, async (t) => {
    // nobody listens on the lowest ports
    const ports = [1, 2, 3, await startEcho(t, 'a')];
    const served = await serveBy(t, server, {
      ports,
      hosts: { 'retry.io': [{ kind: 'retry', attempts: 8, initialIntervalMs: 1 }], 'once.io': [{ kind: 'retry', attempts: 1 }] },
    });
    if (!served) return;
    const eight = Array.from({ length: 8 }, () => ({ method: 'POST', body: 'b' }));
    const statuses = async (host: string): Promise<readonly number[]> =>
      [...new Set(await served.statuses(host, ...eight))].toSorted((a, b) => a - b);
    assert.deepEqual(await statuses('retry.io'), [200]);
    assert.ok((await statuses('once.io')).includes(502));
  });

  test(`${server} tries again for statuses and methods as asked`, async (t) => {
    let asked = 0;
    const bodies: string[] = [];
    const flaky = await listen(t, (incoming, response) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
      incoming.on('end', () => {
        bodies.push(body);
        asked += 1;
        response.writeHead(asked === 1 ? 503 : 200).end();
      });
    });
    const statuses = [
      { from: 500, to: 502 },
      { from: 503, to: 503 },
    ];
    const any: Middleware = { kind: 'retry', attempts: 2, statuses, anyMethod: true };
    const served = await serveBy(t, server, {
      ports: [flaky],
      hosts: {
        'status.io': [{ kind: 'retry', attempts: 2, statuses, maxBodyBytes: 10, timeoutMs: 5000 }],
        'any.io': [any],
        'other.io': [{ ...any, statuses: [{ from: 500, to: 500 }] }],
      },
    });
    if (!served) return;
    const status = async (host: string, method: string, body?: string): Promise<number> => {
      asked = 0;
      return (await served.ask(host, { method, ...(body !== undefined && { body }) })).status;
    };

    assert.deepEqual(
      [
        await status('status.io', 'GET'),
        await status('status.io', 'POST'),
        await status('any.io', 'POST', 'b'),
        await status('other.io', 'GET'),
      ],
      [200, 503, 200, 503],
    );
    assert.deepEqual(
      bodies.filter((body) => body !== ''),
      ['b', 'b'],
    );
    assert.equal(await status('status.io', 'PUT', 'x'.repeat(100)), 503);
  });
}
