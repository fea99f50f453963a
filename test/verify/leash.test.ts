import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startOf } from '../../src/lib/process-mark.ts';
import { spawnLeashed } from '../../src/verify/leash.ts';
import { tempDir, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';

const LEASH = join(import.meta.dirname, '../../src/verify/leash.ts');

async function labDir(t: TestContext): Promise<string> {
  const dir = join(await tempDir(t), 'lab');
  await mkdir(dir);
  return dir;
}

test('spawnLeashed() ends the program and removes its directory when this process is killed', async (t) => {
  const dir = await labDir(t);
  const script = `
    const { spawnLeashed } = await import(process.argv[1]);
    const { child } = spawnLeashed('sleep', ['600'], { dir: process.argv[2], cwd: process.argv[2], env: { PATH: process.env.PATH } });
    child.once('spawn', () => console.log(child.pid));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, LEASH, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  whenEnded(t, async () => void holder.kill('SIGKILL'));
  const text = await new Promise<string>((resolve) => holder.stdout.once('data', (data: Buffer) => resolve(data.toString())));
  const pid = Number(text);
  assert.ok((await startOf(pid)) !== undefined);

  holder.kill('SIGKILL');

  await until('the program to end', async () => (await startOf(pid)) === undefined, 10_000);
  await until('its directory to go', () => !existsSync(dir), 10_000);
});

test('spawnLeashed() runs the program as it is, and leaves its directory to us when it ends', async (t) => {
  const dir = await labDir(t);
  const { child, release } = spawnLeashed('/bin/sh', ['-c', 'echo "$$ $1 $NAME"; exit 7', 'x', 'a "b" $c'], { dir, env: { NAME: 'n n' } });
  let text = '';
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));

  const code = await new Promise((resolve) => child.once('exit', resolve));
  release();
  await new Promise((resolve) => child.once('close', resolve));

  assert.equal(code, 7);
  assert.equal(text, `${child.pid} a "b" $c n n\n`);
  assert.ok(existsSync(dir));
});
