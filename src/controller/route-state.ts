import type { HeldRoute } from '../model/change.ts';
import type { RouteId } from '../model/names.ts';
import type { Route, RoutingTable } from '../model/route.ts';

/** How a route is served: as asked, withheld (503 until its tag is repaired), or otherwise than the catalogs ask. */
export type RouteState = 'active' | 'withheld' | HeldRoute['state'];

/** The routes that answer 503 because they cannot be honoured, by the table fitted to the proxy, in rank order. */
export function withheldRoutes(fitted: RoutingTable): readonly Route[] {
  return fitted.routes.filter(({ action }) => action.kind === 'respond' && action.reason === 'withheld');
}

/** The states of the routes that are not simply active. What is held back is told before what is withheld. */
export function routeStates(fitted: RoutingTable, held: readonly HeldRoute[]): ReadonlyMap<RouteId, RouteState> {
  return new Map<RouteId, RouteState>([
    ...withheldRoutes(fitted).map(({ id }) => [id, 'withheld'] as const),
    ...held.map(({ route, state }) => [route.id, state] as const),
  ]);
}
