import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fabioWeights } from '../../src/compile/fabio-weights.ts';

const CASES: readonly (readonly [string, readonly (number | undefined)[], readonly number[]])[] = [
  ['none is fixed', [undefined, undefined], [1, 1]],
  ['two take a tenth each', [0.1, 0.1, undefined], [1, 1, 8]],
  ['one takes everything', [10, undefined], [1, 0]],
  ['all are fixed and equal', [5, 5, 5], [1, 1, 1]],
  ['all are fixed below one', [0.1, 0.3], [1, 3]],
  ['the fixed ones make exactly one', [0.5, 0.5, undefined], [1, 1, 0]],
  ['one takes everything and more', [3, 1, undefined], [3, 1, 0]],
  ['all are fixed far below one slot', [0.00001, 0.00002], [3333, 6667]],
  ['weights have no common divisor', [0.3, 0.7], [3, 7]],
  ['a share is below one slot', [0.000001, undefined], [1, 10_000]],
];

for (const [when, shares, weights] of CASES)
  test(`fabioWeights() gives ${weights.join(' ')} when ${when}`, () => {
    assert.deepEqual(fabioWeights(shares), weights);
  });
