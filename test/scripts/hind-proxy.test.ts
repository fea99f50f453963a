import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../support/process.ts';

const ROOT = join(import.meta.dirname, '../..');
const SYSTEM = '/usr/bin:/bin';

function run(file: string, args: readonly string[], options: { readonly cwd: string; readonly env: Record<string, string> }) {
  return spawnSync(file, args, { ...options, encoding: 'utf8', timeout: 30_000 });
}

/** A directory for PATH with what the script needs of the system, and nothing else. */
async function toolsOnly(t: TestContext): Promise<string> {
  const dir = await tempDir(t);
  for (const name of ['dirname', 'readlink']) {
    const [found] = SYSTEM.split(':').map((place) => join(place, name));
    await symlink(found ?? '', join(dir, name));
  }
  return dir;
}

/** A directory for PATH with a Node that cannot run the program. */
async function oldNode(t: TestContext): Promise<string> {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'node'), '#!/bin/sh\necho an old node >&2\nexit 9\n');
  await chmod(join(dir, 'node'), 0o755);
  return dir;
}

test('scripts/hind-proxy runs from any directory and through links, with an old Node on PATH and with none', async (t) => {
  const [dir, bin] = [await tempDir(t), await tempDir(t)];
  await writeFile(join(dir, 'a.json'), JSON.stringify({ stateDir: './state', domainSuffix: 'here.test' }));
  await mkdir(join(bin, 'local'));
  await symlink(join(ROOT, 'scripts/hind-proxy'), join(bin, 'hind-proxy'));
  await symlink('../hind-proxy', join(bin, 'local/hind-proxy'));
  for (const PATH of [`${await oldNode(t)}:${SYSTEM}`, await toolsOnly(t)])
    for (const file of [join(ROOT, 'scripts/hind-proxy'), join(bin, 'local/hind-proxy')]) {
      const { status, stdout, stderr } = run(file, ['config', 'show', '-c', 'a.json'], { cwd: dir, env: { PATH, HOME: dir } });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /domainSuffix: here\.test/);
    }
});

test('npm run hind-proxy reads files from the directory in which it was typed', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'a.json'), JSON.stringify({ domainSuffix: 'here.test' }));
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir };
  const { stdout, stderr } = run('npm', ['--prefix', ROOT, 'run', '-s', 'hind-proxy', '--', 'config', 'show', '-c', 'a.json'], {
    cwd: dir,
    env,
  });
  assert.match(stdout, /domainSuffix: here\.test/, stderr);
});

test('scripts/rollback is the same program with its Node and the configuration of HIND_PROXY_CONFIG', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'a.json'), JSON.stringify({ stateDir: join(dir, 'state-of-a'), admin: { listen: null, socket: null } }));
  await symlink(join(ROOT, 'scripts/rollback'), join(dir, 'back'));
  const env = { PATH: `${await oldNode(t)}:${SYSTEM}`, HOME: dir, HIND_PROXY_CONFIG: 'a.json' };
  const { status, stderr } = run(join(dir, 'back'), [], { cwd: dir, env });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /Cannot roll back: nothing was applied yet .* state directory .*state-of-a/);
});

/** A copy of what starts the program, in a place without packages. */
async function withoutPackages(t: TestContext): Promise<string> {
  const dir = await tempDir(t);
  for (const name of ['scripts', 'src']) await mkdir(join(dir, name));
  await cp(join(ROOT, 'scripts/hind-proxy'), join(dir, 'scripts/hind-proxy'));
  for (const name of ['package.json', 'src/start.js']) await copyFile(join(ROOT, name), join(dir, name));
  return dir;
}

test('scripts/hind-proxy says in one line that there is no Node, and what brings one', async (t) => {
  const dir = await withoutPackages(t);
  const { status, stderr } = run(join(dir, 'scripts/hind-proxy'), ['version'], { cwd: '/', env: { PATH: await toolsOnly(t) } });
  assert.equal(status, 2);
  assert.equal(stderr, `hind-proxy: Cannot run: there is no Node, expected that of \`npm ci\` in ${dir}, or one on PATH\n`);
});

test('start.js says in one line that Node is too old, and what brings its own', async (t) => {
  const { engines } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly engines: { readonly node: string } };
  const needed = Number(/\d+/.exec(engines.node)?.[0]);
  const versionOf = ({ stdout }: SpawnSyncReturns<string>): number => Number(/^v(\d+)/.exec(stdout)?.[1] ?? needed);
  const places = (process.env['PATH'] ?? '').split(delimiter).map((place) => join(place, 'node'));
  const old = places.find((node) => versionOf(spawnSync(node, ['--version'], { encoding: 'utf8' })) < needed);
  if (old === undefined) return t.skip('SKIPPED: needs an older Node on PATH, too');
  const { status, stderr } = run(old, [join(ROOT, 'src/start.js'), 'version'], { cwd: '/', env: {} });
  assert.equal(status, 2, stderr);
  assert.match(
    stderr,
    new RegExp(`^hind-proxy: Cannot run with Node \\d+\\.\\S+: expected ${needed} or newer\\. .*/scripts/hind-proxy .*\\n$`),
  );
});
