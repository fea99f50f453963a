import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeLock } from '../../src/cli/lock.ts';
import { tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

test('takeLock() lets a second holder wait until the first releases it', async (t) => {
  const dir = await tempDir(t);
  const signal = AbortSignal.timeout(20_000);
  const first = await takeLock(dir, { signal, onWait: () => assert.fail('nobody else holds it') });
  assert.ok(first);
  let isWaiting = false;
  const second = takeLock(dir, { signal, onWait: () => (isWaiting = true) });
  await until('the second to wait', () => isWaiting);
  await first();
  const release = await second;
  assert.ok(release);
  await release();
});

test('takeLock() gives up when it is aborted', async (t) => {
  const dir = await tempDir(t);
  const release = await takeLock(dir, { signal: AbortSignal.timeout(20_000), onWait() {} });
  assert.equal(await takeLock(dir, { signal: AbortSignal.timeout(50), onWait() {} }), undefined);
  await release?.();
});
