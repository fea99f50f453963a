import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Deployer } from '../../src/apply/deployer.ts';
import { diffView } from '../../src/controller/diff-view.ts';
import { openGenerations, type GenerationStore } from '../../src/controller/generations.ts';
import { createManagedProxy, type ManagedProxy } from '../../src/controller/managed-proxy.ts';
import { generationToPutBack, putBack } from '../../src/controller/rollback.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import { createTurns } from '../../src/lib/turns.ts';
import { digest, ownerId, serviceName, sourceId } from '../../src/model/names.ts';
import type { RenderedConfig } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { causeOf } from '../../src/plan/cause.ts';
import { tempDir } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

const GUARD = { maxRemovedPercent: 30, minRemoved: 3, allowEmpty: false, holdMs: 60_000, rereadMs: 10_000 };
const TOKEN = 'c0ffee00-1234-5678-9abc-def012345678';
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

/** A table of services by name, each with a host, one port and one tag. */
function tableFor(services: Readonly<Record<string, { readonly port: number; readonly tag: string }>>): RoutingTable {
  const entries = Object.entries(services);
  const routes = entries.map(([name, { tag }]) => {
    const span = {
      source: sourceId('consul'),
      owner: ownerId('default'),
      service: serviceName(name),
      instance: name,
      tagIndex: 0,
      tag,
      start: 0,
      end: 1,
    };
    return routeOf(name, `${name}.test`, '/', { action: to(name), spans: [span] });
  });
  return tableOf(routes, ...entries.map(([name, { port }]) => poolOf(name, [port])));
}

const plain = (...names: readonly string[]): RoutingTable =>
  tableFor(Object.fromEntries(names.map((name, index) => [name, { port: 8000 + index, tag: `urlprefix-${name}.test/` }])));

function configOf(table: RoutingTable, content = `# ${table.digest}`): RenderedConfig {
  const units = [{ unit: 'one', firstLine: 1, lastLine: 1 }];
  return { server: 'caddy', files: [{ path: '/Caddyfile', content, sha256: digest(sha256(content)), units }], tableDigest: table.digest };
}

/** A proxy that takes everything, or nothing, and remembers what it was given. */
function proxyOf(takes: () => boolean, given: string[]): Deployer {
  return {
    server: 'caddy',
    check: () => Promise.resolve({ kind: 'accepted' }),
    apply(config) {
      given.push(config.files[0]?.content ?? '');
      return Promise.resolve(takes() ? { kind: 'applied', durationMs: 1 } : { kind: 'rejected', reason: 'no', units: [] });
    },
    live: () => Promise.resolve({ kind: 'down', reason: 'nobody' }),
    disk: () => Promise.resolve({ kind: 'absent' }),
    version: () => Promise.resolve('1'),
  };
}

interface Bench {
  readonly generations: GenerationStore;
  readonly managedProxy: ManagedProxy;
  readonly given: readonly string[];
  readonly signal: AbortSignal;
}

async function openBench(t: TestContext, takes: () => boolean = () => true): Promise<Bench> {
  const generations = await openGenerations(await tempDir(t), { keep: 20, log: silentLog });
  const given: string[] = [];
  const deployer = proxyOf(takes, given);
  const options = { proxy: 'edge', version: '1', deployer, generations, foreign: 'adopt', clock: systemClock, log: silentLog } as const;
  return {
    generations,
    managedProxy: createManagedProxy({ ...options, render: configOf, secrets: [new Secret(TOKEN)] }),
    given,
    signal: AbortSignal.timeout(20_000),
  };
}

test('causeOf() names the services, tags and instances that differ, without hashes', () => {
  const before = tableFor({ a: { port: 1, tag: 'x' }, b: { port: 1, tag: 'x' }, c: { port: 1, tag: 'x' }, d: { port: 1, tag: 'x' } });
  const after = tableFor({
    a: { port: 1, tag: 'x' },
    b: { port: 2, tag: 'x' },
    c: { port: 3, tag: `traefik.http.middlewares.m.basicauth.users=u:${HASH}` },
    e: { port: 1, tag: 'x' },
  });
  const shown = causeOf(before, after).services.map(({ service, owner: _owner, ...change }) => [service, change] as const);
  assert.deepEqual(Object.fromEntries(shown), {
    b: { kind: 'changed', tagsAdded: [], tagsRemoved: [], instancesAdded: ['127.0.0.1:2'], instancesRemoved: ['127.0.0.1:1'] },
    c: {
      kind: 'changed',
      tagsAdded: ['traefik.http.middlewares.m.basicauth.users=[redacted]'],
      tagsRemoved: ['x'],
      instancesAdded: ['127.0.0.1:3'],
      instancesRemoved: ['127.0.0.1:1'],
    },
    d: { kind: 'removed', tagsAdded: [], tagsRemoved: ['x'], instancesAdded: [], instancesRemoved: ['127.0.0.1:1'] },
    e: { kind: 'added', tagsAdded: ['x'], tagsRemoved: [], instancesAdded: ['127.0.0.1:1'], instancesRemoved: [] },
  });
});

test('causeOf() names at most 50 services and counts the others', () => {
  const { services, more } = causeOf(EMPTY_TABLE, plain(...Array.from({ length: 60 }, (_, index) => `s${index}`)));
  assert.deepEqual([services.length, more], [50, 10]);
});

test('diffView() tells routes that are new, gone and changed, and in what', () => {
  const from = { id: 1, server: 'caddy', table: tableFor({ a: { port: 1, tag: 'x' }, b: { port: 1, tag: 'x' } }) };
  const to = { id: 2, server: 'traefik', table: tableFor({ a: { port: 2, tag: 'y' }, c: { port: 1, tag: 'x' } }) };
  const { created, changed, removed, unchanged, servers } = diffView(from, to);
  assert.deepEqual([created.map(({ id }) => id), removed.map(({ id }) => id), unchanged, servers], [['c'], ['b'], 0, ['caddy', 'traefik']]);
  assert.deepEqual(changed[0]?.differences, [
    { what: 'backends', before: ['127.0.0.1:1'], after: ['127.0.0.1:2'] },
    { what: 'tags', before: ['x'], after: ['y'] },
  ]);
});

test('a managed proxy keeps 20 generations, each with its cause, and the same table once for each proxy', async (t) => {
  const { generations, managedProxy, signal } = await openBench(t);
  for (let index = 0; index < 25; index += 1) {
    const table = plain('a', `s${index}`);
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.keepGenerations(signal);
  }
  assert.deepEqual(
    generations.list().map(({ id }) => id),
    Array.from({ length: 20 }, (_, index) => 25 - index),
  );
  const changes = generations.list()[0]?.cause?.services.map(({ service, kind }) => `${kind} ${service}`);
  assert.deepEqual(changes, ['removed s23', 'added s24']);
});

test('putBack() pins what is put back, and leaves the pin as it was where the proxy refuses it', async (t) => {
  let takes = true;
  const { generations, managedProxy, signal } = await openBench(t, () => takes);
  for (const table of [plain('a'), plain('a', 'b'), plain('a', 'b', 'c')]) {
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.keepGenerations(signal);
  }
  const options = { generations, managedProxy, serving: plain('a', 'b', 'c'), guard: GUARD, acceptRemovals: false };
  const done = await putBack(await generationToPutBack(generations, undefined), options, signal);
  assert.deepEqual([done.meta.id, done.served, generations.pinned()], [2, true, 2]);
  takes = false;
  await assert.rejects(putBack(await generationToPutBack(generations, undefined), options, signal), /generation 1: no/);
  assert.equal(generations.pinned(), 2);
  await assert.rejects(generationToPutBack(generations, 9), /not kept, expected one of 3, 2, 1/);
});

test('putBack() needs a word where the guard would hold what the generation removes', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  const few = plain('a');
  await managedProxy.program(configOf(few), few, signal);
  await managedProxy.keepGenerations(signal);
  const options = { generations, managedProxy, serving: plain('a', 'b', 'c', 'd'), guard: GUARD };
  const generation = await generationToPutBack(generations, 1);
  await assert.rejects(putBack(generation, { ...options, acceptRemovals: false }, signal), /3 of 4 services would go.*--accept-removals/);
  assert.deepEqual([generations.pinned(), given.length], [undefined, 1]);
  assert.equal((await putBack(generation, { ...options, acceptRemovals: true }, signal)).served, true);
  const empty = { ...generation, table: EMPTY_TABLE };
  await assert.rejects(putBack(empty, { ...options, acceptRemovals: false }, signal), /all 4 services would go/);
});

test('a managed proxy gives no configuration with a secret to the proxy, put back or new', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  const table = plain('a');
  const config = configOf(table, `# ${TOKEN}`);
  assert.deepEqual(await managedProxy.program(config, table, signal), {
    kind: 'rejected',
    reason: 'it holds a token or password of this program or of a catalog',
    units: ['one'],
  });
  await generations.add({
    proxy: 'edge',
    server: 'caddy',
    digest: table.digest,
    table,
    config,
    versions: { hindProxy: '1' },
    appliedAtMs: 1,
    outcome: 'applied',
  });
  const options = { generations, managedProxy, serving: table, guard: GUARD, acceptRemovals: false };
  await assert.rejects(putBack(await generationToPutBack(generations, 1), options, signal), /holds a token/);
  assert.deepEqual(given, []);
});

test('a managed proxy renders the pinned table anew where it was pinned for the other proxy', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  const table = plain('a');
  await generations.add({
    proxy: 'edge',
    server: 'traefik',
    digest: table.digest,
    table,
    config: { ...configOf(table, '{}'), server: 'traefik' },
    versions: { hindProxy: '1' },
    appliedAtMs: 1,
    outcome: 'applied',
  });
  await generations.pin(1);
  assert.deepEqual(await managedProxy.program(configOf(plain('b')), plain('b'), signal), { kind: 'pinned' });
  assert.deepEqual(given, [`# ${table.digest}`]);
});

test('createTurns() lets one task run at a time, in order, whatever the others do', async () => {
  const inTurn = createTurns();
  const told: string[] = [];
  const task =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      told.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const results = await Promise.allSettled([inTurn(task('a')), inTurn(task('b', true)), inTurn(task('c'))]);
  assert.deepEqual(told, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});
