import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir, whenEnded } from '../support/process.ts';

/** A program that sets itself up whenever it is asked; resolves when it can be. */
async function startOne(t: TestContext, stateDir: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, '../support/set-up-again.ts'), [stateDir], { execPath: process.execPath, execArgv: [] });
  whenEnded(t, async () => {
    child.kill('SIGKILL');
    await Promise.resolve();
  });
  await once(child, 'message');
  return child;
}

test('programs that begin at the same time agree on what Traefik needs, whatever stood in its place', { timeout: 120_000 }, async (t) => {
  const dir = await tempDir(t);
  const places = ['traefik-api.password', 'tls/default.key', 'tls/default.crt'];
  const [password = '', key = '', cert = ''] = places.map((name) => join(dir, name));
  const programs = await Promise.all([1, 2, 3].map(() => startOne(t, dir)));
  const beginTogether = (): Promise<readonly unknown[]> =>
    Promise.all(
      programs.map(async (program) => {
        const answered = once(program, 'message') as Promise<readonly unknown[]>;
        program.send('begin');
        return (await answered)[0];
      }),
    );

  for (let round = 0; round < 5; round += 1)
    for (const path of [password, key, cert])
      for (const content of ['', 'damaged', 'a directory', 'nothing']) {
        await rm(path, { recursive: true, force: true });
        if (content === 'a directory') await mkdir(path, { recursive: true });
        else if (content !== 'nothing') {
          await mkdir(join(dir, 'tls'), { recursive: true });
          await writeFile(path, path === password ? '\n' : content);
        }

        const given = await beginTogether();

        const kept = (await readFile(password, 'utf8')).trim();
        assert.deepEqual(given, [kept, kept, kept], `${content} in the place of ${path}`);
        const pair = new X509Certificate(await readFile(cert, 'utf8'));
        assert.ok(pair.checkPrivateKey(createPrivateKey(await readFile(key, 'utf8'))), `${content} in the place of ${path}`);
      }
});
