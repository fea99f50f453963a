import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harmOf } from '../../src/verify/harm.ts';

for (const [before, after, harm] of [
  ['200', '503', 'notServed'],
  ['301', 'none (it does not listen at 8443)', 'notServed'],
  ['401', '503', 'notServed'],
  ['404', '502', 'notServed'],
  ['200', '404', 'notServed'],
  ['200', '200 (50 %), 503 (50 %)', 'notServed'],
  ['200 (60 %), none (closed, at once) (40 %)', '200', undefined],
  ['401', '200', 'notRefused'],
  ['403 (40 %), 200 (60 %)', '200', 'notRefused'],
  ['403', '404', undefined],
  ['503', '200', undefined],
  ['503', '502', undefined],
  ['301', '308', undefined],
] as const)
  test(`harmOf() says ${harm ?? 'nothing'} of ${before} that becomes ${after}`, () => {
    assert.equal(harmOf([{ what: 'status', old: before, new: after }]), harm);
  });

test('harmOf() says nothing of answers of one status', () => {
  assert.equal(harmOf([{ what: 'location', old: 'http://a.test/', new: 'https://a.test/' }]), undefined);
});
