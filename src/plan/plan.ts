import { serviceKey } from '../model/catalog.ts';
import type { ChangeSet, HeldRoute } from '../model/change.ts';
import type { BackendId, RouteId, ServiceName, SourceId } from '../model/names.ts';
import type { Fault } from '../model/intent.ts';
import { endpointKey, type Backend, type Endpoint } from '../model/pool.ts';
import { backendIdsOf, isTombstone, type Route, type RoutingTable } from '../model/route.ts';
import { backendsOf, createTable, routesById } from '../model/table.ts';
import { backendsOfRoute, diffTables } from './diff.ts';
import { isConfirmed, massRemoval, servedKey, servedServices, type GuardOptions, type Hold } from './guard.ts';
import { withKeptRoutes } from './order.ts';
import { stillAsked } from './still-asked.ts';
import { withoutBackends } from './without-backends.ts';

/** What the plan must remember from one cycle to the next; plain data that can be saved. */
export interface PlanMemory {
  /** When the 503 of a removed route ends, epoch ms, by route. */
  readonly tombstones: Readonly<Record<string, number>>;
  readonly hold?: Hold;
}

/** Nothing to remember yet. */
export const EMPTY_MEMORY: PlanMemory = { tombstones: {} };

/** Everything that decides which table is served. */
export interface PlanInput {
  /** The table that is served now. */
  readonly serving: RoutingTable;
  readonly wanted: RoutingTable;
  readonly faults: ReadonlyMap<RouteId, Fault>;
  readonly pools: ReadonlyMap<RouteId, readonly Endpoint[]>;
  readonly unreadable: ReadonlySet<string>;
  /** The services that the catalogs have, by `serviceKey`, whatever they ask for. */
  readonly registered: ReadonlySet<string>;
  /** Sources whose silence about an instance proves nothing now, and why. */
  readonly doubts: ReadonlyMap<SourceId, string>;
  /** Services of which a source could read nothing so far. */
  readonly unread: ReadonlyMap<SourceId, readonly ServiceName[]>;
  /** Epoch ms of the oldest trusted read among the sources. */
  readonly trustedReadAtMs: number;
  readonly memory: PlanMemory;
  readonly nowMs: number;
  readonly options: { readonly tombstoneMs: number; readonly guard: GuardOptions };
}

/** Why a route is held whose service is registered, and nothing more of it known. */
const UNREAD = 'its service could not be read since the start';
/** Why a route is buried whose service is still registered. */
const TAG_WENT = 'its service is there, and asks for it no longer';

/**
 * Decides which table is served instead of `wanted`:
 *
 * | route                                   | is served as                                   | state       |
 * |-----------------------------------------|------------------------------------------------|-------------|
 * | its tag cannot be read any more         | its last good form, with the instances of now  | quarantined |
 * | gone, its source is in doubt            | as before                                      | held        |
 * | gone, its service could not be read     | as before                                      | held        |
 * | gone with too many others               | as before, until confirmed                     | held        |
 * | gone, its service asks for it elsewhere | as asked there                                 |             |
 * | gone                                    | 503 for `tombstoneMs`, then not at all         | tombstone   |
 *
 * Additions and changes are never held. Pure: the same input gives the same plan.
 */
export function planChange(input: PlanInput): { readonly change: ChangeSet; readonly memory: PlanMemory } {
  const { serving, wanted, memory, nowMs, options } = input;
  const wantedById = routesById(wanted);
  const before = backendsOf(serving);
  const guard = guardOf(input);
  const held: HeldRoute[] = [];
  const kept = new Map<RouteId, Route>();
  const replaced = new Map<RouteId, Route>();
  const backends = new Map<BackendId, Backend>(wanted.backends.map((backend) => [backend.id, backend]));
  const tombstones: Record<string, number> = {};
  const stillAskedAt = stillAsked(wanted);

  for (const route of serving.routes) {
    const now = wantedById.get(route.id);
    const lost =
      now === undefined || (now.action.kind === 'respond' && now.action.reason === 'unhealthy' && route.action.kind === 'forward');
    if (now && isLastGood(route, now, input))
      keep(route, 'quarantined', 'its tag cannot be read; the last good form is served', inPool(route, input.pools.get(route.id) ?? []));
    else if (lost) keepLost(route, now);
  }

  const table = kept.size + replaced.size === 0 ? wanted : tableWithKept();
  const change = diffTables(serving, table);
  const nextMemory: PlanMemory = { tombstones, ...(guard.hold && { hold: guard.hold }) };
  const recheckAtMs = Math.min(...Object.values(tombstones), ...(guard.hold ? [guard.hold.sinceMs + options.guard.holdMs] : []));
  const verdict =
    guard.reason !== undefined
      ? ({ kind: 'hold', reason: guard.reason } as const)
      : ({ kind: table.digest === serving.digest ? 'nothing' : 'apply' } as const);
  return {
    change: {
      ...change,
      held,
      // also where nothing changes: the places of tags may have
      serving: table,
      verdict,
      ...(Number.isFinite(recheckAtMs) && { recheckAtMs: Math.max(recheckAtMs, nowMs + 1) }),
    },
    memory: nextMemory,
  };

  function tableWithKept(): RoutingTable {
    const present = wanted.routes.map((route) => replaced.get(route.id) ?? route);
    return createTable(withKeptRoutes(present, kept, serving.routes), backends);
  }

  /** A route that the catalog no longer asks for, or has no healthy instance for. */
  function keepLost(route: Route, now: Route | undefined): void {
    if (route.action.kind === 'respond' && route.action.reason === 'reserved') return;
    const doubt = doubtOf(route, input);
    const services = route.services.map((service) => servedKey(route.owner, service));
    if (isTombstone(route)) buryUntil(route, memory.tombstones[route.id] ?? nowMs);
    else if (doubt !== undefined) keep(route, 'held', doubt, notTaken(route));
    else if (guard.reason !== undefined && services.some((service) => guard.hold?.services.includes(service)))
      keep(route, 'held', guard.reason, notTaken(route), guard.untilMs);
    else if (now) return;
    else if (route.services.some((service) => input.unreadable.has(serviceKey({ owner: route.owner, service }))))
      keep(route, 'quarantined', 'its tag cannot be read; the last good form is served', notTaken(route));
    else if (route.services.length > 0) buryUntil(route, nowMs + options.tombstoneMs);
  }

  function buryUntil(route: Route, untilMs: number): void {
    if (untilMs <= nowMs) return;
    const asked = stillAskedAt(route);
    const entryPoints = route.entryPoints.filter((name) => !asked.includes(name));
    if (entryPoints.length === 0) return;
    tombstones[route.id] = untilMs;
    const buried: Route = { ...route, entryPoints, middlewares: [], action: { kind: 'respond', status: 503, reason: 'tombstone' } };
    kept.set(route.id, buried);
    const isThere = route.services.some((service) => input.registered.has(serviceKey({ owner: route.owner, service })));
    held.push({ route: buried, state: 'tombstone', reason: isThere ? TAG_WENT : 'its service went', untilMs });
  }

  /** Keeps a route with those endpoints of its pools that `endpointsOf` leaves. */
  function keep(
    route: Route,
    state: 'held' | 'quarantined',
    reason: string,
    endpointsOf: (backend: Backend) => readonly Endpoint[],
    untilMs?: number,
  ): void {
    const pools = backendsOfRoute(route, before).map((backend) => ({ ...backend, endpoints: endpointsOf(backend) }));
    const alive = pools.filter(({ endpoints }) => endpoints.length > 0);
    for (const backend of alive) backends.set(backend.id, backend);
    const dead = new Set(backendIdsOf(route).filter((id) => !alive.some((backend) => backend.id === id)));
    const form: Route = withoutBackends(route, dead) ?? {
      ...route,
      middlewares: [],
      action: { kind: 'respond', status: 503, reason: 'unhealthy' },
    };
    (wantedById.has(route.id) ? replaced : kept).set(route.id, form);
    held.push({ route: form, state, reason, ...(untilMs !== undefined && { untilMs }) });
  }

  /** Leaves out what meanwhile belongs to another service. */
  function notTaken(route: Route): (backend: Backend) => readonly Endpoint[] {
    return ({ endpoints }) => endpoints.filter((endpoint) => !guard.isTaken(endpoint, route));
  }
}

/** The instances of now in the place of those of then; a pool that is one of several keeps those that it had. */
function inPool({ action }: Route, now: readonly Endpoint[]): (backend: Backend) => readonly Endpoint[] {
  if (action.kind === 'forward') return () => now;
  return ({ endpoints }) => endpoints.filter(({ address, port }) => now.some((other) => other.address === address && other.port === port));
}

function isLastGood(route: Route, now: Route, { faults, pools }: PlanInput): boolean {
  const fault = faults.get(now.id);
  return fault?.kind === 'quarantined' && route.action.kind !== 'respond' && (route.action.kind === 'redirect' || pools.has(now.id));
}

function doubtOf({ spans }: Route, { doubts, unread }: Pick<PlanInput, 'doubts' | 'unread'>): string | undefined {
  if (doubts.size + unread.size === 0) return undefined;
  return spans.flatMap(({ source, service }) => doubts.get(source) ?? (unread.get(source)?.includes(service) ? UNREAD : []))[0];
}

/** What the guard says of this cycle's losses. */
function guardOf(input: PlanInput): {
  readonly reason?: string;
  readonly hold?: Hold;
  /** When time may confirm the losses; never where an operator has to. */
  readonly untilMs?: number;
  /** Whether an endpoint now belongs to another service than those of a route. */
  isTaken(endpoint: Endpoint, route: Route): boolean;
} {
  const { serving, wanted, trustedReadAtMs, memory, nowMs, options } = input;
  const [served, next] = [servedServices(serving), servedServices(wanted)];
  const gone = [...served].filter((service) => !next.has(service)).toSorted();
  const certain = gone.length === 0 ? new Set() : certainServices(input);
  const lost = gone.filter((service) => certain.has(service));
  let owners: ReturnType<typeof endpointOwners> | undefined;
  const isTaken = (endpoint: Endpoint, route: Route): boolean => (owners ??= endpointOwners(wanted))(endpoint, route);
  const total = Math.min(served.size, memory.hold?.total ?? served.size);
  const isEmptied = next.size === 0 && lost.length === served.size;
  const mass = massRemoval(lost, { total, isEmptied, options: options.guard });
  if (mass === undefined) return { isTaken };
  const same = memory.hold?.services.join() === lost.join();
  const hold: Hold = same && memory.hold ? memory.hold : { sinceMs: nowMs, services: lost, total };
  if (isConfirmed(hold, { isEmptied, nowMs, trustedReadAtMs, options: options.guard })) return { isTaken };
  const needsOperator = isEmptied && !options.guard.allowEmpty;
  return { reason: mass, hold, isTaken, ...(!needsOperator && { untilMs: hold.sinceMs + options.guard.holdMs }) };
}

/** Services of routes whose sources' silence counts. */
function certainServices(input: PlanInput): ReadonlySet<string> {
  const certain = input.serving.routes.filter((route) => doubtOf(route, input) === undefined);
  return new Set(certain.flatMap(({ owner, services }) => services.map((service) => servedKey(owner, service))));
}

/** Whether an endpoint is now one of a service that a route is not made of. */
function endpointOwners(table: RoutingTable): (endpoint: Endpoint, route: Route) => boolean {
  const owners = new Map<string, Set<string>>();
  const backends = backendsOf(table);
  for (const route of table.routes) {
    for (const key of backendsOfRoute(route, backends).flatMap(({ endpoints }) => endpoints.map(endpointKey))) {
      const services = owners.get(key) ?? new Set();
      for (const service of route.services) services.add(servedKey(route.owner, service));
      owners.set(key, services);
    }
  }
  return (endpoint, { owner, services }) => {
    const now = owners.get(endpointKey(endpoint));
    return now !== undefined && !services.some((service) => now.has(servedKey(owner, service)));
  };
}
