import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RouteIntent } from '../../src/model/intent.ts';
import { hostKey, type HostMatch, type RouteMatch } from '../../src/model/match.ts';
import { ownerId } from '../../src/model/names.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const hosted = (host: HostMatch): RouteMatch => ({ ...matchOf('*'), host });
const glob = (pattern: string, regexp: string): RouteMatch => hosted({ kind: 'glob', pattern, regexp, port: 'own' });
const regexp = (text: string): RouteMatch => hosted({ kind: 'regexp', regexp: text });
const CHOICE = glob('{a.io,b.io}', '^(?:a\\.io|b\\.io)$');
const RAISED: Partial<RouteIntent> = { dialect: 'traefik', entryPoints: { kind: 'plain' }, priority: 1_000_000, ruleLength: 15 };

type Asked = readonly [owner: string, match: RouteMatch, overrides?: Partial<RouteIntent>];

function compiled(...asked: readonly Asked[]): ReturnType<typeof compile> {
  return compile(
    asked.map(([owner, match, overrides], index) => {
      const instance = instanceOf(`s${index}`, { owner: ownerId(owner) });
      return readingOf(instance, intentOf(instance, match, overrides));
    }),
  );
}

const ranked = (...asked: readonly Asked[]): readonly string[] =>
  compiled(...asked).value.table.routes.map(({ owner, match }) => `${owner} ${hostKey(match.host)}`);

test('rankRoutes() keeps a pattern of another owner behind an exact host, whatever it asks for', () => {
  for (const pattern of [CHOICE, regexp('^a\\.io$'), matchOf('*')])
    assert.equal(ranked(['eve', pattern, RAISED], ['ann', matchOf('a.io')])[0], 'ann =a.io');
  assert.equal(ranked(['eve', CHOICE], ['ann', matchOf('a.io')])[0], 'ann =a.io');
  assert.deepEqual(codesOf(compiled(['eve', CHOICE], ['ann', matchOf('a.io')])), ['ROUTE_BELOW_OTHERS']);
});

test('rankRoutes() keeps a route for every host behind the patterns of another owner', () => {
  const order = ranked(['eve', matchOf('*', '/long'), RAISED], ['ann', glob('*.x.io', '^.*\\.x\\.io$')], ['ann', matchOf('b.io')]);

  assert.deepEqual(order, ['ann ~^.*\\.x\\.io$', 'ann =b.io', 'eve *']);
});

test('rankRoutes() lets a pattern go before exact hosts of its own owner, and of others that it cannot match', () => {
  assert.deepEqual(ranked(['ann', CHOICE], ['ann', matchOf('a.io')]), ['ann ~^(?:a\\.io|b\\.io)$', 'ann =a.io']);
  const elsewhere = compiled(['eve', glob('*.x.io', '^.*\\.x\\.io$'), RAISED], ['ann', matchOf('a.y.io')]);
  assert.deepEqual(codesOf(elsewhere), []);
});

test('rankRoutes() never lets what an owner has by name be taken by patterns of others', () => {
  const matches = fc.constantFrom(matchOf('a.io'), matchOf('b.io', '/p'), CHOICE, regexp('.*'), glob('*.io', '^.*\\.io$'), matchOf('*'));
  const overrides = fc.constantFrom<Partial<RouteIntent>>({}, RAISED, { dialect: 'hind', entryPoints: { kind: 'tls' } });
  const asked = fc.array(fc.tuple(fc.constantFrom('ann', 'bob', 'eve'), matches, overrides), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(asked, (list) => {
      const { routes } = compiled(...list).value.table;
      for (const [place, { owner, match }] of routes.entries())
        if (match.host.kind !== 'exact')
          assert.ok(routes.slice(place).every((later) => later.owner === owner || later.match.host.kind !== 'exact'));
    }),
    { numRuns: 300 },
  );
});
