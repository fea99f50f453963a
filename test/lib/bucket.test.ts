import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBucket } from '../../src/lib/bucket.ts';

test('createBucket() lets a burst through and then one in its time', () => {
  let nowMs = 0;
  const bucket = createBucket({ burst: 3, perSecond: 4, clock: { monotonicMs: () => nowMs } });

  const burst = [bucket.take(), bucket.take(), bucket.take(), bucket.take()];

  assert.deepEqual(burst, [0, 0, 0, 250]);
  nowMs += 250;
  assert.equal(bucket.take(), 250);
  nowMs += 60_000;
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [0, 0, 0, 250]);
});
