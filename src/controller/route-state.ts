import type { HeldRoute } from '../model/change.ts';
import type { RouteId } from '../model/names.ts';
import type { Route, RoutingTable } from '../model/route.ts';

/** How a route is served: as the catalogs ask, or otherwise. */
export interface RouteState {
  readonly state: 'active' | HeldRoute['state'];
  /** It answers 503 until its tag is repaired. */
  readonly withheld: boolean;
  /** The proxy cannot serve it: its requests are answered by another route, or by none. */
  readonly leftOut: boolean;
}

/** The routes that answer 503 because they cannot be honoured, by the table fitted to the proxy, in rank order. */
export function withheldRoutes(fitted: RoutingTable): readonly Route[] {
  return fitted.routes.filter(isWithheld);
}

/** The routes that the proxy cannot serve, by the table and the same fitted to the proxy, in rank order. */
export function routesLeftOut({ routes }: RoutingTable, fitted: RoutingTable): readonly Route[] {
  const served = idsOf(fitted.routes);
  return routes.filter(({ id }) => !served.has(id));
}

/** Whether a route answers 503 because it cannot be honoured. */
export function isWithheld({ action }: Pick<Route, 'action'>): boolean {
  return action.kind === 'respond' && action.reason === 'withheld';
}

/** Tells how each route is served; `fitted`: the table as its proxy can serve it. */
export function routeStates(fitted: RoutingTable, held: readonly HeldRoute[]): (route: Pick<Route, 'id'>) => RouteState {
  const withheld = idsOf(withheldRoutes(fitted));
  const served = idsOf(fitted.routes);
  const states = new Map(held.map(({ route, state }) => [route.id, state]));
  return ({ id }) => ({ state: states.get(id) ?? 'active', withheld: withheld.has(id), leftOut: !served.has(id) });
}

function idsOf(routes: readonly Route[]): ReadonlySet<RouteId> {
  return new Set(routes.map(({ id }) => id));
}

/** A state in few words: what is held back is told before what is withheld. */
export function stateText({ state, withheld, leftOut }: Pick<RouteState, 'state' | 'withheld'> & Partial<RouteState>): string {
  if (leftOut) return 'left out';
  return state === 'active' && withheld ? 'withheld' : state;
}
