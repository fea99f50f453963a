import { sha256 } from '../lib/hash.ts';
import { groupBy } from '../lib/sort.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../model/route.ts';
import { backendsOf, createTable } from '../model/table.ts';
import { withKeptRoutes } from '../plan/order.ts';

/** What each unit of a table serves, as a hash: equal for two that differ in ranks and in the places of their tags only. */
export function unitContents(table: RoutingTable): ReadonlyMap<string, string> {
  const backends = backendsOf(table);
  const contentOf = ({ rank: _rank, spans: _spans, ...route }: Route): unknown => [
    route,
    backendIdsOf(route).map((id) => backends.get(id)),
  ];
  return new Map(
    [...groupBy(table.routes, ({ unit }) => unit)].map(([unit, routes]) => [unit, sha256(JSON.stringify(routes.map(contentOf)))]),
  );
}

/** The units of a table that another does not have, or has otherwise, in the order of the table. */
export function unitsNewTo(before: RoutingTable, table: RoutingTable): readonly string[] {
  const known = unitContents(before);
  return [...unitContents(table)].flatMap(([unit, content]) => (known.get(unit) === content ? [] : [unit]));
}

/** A table in which some units are as in an earlier one; those that it did not have are left out. A pool that both need is the newer. */
export function withUnitsOf(before: RoutingTable, table: RoutingTable, units: ReadonlySet<string>): RoutingTable {
  const present = table.routes.filter(({ unit }) => !units.has(unit));
  const isPresent = new Set(present.map(({ id }) => id));
  const old = before.routes.filter(({ id, unit }) => units.has(unit) && !isPresent.has(id));
  const kept = new Map(old.map((route) => [route.id, route]));
  const pools = new Map(backendsOf(before));
  const newer = backendsOf(table);
  for (const id of present.flatMap(backendIdsOf)) {
    const pool = newer.get(id);
    if (pool) pools.set(id, pool);
  }
  return createTable(withKeptRoutes(present, kept, before.routes), pools);
}
