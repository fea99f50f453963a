import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/compile/candidates.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { Definition, Reference, SidePool } from '../../src/model/intent.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import { PLAIN_POOL, type PoolOptions } from '../../src/model/pool.ts';
import { codesOf, compile, host, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ADD: Middleware = { kind: 'addPrefix', prefix: '/b' };
const user = instanceOf('user', { tags: ['r'] });
const keeper = instanceOf('keeper', { address: '10.0.0.9', tags: ['m'] });
const UP = { kind: 'fixed', host: host('up.io') } as const;
const member = { protocol: 'http', endpoint: { address: '10.0.0.9', port: port(8080) }, pool: PLAIN_POOL } as const;

const referTo = (to: Reference['to'], name: string): Reference => ({
  kind: 'reference',
  to,
  name,
  span: tagSpan(user, 0),
  code: 'TRAEFIK_REFERENCE_UNKNOWN',
});
const middleware = (name: string, parts: Partial<Extract<Definition, { kind: 'middleware' }>>): Definition => ({
  kind: 'middleware',
  name,
  span: tagSpan(keeper, 0),
  middlewares: [],
  ...parts,
});
const keeps = (...definitions: readonly Definition[]): Reading => ({ ...readingOf(keeper), definitions });
const uses = (pool: PoolOptions = PLAIN_POOL): Reading =>
  readingOf(user, intentOf(user, matchOf('h.io'), { middlewares: [referTo('middleware', 'm')], pool }));

test('buildTable() sends the Host header that a middleware of another service sets', () => {
  const { value } = compile([uses(), keeps(middleware('m', { upstreamHost: UP }))]);

  assert.deepEqual(value.table.backends[0]?.upstreamHost, UP);
});

test("buildTable() sends the instance's own address as Host whatever a middleware of another service sets", () => {
  const { value } = compile([uses({ ...PLAIN_POOL, upstreamHost: { kind: 'endpoint' } }), keeps(middleware('m', { upstreamHost: UP }))]);

  assert.deepEqual(value.table.backends[0]?.upstreamHost, { kind: 'endpoint' });
});

test('buildTable() asks all instances of another service for its error pages', () => {
  const errors: Middleware = { kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('pages'), query: '/' };
  const pageOf = (address: string): SidePool => ({ ...member, endpoint: { address, port: port(9000) }, name: 'pages' });
  const second = instanceOf('keeper', { instance: 'keeper-2', address: '10.0.0.10', tags: ['m'] });
  const define = (address: string): Definition => middleware('m', { middlewares: [errors], sidePools: [pageOf(address)] });

  const { value } = compile([uses(), keeps(define('10.0.0.9')), { ...readingOf(second), definitions: [define('10.0.0.10')] }]);

  const asked = value.table.routes[0]?.middlewares.flatMap((one) => (one.kind === 'errors' ? [one.backend] : []));
  const pages = value.table.backends.find(({ id }) => id === asked?.[0]);
  assert.deepEqual(
    pages?.endpoints.map(({ address }) => address),
    ['10.0.0.10', '10.0.0.9'],
  );
});

test("buildTable() puts the middlewares of a named service behind the router's", () => {
  const service: Definition = { kind: 'service', name: 's', span: tagSpan(keeper, 0), ...member, middlewares: [ADD] };
  const asking = readingOf(user, intentOf(user, matchOf('h.io'), { middlewares: [STRIP], backend: referTo('service', 's') }));

  assert.deepEqual(compile([asking, keeps(service)]).value.table.routes[0]?.middlewares, [STRIP, ADD]);
});

test('buildTable() gives up on names that lead to too many others', () => {
  const next = (name: string): readonly Reference[] => Array.from({ length: 40 }, () => referTo('middleware', name));
  const chain = [0, 1, 2, 3, 4].map((level) => middleware(level === 0 ? 'm' : `m${level}`, { middlewares: next(`m${level + 1}`) }));

  const { value } = compile([uses(), keeps(...chain, middleware('m5', { middlewares: [STRIP] }))]);

  assert.deepEqual(value.table.routes[0]?.action, { kind: 'respond', status: 503, reason: 'withheld' });
});

test('reportSharedDefinitions() names middlewares that say different things and services that two services declare', () => {
  const neighbour = instanceOf('neighbour', { instance: 'neighbour-1', tags: ['n'] });
  const reading = (instance: typeof keeper, ...definitions: readonly Definition[]): Reading => ({
    ...readingOf(instance, intentOf(instance, matchOf(`${instance.service}.io`))),
    definitions,
  });
  const service = (implicit?: true): Definition => ({
    kind: 'service',
    name: 's',
    span: tagSpan(keeper, 0),
    ...member,
    ...(implicit && { implicit }),
  });
  const codes = (...pair: readonly [Definition, Definition]): readonly string[] =>
    codesOf(compile([reading(keeper, pair[0]), reading(neighbour, pair[1])]));

  assert.deepEqual(codes(middleware('m', { declared: 'a' }), middleware('m', { declared: 'b' })), ['TRAEFIK_NAME_SHARED']);
  assert.deepEqual(codes(middleware('m', { declared: 'a' }), middleware('m', { declared: 'a' })), []);
  assert.deepEqual(codes(service(), service()), ['TRAEFIK_NAME_SHARED']);
  assert.deepEqual(codes(service(true), service(true)), []);
  const again = { ...keeper, instance: 'keeper-2' };
  assert.deepEqual(codesOf(compile([reading(keeper, service()), reading(again, service())])), []);
  const other = { ...service(), declared: 'other' };
  assert.deepEqual(codesOf(compile([reading(keeper, service()), reading(again, other)])), ['TRAEFIK_NAME_SHARED']);
  const silent: Reading = { ...reading(neighbour, middleware('m', { declared: 'b' })), intents: [] };
  assert.deepEqual(codesOf(compile([reading(keeper, middleware('m', { declared: 'a' })), silent])), ['TRAEFIK_NAME_SHARED']);
});
