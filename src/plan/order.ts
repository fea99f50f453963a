import { groupBy } from '../lib/sort.ts';
import type { RouteId } from '../model/names.ts';
import type { Route } from '../model/route.ts';

/**
 * The wanted routes in their order with the kept ones among them: each kept route stands directly before the wanted route that came
 * next after it in the table that was served, so that it neither gains nor loses against its neighbours; last where none follows.
 */
export function withKeptRoutes(wanted: readonly Route[], kept: ReadonlyMap<RouteId, Route>, served: readonly Route[]): readonly Route[] {
  if (kept.size === 0) return wanted;
  const present = new Set(wanted.map(({ id }) => id));
  let next: RouteId | undefined;
  const placed: { readonly route: Route; readonly before: RouteId | undefined }[] = [];
  for (const { id } of served.toReversed()) {
    const route = kept.get(id);
    if (present.has(id)) next = id;
    else if (route) placed.push({ route, before: next });
  }
  const byNext = groupBy(placed.toReversed(), ({ before }) => before);
  const at = (id: RouteId | undefined): readonly Route[] => (byNext.get(id) ?? []).map(({ route }) => route);
  return [...wanted.flatMap((route) => [...at(route.id), route]), ...at(undefined)];
}
