import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { sourceId } from '../../src/model/names.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { startCaddy } from '../support/caddy.ts';
import { ask, startEcho } from '../support/echo.ts';
import { CASE_DIALECTS, instanceOf, OPTIONS, port } from '../support/intents.ts';
import { freePorts, needServer } from '../support/process.ts';
import { until } from '../support/until.ts';

test('a HinD tag opens its port on Caddy, and one whose port is taken costs only its own route', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const backend = await startEcho(t, 'backend');
  const [open = 0] = await freePorts(1);
  const { settings, deployer, websecure } = await startCaddy(t, binary);
  const compile = { ...OPTIONS, entryPoints: settings.entryPoints, openPorts: { except: new Set([open + 1]) } };
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile, primary: sourceId('nomad'), merge: 'primary-wins' });
  const tags = [`https://h.test:${open}`, `https://taken.test:${backend.port}`, 'https://usual.test', 'https://low.test:81'];
  const instances = [instanceOf('h', { address: '127.0.0.1', port: port(backend.port), tags })];
  const source = sourceId('consul');
  const build = (): ReturnType<typeof pipeline.compile> =>
    pipeline.compile([{ source, revision: '1', observedAtMs: 0, local: true, instances }], new Map());

  const signal = AbortSignal.timeout(30_000);
  const first = build().value.table;
  const refused = await deployer.apply(caddyTarget.render(first, settings).value, signal);
  assert.ok(refused.kind === 'rejected', JSON.stringify(refused));
  assert.deepEqual(refused.ports, [backend.port]);
  assert.ok(pipeline.refuse(refused, first, 0));

  const { value, diagnostics } = build();
  assert.equal((await deployer.apply(caddyTarget.render(value.table, settings).value, signal)).kind, 'applied');
  await until('the opened port', async () => (await ask(open, { host: `h.test:${open}`, tls: true })).backend === 'backend');
  await until('the usual port', async () => (await ask(websecure, { host: 'usual.test', tls: true })).backend === 'backend');
  assert.equal((await ask(open, { host: 'usual.test', tls: true })).status, 404);
  assert.deepEqual(
    diagnostics.flatMap(({ code, message }) => (code === 'ROUTE_ENTRYPOINT_MISSING' ? [message] : [])),
    [
      'Cannot serve the route: ports below 1024 are only opened by configuration',
      `Cannot serve the route: the proxy cannot listen on port ${backend.port}; another program does`,
    ],
  );
  assert.deepEqual(
    caddyTarget.entryPoints(value.table, settings).map(({ address }) => address),
    [...settings.entryPoints.map(({ address }) => address), `127.0.0.1:${open}`],
  );
  assert.equal(pipeline.refuse({ units: [], ports: [websecure] }, value.table, 0), false, 'the port of a configured entry point');
});
