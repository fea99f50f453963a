import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  withApply,
  withChange,
  dueAtMs,
  idleHoldoff,
  withoutPending,
  type HoldoffOptions,
  type HoldoffState,
} from '../../src/controller/holdoff.ts';

const OPTIONS: HoldoffOptions = { quietMs: 50, maxWaitMs: 500, pace: { kind: 'bucket', perSecond: 1, burst: 4 } };

test('dueAtMs() lets the first change after a silence go at once', () => {
  assert.equal(dueAtMs(withChange(idleHoldoff(OPTIONS), 1000), OPTIONS), 1000);
});

const rested = (durationMs: number): HoldoffState =>
  withApply(withoutPending(withChange(idleHoldoff(OPTIONS), 0)), { endedAtMs: durationMs, durationMs }, OPTIONS);

test('dueAtMs() lets the first change after a silence wait for company, longer where applies are slow, but not long', () => {
  const after = (durationMs: number): number => dueAtMs(withChange(rested(durationMs), 10_000), OPTIONS) - 10_000;

  assert.deepEqual([0, 10, 200, 5000].map(after), [16, 16, 20, 50]);
});

test('dueAtMs() lets the first change after a silence go as soon as it has company', () => {
  const withCompanyAfter = (ms: number): number => dueAtMs(withChange(withChange(rested(200), 10_000), 10_000 + ms), OPTIONS) - 10_000;

  assert.deepEqual([3, 19, 30].map(withCompanyAfter), [3, 19, 20]);
});

test('dueAtMs() waits for a silence when changes follow each other', () => {
  const first = withoutPending(withChange(idleHoldoff(OPTIONS), 1000));
  assert.equal(dueAtMs(withChange(first, 1010), OPTIONS), 1060);
  assert.equal(dueAtMs(withChange(withChange(first, 1010), 1040), OPTIONS), 1090);
});

test('dueAtMs() waits at most maxWaitMs when the changes never end', () => {
  let state = withoutPending(withChange(idleHoldoff(OPTIONS), 1000));
  for (let at = 1010; at < 3000; at += 10) state = withChange(state, at);
  assert.equal(dueAtMs(state, OPTIONS), 1510);
});

test('dueAtMs() lets a second apply follow at once when the bucket was full', () => {
  const state = withApply(withoutPending(withChange(idleHoldoff(OPTIONS), 1000)), { endedAtMs: 1200, durationMs: 200 }, OPTIONS);

  const due = dueAtMs(withChange(state, 1150), OPTIONS);

  assert.equal(due, 1200);
});

test('dueAtMs() leaves three times the duration of the last apply when it was not the first', () => {
  const first = withApply(withoutPending(withChange(idleHoldoff(OPTIONS), 1000)), { endedAtMs: 1200, durationMs: 200 }, OPTIONS);
  const second = withApply(withoutPending(withChange(first, 1150)), { endedAtMs: 1400, durationMs: 200 }, OPTIONS);

  const due = dueAtMs(withChange(second, 1410), OPTIONS);

  assert.equal(due, 2000);
});

test('dueAtMs() waits for a token when the burst is used up', () => {
  let state = idleHoldoff(OPTIONS);
  for (const at of [1000, 1001, 1002, 1003])
    state = withApply(withoutPending(withChange(state, at)), { endedAtMs: at, durationMs: 0 }, OPTIONS);
  const due = dueAtMs(withChange(state, 1004), OPTIONS);
  assert.ok(due > 1900 && due <= 2003, `due at ${due}`);
});

test('dueAtMs() keeps a fixed gap when one is set', () => {
  const options: HoldoffOptions = { ...OPTIONS, pace: { kind: 'gap', ms: 20 } };
  const state = withApply(withoutPending(withChange(idleHoldoff(options), 0)), { endedAtMs: 1000, durationMs: 1 }, options);
  assert.equal(dueAtMs(withChange(state, 1001), { ...options, maxWaitMs: 0 }), 1020);
});

test('dueAtMs() is never when nothing is pending', () => {
  assert.equal(dueAtMs(idleHoldoff(OPTIONS), OPTIONS), Number.POSITIVE_INFINITY);
});
