import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallWeights } from '../../src/targets/caddy/weights.ts';

test('smallWeights() keeps the ratios nearly, in rows as short as they can be', () => {
  assert.deepEqual(smallWeights([1000, 2000, 2333, 2333, 2333]), [2, 4, 5, 5, 5]);
  assert.deepEqual(smallWeights([2500, 7500]), [1, 3]);
  assert.deepEqual(smallWeights([3334, 3333, 3333]), [1, 1, 1]);
});

test('smallWeights() leaves weights that are small, or that have no smaller ratios', () => {
  for (const weights of [[1, 4], [3, 1], [0, 1], [1, 9999], [1]]) assert.deepEqual(smallWeights(weights), weights);
});

test('smallWeights() gives nothing to whom nothing is asked for, and something to everybody else', () => {
  const small = smallWeights([0, 123, 4567, 5310]);

  assert.equal(small[0], 0);
  assert.ok(small.slice(1).every((weight) => weight > 0));
  assert.ok(small.reduce((sum, weight) => sum + weight, 0) < 100, small.join(' '));
});
