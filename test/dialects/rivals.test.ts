import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settleRivals } from '../../src/dialects/rivals.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { RouteIntent } from '../../src/model/intent.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { serviceName } from '../../src/model/names.ts';
import type { DialectName } from '../../src/model/route.ts';
import { CASE_DIALECTS, instanceOf, intentOf, matchOf, port } from '../support/intents.ts';

const web = instanceOf('web', { tags: ['0', '1', '2', '3'] });
const CONTEXT = { service: serviceName('web'), port: port(8080), entryPoints: { plain: 'web', tls: 'websecure' } };
const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };

/** What a tag asks for h.io. */
const of = (dialect: DialectName, tag: number, overrides: Partial<RouteIntent> = {}): RouteIntent =>
  intentOf(web, matchOf('h.io'), { dialect, spans: [tagSpan(web, tag)], ...overrides });

/** The tags that count, with how they choose instances, those that do not, and what is said. Traefik comes before Fabio and HinD. */
function settled(intents: readonly RouteIntent[], staying?: DialectName) {
  const said: Diagnostic[] = [];
  const { counted, beaten } = settleRivals(intents, { dialects: CASE_DIALECTS, context: CONTEXT, staying }, (diagnostic) =>
    said.push(diagnostic),
  );
  const tagOf = ({ spans: [span] }: RouteIntent): number | undefined => span?.tagIndex;
  return [
    counted.map((intent) => `${tagOf(intent)} ${intent.pool.loadBalancing}`).join(),
    beaten.map(tagOf).join(),
    ...said.map(
      ({ code, message, span, related }) => `${code} ${span?.tagIndex} ${related.map(({ tagIndex }) => tagIndex).join()} ${message}`,
    ),
  ];
}

const differ = (first: string, other: string): string =>
  `The ${first} and ${other} tags ask for this route in different ways; ${first} is used`;

test('settleRivals() has the first dialect count, and says nothing where others ask for the same', () => {
  assert.deepEqual(settled([of('fabio', 0), of('traefik', 1)]), ['1 roundRobin', '0']);
  assert.deepEqual(settled([of('fabio', 0, { middlewares: [STRIP] }), of('traefik', 1)]), [
    '1 roundRobin',
    '0',
    `ROUTE_DIALECTS_DIFFER 0 1 ${differ('traefik', 'fabio')}`,
  ]);
  assert.deepEqual(settled([of('fabio', 0, { protocol: 'https' }), of('fabio', 1), of('traefik', 2)]), [
    '2 roundRobin',
    '0,1',
    `ROUTE_DIALECTS_DIFFER 0 2 ${differ('traefik', 'fabio')}`,
  ]);
});

test('settleRivals() takes another choice of instances than the usual one for a wish', () => {
  const pool = { ...of('fabio', 0).pool, loadBalancing: 'leastConnections' } as const;

  assert.deepEqual(settled([of('fabio', 0, { pool }), of('traefik', 1)]).slice(2), [
    `ROUTE_DIALECTS_DIFFER 0 1 ${differ('traefik', 'fabio')}`,
  ]);
  assert.deepEqual(settled([of('fabio', 0), of('traefik', 1, { pool })]).slice(2), [
    `ROUTE_DIALECTS_DIFFER 0 1 ${differ('traefik', 'fabio')}`,
  ]);
  assert.deepEqual(settled([of('fabio', 0, { pool }), of('traefik', 1, { pool })]).slice(2), []);
});

test('settleRivals() lets the choice of HinD hold for the others', () => {
  assert.deepEqual(settled([of('hind', 0), of('fabio', 1)]), ['1 ipHash', '0']);
  assert.deepEqual(settled([of('hind', 0), of('hind', 1)]), ['0 ipHash', '1']);
  assert.deepEqual(settled([of('fabio', 0), of('traefik', 1)])[0], '1 roundRobin');
  const own = { ...of('hind', 0).pool, loadBalancing: 'random' } as const;
  assert.deepEqual(settled([of('hind', 0, { pool: own })])[0], '0 random');
});

test('settleRivals() takes in one dialect the highest priority of routers, and the first of other tags', () => {
  const twice = 'The service asks for the same route twice; the other tag is used';
  const router = (tag: number, overrides: Partial<RouteIntent>): RouteIntent =>
    of('traefik', tag, { middlewares: tag === 0 ? [STRIP] : [], ...overrides });

  assert.deepEqual(settled([router(0, { priority: 1 }), router(1, { priority: 2 })]), [
    '1 roundRobin',
    '0',
    `ROUTE_DUPLICATE 0 1 ${twice}`,
  ]);
  assert.deepEqual(settled([router(0, { ruleLength: 9 }), router(1, { ruleLength: 9, priority: 10 })])[0], '1 roundRobin');
  assert.deepEqual(settled([router(0, { ruleLength: 9 }), router(1, { ruleLength: 9, priority: 8 })])[0], '0 roundRobin');
  assert.deepEqual(settled([of('fabio', 0, { ruleLength: 1 }), of('fabio', 1, { ruleLength: 5, priority: 9 })])[0], '0 random');
});

test('settleRivals() leaves the tags of a dialect that stay alone, but not those of others', () => {
  assert.deepEqual(settled([of('fabio', 0), of('fabio', 1), of('hind', 2)], 'fabio').slice(0, 2), ['0 ipHash,1 random', '2']);
  assert.deepEqual(settled([of('fabio', 0), of('fabio', 1)], 'hind').slice(0, 2), ['0 random', '1']);
});

test('settleRivals() compares only what is about the same requests', () => {
  assert.deepEqual(
    settled([of('fabio', 0, { entryPoints: { kind: 'plain' } }), of('traefik', 1, { entryPoints: { kind: 'tls' } })])[1],
    '',
  );
  assert.deepEqual(settled([of('fabio', 0, { match: matchOf('i.io') }), of('traefik', 1)])[1], '');
  assert.deepEqual(
    settled([
      of('fabio', 0, { entryPoints: { kind: 'plain' } }),
      of('traefik', 1, { entryPoints: { kind: 'named', names: ['web'], tls: false } }),
    ]),
    ['1 roundRobin', '0'],
  );
});

test('settleRivals() lets what stands beside a tag go with it', () => {
  const aside = (dialect: DialectName, tag: number): RouteIntent =>
    of(dialect, tag, { match: matchOf('i.io'), entryPoints: { kind: 'tls', secondary: true } });

  assert.deepEqual(settled([of('fabio', 0), aside('fabio', 0), of('traefik', 1)]).slice(0, 2), ['1 roundRobin', '0,0']);
  assert.deepEqual(settled([of('fabio', 0), aside('fabio', 0)]).slice(0, 2), ['0 random,0 random', '']);
});
