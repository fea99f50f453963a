import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerId } from '../../src/model/names.ts';
import { codesOf, compile, host, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const team = (owner: string, modifyIndex: number, path = '/'): ReturnType<typeof readingOf> => {
  const instance = instanceOf(owner, { owner: ownerId(owner), modifyIndex });
  return readingOf(instance, intentOf(instance, matchOf('h.io', path)));
};

test('withinOwnership() refuses the newcomer when two owners ask for one host', () => {
  const compiled = compile([team('blue', 9), team('red', 5, '/path')]);
  assert.deepEqual(
    compiled.value.table.routes.map(({ owner }) => owner),
    ['red'],
  );
  assert.deepEqual(codesOf(compiled), ['ROUTE_CONFLICT_OWNER']);
});

test('withinOwnership() keeps the incumbent when it was redeployed later', () => {
  const claims = compile([team('blue', 9)]).value.holders;
  const compiled = compile([team('blue', 9), team('red', 5)], {}, claims);
  assert.deepEqual(
    compiled.value.table.routes.map(({ owner }) => owner),
    ['blue'],
  );
});

test('withinOwnership() refuses a reserved host and puts an answer before wide routes', () => {
  const [taker, wide] = [instanceOf('taker'), instanceOf('wide')];
  const readings = [readingOf(taker, intentOf(taker, matchOf('admin.io'))), readingOf(wide, intentOf(wide, matchOf('*')))];
  const compiled = compile(readings, { reservedHosts: [host('admin.io')] });
  assert.deepEqual(codesOf(compiled), ['ROUTE_HOST_RESERVED']);
  assert.deepEqual(
    compiled.value.table.routes.map(({ action }) => (action.kind === 'respond' ? action.reason : action.kind)),
    ['reserved', 'forward'],
  );
});
