import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { takeLock } from '../../src/cli/lock.ts';
import { shortHash } from '../../src/lib/hash.ts';
import { CORPUS } from '../corpus/entries.ts';
import { generatedJob } from '../jobfiles/forms.ts';
import { tempDir, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const WRITE = ['write', 'jobs', '--to', 'traefik'] as const;
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

function migrate(cwd: string, ...args: readonly string[]): { readonly code: number | null; readonly told: string } {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'migrate', ...args], { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { code: status, told: stderr };
}

/** The same where no file may become larger than so many blocks of 512 bytes: it ends as on a full disk. */
function migrateLimited(cwd: string, blocks: number, ...args: readonly string[]): { readonly code: number | null; readonly told: string } {
  const limited = ['-c', 'ulimit -f "$1"; shift; exec "$@"', 'sh', String(blocks), process.execPath, MAIN, 'migrate', ...args];
  const { status, stderr } = spawnSync('/bin/sh', limited, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { code: status, told: stderr };
}

/** Every file under a directory with what it holds. */
async function filesIn(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(join(dir, 'jobs'))).toSorted();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(dir, 'jobs', name), 'utf8')] as const)));
}

const JOBS = 500;

/** A directory with job files whose tags are to be converted. */
async function fleet(t: TestContext): Promise<{ readonly dir: string; readonly before: ReadonlyMap<string, string> }> {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'jobs'));
  for (let index = 0; index < JOBS; index += 1) {
    const lists = [[`urlprefix-job-${index}.test/`], CORPUS[index % CORPUS.length]?.tags ?? []];
    await writeFile(join(dir, 'jobs', `job-${String(index).padStart(3, '0')}.nomad.hcl`), generatedJob(index, lists));
  }
  return { dir, before: await filesIn(dir) };
}

/** Starts a command and kills it as soon as it has changed a file; returns how many files it has changed. */
async function killed(t: TestContext, dir: string, args: readonly string[]): Promise<number> {
  const before = await filesIn(dir);
  const [first = ''] = before.keys();
  const child = spawn(process.execPath, [MAIN, 'migrate', ...args], { cwd: dir, env, stdio: 'ignore' });
  whenEnded(t, async () => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await until('a file to be changed', async () => (await readFile(join(dir, 'jobs', first), 'utf8')) !== before.get(first), 60_000);
  child.kill('SIGKILL');
  await ended;
  const after = await filesIn(dir);
  return [...before].filter(([name, text]) => after.get(name) !== text).length;
}

test('migrate write that is killed in the middle can be taken back, and can go on', async (t) => {
  const { dir, before } = await fleet(t);
  assert.equal(migrate(dir, ...WRITE).code, 0);
  const whole = await filesIn(dir);
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.deepEqual(await filesIn(dir), before);

  const written = await killed(t, dir, WRITE);
  t.diagnostic(`killed after ${written} of ${JOBS} files`);
  assert.ok(written < JOBS, 'it had ended before it was killed');
  for (const [name, text] of await filesIn(dir))
    assert.ok(name.startsWith('.') || [before.get(name), whole.get(name)].includes(text), `${name} is neither old nor new`);
  const reverted = migrate(dir, 'revert');
  assert.equal(reverted.code, 0, reverted.told);
  assert.deepEqual(await filesIn(dir), before);

  await killed(t, dir, WRITE);
  assert.equal(migrate(dir, ...WRITE).code, 0);
  assert.deepEqual(await filesIn(dir), whole);
  assert.deepEqual([migrate(dir, 'revert').code, migrate(dir, 'revert').code], [0, 0]);
  assert.deepEqual(await filesIn(dir), before);
});

test('migrate revert that is killed in the middle goes on when it is given again', async (t) => {
  const { dir, before } = await fleet(t);
  assert.equal(migrate(dir, ...WRITE).code, 0);
  assert.ok((await killed(t, dir, ['revert'])) < JOBS, 'it had ended before it was killed');
  const reverted = migrate(dir, 'revert');
  assert.equal(reverted.code, 0, reverted.told);
  assert.deepEqual(await filesIn(dir), before);
  assert.deepEqual(await readdir(dir), ['jobs']);
});

test('migrate write and revert on a disk that is full change whole files only, and say how far they came and what to do', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'jobs'));
  const service = (name: string): string => `service {\n  name = "${name}"\n  tags = ["urlprefix-${name}.test/"]\n}\n`;
  await writeFile(join(dir, 'jobs/a-small.hcl'), service('small'));
  await writeFile(join(dir, 'jobs/b-large.hcl'), Array.from({ length: 200 }, (_, index) => service(`large-${index}`)).join(''));
  const before = await filesIn(dir);

  const none = migrateLimited(dir, 4, ...WRITE);
  assert.equal(none.code, 1);
  assert.match(none.told, /Cannot write the manifest: EFBIG.*hind-proxy-migration\.json'; no file was changed/);
  assert.deepEqual([await filesIn(dir), await readdir(dir)], [before, ['jobs']]);

  const some = migrateLimited(dir, 64, ...WRITE);
  assert.equal(some.code, 1);
  assert.match(some.told, /Cannot write a file: EFBIG.*b-large\.hcl'; 1 of 2 files are written; hind-proxy migrate revert puts them back/);
  const after = await filesIn(dir);
  assert.deepEqual([...after.keys()], [...before.keys()]);
  assert.match(after.get('a-small.hcl') ?? '', /traefik\.enable/);
  assert.equal(after.get('b-large.hcl'), before.get('b-large.hcl'));

  const stuck = migrateLimited(dir, 0, 'revert');
  assert.equal(stuck.code, 1);
  assert.match(stuck.told, /Cannot write a file: EFBIG.*a-small\.hcl'; 0 of 1 files are put back; give the command again/);
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.deepEqual([await filesIn(dir), await readdir(dir)], [before, ['jobs']]);
});

test('migrate write waits for another migration with the same manifest, then keeps both in it', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'jobs'));
  await writeFile(join(dir, 'jobs/a.hcl'), 'service {\n  name = "a"\n  tags = ["urlprefix-a.test/"]\n}\n');
  const role = `migration-${shortHash(['hind-proxy-migration.json'])}`;
  const release = await takeLock(dir, { role, signal: AbortSignal.timeout(20_000), onWait: () => undefined });
  const child = spawn(process.execPath, [MAIN, 'migrate', ...WRITE], { cwd: dir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  whenEnded(t, async () => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));

  await until('it to wait', () => told.includes('waiting for its end'));
  assert.deepEqual(await readdir(dir), ['jobs']);
  const other = { at: '2026-01-01T00:00:00Z', to: 'traefik', mode: 'add', files: [] };
  await writeFile(join(dir, 'hind-proxy-migration.json'), JSON.stringify({ version: 1, runs: [other] }));
  await release?.();

  assert.equal(await ended, 0, told);
  const { runs } = JSON.parse(await readFile(join(dir, 'hind-proxy-migration.json'), 'utf8')) as { readonly runs: readonly unknown[] };
  assert.equal(runs.length, 2);
});
