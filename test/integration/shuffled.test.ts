import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { openGenerations } from '../../src/controller/generations.ts';
import { createManagedProxy } from '../../src/controller/managed-proxy.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { shortHash } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
import { compareText } from '../../src/lib/sort.ts';
import type { CatalogSnapshot, ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { startCaddy } from '../support/caddy.ts';
import { ENTRY_POINTS, instanceOf, OPTIONS, port } from '../support/intents.ts';
import { needServer, tempDir } from '../support/process.ts';

/** Services in every dialect: pools, weights, globs, two services on one route, tags that cannot be read. */
const TAGS: readonly (readonly string[])[] = [
  ['urlprefix-a.test/', 'urlprefix-a.test/api strip=/api', 'urlprefix-*.wild.test/'],
  ['urlprefix-a.test/ weight=0.2', 'urlprefix-/everywhere'],
  ['https://h.test', 'https://h.test/sub*'],
  [
    'traefik.enable=true',
    'traefik.http.routers.r.rule=Host(`t.test`) || Host(`u.test`) && PathPrefix(`/x`)',
    'traefik.http.routers.r.priority=7',
  ],
  ['urlprefix-broken.test/ weight=abc', 'urlprefix-'],
  ['urlprefix-r.test:80/ redirect=301,https://r.test$path', '{a,b}.test/', 'urlprefix-{a,b}.test/z'],
];

function instances(): readonly ServiceInstance[] {
  return TAGS.flatMap((tags, service) =>
    [1, 2, 3, 4].map((number) =>
      instanceOf(`s${service}`, {
        instance: `s${service}-${number}`,
        address: `10.0.${service}.${number}`,
        port: port(8000 + number),
        tags,
        modifyIndex: service * number,
      }),
    ),
  );
}

function compileOnce(order: readonly ServiceInstance[]): RoutingTable {
  const traefik = createTraefikDialect({
    prefix: 'traefik',
    exposedByDefault: false,
    defaultRule: '{name}.{suffix}',
    domainSuffix: 'test',
  });
  const dialects = [traefik, createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }), createHindDialect()];
  const pipeline = createPipeline({
    dialects,
    compile: { ...OPTIONS, entryPoints: ENTRY_POINTS },
    primary: sourceId('nomad'),
    merge: 'primary-wins',
  });
  const snapshot: CatalogSnapshot = { source: sourceId('consul'), revision: '1', observedAtMs: 0, local: false, instances: order };
  return pipeline.compile([snapshot], new Map()).value.table;
}

/** A permutation that a seed decides. */
function shuffled<T>(values: readonly T[], seed: number): readonly T[] {
  const keyed = values.map((value, index) => ({ value, key: shortHash([String(seed), String(index)]) }));
  return keyed.toSorted((a, b) => compareText(a.key, b.key)).map(({ value }) => value);
}

test('the same catalog in 100 orders gives the same bytes for both proxies and no reload', async (t) => {
  const caddy = needServer(t, 'caddy');
  if (caddy === undefined) return;
  const { settings, deployer } = await startCaddy(t, caddy);
  const generations = await openGenerations(await tempDir(t), { keep: 5, log: silentLog });
  const managedProxy = createManagedProxy({
    proxy: 'edge',
    version: '1',
    deployer,
    generations,
    foreign: 'refuse',
    render: (table) => caddyTarget.render(table, settings).value,
    secrets: [],
    clock: systemClock,
    log: silentLog,
  });
  const outcomes = new Map<string, number>();
  const bytes = new Set<string>();
  const orders = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const order = shuffled(instances(), seed);
    orders.add(order.map(({ instance }) => instance).join());
    const table = compileOnce(order);
    const rendered = caddyTarget.render(table, settings).value;
    bytes.add(JSON.stringify([rendered.files, traefikTarget.render(table, settings).value.files]));
    const outcome = await managedProxy.program(rendered, table, AbortSignal.timeout(20_000));
    outcomes.set(outcome.kind, (outcomes.get(outcome.kind) ?? 0) + 1);
  }
  assert.ok(orders.size === 100, `only ${orders.size} different orders`);
  assert.equal(bytes.size, 1);
  assert.deepEqual(Object.fromEntries(outcomes), { applied: 1, unchanged: 99 });
});
