import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './client.ts';
import { isSameByTurns } from './compare.ts';

const failed: Answer = { status: 500, headers: {} };
const from = (instance: string): Answer => ({
  status: 200,
  headers: {},
  echo: { instance, method: 'GET', path: '/', host: 'h.io', headers: {}, bodyBytes: 0 },
});

test('isSameByTurns() wants each answer of either side from the other one too', () => {
  assert.equal(isSameByTurns([from('a'), failed, from('b')], [failed, from('b'), from('a'), failed]), true);
  assert.equal(isSameByTurns([from('a')], [failed, from('a')]), false);
  assert.equal(isSameByTurns([from('a'), failed], [from('a')]), false);
  assert.equal(isSameByTurns([from('a'), failed], [from('b'), failed]), false);
});
