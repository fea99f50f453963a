import assert from 'node:assert/strict';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProcess, tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

test('keepCompiledCode() keeps code in a directory of ours and in none that others may write to', async (t) => {
  const home = await tempDir(t);
  const [own, open] = [join(home, 'own'), join(home, 'open')];
  await mkdir(join(open, 'hind-proxy'), { recursive: true });
  await chmod(join(open, 'hind-proxy'), 0o777);

  for (const XDG_CACHE_HOME of [own, open])
    assert.equal(await startProcess(t, process.execPath, [MAIN, 'version'], { env: { XDG_CACHE_HOME } }).ended, 0);

  assert.equal((await readdir(join(own, 'hind-proxy'))).length, 1);
  assert.deepEqual(await readdir(join(open, 'hind-proxy')), []);
});
