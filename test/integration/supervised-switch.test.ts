import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { SwitchView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { answering, startEcho } from '../support/echo.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from './world.ts';

test('supervised: a switch survives restarts of everything, and a rollback goes back to the proxy of before', {
  timeout: 240_000,
}, async (t) => {
  const world = await startWorld(t, 'caddy');
  if (!world) return;
  await walk(t, world).catch((error: unknown) => {
    throw new Error(world.supervisor.output().slice(-8000), { cause: error });
  });
});

const isServed = async ({ web }: World, name: string): Promise<boolean> => (await answering(web, `${name}.test`)).join() === name;

async function runs(world: World, server: Server): Promise<boolean> {
  const status = await world.status().catch(() => undefined);
  return status?.ready === true && status.proxies[0]?.server === server && status.proxies[0].verified;
}

async function register(t: TestContext, world: World, name: string): Promise<void> {
  const { port } = await startEcho(t, name);
  await world.register({ service: name, id: name, port, tags: [`urlprefix-${name}.test/`] });
  await until(`${name} to be served`, () => isServed(world, name), 20_000);
}

async function walk(t: TestContext, world: World): Promise<void> {
  await register(t, world, 'first');
  const before = await until('what is served to be kept', async () => (await world.status()).proxies[0]?.generation);
  await using load = startLoad(world.web, { host: 'first.test', perSecond: 100 });

  const view = (await world.post('/v1/switch', { server: 'traefik' })) as SwitchView;
  t.diagnostic(`${view.stages.map(({ stage, ms }) => `${stage} ${ms} ms`).join(', ')}; ${view.requests} requests compared`);
  await until('the controller to follow', () => runs(world, 'traefik'), 20_000);
  await register(t, world, 'second');
  const { fresh, kept } = await load.stop();
  t.diagnostic(
    `failed without a retry: ${fresh.failedOnce} of ${fresh.sent} on new connections, ${kept.failedOnce} of ${kept.sent} on kept ones`,
  );
  assert.deepEqual([fresh.failed, kept.failed], [0, 0]);

  await world.supervise('stopProcess', 'proxy');
  await world.supervise('startProcess', 'proxy');
  await until(
    'the chosen proxy after its restart',
    async () => (await isServed(world, 'second')) && (await runs(world, 'traefik')),
    20_000,
  );
  const pid = await world.pidOf('hind-proxy');
  process.kill(pid, 'SIGKILL');
  await until(
    'another controller of the chosen proxy',
    async () => (await world.pidOf('hind-proxy')) !== pid && (await runs(world, 'traefik')),
    30_000,
  );

  const startedAtMs = performance.now();
  await world.post('/v1/rollback', { generation: before });
  t.diagnostic(`back on the proxy of before after ${Math.round(performance.now() - startedAtMs)} ms`);
  assert.deepEqual([await isServed(world, 'first'), await isServed(world, 'second')], [true, false]);
  await until('the controller to follow back', () => runs(world, 'caddy'), 20_000);
  assert.equal((await world.status()).proxies[0]?.pinned, before);
  await world.post('/v1/unpin');
  await until('the catalog to be followed', () => isServed(world, 'second'), 20_000);
  assert.ok(await runs(world, 'caddy'));
}
