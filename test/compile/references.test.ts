import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition, Reference } from '../../src/model/intent.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { buildTable } from '../../src/compile/compile.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, OPTIONS, port, readingOf } from '../support/intents.ts';

const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ALLOW: Middleware = { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } };

function referTo(instance: ServiceInstance, to: Reference['to'], name: string): Reference {
  return { kind: 'reference', to, name, span: tagSpan(instance, 0), code: 'TRAEFIK_REFERENCE_UNKNOWN' };
}

function declared(instance: ServiceInstance, name: string, ...middlewares: readonly (Middleware | Reference)[]): Definition {
  return { kind: 'middleware', name, span: tagSpan(instance, 0), middlewares };
}

const user = instanceOf('user', { tags: ['r'] });
const keeper = instanceOf('keeper', { instance: 'keeper-1', address: '10.0.0.9', tags: ['m'] });
const using = (name: string, to: Reference['to'] = 'middleware') =>
  readingOf(user, intentOf(user, matchOf('h.io'), { middlewares: [referTo(user, to, name)] }));

test('buildTable() uses the middleware that another service of the owner declares, and what that one names', () => {
  const reading = {
    ...readingOf(keeper),
    definitions: [declared(keeper, 'all', referTo(keeper, 'middleware', 'one'), ALLOW), declared(keeper, 'one', STRIP)],
  };
  const compiled = compile([using('All'), reading]);

  assert.deepEqual(compiled.value.table.routes[0]?.middlewares, [STRIP, ALLOW]);
  assert.deepEqual(codesOf(compiled), ['TRAEFIK_NAME_CASE']);
  assert.deepEqual(codesOf(compile([using('all'), reading])), []);
});

test('buildTable() withholds a route when a name is unknown, leads to itself or stands for two things', () => {
  const other = instanceOf('other', { instance: 'other-1', tags: ['m'] });
  const loop = { ...readingOf(keeper), definitions: [declared(keeper, 'loop', referTo(keeper, 'middleware', 'loop'))] };
  const twice = [
    { ...readingOf(keeper), definitions: [declared(keeper, 'two', STRIP)] },
    { ...readingOf(other), definitions: [declared(other, 'two', ALLOW)] },
  ];
  for (const readings of [[using('none')], [using('loop'), loop], [using('two'), ...twice], [using('none', 'policy')]]) {
    const compiled = compile(readings);
    assert.deepEqual(compiled.value.table.routes[0]?.action, { kind: 'respond', status: 503, reason: 'withheld' });
    assert.deepEqual(codesOf(compiled), ['TRAEFIK_REFERENCE_UNKNOWN']);
  }
});

test('buildTable() looks a name up again when it stands for something else than before', () => {
  const reading = using('m');
  const served = (...definitions: readonly Definition[]): readonly unknown[] => {
    const { value } = buildTable([reading, { ...readingOf(keeper), definitions }], { options: OPTIONS, claims: new Map() });
    return value.table.routes.map(({ action, middlewares }) => [action.kind, ...middlewares]);
  };

  const all = [declared(keeper, 'm', STRIP), declared(keeper, 'm', ALLOW), declared(keeper, 'other', STRIP)].map((one) => served(one));

  assert.deepEqual(all, [[['forward', STRIP]], [['forward', ALLOW]], [['respond']]]);
});

test('buildTable() does not look up names of other owners', () => {
  const foreign = { ...keeper, owner: 'team' as typeof keeper.owner };
  const compiled = compile([using('m'), { ...readingOf(foreign), definitions: [declared(foreign, 'm', STRIP)] }]);

  assert.deepEqual(codesOf(compiled), ['TRAEFIK_REFERENCE_UNKNOWN']);
});

test('buildTable() sends requests to the instances of the service that a router names', () => {
  const member = { protocol: 'http', pool: PLAIN_POOL } as const;
  const pool = [1, 2].map((number) => instanceOf('pool', { instance: `pool-${number}`, address: `10.0.1.${number}` }));
  const readings = pool.map((instance) => ({
    ...readingOf(instance),
    definitions: [
      { kind: 'service', name: 'pool', span: tagSpan(instance, 0), endpoint: { address: instance.address, port: port(81) }, ...member },
    ] as const,
  }));
  const compiled = compile([readingOf(user, intentOf(user, matchOf('h.io'), { backend: referTo(user, 'service', 'pool') })), ...readings]);

  assert.deepEqual(
    compiled.value.table.backends[0]?.endpoints.map(({ address, port: number }) => `${address}:${number}`),
    ['10.0.1.1:81', '10.0.1.2:81'],
  );
  assert.deepEqual(compiled.value.table.routes[0]?.services, ['pool', 'user']);
});

test('buildTable() takes transports and policies from the operator', () => {
  const reading = readingOf(
    user,
    intentOf(user, matchOf('h.io'), { transport: referTo(user, 'transport', 'quick'), middlewares: [referTo(user, 'policy', 'inner')] }),
  );
  const transports = new Map([['quick', { skipVerify: true, dialTimeoutMs: 100 }]]);
  const policies = new Map([['inner', { name: 'inner', middlewares: [ALLOW, STRIP] }]]);
  const { value } = compile([reading], { transports, policies });

  assert.deepEqual(value.table.backends[0]?.transport, { skipVerify: true, dialTimeoutMs: 100 });
  assert.deepEqual(value.table.routes[0]?.middlewares, [ALLOW, STRIP]);
});
