import { sha256 } from '../lib/hash.ts';
import { compareText } from '../lib/sort.ts';
import { digest, type BackendId } from './names.ts';
import type { Backend, Route, RoutingTable } from './route.ts';

/** A table of routes in rank order: ranks are numbered, unused backends left out, the digest taken. */
export function createTable(rankedRoutes: readonly Route[], backends: ReadonlyMap<BackendId, Backend>): RoutingTable {
  const routes = rankedRoutes.map((route, rank) => (route.rank === rank ? route : { ...route, rank }));
  const used = new Set(routes.flatMap(({ action }) => (action.kind === 'forward' ? [action.backend] : [])));
  const kept = [...used].flatMap((id) => backends.get(id) ?? []).toSorted((a, b) => compareText(a.id, b.id));
  return { routes, backends: kept, digest: digest(sha256(canonicalText(routes, kept))) };
}

/** A table that serves nothing. */
export const EMPTY_TABLE: RoutingTable = createTable([], new Map());

/** Its backends by id. */
export function backendsOf(table: RoutingTable): ReadonlyMap<BackendId, Backend> {
  return new Map(table.backends.map((backend) => [backend.id, backend]));
}

function canonicalText(routes: readonly Route[], backends: readonly Backend[]): string {
  const served = routes.map(({ spans: _spans, ...route }) => route);
  return JSON.stringify(sortKeys([served, backends]));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
