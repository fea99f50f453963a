import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertWritable } from '../../src/cli/state-dir.ts';
import { startProcess, tempDir } from '../support/process.ts';

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
