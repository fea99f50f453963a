import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endingsAmong, guardExactHosts, requiredEnding, type PlacedRouter } from '../../src/compile/exact-hosts.ts';
import { ANY_HOST, exactHost, type HostMatch } from '../../src/model/match.ts';
import { host } from '../support/intents.ts';

const glob = (pattern: string): HostMatch => ({ kind: 'glob', pattern, regexp: '^$', port: 'any' });
const regexp = (text: string): HostMatch => ({ kind: 'regexp', regexp: text });
const exact = (name: string): HostMatch => exactHost(host(name));

const ENDINGS: readonly (readonly [of: HostMatch, ending: string])[] = [
  [ANY_HOST, ''],
  [exact('a.io'), 'a.io'],
  [glob('*.x.io'), '.x.io'],
  [glob('*.a*b.io'), 'b.io'],
  [glob('a?.x.io'), '.x.io'],
  [glob('[ab].x.io'), '.x.io'],
  [glob('{a.io,b.io}'), ''],
  [glob('{a,b}.io'), '.io'],
  [glob('*'), ''],
  [glob('*.io:80'), ''],
  [regexp('^a\\.x\\.io$'), 'a.x.io'],
  [regexp('a\\.x\\.io$'), 'a.x.io'],
  [regexp('^.*\\.x\\.io'), ''],
  [regexp('^.*\\.x\\.io$|y'), ''],
  [regexp('x$y\\.io$'), 'y.io'],
  [regexp('^x\\.io\\.?$'), ''],
  [regexp('\\dab\\.x\\.io$'), '.x.io'],
  [regexp('\\d$'), ''],
  [regexp('[|]\\.io$'), '.io'],
  [regexp('[a|b]\\.io$'), '.io'],
  [regexp('\\|\\.io$'), '.io'],
  [regexp('(a|(b|c))\\.io$'), '.io'],
  [regexp('(a|b)\\.io$|(c)'), ''],
  [regexp('^[a-z]+\\.x.io$'), '.x?io'],
  [regexp('^.+.a.x.io$'), 'x?io'],
  [regexp('^a\\.b.x\\.io$'), 'a.b?x.io'],
  [regexp('^.+.io$'), 'io'],
  [regexp('\\dx.io$'), 'io'],
  [regexp('x.$'), ''],
  [regexp('^x.musical12$'), 'musical12'],
  [regexp(`^a.${'b'.repeat(40)}.io$`), `${'b'.repeat(29)}?io`],
];

for (const [of, ending] of ENDINGS)
  test(`requiredEnding() of ${JSON.stringify(of)} is "${ending}"`, () => {
    assert.equal(requiredEnding(of), ending);
  });

test('endingsAmong() finds the endings of an exact host that some pattern requires', () => {
  const endings = endingsAmong([glob('*.x.io'), glob('*.a.x.io'), glob('*.y.io'), ANY_HOST]);

  assert.deepEqual([...endings(exact('b.a.x.io'))].toSorted(), ['', '.a.x.io', '.x.io']);
  assert.deepEqual(endings(exact('io')), ['']);
  assert.deepEqual(endings(glob('*.x.io')), []);
  assert.deepEqual(endingsAmong([glob('*.x.io')])(exact('x.io')), []);
});

test('endingsAmong() takes any character where a pattern does', () => {
  const endings = endingsAmong([regexp('^.+\\.x.io$'), regexp('^.+\\.y.io$'), glob('*.io')]);

  assert.deepEqual([...endings(exact('a.x.io'))].toSorted(), ['.io', '.x?io']);
  assert.deepEqual(endings(exact('a.x-io')), ['.x?io']);
  assert.deepEqual(endings(exact('io')), []);
});

const router = (service: string, of: HostMatch, priority: number, raised = false): PlacedRouter => ({
  service,
  host: of,
  priority,
  raised,
});
const wide = (service: string, priority: number, raised = true): PlacedRouter => router(service, glob('*.x.io'), priority, raised);
const any = (service: string, priority: number, raised = true): PlacedRouter => router(service, ANY_HOST, priority, raised);
const named = (service: string, priority: number): PlacedRouter => router(service, exact('h.x.io'), priority);

/** The place that the first of these routers gets among them, in any order, and whether it is held there. */
function placed(...routers: readonly [PlacedRouter, ...PlacedRouter[]]): readonly [number, boolean] {
  const [asked] = routers;
  const [guard, other] = [guardExactHosts(routers), guardExactHosts(routers.toReversed())];
  assert.deepEqual([guard.placeOf(asked), guard.isHeld(asked)], [other.placeOf(asked), other.isHeld(asked)]);
  return [guard.placeOf(asked), guard.isHeld(asked)];
}

const PLACES: readonly (readonly [what: string, routers: readonly [PlacedRouter, ...PlacedRouter[]], place: number, held: boolean])[] = [
  ['an exact host above a raised pattern of another service', [named('a', 5), wide('b', 100)], 100.5, false],
  ['an exact host that asks for as much', [named('a', 100), wide('b', 100)], 100, false],
  ['an exact host that asks for more', [named('a', 200), wide('b', 100)], 200, false],
  ['an exact host beside a pattern of its own service', [named('a', 5), wide('a', 100)], 5, false],
  ['an exact host beside a pattern that asks for no more than its rule', [named('a', 5), wide('b', 100, false)], 5, false],
  ['an exact host beside a pattern of other hosts', [named('a', 5), router('b', glob('*.y.io'), 100, true)], 5, false],
  ['an exact host above the highest pattern', [named('a', 5), wide('b', 100), wide('b', 50), wide('c', 300), wide('d', 200)], 300.5, false],
  ['an exact host above the highest pattern of others', [named('a', 5), wide('a', 300), wide('b', 100), wide('c', 50)], 100.5, false],
  ['an exact host beside a raised router for every host', [named('a', 5), any('b', 100)], 5, false],
  ['an exact host above numbers that lie further apart than 1', [named('a', 5), wide('b', 2 ** 60)], 2 ** 60 + 256, false],
  ['a raised pattern where it was, held', [wide('a', 100), named('b', 5)], 100, true],
  ['a raised pattern beside an exact host that asks for as much', [wide('a', 100), named('b', 100)], 100, false],
  ['a raised pattern beside no exact host', [wide('a', 100), router('b', exact('h.y.io'), 5)], 100, false],
  ['a raised pattern beside an exact host of its own service', [wide('a', 100), named('a', 5)], 100, false],
  ['a pattern that asks for no more than its rule', [wide('a', 100, false), named('b', 5)], 100, false],
  ['a raised router for every host below the lowest exact one', [any('a', 100), named('b', 7), named('c', 5), named('c', 9)], 4.5, true],
  ['a raised router for every host below those of others', [any('a', 100), named('a', 5), named('b', 7), named('c', 9)], 6.5, true],
  ['a raised router for every host below all exact ones already', [any('a', 100), named('b', 200)], 100, false],
  ['a router for every host that asks for no more than its rule', [any('a', 100, false), named('b', 5)], 100, false],
  ['a raised router for every host among patterns', [any('a', 100), wide('b', 5)], 100, false],
];

for (const [what, routers, place, held] of PLACES)
  test(`guardExactHosts() puts ${what}`, () => {
    assert.deepEqual(placed(...routers), [place, held]);
  });
