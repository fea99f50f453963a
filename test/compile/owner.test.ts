import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerId } from '../../src/model/names.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';
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

const GRANTS = new Map([
  ['namespace:shop', [{ host: 'shop.io', prefix: '/' }]],
  ['service:pay*', [{ host: '*.shop.io', prefix: '/pay' }]],
]);

for (const [service, owner, hostText, path, granted] of [
  ['web', 'shop', 'shop.io', '/x', true],
  ['web', 'shop', 'other.io', '/', false],
  ['web', 'shop', 'a.shop.io', '/pay', false],
  ['payments', 'else', 'a.shop.io', '/pay/card', true],
  ['payments', 'else', 'a.shop.io', '/payments', false],
  ['payments', 'else', 'shop.io', '/pay', false],
] as const)
  test(`buildTable() ${granted ? 'grants' : 'refuses'} ${hostText}${path} to ${service} of ${owner} by the allow list`, () => {
    const instance = instanceOf(service, { owner: ownerId(owner) });
    const compiled = compile([readingOf(instance, intentOf(instance, matchOf(hostText, path)))], {
      ownership: 'allowList',
      grants: GRANTS,
    });

    assert.equal(compiled.value.table.routes.length, granted ? 1 : 0);
    assert.deepEqual(codesOf(compiled), granted ? [] : ['ROUTE_HOST_NOT_GRANTED']);
  });

test('buildTable() lets an owner serve the path of another that it is granted', () => {
  const [shop, pay] = [instanceOf('web', { owner: ownerId('shop') }), instanceOf('payments', { owner: ownerId('else'), modifyIndex: 5 })];
  const readings = [readingOf(shop, intentOf(shop, matchOf('a.shop.io'))), readingOf(pay, intentOf(pay, matchOf('a.shop.io', '/pay')))];

  assert.deepEqual(codesOf(compile(readings)), ['ROUTE_CONFLICT_OWNER']);
  assert.deepEqual(codesOf(compile(readings, { grants: GRANTS })), []);
});

test('buildTable() refuses to ask an instance under the host of another owner', () => {
  const [mine, theirs] = [instanceOf('a'), instanceOf('b', { owner: ownerId('team') })];
  const pool = { ...PLAIN_POOL, upstreamHost: { kind: 'fixed', host: host('b.io') } } as const;
  const compiled = compile([
    readingOf(mine, intentOf(mine, matchOf('a.io'), { pool })),
    readingOf(theirs, intentOf(theirs, matchOf('b.io'))),
  ]);

  assert.deepEqual(codesOf(compiled), ['ROUTE_TARGET_REFUSED']);
  assert.deepEqual(compiled.value.table.routes.find(({ owner }) => owner === 'default')?.action, {
    kind: 'respond',
    status: 503,
    reason: 'withheld',
  });
});
