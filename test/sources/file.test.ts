import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { createFileSource } from '../../src/sources/file.ts';
import { createStaticSource } from '../../src/sources/static.ts';
import { sourceContract, watchSource } from '../contract/source.ts';
import { tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const web = (port: number): object => ({ name: 'web', address: '127.0.0.1', port, tags: ['urlprefix-web.test/'] });

sourceContract('createFileSource()', async (t) => {
  const dir = await tempDir(t);
  const services = join(dir, 'services');
  await writeFile(join(dir, 'staged'), '[]');
  await mkdir(services);
  return {
    source: createFileSource({ path: services, pollMs: 200, log: silentLog }),
    async set(ports) {
      await writeFile(join(dir, 'staged'), JSON.stringify(ports.map(web)));
      await rename(join(dir, 'staged'), join(services, 'web.json'));
    },
    fail: () => rename(services, join(dir, 'gone')),
    heal: () => rename(join(dir, 'gone'), services),
  };
});

test('createFileSource() keeps the previous content of a file that is wrong and says where', async (t) => {
  const dir = await tempDir(t);
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (fields) => warnings.push(JSON.stringify(fields)) };
  await writeFile(join(dir, 'a.yaml'), 'name: web\naddress: 127.0.0.1\nport: 8001\n');
  await writeFile(join(dir, 'b.json'), JSON.stringify(web(8002)));
  const watched = watchSource(t, createFileSource({ path: dir, pollMs: 100, log }));
  await until('both files', () => watched.latestPorts().length === 2);
  await writeFile(join(dir, 'a.yaml'), 'name: web\naddress: [127\nport: 8001\n');
  await until('the warning', () => warnings.length > 0);
  assert.match(warnings[0] ?? '', /a\.yaml:\d+:\d+/);
  await until('the fault', () => /a\.yaml:\d+:\d+: /.test(watched.snapshots().at(-1)?.faults?.[0] ?? ''));
  await writeFile(join(dir, 'b.json'), '');
  await until('the second warning', () => warnings.some((warning) => warning.includes('b.json')));
  assert.deepEqual(watched.latestPorts(), [8001, 8002]);
  await rm(join(dir, 'b.json'));
  await until('the removal', () => watched.latestPorts().length === 1);
});

test('createFileSource() tells of a file that is too large for services, and reads the others', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'a.json'), JSON.stringify(web(8001)));
  await symlink('/dev/zero', join(dir, 'b.json'));
  await writeFile(join(dir, 'c.json'), JSON.stringify(web(8003)));
  const watched = watchSource(t, createFileSource({ path: dir, pollMs: 100, log: silentLog }));
  await until('what can be read', () => watched.latestPorts().length === 2);
  assert.match(watched.snapshots().at(-1)?.faults?.join() ?? '', /b\.json: Cannot read .* holds more than 1 MiB/);

  await truncate(join(dir, 'c.json'), 2 ** 40);
  await until('the second fault', () => watched.snapshots().at(-1)?.faults?.length === 2);
  assert.deepEqual(watched.latestPorts(), [8001, 8003]);
});

test('createFileSource() names a key that is misspelt, with its place and the one that is probably meant', async (t) => {
  for (const [name, text, fault] of [
    [
      'a.yaml',
      '- name: web\n  address: 127.0.0.1\n  port: 80\n- name: other\n  adress: 127.0.0.1\n  port: 81\n',
      '5:3: entry 2: Unknown key "adress", did you mean "address"?',
    ],
    [
      'a.json',
      '{\n  "name": "web",\n  "adress": "127.0.0.1", "port": 80, "colour": 1}',
      '3:4: Unknown key "adress", did you mean "address"?; Unknown key "colour", expected one of name, id, address, port, tags, meta, health, namespace',
    ],
    ['b.yaml', 'name: web\naddress: 127.0.0.1\nport: 70000\n', ' port: '],
  ] as const) {
    const path = join(await tempDir(t), name);
    await writeFile(path, text);
    const watched = watchSource(t, createFileSource({ path, pollMs: 100, log: silentLog }));
    await until('a snapshot', () => watched.snapshots().length === 1);
    const [told, ...others] = watched.snapshots()[0]?.faults ?? [];
    assert.ok(told?.startsWith(`${path}:${fault}`), told ?? 'nothing is told');
    assert.deepEqual(others, []);
  }
});

test('createFileSource() names the key that a service lacks', async (t) => {
  const dir = await tempDir(t);
  const warnings: string[] = [];
  await writeFile(join(dir, 'a.json'), '{"name": "web", "port": 80}');
  const watched = watchSource(
    t,
    createFileSource({ path: dir, pollMs: 100, log: { ...silentLog, warn: (fields) => warnings.push(JSON.stringify(fields)) } }),
  );
  await until('a snapshot', () => watched.snapshots().length === 1);
  assert.match(warnings[0] ?? '', /address/);
});

test('createStaticSource() refuses a wrong service at once', () => {
  assert.throws(() => createStaticSource([{ name: 'x' }]), /address/);
});

test('createStaticSource() yields what the configuration lists', async (t) => {
  const watched = watchSource(t, createStaticSource([web(8001)]));
  await until('the snapshot', () => watched.latestPorts().length === 1);
});
