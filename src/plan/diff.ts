import type { ChangeSet } from '../model/change.ts';
import type { RouteId } from '../model/names.ts';
import type { Backend, Route, RoutingTable } from '../model/route.ts';
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
  return new Map(table.routes.map((route) => [route.id, { route, content: contentOf(route, backendOf(route, backends)) }]));
}

function contentOf(route: Route, backend: Backend | undefined): string {
  return backend ? routeContent(route) + backendContent(backend) : routeContent(route);
}

/** The backend that a route forwards to. */
export function backendOf({ action }: Route, backends: ReadonlyMap<string, Backend>): Backend | undefined {
  return action.kind === 'forward' ? backends.get(action.backend) : undefined;
}
