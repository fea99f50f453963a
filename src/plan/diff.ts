import type { ChangeSet } from '../model/change.ts';
import type { RouteId } from '../model/names.ts';
import type { Backend } from '../model/pool.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../model/route.ts';
import { backendContent, backendsOf, routeContent } from '../model/table.ts';

/** What changes from one served table to the next; order within the table and the tags' places do not count. */
export function diffTables(before: RoutingTable, after: RoutingTable): Pick<ChangeSet, 'created' | 'updated' | 'removed' | 'unchanged'> {
  if (before === after) return { created: [], updated: [], removed: [], unchanged: after.routes.length };
  const [old, current] = [contentsOf(before), contentsOf(after)];
  const created = after.routes.filter(({ id }) => !old.has(id));
  const removed = before.routes.filter(({ id }) => !current.has(id));
  const updated = after.routes.flatMap((route) => {
    const was = old.get(route.id);
    return was && was.content !== current.get(route.id)?.content ? [{ before: was.route, after: route }] : [];
  });
  return { created, updated, removed, unchanged: after.routes.length - created.length - updated.length };
}

function contentsOf(table: RoutingTable): ReadonlyMap<RouteId, { readonly route: Route; readonly content: string }> {
  const backends = backendsOf(table);
  return new Map(table.routes.map((route) => [route.id, { route, content: contentOf(route, backends) }]));
}

function contentOf(route: Route, backends: ReadonlyMap<string, Backend>): string {
  return [routeContent(route), ...backendsOfRoute(route, backends).map(backendContent)].join('');
}

/** The backends that a route sends requests to. */
export function backendsOfRoute(route: Route, backends: ReadonlyMap<string, Backend>): readonly Backend[] {
  return backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
}
