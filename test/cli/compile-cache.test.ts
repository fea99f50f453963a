import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProcess, tempDir } from '../support/process.ts';

const START = join(import.meta.dirname, '../../src/start.js');

test('start.js keeps code in a directory of ours and in none that others may write to', async (t) => {
  const home = await tempDir(t);
  const [own, open] = [join(home, 'own'), join(home, 'open')];
  await mkdir(join(open, 'hind-proxy'), { recursive: true });
  await chmod(join(open, 'hind-proxy'), 0o777);

  for (const XDG_CACHE_HOME of [own, open])
    assert.equal(await startProcess(t, process.execPath, [START, 'version'], { env: { XDG_CACHE_HOME } }).ended, 0);

  assert.equal((await readdir(join(own, 'hind-proxy'))).length, 1);
  assert.deepEqual(await readdir(join(open, 'hind-proxy')), []);
});

test('start.js loads no compiler of TypeScript when the code of an earlier start is kept', async (t) => {
  const home = await tempDir(t);
  const teller = join(home, 'teller.cjs');
  await writeFile(
    teller,
    "process.on('exit', () => console.error(process.moduleLoadList.some((name) => name.includes('amaro')) ? 'compiled' : 'kept'));",
  );
  const start = async (): Promise<string> => {
    const running = startProcess(t, process.execPath, ['--require', teller, START, 'version'], { env: { XDG_CACHE_HOME: home } });
    await running.ended;
    return running.output();
  };

  assert.match(await start(), /compiled/);
  assert.match(await start(), /kept/);
});
