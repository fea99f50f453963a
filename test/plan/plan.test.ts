import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Compiled } from '../../src/compile/compile.ts';
import { serviceName, sourceId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { EMPTY_MEMORY, planChange, type PlanInput, type PlanMemory } from '../../src/plan/plan.ts';
import { compile, ENTRY_POINTS, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';
import { tableOf } from '../verify/tables.ts';

const GUARD = { maxRemovedPercent: 30, minRemoved: 3, allowEmpty: false, holdMs: 60_000, rereadMs: 10_000 };

/** A table with one service and host per name, each at its own address. */
function catalog(...names: readonly string[]): Compiled {
  return compile(
    names.map((name) => {
      const instance = instanceOf(name, { address: `10.0.0.${name.charCodeAt(0)}` });
      return readingOf(instance, intentOf(instance, matchOf(`${name}.io`)));
    }),
  ).value;
}

function plan(serving: RoutingTable, wanted: Compiled, overrides: Partial<PlanInput> = {}): ReturnType<typeof planChange> {
  return planChange({
    serving,
    wanted: wanted.table,
    faults: wanted.faults,
    pools: wanted.pools,
    unreadable: wanted.unreadable,
    registered: new Set(),
    doubts: new Map(),
    unread: new Map(),
    trustedReadAtMs: 0,
    memory: EMPTY_MEMORY,
    nowMs: 1000,
    options: { tombstoneMs: 30_000, guard: GUARD },
    ...overrides,
  });
}

const hostsOf = ({ routes }: RoutingTable): readonly string[] =>
  routes.map(
    ({ match, action }) =>
      `${match.host.kind === 'exact' ? match.host.host : '*'} ${action.kind === 'respond' ? action.reason : action.kind}`,
  );

test('planChange() serves what is wanted when nothing goes', () => {
  const { change } = plan(EMPTY_TABLE, catalog('a', 'b'));
  assert.equal(change.created.length, 2);
  assert.deepEqual(change.verdict, { kind: 'apply' });
});

test('planChange() changes nothing when everything is as served', () => {
  const { change } = plan(catalog('a').table, catalog('a'));
  assert.deepEqual([change.verdict, change.unchanged], [{ kind: 'nothing' }, 1]);
});

test('planChange() serves routes with the tags that ask for them now, also where nothing else changes', () => {
  const asking = (...tags: readonly string[]): Compiled => {
    const instance = instanceOf('web', { tags });
    const intents = tags.map((tag, tagIndex) => {
      const intent = intentOf(instance, matchOf(tag.split(' ')[0] ?? ''));
      return { ...intent, spans: intent.spans.map((span) => ({ ...span, tag, tagIndex })) };
    });
    return compile([readingOf(instance, ...intents)]).value;
  };
  const wanted = asking('b.io', 'a.io again');

  const { change } = plan(asking('a.io', 'b.io').table, wanted);

  assert.deepEqual([change.verdict, change.unchanged, change.updated], [{ kind: 'nothing' }, 2, []]);
  assert.deepEqual(change.serving.routes, wanted.table.routes);
});

test('planChange() answers 503 for a removed route until its tombstone ends', () => {
  const first = plan(catalog('a', 'b').table, catalog('a'));
  assert.deepEqual(hostsOf(first.change.serving), ['b.io tombstone', 'a.io forward']);
  assert.equal(first.change.recheckAtMs, 31_000);
  const later = plan(first.change.serving, catalog('a'), { memory: first.memory, nowMs: 31_000 });
  assert.deepEqual(hostsOf(later.change.serving), ['a.io forward']);
});

test('planChange() buries no route that its service asks for with other tags, wherever these are ranked', () => {
  const withTags = (tags: readonly string[], others: readonly string[]): RoutingTable =>
    tableOf({ entryPoints: ENTRY_POINTS }, [
      { service: 'api', address: '10.0.0.1', tags },
      { service: 'other', address: '10.0.0.2', tags: others },
    ]);
  const label = (name: string, path: string, more: string): readonly string[] => [
    'traefik.enable=true',
    `traefik.http.routers.${name}.rule=Host(\`a.test\`) && PathPrefix(\`${path}\`)`,
    `traefik.http.routers.${name}.${more}`,
  ];
  const [plain, tls] = [label('plain', '/api', 'entrypoints=web'), label('tls', '/api', 'tls=true')];
  const served = (after: readonly string[], before: readonly string[] = ['urlprefix-a.test/api', ...after]): readonly string[] => {
    // its priority puts this before the labels of the service, and what is left of Fabio's before both
    const first = label('first', '/', 'priority=9000');
    const wanted = withTags(after, first);
    const { serving } = plan(withTags(before, first), { ...catalog(), table: wanted }).change;
    const own = serving.routes.filter(({ services }) => !services.some((name) => name === 'other'));
    return own.map(({ dialect, action, entryPoints }) => `${dialect} ${action.kind} ${entryPoints.join()}`);
  };

  assert.deepEqual(served([...plain, ...tls]), ['traefik forward web', 'traefik forward websecure']);
  assert.deepEqual(served([...plain, ...tls], ['urlprefix-a.test/api']), ['traefik forward web', 'traefik forward websecure']);
  assert.deepEqual(served(plain), ['fabio respond websecure', 'traefik forward web']);
  assert.deepEqual(served(label('wide', '/ap', 'entrypoints=web')), ['fabio respond web,websecure', 'traefik forward web']);
  assert.deepEqual(served(['urlprefix-a.test/api'], [...plain, ...tls]), ['fabio forward web,websecure']);
  assert.deepEqual(served([]), ['fabio respond web,websecure']);
});

test('planChange() revives a route when its service comes back within the tombstone', () => {
  const gone = plan(catalog('a', 'b').table, catalog('a'));
  assert.deepEqual(hostsOf(plan(gone.change.serving, catalog('a', 'b'), { memory: gone.memory }).change.serving), [
    'b.io forward',
    'a.io forward',
  ]);
});

test('planChange() holds the removal of too many services and still adds new ones', () => {
  const { change } = plan(catalog('a', 'b', 'c', 'd', 'e').table, catalog('a', 'b', 'x'));
  assert.equal(change.verdict.kind, 'hold');
  assert.deepEqual(hostsOf(change.serving).filter((host) => host.endsWith('forward')).length, 6);
});

test('planChange() lets a held removal through when time and a later read confirm it', () => {
  const [serving, wanted] = [catalog('a', 'b', 'c', 'd', 'e').table, catalog('a', 'b')];
  const first = plan(serving, wanted);
  const unread = plan(first.change.serving, wanted, { memory: first.memory, nowMs: 61_000 });
  assert.equal(unread.change.verdict.kind, 'hold');
  const confirmed = plan(first.change.serving, wanted, { memory: first.memory, nowMs: 61_000, trustedReadAtMs: 60_000 });
  assert.equal(confirmed.change.verdict.kind, 'apply');
  assert.equal(confirmed.change.held.filter(({ state }) => state === 'tombstone').length, 3);
});

test('planChange() never empties a table by time alone', () => {
  const first = plan(catalog('a').table, catalog());
  assert.equal(first.change.verdict.kind, 'hold');
  const later = plan(first.change.serving, catalog(), { memory: first.memory, nowMs: 1e9, trustedReadAtMs: 1e9 });
  assert.deepEqual(hostsOf(later.change.serving), ['a.io forward']);
  const allowed = plan(catalog('a').table, catalog(), { options: { tombstoneMs: 0, guard: { ...GUARD, allowEmpty: true } } });
  assert.deepEqual(hostsOf(allowed.change.serving), []);
});

test('planChange() removes nothing of a source in doubt', () => {
  const { change } = plan(catalog('a', 'b').table, catalog('a'), { doubts: new Map([[sourceId('consul'), 'it has no leader']]) });
  assert.deepEqual(hostsOf(change.serving), ['b.io forward', 'a.io forward']);
  assert.equal(change.held[0]?.reason, 'it has no leader');
});

test('planChange() keeps the routes of a service that could not be read, and removes those of others', () => {
  const { change } = plan(catalog('a', 'b', 'c').table, catalog('a'), { unread: new Map([[sourceId('consul'), [serviceName('b')]]]) });
  assert.deepEqual(hostsOf(change.serving), ['c.io tombstone', 'b.io forward', 'a.io forward']);
  assert.deepEqual(
    change.held.filter(({ state }) => state === 'held').map(({ reason }) => reason),
    ['its service could not be read since the start'],
  );
});

test('planChange() drops a held endpoint when another service has its address now', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const before = compile([readingOf(a, intentOf(a, matchOf('a.io')))]).value;
  const after = compile([readingOf(b, intentOf(b, matchOf('b.io')))]).value;
  const { change } = plan(before.table, after, { doubts: new Map([[sourceId('consul'), 'in doubt']]) });
  assert.deepEqual(hostsOf(change.serving), ['b.io forward', 'a.io unhealthy']);
});

test('planChange() keeps the last good form with the instances of now when a tag becomes wrong', () => {
  const good = catalog('a');
  const moved = instanceOf('a', { address: '10.0.0.99' });
  const broken = compile([
    readingOf(moved, intentOf(moved, matchOf('a.io'), { fault: { kind: 'quarantined', code: 'FABIO_WEIGHT_NOT_NUMBER' } })),
  ]).value;
  const { change } = plan(good.table, broken);
  assert.deepEqual(hostsOf(change.serving), ['a.io forward']);
  assert.equal(change.serving.backends[0]?.endpoints[0]?.address, '10.0.0.99');
  assert.equal(change.held[0]?.state, 'quarantined');
});

test('planChange() withholds a route when what cannot be read protects it', () => {
  const instance = instanceOf('a');
  const broken = compile([
    readingOf(instance, intentOf(instance, matchOf('a.io'), { fault: { kind: 'protective', code: 'FABIO_ACL_BOTH' } })),
  ]).value;
  assert.deepEqual(hostsOf(plan(catalog('a').table, broken).change.serving), ['a.io withheld']);
});

test('planChange() loses no served service in one step when more than the guard allows would go', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 4 }), fc.subarray(names), (before, after) => {
      let memory: PlanMemory = EMPTY_MEMORY;
      const result = plan(catalog(...before).table, catalog(...after), { memory });
      memory = result.memory;
      const lost = before.filter((name) => !after.includes(name)).length;
      const forwards = hostsOf(result.change.serving).filter((host) => host.endsWith('forward')).length;
      const held = lost >= 3 && (100 * lost) / before.length > 30;
      assert.equal(forwards, held || lost === before.length ? new Set([...before, ...after]).size : after.length);
      // the same input again changes nothing
      const again = plan(result.change.serving, catalog(...after), { memory });
      assert.equal(again.change.serving.digest, result.change.serving.digest);
    }),
  );
});
