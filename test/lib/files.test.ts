import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileSizeError, readTextFile, removeLeftovers, stageFile, writeFileAtomic } from '../../src/lib/files.ts';
import { tempDir } from '../support/process.ts';

test('writeFileAtomic() replaces a file on another filesystem than that of its staging directory', async (t) => {
  const dir = await tempDir(t);
  const isOther = statSync('/dev/shm', { throwIfNoEntry: false })?.dev !== statSync(dir).dev;
  if (!isOther) return t.skip('SKIPPED: needs a second filesystem at /dev/shm');
  const stagingDir = mkdtempSync('/dev/shm/hind-proxy-');
  t.after(() => rmSync(stagingDir, { recursive: true }));
  const path = join(dir, 'etc/Caddyfile');
  await mkdir(join(dir, 'etc'));
  await writeFile(path, 'old');

  await writeFileAtomic(path, 'new', { stagingDir, mode: 0o640 });

  assert.equal(await readFile(path, 'utf8'), 'new');
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.deepEqual([await readdir(stagingDir), await readdir(join(dir, 'etc'))], [[], ['Caddyfile']]);
});

test('readTextFile() does not wait for a pipe in the place of a file', async (t) => {
  const path = join(await tempDir(t), 'pinned');
  execFileSync('mkfifo', [path]);

  assert.equal(await readTextFile(path), '');
});

test('readTextFile() reads no more of a device or a file than any of ours holds', async (t) => {
  const dir = await tempDir(t);
  const [device, sparse, many] = [join(dir, 'device'), join(dir, 'sparse'), join(dir, 'many')];
  await symlink('/dev/zero', device);
  await writeFile(sparse, '');
  await truncate(sparse, 2 ** 40);
  await writeFile(many, 'é'.repeat(100_000));

  for (const path of [device, sparse]) await assert.rejects(readTextFile(path), FileSizeError);
  await assert.rejects(readTextFile(many, { maxBytes: 199_999 }), FileSizeError);
  assert.equal(await readTextFile(many, { maxBytes: 200_000 }), 'é'.repeat(100_000));
});

test('removeLeftovers() removes what an ended process has left, never what one writes that may still run', async (t) => {
  const dir = await tempDir(t);
  const left = `
    import { stageFile } from ${JSON.stringify(join(import.meta.dirname, '../../src/lib/files.ts'))};
    await stageFile(${JSON.stringify(join(dir, 'a'))}, 'left');`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', left]);
  const own = await stageFile(join(dir, 'b'), 'own');
  const [elsewhere, old] = ['.0a1b2c3d-1-1-0123456789abcdef.staged', '.0123456789abcdef.staged'];
  for (const name of [elsewhere, old, '.other.staged']) await writeFile(join(dir, name), '');
  const twoDaysAgo = Date.now() / 1000 - 172_800;
  await utimes(join(dir, old), twoDaysAgo, twoDaysAgo);
  assert.equal((await readdir(dir)).length, 5);

  await removeLeftovers(dir);

  const rest = await readdir(dir);
  assert.equal(rest.length, 3);
  assert.ok(rest.includes(elsewhere) && rest.includes('.other.staged'));
  await (await own.place()).onDisk;
  assert.equal(await readFile(join(dir, 'b'), 'utf8'), 'own');
});
