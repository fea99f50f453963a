import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Compiled } from '../../src/compile/compile.ts';
import { EMPTY_MEMORY, planChange, type PlanMemory } from '../../src/plan/plan.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const GUARD = { maxRemovedPercent: 30, minRemoved: 3, allowEmpty: false, holdMs: 60_000, rereadMs: 10_000 };

function catalog(...names: readonly string[]): Compiled {
  return compile(
    names.map((name) => {
      const instance = instanceOf(name, { address: `10.0.0.${name.charCodeAt(0)}` });
      return readingOf(instance, intentOf(instance, matchOf(`${name}.io`)));
    }),
  ).value;
}

function plan(serving: RoutingTable, wanted: Compiled, memory: PlanMemory, nowMs: number): ReturnType<typeof planChange> {
  const { table, ...rest } = wanted;
  const { faults, pools, unreadable } = rest;
  const options = { tombstoneMs: 30_000, guard: GUARD };
  return planChange({
    serving,
    wanted: table,
    faults,
    pools,
    unreadable,
    registered: new Set(),
    doubts: new Map(),
    unread: new Map(),
    trustedReadAtMs: nowMs,
    memory,
    nowMs,
    options,
  });
}

test('planChange() keeps removals held when services are added during the hold', () => {
  const wanted = catalog('a', 'b', 'p', 'q', 'r', 's', 't', 'u');
  const first = plan(catalog('a', 'b', 'c', 'd', 'e').table, wanted, EMPTY_MEMORY, 1000);
  const second = plan(first.change.serving, wanted, first.memory, 2000);
  assert.equal(first.change.verdict.kind, 'hold');
  assert.equal(second.change.verdict.kind, 'hold');
  assert.equal(plan(second.change.serving, wanted, second.memory, 61_000).change.verdict.kind, 'apply');
});

test('planChange() removes the only service when another one takes its place', () => {
  const { change } = plan(catalog('a').table, catalog('x'), EMPTY_MEMORY, 1000);
  assert.equal(change.verdict.kind, 'apply');
});
