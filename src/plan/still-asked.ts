import { groupBy } from '../lib/sort.ts';
import { hostKey } from '../model/match.ts';
import type { Route, RoutingTable } from '../model/route.ts';

/**
 * What tells at which entry points a service that has taken a route back still asks for the same host and path, as after a move to
 * another dialect: there the table that is wanted answers, and nobody else's page is served. In the order of the route's entry points.
 */
export function stillAsked({ routes }: RoutingTable): (gone: Route) => readonly string[] {
  let byPlace: ReadonlyMap<string, readonly Route[]> | undefined;
  return (gone) => {
    byPlace ??= groupBy(routes, placeKey);
    const same = (byPlace.get(placeKey(gone)) ?? []).filter((route) => takesAllOf(gone, route));
    return gone.entryPoints.filter((name) => same.some(({ entryPoints }) => entryPoints.includes(name)));
  };
}

function placeKey({ owner, protocol, match }: Route): string {
  return JSON.stringify([owner, protocol, hostKey(match.host), match.path]);
}

/** Whether a route of the same place is one of the same service and asks for nothing more. */
function takesAllOf(gone: Route, { services, match }: Route): boolean {
  const conditions = new Set(gone.match.conditions.map((condition) => JSON.stringify(condition)));
  return (
    services.some((service) => gone.services.includes(service)) &&
    match.conditions.every((condition) => conditions.has(JSON.stringify(condition)))
  );
}
