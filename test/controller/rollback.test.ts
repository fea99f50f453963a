import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Deployer, LiveState } from '../../src/apply/deployer.ts';
import { openGenerations, type GenerationStore } from '../../src/controller/generations.ts';
import { createManagedProxy, type ManagedProxy } from '../../src/controller/managed-proxy.ts';
import { generationToPutBack, lastGiven, putBack } from '../../src/controller/rollback.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import { digest } from '../../src/model/names.ts';
import type { RenderedConfig } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { rememberingLog } from '../support/log.ts';
import { tempDir } from '../support/process.ts';
import { plainTable } from '../support/tables.ts';

const GUARD = { maxRemovedPercent: 30, minRemoved: 3, allowEmpty: false, holdMs: 60_000, rereadMs: 10_000 };
const TOKEN = 'c0ffee00-1234-5678-9abc-def012345678';

function configOf(table: RoutingTable, content = `# ${table.digest}`): RenderedConfig {
  const units = [{ unit: 'one', firstLine: 1, lastLine: 1 }];
  return { server: 'caddy', files: [{ path: '/Caddyfile', content, sha256: digest(sha256(content)), units }], tableDigest: table.digest };
}

/** A proxy that takes everything, or nothing, and remembers what it was given. */
function proxyOf(takes: () => boolean, given: string[]): Deployer {
  const apply: Deployer['apply'] = async (config) => {
    given.push(config.files[0]?.content ?? '');
    return takes() ? { kind: 'applied', durationMs: 1 } : { kind: 'rejected', reason: 'no', units: [] };
  };
  return {
    server: 'caddy',
    check: () => Promise.resolve({ kind: 'accepted' }),
    apply,
    trial: apply,
    live: () => Promise.resolve({ kind: 'down', reason: 'nobody' }),
    disk: () => Promise.resolve({ kind: 'absent' }),
    fingerprint: () => Promise.resolve(undefined),
    isSilent: () => Promise.resolve(false),
    foreign: () => Promise.resolve(new Map()),
    version: () => Promise.resolve('1'),
  };
}

interface Bench {
  readonly generations: GenerationStore;
  readonly managedProxy: ManagedProxy;
  readonly given: readonly string[];
  /** The generations of which it was told that they are served. */
  readonly served: readonly number[];
  readonly signal: AbortSignal;
}

async function openBench(
  t: TestContext,
  takes: () => boolean = () => true,
  {
    dir,
    live = () => ({ kind: 'down', reason: 'nobody' }),
    log = silentLog,
    apply,
  }: { readonly dir?: string; readonly live?: () => LiveState; readonly log?: Log; readonly apply?: Deployer['apply'] } = {},
): Promise<Bench> {
  const generations = await openGenerations(dir ?? (await tempDir(t)), { keep: 20, log: silentLog });
  const given: string[] = [];
  const served: number[] = [];
  const onServed = async (id: number): Promise<void> => void served.push(id);
  const deployer: Deployer = { ...proxyOf(takes, given), live: () => Promise.resolve(live()), ...(apply && { apply }) };
  const options = { proxy: 'edge', version: '1', deployer, generations, foreign: 'adopt', clock: systemClock, log } as const;
  return {
    generations,
    managedProxy: createManagedProxy({ ...options, render: configOf, secrets: [new Secret(TOKEN)], onServed }),
    given,
    served,
    signal: AbortSignal.timeout(20_000),
  };
}

test('a managed proxy keeps 20 generations, each with its cause, and the same table once for each proxy', async (t) => {
  const { generations, managedProxy, signal } = await openBench(t);
  for (let index = 0; index < 25; index += 1) {
    const table = plainTable('a', `s${index}`);
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

test('a managed proxy tells nothing of a failure that is only its own end', async (t) => {
  const ending = new AbortController();
  const log = rememberingLog();
  const apply: Deployer['apply'] = (_config, signal) =>
    Promise.resolve(signal.aborted ? { kind: 'failed', reason: 'aborted' } : { kind: 'applied', durationMs: 1 });
  const { managedProxy } = await openBench(t, undefined, { log, apply });
  const [first, second] = [plainTable('a'), plainTable('a', 'b')];
  await managedProxy.program(configOf(first), first, ending.signal);
  ending.abort();

  const outcome = await managedProxy.program(configOf(second), second, ending.signal);

  assert.equal(outcome.kind, 'failed');
  assert.deepEqual(log.told, []);
});

test('putBack() pins what is put back, and leaves the pin as it was where the proxy refuses it', async (t) => {
  let takes = true;
  const { generations, managedProxy, served, signal } = await openBench(t, () => takes);
  for (const table of [plainTable('a'), plainTable('a', 'b'), plainTable('a', 'b', 'c')]) {
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.keepGenerations(signal);
  }
  const options = { generations, managedProxy, serving: plainTable('a', 'b', 'c'), guard: GUARD, acceptRemovals: false };
  const done = await putBack(await generationToPutBack(generations, undefined), options, signal);
  assert.deepEqual([done.meta.id, done.served, generations.pinned()], [2, true, 2]);
  assert.deepEqual(served, [1, 2, 3, 2]);
  takes = false;
  await assert.rejects(putBack(await generationToPutBack(generations, undefined), options, signal), /generation 1: no/);
  assert.equal(generations.pinned(), 2);
  await assert.rejects(generationToPutBack(generations, 9), /not kept, expected one of 3, 2, 1/);
});

test('a managed proxy that was down is verified again when it comes back with the pinned generation', async (t) => {
  let live: LiveState = { kind: 'down', reason: 'nobody' };
  const { generations, managedProxy, signal } = await openBench(t, undefined, { live: () => live });
  for (const table of [plainTable('a'), plainTable('a', 'b')]) {
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.keepGenerations(signal);
  }
  const generation = await generationToPutBack(generations, 1);
  await putBack(generation, { generations, managedProxy, serving: EMPTY_TABLE, guard: GUARD, acceptRemovals: false }, signal);

  await managedProxy.hasDrifted(signal);
  assert.deepEqual(
    [managedProxy.state.up, managedProxy.state.verified, managedProxy.state.problem],
    [false, false, 'it does not answer: nobody'],
  );
  live = { kind: 'ours', digest: generation.digest };
  assert.equal(await managedProxy.hasDrifted(signal), false);
  assert.deepEqual([managedProxy.state.up, managedProxy.state.verified, managedProxy.state.problem], [true, true, undefined]);
});

test('a managed proxy is given nothing while a generation is pinned that cannot be read, and says what to do', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  await generations.pin(7);

  assert.deepEqual(await managedProxy.program(configOf(plainTable('a')), plainTable('a'), signal), { kind: 'pinned' });

  assert.deepEqual(given, []);
  assert.match(managedProxy.state.problem ?? '', /^generation 7 is pinned and cannot be read: hind-proxy rollback .*, hind-proxy unpin /);
  await generations.unpin();
  await managedProxy.program(configOf(plainTable('a')), plainTable('a'), signal);
  assert.equal(managedProxy.state.problem, undefined);
});

test('putBack() gives the proxy nothing where the pin cannot be written, and says so', async (t) => {
  const dir = await tempDir(t);
  const { generations, managedProxy, given, signal } = await openBench(t, undefined, { dir });
  for (const table of [plainTable('a'), plainTable('a', 'b')]) {
    await managedProxy.program(configOf(table), table, signal);
    await managedProxy.keepGenerations(signal);
  }
  await mkdir(join(dir, 'pinned'));
  const options = { generations, managedProxy, serving: plainTable('a', 'b'), guard: GUARD, acceptRemovals: false };

  const refused = putBack(await generationToPutBack(generations, undefined), options, signal);

  await assert.rejects(refused, /Cannot roll back to generation 1, because it cannot be pinned; what was served is served on/);
  assert.deepEqual([given.length, generations.pinned()], [2, undefined]);
});

test('a generation store keeps no part of a generation on a disk that is full, and keeps the next one', async (t) => {
  const dir = await tempDir(t);
  const table = plainTable(...Array.from({ length: 40 }, (_, index) => `s${index}`));
  const generation = {
    proxy: 'edge',
    server: 'caddy',
    digest: table.digest,
    table,
    config: configOf(table),
    versions: { hindProxy: '1' },
    appliedAtMs: 0,
    outcome: 'applied',
  };
  await writeFile(join(dir, 'generation.json'), JSON.stringify(generation));
  const script = `
    const { openGenerations } = await import('${join(import.meta.dirname, '../../src/controller/generations.ts')}');
    const store = await openGenerations(process.argv[1], { keep: 20, log: console });
    const { readFileSync } = await import('node:fs');
    await store.add(JSON.parse(readFileSync(process.argv[1] + '/generation.json'))).then(() => console.log('kept'), ({ code }) => console.log(code));`;
  const add = (limit: string): string =>
    spawnSync('/bin/sh', ['-c', `ulimit -f ${limit}; exec "$@"`, 'sh', process.execPath, '--input-type=module', '-e', script, dir], {
      encoding: 'utf8',
    }).stdout;
  const kept = async (): Promise<readonly number[]> =>
    (await openGenerations(dir, { keep: 20, log: silentLog })).list().map(({ id }) => id);

  // blocks of 512 bytes: the system lets no file become larger
  assert.equal(add('8'), 'EFBIG\n');
  assert.deepEqual(await kept(), []);
  assert.equal(add('unlimited'), 'kept\n');
  assert.deepEqual(await kept(), [1]);
});

test('generationToPutBack() passes over what is damaged on disk and says so', async (t) => {
  const dir = await tempDir(t);
  const open = (): Promise<GenerationStore> => openGenerations(dir, { keep: 20, log: silentLog });
  const store = await open();
  for (const name of ['a', 'b', 'c', 'd']) {
    const table = plainTable(name);
    await store.add({
      proxy: 'edge',
      server: 'caddy',
      digest: table.digest,
      table,
      config: configOf(table),
      versions: { hindProxy: '1' },
      appliedAtMs: 1,
      outcome: 'applied',
    });
  }
  const damage = (id: number, file: string, text: string): Promise<void> => writeFile(join(dir, 'generations', String(id), file), text);
  await damage(3, 'table.json', JSON.stringify({ digest: plainTable('c').digest }));
  await damage(2, 'files/0', 'torn');
  assert.equal((await generationToPutBack(store, undefined)).id, 1);
  assert.deepEqual(store.damaged(), [3, 2]);
  await assert.rejects(generationToPutBack(store, 3), /generation 3: it is damaged, expected one of 4, 1/);

  await damage(4, 'meta.json', '{"torn');
  const again = await open();
  assert.equal(lastGiven(again), 4);
  assert.equal((await generationToPutBack(again, undefined, { current: lastGiven(again) })).id, 1);
  await damage(1, 'meta.json', '');
  await assert.rejects(
    generationToPutBack(await open(), undefined, { current: 4 }),
    /none before generation 4 is kept \(damaged on disk: 4, 3, 2, 1\)/,
  );
});

test('putBack() needs a word where the guard would hold what the generation removes', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  const few = plainTable('a');
  await managedProxy.program(configOf(few), few, signal);
  await managedProxy.keepGenerations(signal);
  const options = { generations, managedProxy, serving: plainTable('a', 'b', 'c', 'd'), guard: GUARD };
  const generation = await generationToPutBack(generations, 1);
  await assert.rejects(putBack(generation, { ...options, acceptRemovals: false }, signal), /3 of 4 services would go.*--accept-removals/);
  assert.deepEqual([generations.pinned(), given.length], [undefined, 1]);
  assert.equal((await putBack(generation, { ...options, acceptRemovals: true }, signal)).served, true);
  const empty = { ...generation, table: EMPTY_TABLE };
  await assert.rejects(putBack(empty, { ...options, acceptRemovals: false }, signal), /all 4 services would go/);
});

test('a managed proxy gives no configuration with a secret to the proxy, put back or new', async (t) => {
  const { generations, managedProxy, given, signal } = await openBench(t);
  const table = plainTable('a');
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
  const table = plainTable('a');
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
  assert.deepEqual(await managedProxy.program(configOf(plainTable('b')), plainTable('b'), signal), { kind: 'pinned' });
  assert.deepEqual(given, [`# ${table.digest}`]);
});

test('a managed proxy goes on where its files cannot be written, and tries again', async (t) => {
  let isFull = true;
  const { managedProxy, given, signal } = await openBench(t, () => {
    if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    return true;
  });
  const table = plainTable('a');

  const refused = await managedProxy.program(configOf(table), table, signal);
  assert.deepEqual(refused, { kind: 'failed', reason: 'its files cannot be written: ENOSPC: no space left on device, write' });
  assert.match(managedProxy.state.problem ?? '', /ENOSPC/);
  isFull = false;
  assert.equal((await managedProxy.program(configOf(table), table, signal)).kind, 'applied');
  assert.equal(given.length, 2);
});
