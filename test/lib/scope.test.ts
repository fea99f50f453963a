import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { openScope, scopeOf } from '../../src/lib/scope.ts';

test('openScope() tells everybody of its end once, and nobody who took it back', () => {
  const scope = openScope();
  const told: string[] = [];
  scope.onEnd(() => told.push('a'));
  scope.onEnd(() => told.push('b'))();

  scope.end();
  scope.end();

  assert.deepEqual(told, ['a']);
  assert.equal(scope.isOver, true);
  scope.onEnd(() => told.push('late'));
  assert.deepEqual(told, ['a', 'late']);
});

test('openScope() ends with the scope it is in, and not the other way round', () => {
  const outer = openScope();
  const [first, second] = [openScope(outer), openScope(outer)];

  first.end();
  assert.deepEqual([outer.isOver, first.isOver, second.isOver], [false, true, false]);
  outer.end();

  assert.equal(second.isOver, true);
  assert.equal(openScope(outer).isOver, true);
});

test('openScope() ends a sleep and aborts what is abortable', async () => {
  const scope = openScope();
  const { controller } = scope.abortable();
  const released = scope.abortable();
  released.release();
  const sleeping = scope.sleep(60_000);

  scope.end();
  await sleeping;

  assert.equal(controller.signal.aborted, true);
  assert.equal(released.controller.signal.aborted, false);
});

test('scopeOf() ends with its signal, on which thousands of waiters leave one listener', async () => {
  const controller = new AbortController();
  const scope = scopeOf(controller.signal);
  const sleeping = Array.from({ length: 5000 }, () => openScope(scope).sleep(60_000));
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1);

  controller.abort();

  await Promise.all(sleeping);
  assert.equal(scope.isOver, true);
  assert.equal(scopeOf(controller.signal).isOver, true);
});
