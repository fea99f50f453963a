import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ensureAdminToken } from '../../src/admin/auth.ts';
import { clearProxyFiles, writeWanted } from '../../src/apply/proxy-files.ts';
import { openClaims } from '../../src/controller/claims.ts';
import { openGenerations } from '../../src/controller/generations.ts';
import { openPlanMemory } from '../../src/controller/plan-memory.ts';
import { openSnapshots } from '../../src/controller/snapshots.ts';
import { writeState } from '../../src/controller/state-file.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { DamageOptions } from '../../src/lib/set-aside.ts';
import type { CatalogSnapshot, ServiceInstance } from '../../src/model/catalog.ts';
import type { Generation } from '../../src/model/generation.ts';
import { digest, ownerId, serviceName, sourceId } from '../../src/model/names.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { instanceOf, port } from '../support/intents.ts';
import { rememberingLog } from '../support/log.ts';
import { tempDir } from '../support/process.ts';

const CONSUL = sourceId('consul');
const SNAPSHOT: CatalogSnapshot = { source: CONSUL, revision: '7', observedAtMs: 1, local: true, instances: [instanceOf('web')] };

function generation(content: string): Omit<Generation, 'id'> {
  const files = [{ path: '/etc/Caddyfile', content, sha256: digest(sha256(content)), units: [] }];
  return {
    proxy: 'edge',
    server: 'caddy',
    digest: EMPTY_TABLE.digest,
    table: EMPTY_TABLE,
    config: { server: 'caddy', files, tableDigest: EMPTY_TABLE.digest },
    versions: { hindProxy: '1' },
    appliedAtMs: 1,
    outcome: 'applied',
  };
}

test('openGenerations() keeps the newest and the pinned one when there are too many', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 2, log: silentLog });
  await store.add(generation('one'));
  await store.pin(1);
  for (const content of ['two', 'three', 'four']) await store.add(generation(content));
  const again = await openGenerations(dir, { keep: 2, log: silentLog });
  assert.deepEqual(
    again.list().map(({ id }) => id),
    [4, 3, 1],
  );
  assert.equal(again.pinned(), 1);
  assert.equal((await again.read(1))?.config.files[0]?.content, 'one');
});

test('openGenerations() holds no pin that it could not write, and lets none go that it could not remove', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 2, log: silentLog });
  await store.add(generation('one'));
  // a directory in the place of the file: neither rename nor removal of a file works
  await mkdir(join(dir, 'pinned'));

  await assert.rejects(store.pin(1));
  assert.equal(store.pinned(), undefined);

  await rmdir(join(dir, 'pinned'));
  await store.pin(1);
  await rm(join(dir, 'pinned'));
  await mkdir(join(dir, 'pinned'));
  await assert.rejects(store.unpin());
  assert.equal(store.pinned(), 1);
});

for (const damage of ['', '{}', 'null']) {
  test(`openGenerations() skips the newest one and numbers on when its meta.json is ${JSON.stringify(damage)}`, async (t) => {
    const dir = await tempDir(t);
    const store = await openGenerations(dir, { keep: 5, log: silentLog });
    await store.add(generation('one'));
    await store.add(generation('two'));
    await writeFile(join(dir, 'generations', '2', 'meta.json'), damage);
    const again = await openGenerations(dir, { keep: 5, log: silentLog });
    assert.deepEqual(
      again.list().map(({ id }) => id),
      [1],
    );
    assert.equal((await again.add(generation('three'))).id, 3);
  });
}

test('state files that are links to a device without end are set aside or passed over', async (t) => {
  const dir = await tempDir(t);
  const log = rememberingLog();
  const store = await openGenerations(dir, { keep: 5, log });
  await store.add(generation('one'));
  await store.add(generation('two'));
  for (const file of ['snapshot.json', 'plan.json', 'claims.json', 'pinned', 'proxy.json', 'admin.token', 'generations/2/table.json']) {
    await rm(join(dir, file), { force: true });
    await symlink('/dev/zero', join(dir, file));
  }

  const again = await openGenerations(dir, { keep: 5, log });
  assert.deepEqual([again.current(), again.damaged()], [1, [2]]);
  assert.equal((await openSnapshots(dir, { sources: [CONSUL], log })).all().size, 0);
  assert.equal((await openClaims(dir, { ttlMs: 1000, log })).all().size, 0);
  await openPlanMemory(dir, { log });
  await clearProxyFiles(dir, log);
  assert.ok((await ensureAdminToken(dir, log)).reveal().length > 20);
  const aside = (await readdir(dir)).flatMap((name) => /^(.*)\.corrupt-\d+$/.exec(name)?.[1] ?? []);
  assert.deepEqual(aside.toSorted(), ['admin.token', 'claims.json', 'pinned', 'plan.json', 'proxy.json', 'snapshot.json']);
  assert.ok(JSON.stringify(log.told).includes('holds more than 1 MiB'));
});

for (const file of ['table.json', 'files/0']) {
  test(`openGenerations() starts from the one before when ${file} of the newest is damaged`, async (t) => {
    const dir = await tempDir(t);
    const store = await openGenerations(dir, { keep: 5, log: silentLog });
    await store.add(generation('one'));
    await store.add(generation('two'));
    await writeFile(join(dir, 'generations', '2', file), '{"torn');
    assert.equal(await store.read(2), undefined);
    const again = await openGenerations(dir, { keep: 5, log: silentLog });
    assert.equal(again.list()[0]?.id, 1);
    assert.equal((await again.add(generation('three'))).id, 3);
  });
}

test('openSnapshots() gives what was saved as stale and forgets sources that are off', async (t) => {
  const dir = await tempDir(t);
  const store = await openSnapshots(dir, { sources: [CONSUL], log: silentLog });
  assert.deepEqual([store.put(SNAPSHOT), store.put({ ...SNAPSHOT, observedAtMs: 2 })], [true, false]);
  await store.save();
  assert.equal((await openSnapshots(dir, { sources: [CONSUL], log: silentLog })).all().get(CONSUL)?.stale, true);
  assert.equal((await openSnapshots(dir, { sources: [], log: silentLog })).all().size, 0);
});

test('openSnapshots() keeps what it had of services that could not be read, also across starts, but no endpoint of others', async (t) => {
  const dir = await tempDir(t);
  const evil = (number: number): ServiceInstance =>
    instanceOf('evil', { instance: `evil-${number}`, address: '10.0.0.9', port: port(number) });
  const taken = instanceOf('web', { address: '10.0.0.9', port: port(82) });
  const ofEvil = (store: Awaited<ReturnType<typeof openSnapshots>>): readonly number[] =>
    (store.all().get(CONSUL)?.snapshot.instances ?? []).filter(({ service }) => service === 'evil').map(({ port }) => port);
  const first = await openSnapshots(dir, { sources: [CONSUL], log: silentLog });
  first.put({ ...SNAPSHOT, instances: [evil(81), evil(82), instanceOf('gone')] });
  await first.save();
  const unread = [serviceName('evil')];

  const second = await openSnapshots(dir, { sources: [CONSUL], log: silentLog });
  second.put({ ...SNAPSHOT, instances: [taken], unread });
  await second.save();
  const third = await openSnapshots(dir, { sources: [CONSUL], log: silentLog });
  third.put({ ...SNAPSHOT, instances: [], unread });

  assert.deepEqual(ofEvil(second), [81]);
  assert.deepEqual(ofEvil(third), [81]);
  assert.deepEqual(third.all().get(CONSUL)?.snapshot.instances.length, 1);
  third.put({ ...SNAPSHOT, instances: [] });
  assert.deepEqual(ofEvil(third), []);
});

test('openSnapshots() starts empty when the file is damaged', async (t) => {
  const dir = await tempDir(t);
  const store = await openSnapshots(dir, { sources: [CONSUL], log: silentLog });
  store.put(SNAPSHOT);
  await store.save();
  const path = join(dir, 'snapshot.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('10.0.0.1', '10.0.0.2'));
  assert.equal((await openSnapshots(dir, { sources: [CONSUL], log: silentLog })).all().size, 0);
});

test('openClaims() releases a claim when nobody has used it for the time to live', async (t) => {
  const dir = await tempDir(t);
  const store = await openClaims(dir, { ttlMs: 1000, log: silentLog });
  store.update(new Map([['web.io', ownerId('a')]]), 0);
  await store.save();
  const again = await openClaims(dir, { ttlMs: 1000, log: silentLog });
  again.update(new Map(), 1000);
  assert.equal(again.all().get('web.io'), 'a');
  again.update(new Map(), 1001);
  assert.equal(again.all().size, 0);
});

test('openClaims() saves when a claim was last used', async (t) => {
  const dir = await tempDir(t);
  const store = await openClaims(dir, { ttlMs: 1000, log: silentLog });
  for (const nowMs of [0, 900]) {
    store.update(new Map([['web.io', ownerId('a')]]), nowMs);
    await store.save();
  }
  const again = await openClaims(dir, { ttlMs: 1000, log: silentLog });
  again.update(new Map(), 1500);
  assert.equal(again.all().get('web.io'), 'a');
});

/** What somebody may have left in the place of a file: nothing can be read there. */
const OBSTACLES: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'a directory': (path) => mkdir(join(path, 'in it'), { recursive: true }),
  'a link to itself': (path) => symlink(path, path),
};

for (const [what, make] of Object.entries(OBSTACLES))
  test(`the stores set ${what} aside where a file should be, say so once each, and write in its place`, async (t) => {
    const dir = await tempDir(t);
    const log = rememberingLog();
    const files = ['snapshot.json', 'claims.json', 'plan.json', 'pinned', 'admin.token', 'proxy.json', 'proxy-state.json'];
    for (const file of files) await make(join(dir, file));

    const snapshots = await openSnapshots(dir, { sources: [CONSUL], log });
    snapshots.put(SNAPSHOT);
    await snapshots.save();
    const claims = await openClaims(dir, { ttlMs: 1000, log });
    claims.update(new Map([['host a.io', ownerId('a')]]), 1);
    await claims.save();
    const plan = await openPlanMemory(dir, { log });
    plan.set({ tombstones: { 'route-1': 1 } });
    await plan.save();
    const generations = await openGenerations(dir, { keep: 2, log });
    await generations.add(generation('one'));
    await generations.pin(1);
    await ensureAdminToken(dir, log);
    await clearProxyFiles(dir, log);
    await writeWanted(dir, { server: 'caddy', configured: 'caddy' });

    assert.deepEqual(
      log.told.map(({ event, file, kept }) => [event, basename(String(file)), String(kept).includes('.corrupt-')]),
      files.map((file) => ['state_file_damaged', file, true]),
    );
    const again = rememberingLog();
    assert.equal((await openSnapshots(dir, { sources: [CONSUL], log: again })).all().get(CONSUL)?.snapshot.revision, '7');
    assert.equal((await openClaims(dir, { ttlMs: 1000, log: again })).all().size, 1);
    assert.equal((await openGenerations(dir, { keep: 2, log: again })).pinned(), 1);
    assert.deepEqual(again.told, []);
  });

/** Whole files whose content this version does not know: another one has written them. */
const OTHER_SHAPES: Readonly<Record<string, readonly unknown[]>> = {
  'snapshot.json': [
    { consul: SNAPSHOT },
    [{ ...SNAPSHOT, instances: { web: [] } }],
    [{ ...SNAPSHOT, instances: [{ ...instanceOf('web'), tags: 'a' }] }],
    [{ ...SNAPSHOT, instances: [{ ...instanceOf('web'), port: 70_000 }] }],
    [null],
  ],
  'claims.json': [{ 'host a.io': 'a' }, [['host a.io', 'a']], [['host a.io', { owner: 'a' }]], [['host a.io']], 7],
  'plan.json': [{}, { tombstones: { 'route-1': 'soon' } }, { tombstones: {}, hold: { sinceMs: 1 } }, []],
};

for (const [file, values] of Object.entries(OTHER_SHAPES))
  test(`the stores set ${file} aside and start empty when it is whole and has another shape, and leave it where one only looks`, async (t) => {
    for (const value of values) {
      const dir = await tempDir(t);
      await writeState(join(dir, file), value);
      const text = await readFile(join(dir, file), 'utf8');

      const looking = rememberingLog();
      await openAll(dir, { looksOnly: true, log: looking });
      assert.deepEqual(toldOf(looking.told), [[file, false]]);
      assert.deepEqual(await readdir(dir), [file]);
      assert.equal(await readFile(join(dir, file), 'utf8'), text);

      const log = rememberingLog();
      const { snapshots, claims, plan } = await openAll(dir, { log });
      assert.deepEqual(toldOf(log.told), [[file, true]]);
      assert.deepEqual([snapshots.all().size, claims.all().size, plan.current], [0, 0, { tombstones: {} }]);
      const kept = await readdir(dir);
      assert.deepEqual([kept.length, kept[0]?.startsWith(`${file}.corrupt-`)], [1, true]);
    }
  });

async function openAll(dir: string, damage: DamageOptions) {
  return {
    snapshots: await openSnapshots(dir, { sources: [CONSUL], ...damage }),
    claims: await openClaims(dir, { ttlMs: 1000, ...damage }),
    plan: await openPlanMemory(dir, damage),
  };
}

function toldOf(told: ReturnType<typeof rememberingLog>['told']): readonly (readonly [string, boolean])[] {
  return told.map(({ file, kept }) => [basename(String(file)), String(kept).includes('.corrupt-')]);
}

test('openGenerations() passes over a generation whose meta.json has another shape', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 5, log: silentLog });
  await store.add(generation('one'));
  await store.add(generation('two'));
  const path = join(dir, 'generations', '2', 'meta.json');
  const { appliedAtMs: _, ...older } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...older, appliedAt: '2020-01-01T00:00:00Z' }));

  const again = await openGenerations(dir, { keep: 5, log: silentLog });

  assert.deepEqual([again.list().map(({ id }) => id), again.damaged()], [[1], [2]]);
});

test('openGenerations() moves and removes nothing where one only looks', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'pinned'));
  // one that a controller is writing
  await mkdir(join(dir, 'generations', '.1', 'files'), { recursive: true });
  await openGenerations(dir, { keep: 5, looksOnly: true, log: silentLog });
  assert.deepEqual((await readdir(dir, { recursive: true })).toSorted(), [
    'generations',
    'generations/.1',
    'generations/.1/files',
    'pinned',
  ]);

  await rm(join(dir, 'generations'), { recursive: true });
  await writeFile(join(dir, 'generations'), '');
  await openGenerations(dir, { keep: 5, looksOnly: true, log: silentLog });
  assert.deepEqual((await readdir(dir)).toSorted(), ['generations', 'pinned']);
});

for (const [what, make] of Object.entries({ 'a file': (path: string) => writeFile(path, ''), ...OBSTACLES }))
  test(`openGenerations() passes over ${what} in the place of a part of a generation, and sets it aside in that of all`, async (t) => {
    const dir = await tempDir(t);
    const store = await openGenerations(dir, { keep: 5, log: silentLog });
    for (const content of ['one', 'two', 'three', 'four', 'five']) await store.add(generation(content));
    const broken = ['5/table.json', '4/meta.json', '3/files/0', '2'];
    for (const part of broken) {
      await rm(join(dir, 'generations', part), { recursive: true });
      await make(join(dir, 'generations', part));
    }

    const again = await openGenerations(dir, { keep: 5, log: silentLog });
    assert.equal(again.current(), 1);
    assert.equal((await again.read(1))?.config.files[0]?.content, 'one');
    assert.equal((await again.add(generation('six'))).id, 6);

    await rm(join(dir, 'generations'), { recursive: true });
    await make(join(dir, 'generations'));
    const anew = await openGenerations(dir, { keep: 5, log: silentLog });
    await anew.add(generation('seven'));
    assert.deepEqual(anew.list().length, 1);
  });

test('openGenerations() knows a table that was changed on disk as damaged, and one of a version that noted no hash as whole', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 3, log: silentLog });
  for (const content of ['one', 'two']) await store.add(generation(content));
  const file = (id: number, name: string): string => join(dir, 'generations', String(id), name);
  const table = await readFile(file(1, 'table.json'), 'utf8');
  await writeFile(file(1, 'table.json'), table.replace('[]', '[ ]'));
  const { tableSha256: _hash, ...meta } = JSON.parse(await readFile(file(2, 'meta.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(file(2, 'meta.json'), JSON.stringify(meta));

  const again = await openGenerations(dir, { keep: 3, log: silentLog });

  assert.deepEqual([await again.isWhole(1), await again.isWhole(2), await again.isWhole(3)], [false, true, false]);
  assert.deepEqual([again.damaged(), await again.read(1), (await again.read(2))?.id], [[1], undefined, 2]);
});

test('openGenerations() names no damaged generation that it has dropped since', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 2, log: silentLog });
  for (const content of ['one', 'two']) await store.add(generation(content));
  await writeFile(join(dir, 'generations/1/table.json'), '{');
  assert.equal(await store.isWhole(1), false);
  assert.deepEqual(store.damaged(), [1]);

  await store.add(generation('three'));

  assert.deepEqual([store.list().map(({ id }) => id), store.damaged()], [[3, 2], []]);
});

test('openGenerations() calls a generation damaged only as long as it cannot be read', async (t) => {
  const dir = await tempDir(t);
  const store = await openGenerations(dir, { keep: 2, log: silentLog });
  await store.add(generation('one'));
  const file = join(dir, 'generations/1/table.json');
  await rename(file, `${file}.away`);
  assert.equal(await store.read(1), undefined);
  assert.deepEqual(store.damaged(), [1]);

  await rename(`${file}.away`, file);

  assert.deepEqual([await store.isWhole(1), store.damaged()], [true, []]);
});
