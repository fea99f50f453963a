import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertStaging, assertWritable } from '../../src/cli/state-dir.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import { freePorts, needServer, startProcess, tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

test('assertWritable() makes a directory and leaves nothing in it', async (t) => {
  const dir = join(await tempDir(t), 'a/b');
  await assertWritable(dir);
  assert.deepEqual(await readdir(dir), []);
});

test('assertWritable() names the directory that cannot be written, why, and what to do', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'file'), '');
  await symlink(join(dir, 'loop'), join(dir, 'loop'));
  const todo = /Make it writable, or name another one with --state-dir/;
  for (const [path, why] of [
    ['file', /file: a file stands in its place \(EEXIST\)/],
    ['file/below', /below: a file stands in its place or in that of a directory above it \(ENOTDIR\)/],
    ['loop/below', /below: a link in its path leads to itself \(ELOOP\)/],
  ] as const) {
    await assert.rejects(assertWritable(join(dir, path)), { name: 'CommandError', message: why });
    await assert.rejects(assertWritable(join(dir, path)), { message: todo });
  }
});

test('run ends with 1 and a sentence where nothing can be written in the state directory', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'services'));
  await writeFile(join(dir, 'state'), '');
  for (const command of [['run'], ['run', '--once']]) {
    const args = [MAIN, ...command, '--state-dir', join(dir, 'state'), '--file', join(dir, 'services'), '--proxy', 'traefik'];
    const running = startProcess(t, process.execPath, args, { env: { HOME: dir } });
    assert.equal(await running.ended, 1, running.output());
    assert.match(running.output(), /^Cannot use the state directory .*: a file stands in its place/);
  }
});

test('assertStaging() says what is in the way, and what to do', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'file'), '');
  await symlink(join(dir, 'loop'), join(dir, 'loop'));
  for (const [name, why] of [
    ['file', /a file stands in its place \(EEXIST\), .*Move away what stands there/],
    ['loop', /a link in its path leads to itself \(ELOOP\), .*Move away what stands there/],
  ] as const)
    await assert.rejects(assertStaging(join(dir, name)), { name: 'CommandError', message: why });
});

for (const server of SERVERS)
  test(`run, exec-proxy and plan say what is in the way when a directory is in the place of a file of ${server}`, async (t) => {
    const binary = needServer(t, server);
    if (binary === undefined) return;
    const dir = await tempDir(t);
    const [admin = 0, api = 0, web = 0] = await freePorts(3);
    for (const name of ['services', 'Caddyfile', 'dynamic/hp.yml']) await mkdir(join(dir, name), { recursive: true });
    await writeFile(
      join(dir, 'services/web.json'),
      JSON.stringify([{ name: 'web', address: '127.0.0.1', port: 80, tags: ['urlprefix-a.test/'] }]),
    );
    const proxy = {
      server,
      entrypoints: { web: `127.0.0.1:${web}` },
      caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${admin}` },
      traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml'), api: `http://127.0.0.1:${api}` },
    };
    const sources = { file: { path: join(dir, 'services') }, consul: false, nomad: false };
    const config = { stateDir: join(dir, 'state'), sources, proxies: [proxy], admin: { listen: null, socket: null } };
    await writeFile(join(dir, 'config.json'), JSON.stringify(config));
    const env = { HOME: dir, [server === 'caddy' ? 'CADDY_BIN' : 'TRAEFIK_BIN']: binary };
    const key = server === 'caddy' ? 'caddy.file' : 'traefik.dynamicFile';
    for (const command of [['run'], ['run', '--once'], ['exec-proxy'], ['plan', '--rendered']]) {
      const running = startProcess(t, process.execPath, [MAIN, ...command, '--config', join(dir, 'config.json')], { env });
      assert.equal(await running.ended, 1, running.output());
      const told = new RegExp(`Cannot use .* a directory stands in its place \\(EISDIR\\), .* name another file with ${key}`);
      assert.match(running.output(), told, command.join(' '));
    }
  });
