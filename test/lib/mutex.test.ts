import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMutex } from '../../src/lib/mutex.ts';

test('createMutex() lets one task run at a time, in order, whatever the others do', async () => {
  const exclusively = createMutex();
  const told: string[] = [];
  const task =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      told.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const results = await Promise.allSettled([exclusively(task('a')), exclusively(task('b', true)), exclusively(task('c'))]);
  assert.deepEqual(told, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});
