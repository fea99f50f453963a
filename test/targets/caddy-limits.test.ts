import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { addedModules } from '../../src/apply/modules.ts';
import type { Middleware, MiddlewareOf } from '../../src/model/middleware.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { listen, serveBy, type Asking } from '../support/both.ts';
import { caddySettings } from '../support/caddy.ts';
import { needServer, tempDir } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

const MODULE = 'http.handlers.rate_limit';

const limit = (by: MiddlewareOf<'rateLimit'>['by'], average = 1): readonly Middleware[] => [
  { kind: 'rateLimit', average, periodMs: 60_000, burst: 2, by },
];
const PEER = { kind: 'address', of: { kind: 'peer' } } as const;

test('caddyTarget withholds a limited route where Caddy lacks the module, or cannot tell clients apart', () => {
  const settings = caddySettings({ dir: '/srv', admin: 'http://127.0.0.1:1', web: 80, websecure: 443 });
  const render = (middlewares: readonly Middleware[], modules: readonly string[]): readonly unknown[] => {
    const table = tableOf([routeOf('a', 'a.io', '/', { middlewares, action: to('a') })], poolOf('a', [8080]));
    const { value, diagnostics } = caddyTarget.render(table, { ...settings, modules: new Set(modules) });
    const { content } = value.files[0] ?? { content: '' };
    return [content.includes('reverse_proxy'), content.includes('rate_limit'), ...diagnostics.map(({ code }) => code)];
  };

  assert.deepEqual(render(limit(PEER), []), [false, false, 'CADDY_UNSUPPORTED']);
  assert.deepEqual(render(limit(PEER), [MODULE]), [true, true, 'CADDY_APPROXIMATED']);
  assert.deepEqual(render(limit({ kind: 'address', of: { kind: 'depth', depth: 1 } }), [MODULE]).slice(0, 2), [false, false]);
  assert.deepEqual(render([{ kind: 'inFlight', amount: 1, by: PEER }], [MODULE]), [false, false, 'CADDY_UNSUPPORTED']);
});

test('caddyTarget limits rates by client, trusted client, header and host', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const modules = await addedModules(binary, { cacheFile: join(await tempDir(t), 'modules.json'), signal: t.signal });
  if (!modules.has(MODULE)) {
    t.skip(`SKIPPED: needs a Caddy with the module ${MODULE} (CADDY_BIN)`);
    return;
  }
  const served = await serveBy(t, 'caddy', {
    wishes: { trustedProxies: ['127.0.0.1'], modules },
    hosts: {
      'peer.io': limit(PEER),
      'again.io': limit(PEER),
      'client.io': limit({ kind: 'address', of: { kind: 'client' }, ipv6Bits: 64 }),
      'header.io': limit({ kind: 'header', name: 'X-Key' }),
      'host.io': limit({ kind: 'host' }),
      'fast.io': limit(PEER, 600_000),
    },
    codes: { caddy: ['CADDY_APPROXIMATED'] },
  });
  if (!served) return;
  const from = (address: string): Asking => ({ from: address });
  const via = (hop: string): Asking => ({ headers: { 'x-forwarded-for': hop } });
  const key = (value: string): Asking => ({ headers: { 'x-key': value } });

  for (const host of ['peer.io', 'again.io'])
    assert.deepEqual(
      await served.statuses(host, from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.3')),
      [200, 200, 429, 200],
    );
  assert.deepEqual(
    await served.statuses('client.io', via('9.9.9.1'), via('9.9.9.1'), via('9.9.9.1'), via('9.9.9.2')),
    [200, 200, 429, 200],
  );
  assert.deepEqual(
    await served.statuses('client.io', from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.3')),
    [200, 200, 429, 200],
  );
  assert.deepEqual(await served.statuses('header.io', key('a'), key('a'), key('a'), key('b')), [200, 200, 429, 200]);
  assert.deepEqual(await served.statuses('host.io', {}, from('127.0.0.2'), from('127.0.0.3')), [200, 200, 429]);
  const answers = await served.statuses('fast.io', ...Array.from({ length: 40 }, () => from('127.0.0.2')));
  assert.ok(answers.filter((status) => status === 200).length > 2, 'time brings further requests');
});

test('caddyTarget reads bodies before it sends them on, as far as they fit', async (t) => {
  const arrived: number[] = [];
  const slow = await listen(t, (incoming, response) => {
    arrived.push(Date.now());
    incoming.resume().on('end', () => response.end('x'.repeat(500)));
  });
  const served = await serveBy(t, 'caddy', {
    ports: [slow],
    hosts: {
      'buffer.io': [{ kind: 'buffering', maxRequestBytes: 1000, memRequestBytes: 2000, memResponseBytes: 100 }],
      'usual.io': [{ kind: 'buffering', maxResponseBytes: 100, retryExpression: 'Attempts() < 2' }],
    },
    codes: { caddy: ['CADDY_APPROXIMATED'] },
  });
  if (!served) return;
  const post = (bytes: number): Asking => ({ method: 'POST', body: 'x'.repeat(bytes) });

  assert.deepEqual(await served.statuses('buffer.io', post(1000), post(1001)), [200, 413]);
  assert.equal(arrived.length, 1, 'no instance sees a body that is too large');
  const { status, body } = await served.ask('usual.io', post(5000));
  assert.deepEqual([status, body.length], [200, 500]);
});
