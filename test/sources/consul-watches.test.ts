import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScope } from '../../src/lib/scope.ts';
import { until } from '../support/until.ts';
import { createWatches } from '../../src/sources/consul-watches.ts';

function watchesOf(limit: number) {
  const running = new Set<string>();
  let nowMs = 0;
  const scope = openScope();
  const watches = createWatches({
    limit,
    scope,
    async watch(name, own) {
      running.add(name);
      own.onEnd(() => running.delete(name));
    },
    monotonicMs: () => nowMs,
  });
  return { watches, scope, running, names: () => [...running].toSorted().join(''), later: (ms: number) => void (nowMs += ms) };
}

test('createWatches() watches all it is given, and ends what is given no more', () => {
  const { watches, names, scope } = watchesOf(Number.POSITIVE_INFINITY);
  watches.follow(['a', 'b', 'c']);
  assert.equal(names(), 'abc');
  watches.follow(['b', 'd']);
  assert.equal(names(), 'bd');
  assert.deepEqual(watches.unwatched(), []);
  scope.end();
  assert.equal(names(), '');
});

test('createWatches() begins many one after the other, and at once what is new', async () => {
  const { watches, running, scope } = watchesOf(Number.POSITIVE_INFINITY);
  const many = Array.from({ length: 100 }, (_, index) => `s${index}`);
  watches.follow(many);
  assert.ok(running.size < many.length, `${running.size} of ${many.length} began at once`);
  assert.equal(watches.unwatched().length, many.length - running.size);
  watches.follow(['new', ...many]);
  watches.prefer('new');
  assert.ok(running.has('new'));
  await until('every service is watched', () => running.size === many.length + 1);
  scope.end();
  assert.equal(running.size, 0);
});

test('createWatches() keeps to its limit: what changed longest ago makes room', () => {
  const { watches, names } = watchesOf(2);
  watches.follow(['a', 'b', 'c', 'd']);
  assert.equal(names(), 'cd');
  assert.deepEqual(watches.unwatched(), ['a', 'b']);
  watches.prefer('a');
  assert.equal(names(), 'ad');
  watches.prefer('d');
  watches.prefer('b');
  assert.equal(names(), 'bd');
  watches.follow(['a', 'd']);
  assert.equal(names(), 'ad');
});

test('createWatches() ends a tenth of its watches when a connection is refused, and tries more later', () => {
  const { watches, names, later } = watchesOf(20);
  watches.follow('abcdefghijklmnopqrst'.split(''));
  watches.shrink();
  watches.shrink();
  assert.equal(names().length, 18);
  later(1000);
  watches.shrink();
  assert.equal(names().length, 16);
  for (let turn = 0; turn < 4; turn += 1) watches.grow();
  assert.equal(names().length, 20);
});
