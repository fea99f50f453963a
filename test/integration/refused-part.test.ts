import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Deployer } from '../../src/apply/deployer.ts';
import { openClaims } from '../../src/controller/claims.ts';
import { createController, type Controller } from '../../src/controller/controller.ts';
import { openGenerations } from '../../src/controller/generations.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { openPlanMemory } from '../../src/controller/plan-memory.ts';
import { openSnapshots } from '../../src/controller/snapshots.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { sourceId } from '../../src/model/names.ts';
import type { Policy } from '../../src/model/policy.ts';
import { createFileSource } from '../../src/sources/file.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import type { RenderSettings, Target } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { ask, startEcho } from '../support/echo.ts';
import { CASE_DIALECTS, OPTIONS } from '../support/intents.ts';
import { rememberingLog } from '../support/log.ts';
import { tempDir } from '../support/process.ts';
import { startTraefik } from '../support/traefik.ts';
import { until } from '../support/until.ts';

/** A fault of ours that gets through to the file: Traefik counts requests in whole numbers, and refuses the whole file. */
const HOLE: Policy = { name: 'hole', middlewares: [{ kind: 'inFlight', amount: 1.5, by: { kind: 'host' } }] };
const SOURCE = sourceId('file');

interface Bench {
  readonly controller: Controller;
  readonly told: readonly Record<string, unknown>[];
  /** Registers services by name with their tag, all at once, in the place of those of before. */
  readonly register: (tags: Readonly<Record<string, string>>) => Promise<void>;
}

/** A controller of a proxy that serves what a file says; tags that hold `strip=/hole` get the fault. */
async function startController(
  t: TestContext,
  {
    deployer,
    target,
    settings,
    backend,
    clock = systemClock,
  }: {
    readonly clock?: Clock;
    readonly deployer: Deployer;
    readonly target: Target;
    readonly settings: RenderSettings;
    readonly backend: number;
  },
): Promise<Bench> {
  const dir = await tempDir(t);
  const path = join(dir, 'services');
  await mkdir(path);
  const register: Bench['register'] = (tags) => {
    const services = Object.entries(tags).map(([name, tag]) => ({ name, address: '127.0.0.1', port: backend, tags: [tag] }));
    return writeFile(join(path, 'all.json'), JSON.stringify(services));
  };
  await register({ a: 'urlprefix-a.test/', b: 'urlprefix-b.test/' });
  const log = rememberingLog();
  const compile = {
    ...OPTIONS,
    entryPoints: settings.entryPoints,
    policies: new Map([[HOLE.name, HOLE]]),
    attach: [{ match: { tag: '*strip=/hole*' }, policies: [HOLE.name] }],
  };
  const controller = await createController({
    proxy: 'edge',
    version: '1',
    sources: [{ source: createFileSource({ path, pollMs: 500, log }), required: true }],
    pipeline: createPipeline({ dialects: CASE_DIALECTS, compile, primary: SOURCE, merge: 'union' }),
    target,
    settings,
    deployer,
    snapshots: await openSnapshots(dir, { sources: [SOURCE], log }),
    generations: await openGenerations(dir, { keep: 20, log }),
    claims: await openClaims(dir, { ttlMs: 60_000, log }),
    memory: await openPlanMemory(dir, { log }),
    holdoff: { quietMs: 10, maxWaitMs: 100, pace: { kind: 'gap', ms: 10 } },
    plan: { tombstoneMs: 100, guard: { maxRemovedPercent: 100, minRemoved: 100, allowEmpty: true, holdMs: 1, rereadMs: 1 } },
    startupWaitMs: 10_000,
    foreign: 'adopt',
    secrets: [],
    clock,
    log,
  });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  return { controller, told: log.told, register };
}

test('a controller serves all but the routes that make Traefik refuse its whole file, those in their last good form', {
  timeout: 120_000,
}, async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { web, deployer, settings } = traefik;
  const { port: backend } = await startEcho(t, 'backend');
  const { controller, told, register } = await startController(t, { deployer, target: traefikTarget, settings, backend });
  const answerOf = async (host: string, path = '/x'): Promise<string> => {
    const { status, body } = await ask(web, { host, path });
    return status === 200 ? body : String(status);
  };
  await until('the first routes', async () => (await answerOf('a.test')) === 'backend GET /x a.test', 30_000);

  // one route that was good before and one new one are refused, beside three changes that are good
  await register({
    a: 'urlprefix-a.test/ strip=/hole',
    b: 'urlprefix-b.test/ strip=/good',
    c: 'urlprefix-c.test/',
    d: 'urlprefix-d.test/',
    new: 'urlprefix-new.test/ strip=/hole',
  });

  await until('the route that was refused', async () => (await answerOf('new.test')) === '503', 60_000);
  assert.equal(await answerOf('c.test'), 'backend GET /x c.test');
  assert.equal(await answerOf('d.test'), 'backend GET /x d.test');
  assert.equal(await answerOf('b.test', '/good/x'), 'backend GET /x b.test');
  assert.equal(await answerOf('a.test', '/hole/x'), 'backend GET /hole/x a.test');
  await until('the generation to be kept', () => controller.managedProxy.state.generation);
  const quarantined = controller.state.diagnostics.flatMap(({ code, span }) =>
    code === 'ROUTE_QUARANTINED' ? [String(span?.service)] : [],
  );
  assert.deepEqual([...new Set(quarantined)].toSorted(), ['a', 'new']);
  assert.equal(controller.managedProxy.state.problem, undefined);
  assert.ok(told.some(({ event }) => event === 'config_rolledBack'));

  // a repaired tag is served, and the change of another is not held up
  await register({ a: 'urlprefix-a.test/ strip=/fine', new: 'urlprefix-new.test/ strip=/hole', e: 'urlprefix-e.test/' });
  await until('the repaired route', async () => (await answerOf('a.test', '/fine/x')) === 'backend GET /x a.test', 30_000);
  assert.equal(await answerOf('e.test'), 'backend GET /x e.test');
  assert.equal(await answerOf('new.test'), '503');
});

test('a controller tries a route that Traefik has refused again in time, and serves it when it is taken', {
  timeout: 120_000,
}, async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { web, settings } = traefik;
  const { port: backend } = await startEcho(t, 'backend');
  let [laterMs, isRefused] = [0, true];
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs };
  const tables = new Map<string, RoutingTable>();
  const target: Target = {
    ...traefikTarget,
    render(table, given) {
      tables.set(table.digest, table);
      return traefikTarget.render(table, given);
    },
  };
  let refusals = 0;
  // the real proxy, which has something against one route for a while
  const deployer: Deployer = {
    ...traefik.deployer,
    apply(config, signal) {
      const units = (tables.get(config.tableDigest)?.routes ?? []).flatMap(({ unit, action }) =>
        unit.includes('new.test') && action.kind === 'forward' ? unit : [],
      );
      if (!isRefused || units.length === 0) return traefik.deployer.apply(config, signal);
      refusals += 1;
      return Promise.resolve({ kind: 'rejected', reason: 'not now', units });
    },
  };
  const { controller, register } = await startController(t, { deployer, target, settings, backend, clock });
  // the time that an apply takes is no part of what passes at once
  const settled = (host: string): Promise<unknown> =>
    until('the cycle to end', () => controller.state.serving.routes.some(({ unit }) => unit.includes(host)));
  const answers = async (host: string, status: number): Promise<boolean> => (await ask(web, { host })).status === status;
  await until('the first routes', () => answers('a.test', 200), 30_000);
  await register({ a: 'urlprefix-a.test/', new: 'urlprefix-new.test/' });
  await until('503 for what is refused', () => answers('new.test', 503), 30_000);
  await settled('new.test');
  assert.equal(refusals, 1);

  laterMs += 61_000;
  await until('the second refusal', () => refusals === 2, 20_000);
  await register({ a: 'urlprefix-a.test/', new: 'urlprefix-new.test/', c: 'urlprefix-c.test/' });
  await until('another route meanwhile', () => answers('c.test', 200), 20_000);
  await settled('c.test');
  assert.ok(await answers('new.test', 503));
  isRefused = false;
  laterMs += 121_000;
  await until('the route that is taken now', () => answers('new.test', 200), 20_000);
});
