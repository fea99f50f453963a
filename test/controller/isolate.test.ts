import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isolate } from '../../src/controller/isolate.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { unitsNewTo, withUnitsOf } from '../../src/controller/units.ts';
import type { CatalogSnapshot } from '../../src/model/catalog.ts';
import { ownerId, sourceId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { CASE_DIALECTS, instanceOf, OPTIONS } from '../support/intents.ts';

const SIGNAL = new AbortController().signal;

/** A proxy that takes what holds nothing bad; it counts what it is asked. */
function proxyWithout(bad: ReadonlySet<string>): {
  readonly takes: (units: readonly string[]) => Promise<boolean>;
  readonly asked: () => number;
} {
  let asked = 0;
  return {
    asked: () => asked,
    takes(units) {
      asked += 1;
      return Promise.resolve(!units.some((unit) => bad.has(unit)));
    },
  };
}

test('isolate() finds every culprit and no other, with about log2(n) trials for each', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 1000 }),
      async (picks, size) => {
        const suspects = Array.from({ length: size }, (_, index) => `unit ${index}`);
        const bad = new Set(picks.flatMap((pick) => suspects[pick % size] ?? []));
        const proxy = proxyWithout(bad);

        const found = await isolate(suspects, { takes: proxy.takes, isLate: () => false, signal: SIGNAL });

        assert.deepEqual(new Set(found), bad);
        assert.ok(proxy.asked() <= 2 + bad.size * 2 * (1 + Math.ceil(Math.log2(size))), `${proxy.asked()} trials`);
      },
    ),
    { numRuns: 200 },
  );
});

test('isolate() blames nobody when the proxy takes nothing at all, or when there is nothing new', async () => {
  const options = { isLate: () => false, signal: SIGNAL };
  assert.equal(await isolate(['a', 'b'], { ...options, takes: () => Promise.resolve(false) }), undefined);
  assert.equal(await isolate([], { ...options, takes: () => Promise.resolve(true) }), undefined);
});

test('isolate() blames nobody whom a slow proxy takes when its word is waited for', async () => {
  const slow = new Set(['b', 'd']);
  const takes = async (units: readonly string[], { patient }: { readonly patient: boolean }): Promise<boolean> =>
    !units.includes('c') && (patient || !units.some((unit) => slow.has(unit)));
  assert.deepEqual(await isolate(['a', 'b', 'c', 'd'], { takes, isLate: () => false, signal: SIGNAL }), ['c']);
  assert.equal(await isolate(['a', 'b'], { takes, isLate: () => false, signal: SIGNAL }), undefined);
});

test('isolate() returns what it has found when it is late', async () => {
  const { takes } = proxyWithout(new Set(['a', 'd']));
  assert.deepEqual(await isolate(['a', 'b', 'c', 'd'], { takes, isLate: () => true, signal: SIGNAL }), ['a']);
});

function snapshotOf(tags: Readonly<Record<string, string>>): CatalogSnapshot {
  const instances = Object.entries(tags).map(([name, tag]) => instanceOf(name, { tags: [tag] }));
  return { source: sourceId('consul'), revision: '1', observedAtMs: 0, local: true, instances };
}

function build(tags: Readonly<Record<string, string>>): RoutingTable {
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile: OPTIONS, primary: sourceId('consul'), merge: 'union' });
  return pipeline.compile([snapshotOf(tags)], new Map<string, ReturnType<typeof ownerId>>()).value.table;
}

test('withUnitsOf() gives back the earlier table for all that is new, and the later for none of it', () => {
  const before = build({ a: 'urlprefix-a.test/', b: 'urlprefix-b.test/', z: 'urlprefix-z.test/' });
  const after = build({ a: 'urlprefix-a.test/ strip=/x', b: 'urlprefix-b.test/', n: 'urlprefix-n.test/', z: 'urlprefix-z.test/' });
  const units = unitsNewTo(before, after);

  assert.deepEqual(units.toSorted(), ['default =a.test', 'default =n.test']);
  assert.equal(withUnitsOf(before, after, new Set(units)).digest, before.digest);
  assert.equal(withUnitsOf(before, after, new Set()).digest, after.digest);
  assert.equal(withUnitsOf(EMPTY_TABLE, after, new Set(unitsNewTo(EMPTY_TABLE, after))).digest, EMPTY_TABLE.digest);
});

test('refuse() serves less of a unit each time when it is refused again, until it changes', () => {
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile: OPTIONS, primary: sourceId('consul'), merge: 'union' });
  const compiled = (tag: string): readonly (string | undefined)[] => {
    const { value, diagnostics } = pipeline.compile([snapshotOf({ a: tag, b: 'urlprefix-b.test/' })], new Map());
    const route = value.table.routes.find(({ unit }) => unit === 'default =a.test');
    const code = diagnostics.find(({ code: reported }) => reported === 'ROUTE_QUARANTINED' || reported === 'ROUTE_WITHHELD')?.code;
    return [route?.action.kind, code, route && value.faults.get(route.id)?.kind];
  };
  const refuse = (unit = 'default =a.test'): boolean => pipeline.refuse({ units: [unit] }, EMPTY_TABLE, 0);

  assert.deepEqual(compiled('urlprefix-a.test/'), ['forward', undefined, undefined]);
  assert.ok(refuse());
  assert.deepEqual(compiled('urlprefix-a.test/'), ['respond', 'ROUTE_QUARANTINED', 'quarantined']);
  assert.ok(refuse());
  assert.deepEqual(compiled('urlprefix-a.test/'), ['respond', 'ROUTE_WITHHELD', undefined]);
  assert.ok(refuse());
  assert.deepEqual(compiled('urlprefix-a.test/'), [undefined, 'ROUTE_WITHHELD', undefined]);
  assert.deepEqual(compiled('urlprefix-a.test/ strip=/x'), ['forward', undefined, undefined]);
  assert.equal(refuse('default gone.test'), false, 'what nobody asks for');
});

test('what was refused is tried again after a minute, then ever later, and served as it is wanted when the proxy takes it', () => {
  const pipeline = createPipeline({ dialects: CASE_DIALECTS, compile: OPTIONS, primary: sourceId('consul'), merge: 'union' });
  const units = ['default =a.test', 'default =b.test'];
  const served = (): readonly (string | undefined)[] => {
    const { table } = pipeline.compile([snapshotOf({ a: 'urlprefix-a.test/', b: 'urlprefix-b.test/' })], new Map()).value;
    return units.map((unit) => table.routes.find((route) => route.unit === unit)?.action.kind);
  };
  served();
  assert.equal(pipeline.retryAtMs(), Number.POSITIVE_INFINITY);
  pipeline.refuse({ units }, EMPTY_TABLE, 0);
  assert.deepEqual([served(), pipeline.retryAtMs()], [['respond', 'respond'], 60_000]);
  assert.equal(pipeline.retry(59_999), false);

  // one at a time, the other a while later
  assert.ok(pipeline.retry(60_000));
  assert.deepEqual([served(), pipeline.retryAtMs()], [['forward', 'respond'], Number.POSITIVE_INFINITY]);
  pipeline.refuse({ units: ['default =a.test'] }, EMPTY_TABLE, 60_000);
  assert.deepEqual([served(), pipeline.retryAtMs()], [['respond', 'respond'], 90_000]);
  assert.ok(pipeline.retry(90_000));
  assert.deepEqual(served(), ['respond', 'forward']);
  pipeline.accept();
  assert.deepEqual([served(), pipeline.retryAtMs()], [['respond', 'forward'], 180_000]);

  // what nobody can name is taken back, in the form of before
  assert.ok(pipeline.retry(180_000));
  assert.ok(pipeline.refuse({ units: [] }, EMPTY_TABLE, 180_000));
  assert.deepEqual([served(), pipeline.retryAtMs()], [['respond', 'forward'], 420_000]);
  assert.equal(pipeline.refuse({ units: [] }, EMPTY_TABLE, 180_000), false);

  let nowMs = 420_000;
  for (let round = 0; round < 10; round += 1) {
    assert.ok(pipeline.retry(nowMs));
    pipeline.refuse({ units: ['default =a.test'] }, EMPTY_TABLE, nowMs);
    nowMs = pipeline.retryAtMs();
  }
  assert.ok(pipeline.retry(nowMs));
  pipeline.refuse({ units: ['default =a.test'] }, EMPTY_TABLE, nowMs);
  assert.equal(pipeline.retryAtMs() - nowMs, 3_600_000);
  pipeline.forgetWaits(nowMs + 1);
  assert.equal(pipeline.retryAtMs(), nowMs + 30_000);
});
