import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_HOST, ANY_PATH, exactPath, type HostMatch, type RouteMatch } from '../../src/model/match.ts';
import { ownerId, sourceId } from '../../src/model/names.ts';
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
  ['namespace:all', [{ host: '*', prefix: '/' }]],
]);

for (const [service, owner, hostText, path, granted] of [
  ['web', 'shop', 'shop.io', '/x', true],
  ['web', 'shop', 'other.io', '/', false],
  ['web', 'shop', 'a.shop.io', '/pay', false],
  ['payments', 'else', 'a.shop.io', '/pay/card', true],
  ['payments', 'else', 'a.shop.io', '/payments', false],
  ['payments', 'else', 'shop.io', '/pay', false],
  ['payments', 'else', 'a.shop.io', '/pay', true],
  ['web', 'all', 'any.io', '/x', true],
  ['web', 'all', '*', '/', true],
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

const asGlob = (pattern: string): HostMatch => ({ kind: 'glob', pattern, regexp: `^${pattern}$`, port: 'any' });
const WIDE: readonly (readonly [match: Partial<RouteMatch>, granted: boolean])[] = [
  [{ host: asGlob('*.shop.io') }, true],
  [{ host: asGlob('*.a.shop.io') }, true],
  [{ host: asGlob('*.io') }, false],
  [{ host: asGlob('*shop.io') }, false],
  [{ host: asGlob('a*.shop.io') }, false],
  [{ host: asGlob('*.[ab].shop.io') }, false],
  [{ host: { kind: 'regexp', regexp: '^a.shop.io$' } }, false],
  [{ host: ANY_HOST }, false],
  [{ path: exactPath('/pay/x') }, true],
  [{ path: exactPath('/payments') }, false],
  [{ path: { kind: 'regexp', regexp: '^/pay/' } }, false],
  [{ path: ANY_PATH }, false],
];

for (const [overrides, granted] of WIDE)
  test(`buildTable() ${granted ? 'grants' : 'refuses'} ${JSON.stringify(overrides)} to who is granted *.shop.io/pay`, () => {
    const pay = instanceOf('payments', { owner: ownerId('else') });
    const reading = readingOf(pay, intentOf(pay, { ...matchOf('a.shop.io', '/pay'), ...overrides }));

    assert.deepEqual(codesOf(compile([reading], { ownership: 'allowList', grants: GRANTS })), granted ? [] : ['ROUTE_HOST_NOT_GRANTED']);
  });

test('buildTable() lets services of the operator have what it keeps for itself, and what nobody is granted', () => {
  const own = instanceOf('own', { source: sourceId('static') });
  const reading = readingOf(own, intentOf(own, matchOf('admin.io')));

  assert.deepEqual(codesOf(compile([reading], { ownership: 'allowList', reservedHosts: [host('admin.io')] })), []);
});

test('withinOwnership() has the incumbent keep its host, whoever else asks, unless hosts are open', () => {
  const teams = [team('a', 1), team('b', 2), team('c', 3)];
  const holders = (options: Parameters<typeof compile>[1], order = teams): readonly unknown[] => {
    const { table, holders: held } = compile(order, options, new Map([['host h.io', ownerId('b')]])).value;
    return [[...held.values()].join(), table.routes.map(({ owner }) => owner).join()];
  };

  for (const order of [teams, teams.toReversed(), [team('c', 3), team('a', 1), team('b', 2)]])
    assert.deepEqual(holders({}, order), ['b', 'b']);
  assert.deepEqual(holders({ ownership: 'open' }), ['a', 'a,b,c']);
  assert.deepEqual(holders({ ownership: 'allowList', grants: new Map([['namespace:*', [{ host: 'h.io', prefix: '/' }]]]) }), ['b', 'b']);
});

test('withinOwnership() names a guest the holder of a host only where nobody else asks for it', () => {
  const [shop, pay] = [instanceOf('web', { owner: ownerId('shop'), modifyIndex: 9 }), instanceOf('payments', { owner: ownerId('else') })];
  const guest = readingOf(pay, intentOf(pay, matchOf('a.shop.io', '/pay')));
  const host = readingOf(shop, intentOf(shop, matchOf('a.shop.io')));
  const holder = (...readings: readonly ReturnType<typeof readingOf>[]): unknown => [
    ...compile(readings, { grants: GRANTS }).value.holders.values(),
  ];

  assert.deepEqual(holder(guest), ['else']);
  assert.deepEqual(holder(guest, host), ['shop']);
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

  assert.deepEqual(
    compiled.diagnostics.map(({ code, message, span }) => `${code} ${span?.service} ${message}`),
    ['ROUTE_TARGET_REFUSED a Cannot send Host "b.io" to the instance: "team" holds it'],
  );
  assert.deepEqual([...compiled.value.faults.values()], [{ kind: 'quarantined', code: 'ROUTE_TARGET_REFUSED' }]);
  assert.deepEqual(compiled.value.table.routes.find(({ owner }) => owner === 'default')?.action, {
    kind: 'respond',
    status: 503,
    reason: 'withheld',
  });
});

test('buildTable() asks an instance under any host that its own owner or nobody holds', () => {
  const [mine, other] = [instanceOf('a'), instanceOf('b')];
  const asking = (name: string): readonly string[] => {
    const pool = { ...PLAIN_POOL, upstreamHost: { kind: 'fixed', host: host(name) } } as const;
    return codesOf(
      compile([readingOf(mine, intentOf(mine, matchOf('a.io'), { pool })), readingOf(other, intentOf(other, matchOf('b.io')))]),
    );
  };

  assert.deepEqual([asking('a.io'), asking('b.io'), asking('c.io')], [[], [], []]);
});

test('buildTable() lets owners redirect to what they are granted', () => {
  const web = instanceOf('web');
  const led = (to: string, granted: readonly string[]): readonly string[] => {
    const action = { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: to }] } } as const;
    const grants = new Map([['namespace:default', ['h.io', ...granted].map((name) => ({ host: name, prefix: '/' }))]]);
    return codesOf(compile([readingOf(web, intentOf(web, matchOf('h.io'), { action }))], { ownership: 'allowList', grants }));
  };

  assert.deepEqual(led('https://x.io/', ['y.io', 'x.io', 'z.io']), []);
  assert.deepEqual(led('https://x.io/', ['*']), []);
  assert.deepEqual(led('https://a.x.io/', ['*.x.io']), []);
  assert.deepEqual(led('https://x.io/', ['*.x.io', 'y.io']), ['ROUTE_TARGET_REFUSED']);
  assert.deepEqual(led('https://.x.io/', ['*.x.io']), ['ROUTE_TARGET_REFUSED']);
});

/** Each report of these readings as its code and text. */
const said = (...[readings, overrides]: Parameters<typeof compile>): readonly string[] =>
  compile(readings, overrides).diagnostics.map(({ code, message, span }) => `${code} ${span?.service}: ${message}`);

test('withinOwnership() says who holds a host, and what an owner may not have', () => {
  const instance = instanceOf('web');
  const asking = (...[match, overrides]: [ReturnType<typeof matchOf>, Parameters<typeof intentOf>[2]?]) => [
    readingOf(instance, intentOf(instance, match, overrides)),
  ];
  const redirect = { status: 302, to: [{ kind: 'text', text: 'https://x.io/' }] } as const;
  const own = { host: { kind: 'glob', pattern: '*.io', regexp: '^.*\\.io$', port: 'own' }, path: { kind: 'any' }, conditions: [] } as const;
  const listed = { ownership: 'allowList', grants: new Map([['namespace:default', [{ host: 'h.io', prefix: '/' }]]]) } as const;

  assert.deepEqual(said([team('blue', 9), team('red', 5)]), ['ROUTE_CONFLICT_OWNER blue: Cannot serve "h.io" for "blue": "red" holds it']);
  assert.deepEqual(said(asking(matchOf('h.io')), { reservedHosts: [host('h.io')] }), [
    'ROUTE_HOST_RESERVED web: Cannot serve "h.io": the host is reserved by the operator',
  ]);
  assert.deepEqual(said(asking(own), listed), [
    'ROUTE_HOST_NOT_GRANTED web: Cannot serve "*.io" for "default": `ownership.allow` does not grant it',
  ]);
  assert.deepEqual(said(asking(matchOf('*')), listed), [
    'ROUTE_HOST_NOT_GRANTED web: Cannot serve "*" for "default": `ownership.allow` does not grant it',
  ]);
  assert.deepEqual(said(asking(matchOf('h.io'), { action: { kind: 'redirect', redirect } }), listed), [
    'ROUTE_TARGET_REFUSED web: Cannot redirect to "x.io": it is not granted to "default"',
  ]);
  assert.deepEqual(
    said(asking(matchOf('h.io'), { action: { kind: 'redirect', redirect } }), { ...listed, redirectHosts: [host('x.io')] }),
    [],
  );
});

test('withinOwnership() names of two newcomers the one that was there first, of equal ones the first by name', () => {
  const holders = (...teams: readonly ReturnType<typeof team>[]): readonly unknown[] =>
    [teams, teams.toReversed()].map((order) =>
      compile(order)
        .value.table.routes.map(({ owner }) => owner)
        .join(' '),
    );

  assert.deepEqual(holders(team('a', 9), team('b', 5)), ['b', 'b']);
  assert.deepEqual(holders(team('b', 5), team('a', 5)), ['a', 'a']);
  assert.equal(compile([team('a', 9), team('b', 5)], { ownership: 'open' }).value.table.routes.length, 2);
});
