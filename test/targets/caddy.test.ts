import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { exactHost, exactPath } from '../../src/model/match.ts';
import type { Route, RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { ask, startCaddy, startEcho, type RunningCaddy } from '../support/caddy.ts';
import { host, matchOf, port } from '../support/intents.ts';
import { needServer } from '../support/process.ts';
import { until } from '../support/until.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

async function serve(t: TestContext, table: RoutingTable): Promise<RunningCaddy | undefined> {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return undefined;
  const caddy = await startCaddy(t, binary);
  const outcome = await caddy.deployer.apply(caddyTarget.render(table, caddy.settings).value, t.signal);
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  return caddy;
}

test('caddyTarget lets the first route of the table answer across hosts, paths and entry points', async (t) => {
  const [a, b, c, d] = [await startEcho(t, 'a'), await startEcho(t, 'b'), await startEcho(t, 'c'), await startEcho(t, 'd')];
  const glob = { kind: 'glob', pattern: '*.x.io', regexp: '^.*\\.x\\.io$', port: 'any' } as const;
  const caddy = await serve(
    t,
    tableOf(
      [
        routeOf('a', 'a.io', '/foo', { action: to('a') }),
        routeOf('wide', '*', '/wide', { action: to('d') }),
        routeOf('b', 'a.io', '/', { action: to('b') }),
        routeOf('ill', 'ill.io', '/'),
        routeOf('c', '*', '/', { match: { ...matchOf('*'), host: glob }, action: to('c') }),
      ],
      poolOf('a', [a]),
      poolOf('b', [b]),
      poolOf('c', [c]),
      poolOf('d', [d]),
    ),
  );
  if (!caddy) return;
  const web = { port: caddy.web };
  const name = async (hostText: string, path: string): Promise<string | number> => {
    const { echo, status } = await ask(web, { host: hostText, path });
    return echo?.name ?? status;
  };

  assert.equal(await name('a.io', '/foot'), 'a');
  assert.equal(await name('A.IO:8080', '/foo'), 'a');
  assert.equal(await name('a.io', '/FOO'), 'b');
  assert.equal(await name('a.io', '/wide'), 'd');
  assert.equal(await name('other.io', '/wide'), 'd');
  assert.equal(await name('p.q.x.io', '/'), 'c');
  assert.equal(await name('x.io', '/'), 404);
  assert.equal(await name('ill.io', '/any'), 503);
  assert.equal((await ask(web, { host: 'ill.io' })).headers['retry-after'], '5');
  // certificates of the internal CA are made after the load
  const secure = (hostText: string, path: string): ReturnType<typeof ask> =>
    ask({ port: caddy.websecure, tls: true }, { host: hostText, path });
  assert.equal((await until('TLS for a.io', () => secure('a.io', '/foo'), 3000)).echo?.name, 'a');
  assert.equal((await until('TLS for none.io', () => secure('none.io', '/'), 3000)).status, 404);
});

test('caddyTarget gives instances the path, host and headers that the route asks for', async (t) => {
  const echo = await startEcho(t, 'a');
  const caddy = await serve(
    t,
    tableOf(
      [
        routeOf('first', 'a.io', '/', { middlewares: [{ kind: 'addPrefix', prefix: '/p' }], action: to('a') }),
        routeOf('strip', 'strip.io', '/api', { middlewares: [{ kind: 'stripPrefix', prefixes: ['/api'] }], action: to('a') }),
        routeOf('add', 'add.io', '/', { middlewares: [{ kind: 'addPrefix', prefix: '/p' }], action: to('a') }),
        routeOf('raw', 'raw.io', '/', { pathForm: 'raw', action: to('a') }),
        routeOf('clean', 'clean.io', '/', { action: to('fixed') }),
        routeOf('headers', 'headers.io', '/', {
          middlewares: [
            {
              kind: 'headers',
              request: [
                { name: 'X-In', value: 'a {http.request.host} "b"' },
                { name: 'X-Gone', value: '' },
              ],
              response: [{ name: 'X-Out', value: '{http.request.host}' }],
            },
          ],
          action: to('end'),
        }),
      ],
      poolOf('a', [echo]),
      poolOf('fixed', [echo], { upstreamHost: { kind: 'fixed', host: host('up.io') } }),
      poolOf('end', [echo], { upstreamHost: { kind: 'endpoint' } }),
    ),
  );
  if (!caddy) return;
  const get = (hostText: string, path: string, headers: Record<string, string> = {}): ReturnType<typeof ask> =>
    ask({ port: caddy.web }, { host: hostText, path, headers });

  const stripped = await get('strip.io', '/api/x?y=1');
  assert.equal(stripped.echo?.url, '/x?y=1');
  assert.equal(stripped.echo.headers.host, 'strip.io');
  assert.equal((await get('strip.io', '/apix')).echo?.url, '/x');
  assert.equal((await get('strip.io', '/API/x')).status, 404);
  assert.equal((await get('add.io', '/x?y=1')).echo?.url, '/p/x?y=1');
  assert.equal((await get('a.io', '//x')).echo?.url, '/p/x', 'the first site that rewrites');
  assert.equal((await get('raw.io', '/a//b/../c')).echo?.url, '/a//b/../c');
  const cleaned = await get('clean.io', '/a//b');
  assert.equal(cleaned.echo?.url, '/a/b');
  assert.equal(cleaned.echo.headers.host, 'up.io');
  const changed = await get('headers.io', '/', { 'x-gone': '1', 'x-forwarded-for': '1.2.3.4' });
  assert.equal(changed.echo?.headers['x-in'], 'a {http.request.host} "b"');
  assert.equal(changed.echo.headers['x-gone'], undefined);
  assert.equal(changed.echo.headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(changed.echo.headers.host, `127.0.0.1:${echo}`);
  assert.equal(changed.headers['x-out'], '{http.request.host}');
});

test('caddyTarget redirects with the status of the method and the parts of the request', async (t) => {
  const caddy = await serve(
    t,
    tableOf([
      routeOf('rel', 'rel.io', '/', { action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: '/new' }] } } }),
      routeOf('parts', 'parts.io', '/', {
        pathForm: 'raw',
        action: {
          kind: 'redirect',
          redirect: {
            status: 301,
            otherStatus: 308,
            to: [{ kind: 'text', text: 'https://' }, { kind: 'hostname' }, { kind: 'path' }],
          },
        },
      }),
    ]),
  );
  if (!caddy) return;
  const web = { port: caddy.web };

  const relative = await ask(web, { host: 'rel.io', path: '/x' });
  assert.deepEqual([relative.status, relative.headers.location], [302, '/new']);
  const parts = await ask(web, { host: 'parts.io:80', path: '/x?y=1' });
  assert.deepEqual([parts.status, parts.headers.location], [301, 'https://parts.io/x?y=1']);
  assert.equal((await ask(web, { host: 'parts.io', method: 'POST' })).status, 308);
});

test('caddyTarget answers 404 on a host of its own when neither its routes nor the wide ones match', async (t) => {
  const echo = await startEcho(t, 'a');
  const caddy = await serve(
    t,
    tableOf([routeOf('own', 'a.io', '/own', { action: to('a') }), routeOf('wide', '*', '/wide', { action: to('a') })], poolOf('a', [echo])),
  );
  if (!caddy) return;
  const status = async (path: string): Promise<number> => (await ask({ port: caddy.web }, { host: 'a.io', path })).status;

  assert.deepEqual([await status('/own'), await status('/wide'), await status('/none')], [200, 200, 404]);
});

test('caddyTarget matches a Fabio pattern against the Host header with its port', async (t) => {
  const echo = await startEcho(t, 'a');
  const glob = (pattern: string, regexp: string, hostPort: 'own' | 'any' | 8123): Partial<Route> => ({
    match: { ...matchOf('*'), host: { kind: 'glob', pattern, regexp, port: hostPort === 8123 ? port(8123) : hostPort } },
    action: to('a'),
  });
  const caddy = await serve(
    t,
    tableOf(
      [
        routeOf('tail', '*', '/', glob('vault*', '^vault.*$', 'own')),
        routeOf('head', '*', '/', glob('*.io', '^.*\\.io$', 'own')),
        routeOf('numbered', '*', '/', glob('*.net', '^.*\\.net$', 8123)),
        routeOf('portless', '*', '/', glob('*.org', '^.*\\.org$', 'any')),
      ],
      poolOf('a', [echo]),
    ),
  );
  if (!caddy) return;
  const status = async (hostText: string): Promise<number> => (await ask({ port: caddy.web }, { host: hostText })).status;

  assert.deepEqual([await status('vault'), await status('vault:8200')], [200, 200]);
  assert.deepEqual([await status('a.io'), await status('a.io:80'), await status('a.io:8200')], [200, 200, 404]);
  assert.deepEqual([await status('a.net:8123'), await status('a.net')], [200, 404]);
  assert.deepEqual([await status('a.org'), await status('a.org:8200')], [200, 200]);
});

test('caddyTarget passes over a redirect of Fabio when the request already is its target', async (t) => {
  const echo = await startEcho(t, 'a');
  const redirect = { status: 301, to: [{ kind: 'text', text: 'https://h.io' }, { kind: 'path' }] } as const;
  const caddy = await serve(
    t,
    tableOf(
      [
        routeOf('redirect', 'h.io', '/', { action: { kind: 'redirect', redirect } }),
        routeOf('fixed', 'i.io', '/', {
          action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: 'http://i.io/there' }] } },
        }),
        routeOf('wide', '*', '/', { action: to('a') }),
      ],
      poolOf('a', [echo]),
    ),
  );
  if (!caddy) return;
  const status = async (hostText: string, path: string, proto?: string): Promise<number> =>
    (await ask({ port: caddy.web }, { host: hostText, path, headers: proto === undefined ? {} : { 'x-forwarded-proto': proto } })).status;

  assert.deepEqual([await status('h.io', '/a'), await status('h.io', '/a', 'http'), await status('h.io', '/a', 'https')], [301, 301, 200]);
  assert.deepEqual([await status('i.io', '/there', 'http'), await status('i.io', '/here', 'http')], [200, 302]);
  const bare = await ask({ port: caddy.web }, { host: 'h.io', path: '/a?' });
  assert.equal(bare.headers.location, 'https://h.io/a');
});

test('caddyTarget compares the port of the Host header where the route asks for it', async (t) => {
  const [own, other] = [await startEcho(t, 'own'), await startEcho(t, 'other')];
  const caddy = await serve(
    t,
    tableOf(
      [
        routeOf('other', 'p.io', '/', { match: { ...matchOf('p.io'), host: exactHost(host('p.io'), port(8123)) }, action: to('other') }),
        routeOf('own', 'p.io', '/', {
          match: { host: exactHost(host('p.io'), 'own'), path: exactPath('/x'), conditions: [] },
          action: to('own'),
        }),
      ],
      poolOf('own', [own]),
      poolOf('other', [other]),
    ),
  );
  if (!caddy) return;
  const get = (hostText: string, path: string): ReturnType<typeof ask> => ask({ port: caddy.web }, { host: hostText, path });

  assert.equal((await get('p.io:8123', '/x')).echo?.name, 'other');
  assert.equal((await get('p.io', '/x')).echo?.name, 'own');
  assert.equal((await get(`p.io:${caddy.web}`, '/x')).echo?.name, 'own');
  assert.equal((await get('p.io:9', '/x')).status, 404);
  assert.equal((await get('p.io', '/x/y')).status, 404);
});

test('caddyTarget leaves a foreign port in the Host header to the wide routes when all routes of a host want their own', async (t) => {
  const [own, wide] = [await startEcho(t, 'own'), await startEcho(t, 'wide')];
  const match = { host: exactHost(host('q.io'), 'own'), path: exactPath('/x'), conditions: [] } as const;
  const ours = routeOf('own', 'q.io', '/x', { match, action: to('own') });
  const [narrow, both] = [
    await serve(t, tableOf([ours], poolOf('own', [own]))),
    await serve(t, tableOf([ours, routeOf('wide', '*', '/', { action: to('wide') })], poolOf('own', [own]), poolOf('wide', [wide]))),
  ];
  if (!narrow || !both) return;
  const name = async ({ web }: RunningCaddy, hostText: string, path = '/x'): Promise<string | number> => {
    const { echo, status } = await ask({ port: web }, { host: hostText, path });
    return echo?.name ?? status;
  };

  assert.deepEqual([await name(narrow, 'q.io'), await name(narrow, 'q.io:9'), await name(narrow, 'q.io', '/')], ['own', 404, 404]);
  assert.deepEqual([await name(both, 'q.io'), await name(both, 'q.io:9'), await name(both, 'q.io', '/')], ['own', 'wide', 'wide']);
});

test('caddyTarget shares requests by weight and gives nothing to weight 0', async (t) => {
  const [a, b] = [await startEcho(t, 'a'), await startEcho(t, 'b')];
  const weighted = (weights: readonly number[]) => (endpoint: { readonly port: number }, index: number) => ({
    address: '127.0.0.1',
    port: port(endpoint.port),
    protocol: 'http' as const,
    weight: weights[index] ?? 0,
  });
  const ends = [{ port: a }, { port: b }];
  const caddy = await serve(
    t,
    tableOf(
      [routeOf('w', 'w.io', '/', { action: to('w') }), routeOf('z', 'z.io', '/', { action: to('z') })],
      poolOf('w', [], { endpoints: ends.map(weighted([3, 1])) }),
      poolOf('z', [], { endpoints: ends.slice(0, 1).map(weighted([0])) }),
    ),
  );
  if (!caddy) return;

  const names = new Map<string, number>();
  for (let index = 0; index < 40; index++) {
    const name = (await ask({ port: caddy.web }, { host: 'w.io' })).echo?.name ?? '';
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  assert.deepEqual([names.get('a'), names.get('b')], [30, 10]);
  assert.equal((await ask({ port: caddy.web }, { host: 'z.io' })).status, 503);
});

test('caddyTarget.render() keeps a text that cannot be quoted to its own route when tables hold one', async (t) => {
  const echo = await startEcho(t, 'a');
  const hostile = ['`', '{$HOME}', '{env.HOME}', 'a\nb', '\\{x', '\u00e9'];
  const table = tableOf(
    [
      ...hostile.map((value, index) =>
        routeOf(`h${index}`, `h${index}.io`, '/', {
          middlewares: [{ kind: 'headers', request: [], response: [{ name: 'X-Out', value }] }],
          action: to('a'),
        }),
      ),
      routeOf('sign', 'sign.io', '/', {
        middlewares: [{ kind: 'headers', request: [{ name: '+Host', value: 'x' }], response: [] }],
        action: to('a'),
      }),
      routeOf('good', 'good.io', '/', { action: to('a') }),
    ],
    poolOf('a', [echo]),
  );
  const caddy = await serve(t, table);
  if (!caddy) return;

  const { diagnostics } = caddyTarget.render(table, caddy.settings);
  assert.deepEqual(new Set(diagnostics.map(({ code }) => code)), new Set(['CADDY_UNSUPPORTED']));
  assert.equal(diagnostics.length, hostile.length + 1);
  assert.equal((await ask({ port: caddy.web }, { host: 'good.io' })).echo?.name, 'a');
  assert.equal((await ask({ port: caddy.web }, { host: 'h0.io' })).status, 503);
});
