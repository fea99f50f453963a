import type { ChangeSet } from '../model/change.ts';
import type { Backend } from '../model/pool.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../model/route.ts';
import { backendDigest, backendsOf, routeDigest, routesById } from '../model/table.ts';

/** What changes from one served table to the next; order within the table and the tags' places do not count. */
export function diffTables(before: RoutingTable, after: RoutingTable): Pick<ChangeSet, 'created' | 'updated' | 'removed' | 'unchanged'> {
  if (before.digest === after.digest) return { created: [], updated: [], removed: [], unchanged: after.routes.length };
  const [old, current] = [routesById(before), routesById(after)];
  const [oldBackends, backends] = [backendsOf(before), backendsOf(after)];
  const created = after.routes.filter(({ id }) => !old.has(id));
  const removed = before.routes.filter(({ id }) => !current.has(id));
  const updated = after.routes.flatMap((route) => {
    const was = old.get(route.id);
    return was && !(sameRoute(was, route) && samePools(route)) ? [{ before: was, after: route }] : [];
  });
  return { created, updated, removed, unchanged: after.routes.length - created.length - updated.length };

  /** Equal routes name the same pools. */
  function samePools(route: Route): boolean {
    return backendIdsOf(route).every((id) => sameBackend(oldBackends.get(id), backends.get(id)));
  }
}

function sameRoute(a: Route, b: Route): boolean {
  return a === b || routeDigest(a) === routeDigest(b);
}

function sameBackend(a: Backend | undefined, b: Backend | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && backendDigest(a) === backendDigest(b));
}

/** The backends that a route sends requests to. */
export function backendsOfRoute(route: Route, backends: ReadonlyMap<string, Backend>): readonly Backend[] {
  return backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
}
