import type { ClaimStore } from '../../src/controller/claims.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import { planNext } from '../../src/controller/planning.ts';
import { openSnapshots } from '../../src/controller/snapshots.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { createTraefikDialect } from '../../src/dialects/traefik/dialect.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { CatalogSnapshot, ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId, type OwnerId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/plan/plan.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { caddySettings } from '../../test/support/caddy.ts';
import { ENTRY_POINTS, instanceOf, OPTIONS, port } from '../../test/support/intents.ts';
import { hostOf } from './consul.ts';

/** CPU ms of this thread for one cycle, as other programs may have the processors meanwhile: comparing the snapshot with the last one, compiling and planning, rendering for each proxy. */
export interface CoreTimes {
  readonly compareMs: number;
  readonly planMs: number;
  readonly caddyMs: number;
  readonly traefikMs: number;
}

/** The pure part of a controller over a catalog in memory. */
export interface Core {
  /** Takes the catalog as it is through all stages. */
  cycle(): CoreTimes;
  /** Adds an instance to a service, or takes the older one away, in turn; then one cycle. */
  replaceStep(): CoreTimes;
}

const SOURCE = sourceId('consul');
const PLAN = { tombstoneMs: 30_000, guard: { maxRemovedPercent: 30, minRemoved: 3, allowEmpty: false, holdMs: 60_000, rereadMs: 10_000 } };
const SETTINGS = { ...caddySettings({ dir: '/srv', admin: 'http://127.0.0.1:2019', web: 80, websecure: 443 }), entryPoints: ENTRY_POINTS };

/** A catalog of `services`, each with `instances` instances and a Fabio tag, that no cycle has seen. */
export async function startCore({ services, instances }: { readonly services: number; readonly instances: number }): Promise<Core> {
  const catalog = new Map<number, readonly ServiceInstance[]>();
  for (let service = 1; service <= services; service += 1)
    catalog.set(
      service,
      Array.from({ length: instances }, (_, index) => made(service, index)),
    );
  const pipeline = createPipeline({ dialects: dialects(), compile: OPTIONS, primary: sourceId('nomad'), merge: 'primary-wins' });
  const snapshots = await openSnapshots('/nonexistent', { sources: [SOURCE], log: silentLog });
  const claims = claimsInMemory();
  let [serving, memory]: [RoutingTable, PlanMemory] = [EMPTY_TABLE, EMPTY_MEMORY];
  let [revision, turn] = [0, 0];
  return {
    cycle,
    replaceStep() {
      const service = 1 + ((Math.floor(turn / 2) * 7919) % services);
      const now = catalog.get(service) ?? [];
      catalog.set(service, turn % 2 === 0 ? [...now, made(service, instances + turn)] : now.slice(1));
      turn += 1;
      return cycle();
    },
  };

  function cycle(): CoreTimes {
    revision += 1;
    const all = [...catalog.values()].flat();
    const snapshot: CatalogSnapshot = { source: SOURCE, revision: String(revision), observedAtMs: revision, local: true, instances: all };
    const startedAtMs = cpuMs();
    snapshots.put(snapshot);
    const comparedAtMs = cpuMs();
    const now = { serving, memory, nowMs: revision, isAccepted: false };
    const { value } = planNext({ pipeline, snapshots, claims, plan: PLAN }, now);
    ({ serving } = value.change);
    ({ memory } = value);
    const plannedAtMs = cpuMs();
    caddyTarget.render(serving, SETTINGS);
    const caddyAtMs = cpuMs();
    traefikTarget.render(serving, SETTINGS);
    return {
      compareMs: comparedAtMs - startedAtMs,
      planMs: plannedAtMs - comparedAtMs,
      caddyMs: caddyAtMs - plannedAtMs,
      traefikMs: cpuMs() - caddyAtMs,
    };
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function made(service: number, index: number): ServiceInstance {
  const name = `s${String(service).padStart(6, '0')}`;
  return instanceOf(name, {
    source: SOURCE,
    instance: `${name}-${String(index).padStart(6, '0')}`,
    address: `10.${(service >> 8) & 255}.${service & 255}.${1 + (index % 250)}`,
    port: port(20_000 + index),
    tags: [`urlprefix-${hostOf(service)}/`],
    modifyIndex: service + index,
  });
}

function dialects(): readonly Dialect[] {
  const settings = { exposedByDefault: false, defaultRule: '{name}.{suffix}', domainSuffix: 'test', transports: {}, policies: {} };
  return [
    createTraefikDialect({ prefix: 'traefik', ...settings }),
    createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }),
    createHindDialect(),
  ];
}

function claimsInMemory(): ClaimStore {
  let holders: ReadonlyMap<string, OwnerId> = new Map();
  return {
    all: () => holders,
    update: (next) => {
      holders = next;
    },
    save: () => Promise.resolve(),
  };
}
