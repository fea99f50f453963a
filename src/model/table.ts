import { sha256 } from '../lib/hash.ts';
import { once } from '../lib/memo.ts';
import { digest, type BackendId, type RouteId } from './names.ts';
import type { Backend } from './pool.ts';
import { backendIdsOf, type Route, type RoutingTable } from './route.ts';

/** A table of routes in rank order: ranks are numbered, unused backends left out, the digest taken. */
export function createTable(rankedRoutes: readonly Route[], backends: ReadonlyMap<BackendId, Backend>): RoutingTable {
  const placed = rankedRoutes.map(placedAt);
  const routes = placed.map(({ route }) => route);
  const used = new Set(routes.flatMap(backendIdsOf));
  const kept = [...used].flatMap((id) => backends.get(id) ?? []);
  const canonical = [...placed.map(({ content }) => content), ...kept.map(backendDigest)].join('\n');
  return { routes, backends: kept, digest: digest(sha256(canonical)) };
}

/** A route at the rank that it had last, with its hash; by the route that it was made of, and by itself. */
const places = new WeakMap<Route, Placed>();

interface Placed {
  readonly route: Route;
  readonly content: string;
}

/** The route with another rank; its content is the same, and so is the object while its rank is. */
function placedAt(origin: Route, rank: number): Placed {
  const before = places.get(origin);
  if (before?.route.rank === rank) return before;
  const content = before?.content ?? contentOf(origin);
  const placed: Placed = { route: origin.rank === rank ? origin : { ...origin, rank }, content };
  places.set(origin, placed);
  places.set(placed.route, placed);
  return placed;
}

/** What a route does, as a hash: equal for two routes that only differ in their rank or in the places of their tags. */
export function routeDigest(route: Route): string {
  return placedAt(route, route.rank).content;
}

function contentOf({ rank: _rank, spans: _spans, ...served }: Route): string {
  return sha256(JSON.stringify(served));
}

/** A backend as a hash. */
export const backendDigest: (backend: Backend) => string = once((backend) => sha256(JSON.stringify(backend)));

/** Its backends by id. */
export const backendsOf: (table: RoutingTable) => ReadonlyMap<BackendId, Backend> = once(
  ({ backends }) => new Map(backends.map((backend) => [backend.id, backend])),
);

/** Its routes by id. */
export const routesById: (table: RoutingTable) => ReadonlyMap<RouteId, Route> = once(
  ({ routes }) => new Map(routes.map((route) => [route.id, route])),
);

/** A table that serves nothing. */
export const EMPTY_TABLE: RoutingTable = createTable([], new Map());
