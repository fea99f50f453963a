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

test('start.js keeps no code where others may replace the directory, and makes no home', async (t) => {
  const home = await tempDir(t);
  const open = join(home, 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  const missing = join(home, 'missing');
  const start = (env: Record<string, string>): Promise<number | string> =>
    startProcess(t, process.execPath, [START, 'version'], { cwd: home, env }).ended;

  for (const env of [{ XDG_CACHE_HOME: open }, { XDG_CACHE_HOME: 'relative' }, { XDG_CACHE_HOME: '', HOME: missing }])
    assert.equal(await start(env), 0);

  assert.deepEqual(await readdir(home), ['open']);
  assert.deepEqual(await readdir(join(open, 'hind-proxy')), []);
  await chmod(open, 0o1777);
  assert.equal(await start({ XDG_CACHE_HOME: open }), 0);
  assert.equal((await readdir(join(open, 'hind-proxy'))).length, 1);
});

test('start.js begins where no directory can be made', { timeout: 30_000 }, async (t) => {
  assert.equal(await startProcess(t, process.execPath, [START, 'version'], { env: { XDG_CACHE_HOME: '', HOME: '/proc' } }).ended, 0);
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
