import { sha256 } from '../lib/hash.ts';
import { compareText } from '../lib/sort.ts';
import { digest, type BackendId } from './names.ts';
import type { Backend } from './pool.ts';
import { backendIdsOf, type Route, type RoutingTable } from './route.ts';

const contents = new WeakMap<Route | Backend, string>();

/** A table of routes in rank order: ranks are numbered, unused backends left out, the digest taken. */
export function createTable(rankedRoutes: readonly Route[], backends: ReadonlyMap<BackendId, Backend>): RoutingTable {
  const routes = rankedRoutes.map(atRank);
  const used = new Set(routes.flatMap(backendIdsOf));
  const kept = [...used].flatMap((id) => backends.get(id) ?? []).toSorted((a, b) => compareText(a.id, b.id));
  return { routes, backends: kept, digest: digest(sha256(canonicalText(routes, kept))) };
}

/** The route with another rank; its content is the same. */
function atRank(route: Route, rank: number): Route {
  if (route.rank === rank) return route;
  const moved = { ...route, rank };
  contents.set(moved, routeContent(route));
  return moved;
}

/** A table that serves nothing. */
export const EMPTY_TABLE: RoutingTable = createTable([], new Map());

/** Its backends by id. */
export function backendsOf(table: RoutingTable): ReadonlyMap<BackendId, Backend> {
  return new Map(table.backends.map((backend) => [backend.id, backend]));
}

/**
 * What a route does, as text: equal for two routes that only differ in their rank or in the places of their tags. Made once for each
 * object, which never changes.
 */
export function routeContent(route: Route): string {
  const known = contents.get(route);
  if (known !== undefined) return known;
  const { rank: _rank, spans: _spans, ...served } = route;
  const content = JSON.stringify(served);
  contents.set(route, content);
  return content;
}

/** A backend as text, made once for each object. */
export function backendContent(backend: Backend): string {
  const known = contents.get(backend);
  if (known !== undefined) return known;
  const content = JSON.stringify(backend);
  contents.set(backend, content);
  return content;
}

function canonicalText(routes: readonly Route[], backends: readonly Backend[]): string {
  return [...routes.map(routeContent), ...backends.map(backendContent)].join('\n');
}
