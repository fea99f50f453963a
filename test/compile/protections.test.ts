import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Middleware } from '../../src/model/middleware.ts';
import { compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const ALLOW: Middleware = { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } };
const NARROW: Middleware = { kind: 'ipAllow', cidrs: ['10.1.0.0/16'], of: { kind: 'peer' } };
const DENY: Middleware = { kind: 'ipDeny', cidrs: ['10.1.1.1/32'], of: { kind: 'peer' } };
const HOSTS: Middleware = { kind: 'allowedHosts', hosts: ['h.io'] };
const ENCODED: Middleware = { kind: 'encodedCharacters', allowed: [] };
const RATE: Middleware = { kind: 'rateLimit', average: 1, periodMs: 1, burst: 1, by: { kind: 'host' } };
const FLIGHT: Middleware = { kind: 'inFlight', amount: 1, by: { kind: 'host' } };
const BODY: Middleware = { kind: 'maxBody', bytes: 1 };
const STAFF: Middleware = { kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } };
const GUESTS: Middleware = { kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'b' }] } };
const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };

/** The middlewares of the route of these instances, and what is said of it. */
function together(...lists: readonly (readonly Middleware[])[]) {
  const readings = lists.map((middlewares, index) => {
    const instance = instanceOf('web', { instance: `web-${index}`, address: `10.0.0.${index + 1}` });
    return readingOf(instance, intentOf(instance, matchOf('h.io'), { middlewares }));
  });
  const { value, diagnostics } = compile(readings);
  const [route] = value.table.routes;
  return {
    middlewares: route?.middlewares,
    action: route?.action.kind,
    faults: [...value.faults.values()],
    said: diagnostics
      .filter(({ code }) => code !== 'ROUTE_OPTIONS_DIFFER')
      .map(({ code, message, span }) => `${code} ${span?.service}: ${message}`),
  };
}

test('buildTable() protects a route as all of its instances ask, each wish once, the cheap refusals first', () => {
  const { middlewares, action, said } = together([STRIP], [STAFF, BODY, FLIGHT, NARROW], [RATE, ENCODED, HOSTS, DENY, ALLOW], [STRIP]);

  assert.deepEqual(middlewares, [ALLOW, NARROW, DENY, HOSTS, ENCODED, RATE, FLIGHT, BODY, STAFF, STRIP]);
  assert.deepEqual([action, said], ['forward', []]);
});

test('buildTable() withholds a route whose instances ask for different users', () => {
  const { action, faults, said } = together([STAFF], [GUESTS]);

  assert.deepEqual([action, faults], ['respond', [{ kind: 'protective', code: 'ROUTE_WITHHELD' }]]);
  assert.deepEqual(said, [
    'ROUTE_WITHHELD web: Cannot protect the route with 2 sets of users at once: instances ask for different ones, expected one; it answers 503',
  ]);
});

test('buildTable() asks for the users of one instance, and for two where every instance does', () => {
  assert.deepEqual(together([STAFF], []).said, []);
  assert.deepEqual(together([STAFF, GUESTS], [STAFF, GUESTS]).said, []);
});
