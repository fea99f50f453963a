import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { addedModules } from '../../src/apply/modules.ts';
import { needServer, tempDir } from '../support/process.ts';

/** A program that lists one module beyond the stock build, and notes every call. */
async function program(
  t: TestContext,
): Promise<{ readonly binary: string; readonly cacheFile: string; readonly calls: () => Promise<number> }> {
  const dir = await tempDir(t);
  const binary = join(dir, 'caddy');
  const log = join(dir, 'calls');
  await mkdir(join(dir, 'state'));
  const lines = ['#!/bin/sh', `echo "$@" >> ${log}`, 'echo http.handlers.rate_limit', 'echo', "echo '  Non-standard modules: 1'"];
  await writeFile(binary, `${lines.join('\n')}\n`);
  await chmod(binary, 0o755);
  return { binary, cacheFile: join(dir, 'state/modules.json'), calls: async () => (await readFile(log, 'utf8')).trim().split('\n').length };
}

test('addedModules() asks a program once for as long as it stays the same', async (t) => {
  const { binary, cacheFile, calls } = await program(t);
  const ask = (): Promise<ReadonlySet<string>> => addedModules(binary, { cacheFile, signal: t.signal });

  assert.deepEqual([...(await ask())], ['http.handlers.rate_limit']);
  assert.deepEqual([...(await ask())], ['http.handlers.rate_limit']);
  assert.equal(await calls(), 1);

  await writeFile(binary, `${await readFile(binary, 'utf8')}# rebuilt\n`);
  await ask();
  assert.equal(await calls(), 2);
});

test('addedModules() asks again when what it remembers cannot be read', async (t) => {
  const { binary, cacheFile } = await program(t);
  await writeFile(cacheFile, '{"program": 3');

  assert.equal((await addedModules(binary, { cacheFile, signal: t.signal })).size, 1);
});

test('addedModules() finds nothing where there is no program, and in a stock Caddy', async (t) => {
  const cacheFile = join(await tempDir(t), 'modules.json');
  assert.equal((await addedModules(undefined, { cacheFile, signal: t.signal })).size, 0);
  assert.equal((await addedModules('/nowhere/caddy', { cacheFile, signal: t.signal })).size, 0);

  const caddy = needServer(t, 'caddy');
  if (caddy !== undefined) assert.equal((await addedModules(caddy, { cacheFile, signal: t.signal })).size, 0);
});
