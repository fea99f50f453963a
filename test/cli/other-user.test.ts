import assert from 'node:assert/strict';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startProcess, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';
import { openPlace } from './place.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** Takes the rights on a file or directory away for the time of a test. */
async function lock(t: TestContext, path: string): Promise<void> {
  await chmod(path, 0);
  whenEnded(t, () => chmod(path, 0o700));
}

test('commands on generations say that another user has to run them where the state directory cannot be read', async (t) => {
  const { stateDir, dir, asOther } = await openPlace(t, (_, listen) => ({ listen: `127.0.0.1:${listen}`, socket: null }));
  await lock(t, stateDir);
  const before = await readdir(dir);
  for (const args of [
    ['generations'],
    ['generations', '--json'],
    ['unpin'],
    ['diff', '1'],
    ['rollback'],
    ['switch', 'traefik'],
    ['plan'],
    ['run', '--once', '--dry-run'],
  ]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(
      output,
      /^Cannot .*: this user \(id \d+\) may not read the state directory .*state \(EACCES\)\. Run the command as the user .* \(id \d+\)/,
    );
  }
  assert.deepEqual(await readdir(dir), before);
});

test('commands that change what runs say that another user has to run them where the controller takes no orders', async (t) => {
  const { listen, config, stateDir, asOther } = await openPlace(t, (_, port) => ({ listen: `127.0.0.1:${port}`, socket: null }));
  startProcess(t, process.execPath, [MAIN, 'run', '--config', config]);
  await until(
    'the controller',
    () =>
      fetch(`http://127.0.0.1:${listen}/v1/status`)
        .then(({ ok }) => ok)
        .catch(() => false),
    20_000,
  );
  await lock(t, join(stateDir, 'admin.token'));
  for (const args of [['unpin'], ['rollback'], ['switch', 'traefik']]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(output, /^Cannot tell the controller what to do: this user \(id \d+\) may neither .*admin\.token\. Run the command as/);
  }
});

test('commands say that another user has to run them where only the socket would answer', async (t) => {
  const { dir, config, asOther } = await openPlace(t, (place) => ({ listen: null, socket: join(place, 'admin.sock') }));
  startProcess(t, process.execPath, [MAIN, 'run', '--config', config]);
  await until('the socket', async () => (await readdir(dir)).includes('admin.sock'), 20_000);
  await lock(t, join(dir, 'admin.sock'));
  for (const args of [['status'], ['rollback'], ['routes']]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(output, /^Cannot ask the controller: this user \(id \d+\) may not use its socket .*admin\.sock\. Run the command as/);
  }
});
