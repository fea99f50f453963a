import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteIntent } from '../../src/model/intent.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ALLOW: Middleware = { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } };
const FAULT = { kind: 'quarantined', code: 'FABIO_WEIGHT_NOT_NUMBER' } as const;

function reading(service: string, number: number, overrides: Partial<RouteIntent> = {}) {
  const instance = instanceOf(service, { instance: `${service}-${number}`, address: `10.0.0.${number}` });
  return readingOf(instance, intentOf(instance, matchOf('h.io'), overrides));
}

test('buildTable() gives services that differ in their options a share each', () => {
  const compiled = compile([reading('a', 1), reading('a', 2), reading('b', 3, { middlewares: [STRIP, ALLOW] })]);
  const [route] = compiled.value.table.routes;
  assert.ok(route?.action.kind === 'split');
  const { parts } = route.action;

  assert.deepEqual(
    parts.map(({ weight, middlewares }) => [weight, middlewares]),
    [
      [2, []],
      [1, [STRIP]],
    ],
  );
  assert.deepEqual(route.middlewares, [ALLOW], 'a protection of one holds for all');
  assert.equal(compiled.value.table.backends.length, 2);
  assert.deepEqual(codesOf(compiled), ['ROUTE_POOLED']);
});

test('buildTable() lets a redirect have its share', () => {
  const redirect = { status: 302, to: [{ kind: 'text', text: 'https://y.io/' }] } as const;
  const { value } = compile([reading('a', 1), reading('b', 2, { action: { kind: 'redirect', redirect } })]);
  const [route] = value.table.routes;

  assert.ok(route?.action.kind === 'split');
  assert.deepEqual(route.action.parts.map(({ action }) => action.kind).toSorted(), ['forward', 'redirect']);
});

test('buildTable() leaves a service out of a shared route when its options cannot be read', () => {
  const compiled = compile([reading('a', 1), reading('b', 2, { fault: FAULT })]);
  const [route] = compiled.value.table.routes;

  assert.equal(route?.action.kind, 'forward');
  assert.deepEqual(
    compiled.value.table.backends.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    ['10.0.0.1'],
  );
});

test('buildTable() keeps an instance in its pool when it alone of its service cannot be read', () => {
  const compiled = compile([reading('a', 1), reading('a', 2), reading('a', 3, { fault: FAULT })]);

  assert.equal(compiled.value.table.backends[0]?.endpoints.length, 3);
});

test('buildTable() lets the router of the highest priority answer among equal matches of several services', () => {
  const router = (service: string, number: number, overrides: Partial<RouteIntent>) =>
    reading(service, number, { dialect: 'traefik', entryPoints: { kind: 'plain' }, name: 'r', ...overrides });
  const shadowed = { priority: 10, middlewares: [ALLOW], fault: { kind: 'protective', code: 'TRAEFIK_REFERENCE_UNKNOWN' } } as const;
  const compiled = compile([router('old', 1, shadowed), router('new', 2, { priority: 20 })]);

  assert.deepEqual(
    compiled.value.table.backends.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    ['10.0.0.2'],
  );
  assert.deepEqual(compiled.value.table.routes[0]?.middlewares, [], 'a router that never answers protects nothing');
  assert.ok(codesOf(compiled).includes('TRAEFIK_ROUTER_SHADOWED'));
});

test('buildTable() gives error pages a pool of their own', () => {
  const pages = { name: 'pages', protocol: 'http', pool: PLAIN_POOL } as const;
  const errors: Middleware = { kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('pages'), query: '/{status}' };
  const { value } = compile(
    [1, 2].map((number) =>
      reading('a', number, {
        middlewares: [errors],
        sidePools: [{ ...pages, endpoint: { address: `10.0.0.${number}`, port: port(9000) } }],
      }),
    ),
  );
  const [middleware] = value.table.routes[0]?.middlewares ?? [];
  assert.ok(middleware?.kind === 'errors');
  const pool = value.table.backends.find(({ id }) => id === middleware.backend);

  assert.deepEqual(
    pool?.endpoints.map(({ address, port: number }) => `${address}:${number}`),
    ['10.0.0.1:9000', '10.0.0.2:9000'],
  );
});
