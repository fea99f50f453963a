import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteIntent } from '../../src/model/intent.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

const STRIP: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const ADD: Middleware = { kind: 'addPrefix', prefix: '/b' };
const FAULT = { kind: 'quarantined', code: 'FABIO_WEIGHT_NOT_NUMBER' } as const;

/** An instance of a service, changed at an index, and what it asks for h.io. */
function asking(service: string, number: number, overrides: Partial<RouteIntent> = {}, modifyIndex = 1) {
  const instance = instanceOf(service, { instance: `${service}-${number}`, address: `10.0.0.${number}`, modifyIndex });
  return readingOf(instance, intentOf(instance, matchOf('h.io'), overrides));
}

/** Each report as its code, the instance that it is about and the one beside it. */
function reportsOf(...readings: readonly ReturnType<typeof asking>[]): readonly string[] {
  return compile(readings).diagnostics.map(({ code, span, related }) =>
    [code, span?.instance, ...related.map(({ instance }) => instance)].join(' '),
  );
}

for (const [chosen, expected, readings] of [
  [
    'most instances',
    [ADD],
    [asking('a', 1, { middlewares: [STRIP] }, 9), asking('a', 2, { middlewares: [ADD] }), asking('a', 3, { middlewares: [ADD] })],
  ],
  [
    'the instance changed last of as many',
    [STRIP],
    [asking('a', 1, { middlewares: [ADD] }, 1), asking('a', 2, { middlewares: [STRIP] }, 2)],
  ],
  ['the first text of as many and as new', [ADD], [asking('a', 1, { middlewares: [STRIP] }), asking('a', 2, { middlewares: [ADD] })]],
  [
    'the newest of a group and not its oldest',
    [STRIP],
    [
      asking('a', 1, { middlewares: [STRIP] }, 1),
      asking('a', 2, { middlewares: [STRIP] }, 9),
      asking('a', 3, { middlewares: [ADD] }, 5),
      asking('a', 4, { middlewares: [ADD] }, 5),
    ],
  ],
] as const)
  test(`sharesOf() follows ${chosen}`, () => {
    for (const order of [readings, readings.toReversed()]) assert.deepEqual(compile(order).value.table.routes[0]?.middlewares, expected);
  });

for (const [what, expected, readings] of [
  ['the instance that loses', ['ROUTE_OPTIONS_DIFFER a-1 a-2'], [asking('a', 1, { middlewares: [STRIP] }), asking('a', 2), asking('a', 3)]],
  ['nothing of an instance that cannot be read', [], [asking('a', 1, { fault: FAULT }), asking('a', 2), asking('a', 3)]],
  ['nothing of weights, balancing and protocol', [], [asking('a', 1, { weight: 3, protocol: 'https' }), asking('a', 2, { share: 0.5 })]],
  ['nothing of the form of a path that nothing changes', [], [asking('a', 1, { pathForm: 'raw' }), asking('a', 2)]],
  [
    'the form of a path that a middleware changes',
    ['ROUTE_OPTIONS_DIFFER a-1 a-2'],
    [asking('a', 1, { pathForm: 'raw', middlewares: [ADD] }), asking('a', 2, { middlewares: [ADD] })],
  ],
  ['services that share a pool, the second beside the first', ['ROUTE_POOLED b-2 a-1'], [asking('b', 2), asking('a', 1), asking('c', 3)]],
  ['no shared pool where others stand aside', [], [asking('a', 1), asking('b', 2, { fault: FAULT })]],
  ['no shared pool where others speak another protocol', [], [asking('a', 1), asking('b', 2, { action: { kind: 'refuse' } })]],
] as const)
  test(`sharesOf() reports ${what}`, () => {
    assert.deepEqual(reportsOf(...readings), expected);
  });

test('sharesOf() serves as many as can be served where all have a fault', () => {
  const { routes } = compile([asking('a', 1, { fault: FAULT }), asking('b', 2, { fault: FAULT })]).value.table;

  assert.deepEqual(routes[0]?.services, ['a', 'b']);
  assert.deepEqual(routes[0]?.action, { kind: 'respond', status: 503, reason: 'withheld' });
});

test('sharesOf() puts the share of most instances first, of equal ones that of the first text', () => {
  const weights = (...readings: readonly ReturnType<typeof asking>[]): readonly unknown[] =>
    [readings, readings.toReversed()].map((order) => {
      const action = compile(order).value.table.routes[0]?.action;
      return action?.kind === 'split' && action.parts.map(({ weight, middlewares }) => [weight, middlewares[0]?.kind]);
    });
  const most = [
    [2, undefined],
    [1, 'addPrefix'],
  ];
  const even = [
    [1, 'addPrefix'],
    [1, 'stripPrefix'],
  ];

  assert.deepEqual(weights(asking('a', 1, { middlewares: [ADD] }), asking('b', 2), asking('b', 3)), [most, most]);
  assert.deepEqual(weights(asking('a', 1, { middlewares: [STRIP] }), asking('b', 2, { middlewares: [ADD] })), [even, even]);
});

test('sharesOf() lets the first accepted dialect of an instance speak, and says once per service that another differs', () => {
  const readings = [1, 2].map((number) => {
    const instance = instanceOf('a', { instance: `a-${number}`, address: `10.0.0.${number}` });
    const hind = intentOf(instance, matchOf('h.io'), { dialect: 'hind', middlewares: [STRIP] });
    return readingOf(instance, hind, intentOf(instance, matchOf('h.io')));
  });
  const spoken = (accept: readonly ('fabio' | 'hind')[]) => {
    const { value, diagnostics } = compile(readings, { accept });
    return [value.table.routes[0]?.middlewares.length, ...diagnostics.map(({ code, message }) => `${code} ${message}`)];
  };
  const message = (first: string, other: string): string =>
    `ROUTE_DIALECTS_DIFFER The ${first} and ${other} tags ask for this route in different ways; ${first} is used`;

  assert.deepEqual(spoken(['fabio', 'hind']), [0, message('fabio', 'hind')]);
  assert.deepEqual(spoken(['hind', 'fabio']), [1, message('hind', 'fabio')]);
});

test('sharesOf() outranks routers only by higher priorities, and never prefixes', () => {
  const routed = (...readings: readonly ReturnType<typeof asking>[]): readonly (string | undefined)[] => [
    ...compile(readings)
      .value.table.backends.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))
      .toSorted(),
    ...reportsOf(...readings),
  ];
  const router = (priority: number): Partial<RouteIntent> => ({ dialect: 'traefik', priority });

  assert.deepEqual(routed(asking('a', 1, router(5)), asking('b', 2, router(7))), ['10.0.0.2', 'TRAEFIK_ROUTER_SHADOWED a-1 b-2']);
  assert.deepEqual(routed(asking('a', 1, router(7)), asking('b', 2, router(7))), ['10.0.0.1', '10.0.0.2', 'ROUTE_POOLED b-2 a-1']);
  assert.deepEqual(routed(asking('a', 1), asking('b', 2, router(7))), ['10.0.0.1', '10.0.0.2', 'ROUTE_POOLED b-2 a-1']);
});
