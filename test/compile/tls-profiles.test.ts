import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withOneTlsProfile } from '../../src/compile/tls-profiles.ts';
import type { ResolvedIntent } from '../../src/compile/references.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { Route, TlsProfile } from '../../src/model/route.ts';
import { instanceOf, intentOf, matchOf } from '../support/intents.ts';
import { routeOf } from '../support/tables.ts';

const STRICT: TlsProfile = { name: 'strict', minVersion: '1.3' };
const OLD: TlsProfile = { name: 'old', minVersion: '1.2' };

/** What becomes of each route: the name of its TLS options, or that it is withheld, and what is said. */
function agreed(...routes: readonly Route[]): { readonly routes: readonly string[]; readonly messages: readonly string[] } {
  const { transport: _transport, tlsProfile: _profile, backend: _backend, ...rest } = intentOf(instanceOf('a'), matchOf('h.io'));
  const intent: ResolvedIntent = { ...rest, middlewares: [] };
  const diagnostics: Diagnostic[] = [];
  const results = withOneTlsProfile(
    routes.map((route) => ({ route, backends: [], intent })),
    (diagnostic) => diagnostics.push(diagnostic),
  );
  return {
    routes: results.map(({ route: { id, action, tlsProfile }, fault }) =>
      fault ? `${id} ${action.kind} ${fault.kind} ${fault.code}` : `${id} ${tlsProfile?.name ?? 'none'}`,
    ),
    messages: diagnostics.map(({ code, message, span }) => `${code} ${span?.instance} ${message}`),
  };
}

const wide = (id: string, overrides: Partial<Route> = {}): Route =>
  routeOf(id, '*', '/', { match: { ...matchOf('*'), host: { kind: 'regexp', regexp: '^h' } }, ...overrides });

test('withOneTlsProfile() gives every route of a host the options of the first by id, and other hosts none', () => {
  assert.deepEqual(
    agreed(
      routeOf('c', 'h.io', '/c'),
      routeOf('b', 'h.io', '/b', { tlsProfile: { ...STRICT } }),
      routeOf('a', 'h.io', '/a', { tlsProfile: STRICT }),
      routeOf('d', 'other.io', '/'),
      routeOf('e', 'third.io', '/', { tlsProfile: OLD }),
      wide('w'),
      routeOf('x', '*', '/'),
    ),
    { routes: ['c strict', 'b strict', 'a strict', 'd none', 'e old', 'w none', 'x none'], messages: [] },
  );
});

test('withOneTlsProfile() withholds what asks for other options than the first by id of its host, in any order', () => {
  const routes = [routeOf('a', 'h.io', '/a', { tlsProfile: OLD }), routeOf('b', 'h.io', '/b', { tlsProfile: STRICT })];
  const withheld = 'b respond protective ROUTE_TLS_CONFLICT';
  const messages = [
    'ROUTE_TLS_CONFLICT a-1 Cannot end TLS with the options "strict": "h.io" has the TLS options "old", expected the same; the route answers 503',
  ];

  assert.deepEqual(agreed(...routes), { routes: ['a old', withheld], messages });
  assert.deepEqual(agreed(...routes.toReversed()), { routes: [withheld, 'a old'], messages });
});

test('withOneTlsProfile() withholds a route without an exact host that asks for options', () => {
  assert.deepEqual(
    agreed(wide('w', { tlsProfile: STRICT, middlewares: [{ kind: 'contentType' }] }), wide('v'), routeOf('a', 'h.io', '/')),
    {
      routes: ['w respond protective ROUTE_TLS_CONFLICT', 'v none', 'a none'],
      messages: [
        'ROUTE_TLS_CONFLICT a-1 Cannot end TLS with the options "strict": its host is a pattern, expected an exact host; the route answers 503',
      ],
    },
  );
});
