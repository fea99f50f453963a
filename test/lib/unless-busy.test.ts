import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUnlessBusy } from '../../src/lib/unless-busy.ts';

test('createUnlessBusy() refuses what comes while a task runs, and lets the next one begin when that has ended or failed', async () => {
  const unlessBusy = createUnlessBusy();
  let end: () => void = () => undefined;
  const first = unlessBusy('first', () => new Promise<void>((_, reject) => (end = () => reject(new Error('failed')))));
  await assert.rejects(
    unlessBusy('Cannot begin: another one runs', () => Promise.resolve()),
    { message: 'Cannot begin: another one runs' },
  );
  end();
  await assert.rejects(first, { message: 'failed' });
  assert.equal(await unlessBusy('second', () => Promise.resolve(2)), 2);
});
