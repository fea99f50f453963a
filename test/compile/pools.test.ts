import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteIntent, SidePool } from '../../src/model/intent.ts';
import { backendId } from '../../src/model/names.ts';
import { PLAIN_POOL, type LoadBalancing } from '../../src/model/pool.ts';
import { compile, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

/** Instance `a-1` and so on of one service, each with what it asks for h.io; their pools, and each report as code, text and instance. */
function pooled(asked: readonly Partial<RouteIntent>[], limits: { readonly endpointsPerRoute?: number } = {}) {
  const readings = asked.map((overrides, index) => {
    const instance = instanceOf('a', { instance: `a-${index + 1}`, address: `10.0.0.${index + 1}` });
    return readingOf(instance, intentOf(instance, matchOf('h.io'), overrides));
  });
  const { value, diagnostics } = compile(readings, {
    limits: { routesPerService: 64, endpointsPerRoute: 1000, servicesPerOwner: 10_000, ...limits },
  });
  const { routes, backends } = value.table;
  return { routes, backends, reports: diagnostics.map(({ code, message, span }) => `${code} ${span?.instance}: ${message}`) };
}

const at = (address: string, number: number): Partial<RouteIntent> => ({ endpoint: { address, port: port(number) } });
const placesOf = (
  { endpoints }: { readonly endpoints: readonly { readonly address: string; readonly port: number }[] } = { endpoints: [] },
) => endpoints.map((endpoint) => `${endpoint.address}:${endpoint.port}`);

test('endpointsOf() sorts by address, then by port as a number, and takes each place once', () => {
  const asked = [at('10.0.0.2', 10_000), at('10.0.0.2', 9000), at('10.0.0.1', 9001), at('10.0.0.2', 9000)];
  const expected = ['10.0.0.1:9001', '10.0.0.2:9000', '10.0.0.2:10000'];

  for (const order of [asked, asked.toReversed()]) assert.deepEqual(placesOf(pooled(order).backends[0]), expected);
});

test('endpointsOf() counts instances of one service that redirect to one URL once, as Fabio does', () => {
  const leading = (dialect: 'fabio' | 'hind', shares: readonly (number | undefined)[]): unknown => {
    const redirect = { status: 301, to: [{ kind: 'text', text: 'https://y.io/' }] } as const;
    const led = shares.map(
      (share, index): Partial<RouteIntent> => ({
        dialect,
        action: { kind: 'redirect', redirect },
        ...(share !== undefined && { share }),
        ...at(`10.0.1.${index}`, 80),
      }),
    );
    const readings = [...led, {}].map((overrides, index) => {
      const instance = instanceOf(index < led.length ? 'r' : 'a', { instance: `i-${index}` });
      return readingOf(instance, intentOf(instance, matchOf('h.io'), { dialect, ...overrides }));
    });
    const action = compile(readings).value.table.routes[0]?.action;
    return action?.kind === 'split' ? action.parts.map(({ weight }) => weight) : action;
  };

  assert.deepEqual(leading('fabio', [undefined, undefined]), [1, 1]);
  assert.deepEqual(leading('hind', [undefined, undefined]), [2, 1]);
  assert.deepEqual(leading('fabio', [0.5, undefined]), [3, 1]);
});

test('endpointsOf() serves as many instances as the limit allows, and says how many it leaves out', () => {
  const { backends, reports } = pooled([{}, {}, {}], { endpointsPerRoute: 2 });

  assert.deepEqual(placesOf(backends[0]), ['10.0.0.1:8080', '10.0.0.2:8080']);
  assert.deepEqual(reports, ['ROUTE_LIMIT a-1: Cannot serve 1 instances of this route: it has 3, expected at most 2']);
  assert.deepEqual(pooled([{}, {}, {}], { endpointsPerRoute: 3 }).reports, []);
});

for (const [what, asked, weights, reported] of [
  ['of Traefik as they are, 1 where none is written', [{ weight: 3 }, {}, { weight: 0 }], [3, 1, 0], []],
  ['of Fabio as shares of all, the rest for those without', [{ share: 0.2 }, {}], [1, 4], []],
  [
    'of Fabio that leave nothing for others, with a word about the first',
    [{ share: 1 }, {}, {}],
    [1, 0, 0],
    ['FABIO_WEIGHT_STARVES a-2: The fixed weights of other instances leave this one without requests, as in Fabio'],
  ],
] as const)
  test(`endpointsOf() gives weights ${what}`, () => {
    const { backends, reports } = pooled(asked);
    const given = backends[0]?.endpoints.map(({ weight }) => weight) ?? [];
    const least = Math.min(...given.filter((weight) => weight > 0));

    assert.deepEqual(
      given.map((weight) => weight / least),
      weights,
    );
    assert.deepEqual(reports, reported);
  });

test('backendsOfShare() speaks TLS to the instances that ask for it', () => {
  const { backends } = pooled([{ tls: true }, {}]);

  assert.deepEqual(
    backends[0]?.endpoints.map(({ tls }) => tls),
    [true, undefined],
  );
});

const balancing = (loadBalancing: LoadBalancing): Partial<RouteIntent> => ({ pool: { ...PLAIN_POOL, loadBalancing } });

for (const [policy, asked, expected] of [
  ['what one instance states', [balancing('random'), balancing('leastConnections')], 'leastConnections'],
  [
    'what the winner states before what others do',
    [balancing('ipHash'), balancing('leastConnections'), balancing('leastConnections')],
    'ipHash',
  ],
  ['the default of the dialect', [balancing('random')], 'random'],
  ['the default of HinD', [{ dialect: 'hind', ...balancing('ipHash') }, balancing('random')], 'ipHash'],
] as const)
  test(`backendsOfShare() balances by ${policy}`, () => {
    assert.equal(pooled(asked).backends[0]?.loadBalancing, expected);
  });

test('backendsOfShare() gives each pool of a middleware its own instances, once each, and other middlewares the pool of the route', () => {
  const side = (name: string, number: number): SidePool => ({
    name,
    protocol: 'http',
    pool: PLAIN_POOL,
    endpoint: { address: '10.0.0.9', port: port(number) },
  });
  const errors = (name: string) => ({ kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId(name), query: '/' }) as const;
  const asked: Partial<RouteIntent> = {
    middlewares: [errors('one'), errors('two'), errors('own')],
    sidePools: [side('one', 9001), side('two', 9002)],
  };

  const { routes, backends } = pooled([asked, { ...asked, sidePools: [side('one', 9001), side('two', 9003)] }]);
  const used = routes[0]?.middlewares.map((middleware) =>
    placesOf(backends.find(({ id }) => middleware.kind === 'errors' && id === middleware.backend)),
  );

  assert.deepEqual(used, [['10.0.0.9:9001'], ['10.0.0.9:9002', '10.0.0.9:9003'], ['10.0.0.1:8080', '10.0.0.2:8080']]);
});

test('backendsOfShare() names the pool of a whole route like the route, those of its shares in a way that does not depend on the order', () => {
  const ids = (services: readonly string[]) => {
    const readings = services.map((service, index) => {
      const instance = instanceOf(service, { address: `10.0.0.${index}` });
      return readingOf(instance, intentOf(instance, matchOf('h.io'), { middlewares: [{ kind: 'addPrefix', prefix: `/${service}` }] }));
    });
    const { routes, backends } = compile(readings).value.table;
    return [routes[0]?.id ?? '', ...backends.map(({ id }) => id)];
  };
  const [route, whole] = ids(['a']);
  const [, ...parts] = ids(['a', 'b']);

  assert.equal(whole, route);
  assert.deepEqual(ids(['b', 'a']).slice(1).toSorted(), parts.toSorted());
  assert.equal(new Set([route, ...parts]).size, 3);
  for (const part of parts) assert.match(part, /^h-io-[0-9a-f]{20}$/);
});
