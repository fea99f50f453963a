import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { HealthCheck } from '../../src/model/pool.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import { serveBy } from '../support/both.ts';
import { startEcho, type Answer } from '../support/caddy.ts';
import { host } from '../support/intents.ts';
import { poolOf, splitRoute } from '../support/tables.ts';

/** Services that share a route, each with middlewares of its own, on both proxies. */

const ADD: Middleware = { kind: 'addPrefix', prefix: '/a' };

const answerOf = ({ echo, status, headers }: Answer): string =>
  echo ? `${echo.name} ${echo.url} ${String(echo.headers.host)}` : `${status} ${String(headers['location'])}`;

/** How often each answer comes. */
async function countsOf(count: number, asked: () => Promise<Answer>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (let index = 0; index < count; index += 1) {
    const answer = answerOf(await asked());
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return counts;
}

for (const server of SERVERS) {
  test(`${server} shares a route among services with middlewares of their own`, async (t) => {
    const [a, b] = [await startEcho(t, 'a'), await startEcho(t, 'b')];
    const errors: Middleware = { kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('errors'), query: '/' };
    const served = await serveBy(t, server, {
      pools: [
        poolOf('one', [a], { upstreamHost: { kind: 'fixed', host: host('in.io'), header: 'In.io:81' } }),
        poolOf('two', [b]),
        poolOf('dead', [1]),
        poolOf('errors', [await startEcho(t, 'errors')]),
      ],
      routes: [
        splitRoute('split.io', [
          { weight: 700, backend: 'one', middlewares: [ADD, errors] },
          { weight: 200, backend: 'two' },
          { weight: 100, middlewares: [ADD] },
        ]),
        splitRoute('after.io', [{ weight: 1, backend: 'two', middlewares: [ADD] }, { weight: 1 }], { middlewares: [ADD] }),
        splitRoute('redirects.io', [{ weight: 1 }, { weight: 1, middlewares: [ADD] }]),
        splitRoute('failing.io', [
          { weight: 1, backend: 'dead', middlewares: [errors] },
          { weight: 1, backend: 'two' },
        ]),
      ],
    });
    if (!served) return;

    const counts = await countsOf(500, () => served.ask('split.io'));
    const wanted = { 'a /a/ In.io:81': 0.7, 'b / split.io': 0.2, '301 https://y.io/a/': 0.1 };
    assert.deepEqual([...counts.keys()].toSorted(), Object.keys(wanted).toSorted());
    for (const [answer, share] of Object.entries(wanted))
      assert.ok(Math.abs((counts.get(answer) ?? 0) / 500 - share) <= 0.1, `${answer}: ${String(counts.get(answer))}`);
    const after = await countsOf(30, () => served.ask('after.io', { path: '/x//y?q' }));
    assert.deepEqual([...after.keys()].toSorted(), ['301 https://y.io/a/x/y?q', 'b /a/a/x/y?q after.io']);
    const redirects = await countsOf(30, () => served.ask('redirects.io'));
    assert.deepEqual([...redirects.keys()].toSorted(), ['301 https://y.io/', '301 https://y.io/a/']);
    const failing = await countsOf(30, () => served.ask('failing.io'));
    assert.deepEqual([...failing.keys()].toSorted(), ['b / failing.io', 'errors / failing.io']);
  });

  test(`${server} keeps a client at its service where the pools keep theirs`, async (t) => {
    const [a, b] = [await startEcho(t, 'a'), await startEcho(t, 'b')];
    const served = await serveBy(t, server, {
      pools: [
        poolOf('hash-a', [a], { loadBalancing: 'ipHash' }),
        poolOf('hash-b', [b], { loadBalancing: 'ipHash' }),
        poolOf('sticky', [a], { sticky: { name: 'srv', httpOnly: true, sameSite: 'strict', maxAgeSeconds: 60 } }),
        poolOf('odd', [a], { sticky: { name: 's.r{v}' } }),
        poolOf('b', [b]),
      ],
      routes: [
        splitRoute('hash.io', [
          { weight: 1, backend: 'hash-a', middlewares: [ADD] },
          { weight: 1, backend: 'hash-b' },
        ]),
        splitRoute('sticky.io', [
          { weight: 1, backend: 'sticky' },
          { weight: 1, backend: 'b' },
        ]),
        splitRoute('odd.io', [
          { weight: 1, backend: 'odd' },
          { weight: 1, backend: 'b' },
        ]),
      ],
    });
    if (!served) return;

    const names = new Set<string>();
    for (const from of [1, 40, 80, 120, 160, 200, 230, 250].map((byte) => `127.0.0.${byte}`)) {
      const counts = await countsOf(4, () => served.ask('hash.io', { from }));
      assert.equal(counts.size, 1, from);
      names.add([...counts.keys()][0] ?? '');
    }
    assert.deepEqual([...names].toSorted(), ['a /a/ hash.io', 'b / hash.io']);

    for (const name of ['sticky.io', 'odd.io']) {
      const answers = new Set<string>();
      for (let client = 0; client < 12; client += 1) {
        const first: Answer = await served.ask(name);
        const cookies = first.headers['set-cookie'] ?? [];
        const cookie = cookies.map((text) => text.split(';')[0]).join('; ');
        assert.deepEqual([...(await countsOf(4, () => served.ask(name, { headers: { cookie } }))).keys()], [answerOf(first)]);
        assert.equal((await served.ask(name, { headers: { cookie } })).headers['set-cookie'], undefined);
        if (name === 'sticky.io')
          assert.match(
            cookies.find((text) => text.startsWith('srv-part=')) ?? '',
            /^srv-part=[^;]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Strict$/,
          );
        answers.add(answerOf(first));
      }
      assert.deepEqual([...answers].toSorted(), [`a / ${name}`, `b / ${name}`]);
    }
  });
}

test('caddyTarget says that chance does not heed health checks where all parts are checked, and gives a tiny share no more than its own', async (t) => {
  const check: HealthCheck = { mode: 'http', path: '/', headers: [] };
  const [a, b] = [await startEcho(t, 'a'), await startEcho(t, 'b')];
  const checked = ['one', 'two'].map((name, index) => poolOf(name, [[a, b][index] ?? 0], { healthCheck: check }));
  const served = await serveBy(t, 'caddy', {
    pools: [
      ...checked,
      poolOf('b', [b]),
      poolOf('hash-a', [a], { loadBalancing: 'ipHash' }),
      poolOf('hash-b', [b], { loadBalancing: 'ipHash' }),
    ],
    routes: [
      splitRoute('checked.io', [
        { weight: 1, backend: 'one' },
        { weight: 1, backend: 'two' },
      ]),
      splitRoute('tiny.io', [{ weight: 1 }, { weight: 1e9, backend: 'b' }]),
      splitRoute('tiny-hash.io', [
        { weight: 1, backend: 'hash-a' },
        { weight: 1e9, backend: 'hash-b' },
      ]),
    ],
    codes: { caddy: ['CADDY_APPROXIMATED'] },
  });
  if (!served) return;

  assert.deepEqual([...(await countsOf(20, () => served.ask('tiny.io'))).keys()], ['b / tiny.io']);
  assert.deepEqual([...(await countsOf(4, () => served.ask('tiny-hash.io', { from: '127.0.0.1' }))).keys()], ['b / tiny-hash.io']);
});
