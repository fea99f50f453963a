import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPipeline, type Pipeline } from '../../src/controller/pipeline.ts';
import { openSnapshots } from '../../src/controller/snapshots.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import { silentLog } from '../../src/lib/log.ts';
import { compareInstances, type CatalogSnapshot, type ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { SETTINGS as BASE } from '../support/settings.ts';
import { ENTRY_POINTS, instanceOf, OPTIONS, port } from '../support/intents.ts';

/** Routes that share hosts, paths and names across services, so that one service's change concerns others. */
const TAGS: readonly (readonly string[])[] = [
  ['urlprefix-a.test/'],
  ['urlprefix-a.test/', 'urlprefix-a.test/api strip=/api', 'urlprefix-*.wild.test/'],
  ['urlprefix-a.test/ weight=0.2', 'urlprefix-/everywhere'],
  ['urlprefix-b.test/ opts=nothing', 'urlprefix-b.test/ redirect=301,https://a.test$path'],
  ['https://h.test', 'https://h.test/sub*'],
  ['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`t.test`)', 'traefik.http.routers.r.middlewares=m'],
  ['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`u.test`)', 'traefik.http.middlewares.m.stripprefix.prefixes=/x'],
  ['traefik.enable=true', 'traefik.http.routers.s.rule=PathPrefix(`/x`)', 'traefik.http.middlewares.m.stripprefix.prefixes=/y'],
  ['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`a.test`)', 'traefik.http.routers.r.priority=7'],
  ['urlprefix-broken.test/ weight=abc', 'urlprefix-', 'traefik.http.routers.r.rule=Host('],
];

const change = fc.record({
  service: fc.integer({ min: 0, max: 5 }),
  instance: fc.integer({ min: 0, max: 2 }),
  tags: fc.constantFrom(undefined, ...TAGS),
  health: fc.constantFrom('passing', 'passing', 'critical'),
  modifyIndex: fc.integer({ min: 1, max: 5 }),
});

/** Catalogs of which each differs from the one before in a few instances. */
const catalogs = fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 10 }).map((steps) => {
  const all = new Map<string, ServiceInstance>();
  return steps.map((changes, index): CatalogSnapshot => {
    for (const { service, instance, tags, health, modifyIndex } of changes) {
      const id = `s${service}-${instance}`;
      const address = `10.0.${service}.${1 + instance}`;
      if (tags) all.set(id, instanceOf(`s${service}`, { instance: id, address, port: port(8000 + instance), tags, health, modifyIndex }));
      else all.delete(id);
    }
    // a catalog that is read again gives equal objects, not the same
    const instances = structuredClone([...all.values()].toSorted(compareInstances));
    return { source: sourceId('consul'), revision: String(index), observedAtMs: index, local: true, instances };
  });
});

function newPipeline(): Pipeline {
  const traefik = { prefix: 'traefik', exposedByDefault: false, defaultRule: '{name}.{suffix}', domainSuffix: 'test' };
  return createPipeline({
    dialects: [
      createTraefikDialect(traefik),
      createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
      createHindDialect(),
    ],
    compile: structuredClone(OPTIONS),
    primary: sourceId('nomad'),
    merge: 'primary-wins',
  });
}

const SETTINGS = { ...BASE, entryPoints: ENTRY_POINTS };

function rendered(table: RoutingTable): unknown {
  return [caddyTarget, traefikTarget].map((target) => target.render(table, SETTINGS));
}

test('createPipeline() gives the same from what it remembers as from nothing when catalogs follow each other', async () => {
  await fc.assert(
    fc.asyncProperty(catalogs, async (sequence) => {
      const pipeline = newPipeline();
      const snapshots = await openSnapshots('/nonexistent', { sources: [sourceId('consul')], log: silentLog });
      for (const catalog of sequence) {
        snapshots.put(catalog);
        const known = [...snapshots.all().values()].map(({ snapshot }) => snapshot);
        const remembered = pipeline.compile(known, new Map());
        const rebuilt = newPipeline().compile([structuredClone(catalog)], new Map());

        assert.deepEqual(remembered, rebuilt);
        assert.deepEqual(rendered(remembered.value.table), rendered(structuredClone(rebuilt.value.table)));
      }
    }),
    { numRuns: 50 },
  );
});

test('createPipeline() keeps the routes of services that a change does not concern', async () => {
  const pipeline = newPipeline();
  const snapshots = await openSnapshots('/nonexistent', { sources: [sourceId('consul')], log: silentLog });
  const [a, b] = [instanceOf('a', { tags: ['urlprefix-a.test/'] }), instanceOf('b', { tags: ['urlprefix-b.test/'] })];
  const tableOf = (...instances: readonly ServiceInstance[]): RoutingTable => {
    snapshots.put({ source: sourceId('consul'), revision: '1', observedAtMs: 1, local: true, instances: structuredClone(instances) });
    const known = [...snapshots.all().values()].map(({ snapshot }) => snapshot);
    return pipeline.compile(known, new Map()).value.table;
  };

  const before = tableOf(a, b);
  const after = tableOf(a, { ...b, port: port(9) });

  const kept = after.routes.filter((route) => before.routes.includes(route)).map(({ services }) => services);
  assert.deepEqual(kept, [['a']]);
});
