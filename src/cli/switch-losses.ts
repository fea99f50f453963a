import { isWithheld } from '../controller/route-state.ts';
import { visible } from '../lib/text.ts';
import { describeMatch } from '../model/describe.ts';
import type { RoutingTable } from '../model/route.ts';
import { backendsOf, createTable } from '../model/table.ts';
import { fittedBy } from './scene.ts';
import type { Setup } from './setup.ts';

/** The table without entry points that the proxy of a set-up does not open; a route that is left with none goes. */
export function openedBy({ target, settings }: Setup, table: RoutingTable): RoutingTable {
  const names = new Set(target.entryPoints(table, settings).map(({ name }) => name));
  if (table.routes.every(({ entryPoints }) => entryPoints.every((name) => names.has(name)))) return table;
  const routes = table.routes.flatMap((route) => {
    const entryPoints = route.entryPoints.filter((name) => names.has(name));
    return entryPoints.length === 0 ? [] : [{ ...route, entryPoints }];
  });
  return createTable(routes, backendsOf(table));
}

/**
 * The routes of a table that the running proxy serves and the other one cannot, each in a line with the entry points where it would be
 * missing, by rank. A comparison of answers does not find all of them: not every entry point of one is there on the other, nor every
 * protocol asked for.
 */
export function lossesOf({ running, other }: { readonly running: Setup; readonly other: Setup }, table: RoutingTable): readonly string[] {
  const [now, then] = [placesServed(running, table), placesServed(other, openedBy(other, table))];
  return table.routes.flatMap((route) => {
    const places = new Set(then.get(route.id));
    const gone = (now.get(route.id) ?? []).filter((name) => !places.has(name));
    return gone.length === 0 ? [] : [`${visible(describeMatch(route))} at ${gone.join(', ')}`];
  });
}

/** The entry points of each route that is served as its tag says. */
function placesServed(setup: Setup, table: RoutingTable): ReadonlyMap<string, readonly string[]> {
  const { routes } = fittedBy(setup)(table);
  return new Map(routes.filter((route) => !isWithheld(route)).map(({ id, entryPoints }) => [id, entryPoints]));
}
