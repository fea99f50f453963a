import { compareText } from '../lib/sort.ts';
import type { Condition, HostMatch, RouteMatch } from '../model/match.ts';
import { hostKey } from '../model/match.ts';
import type { Backend } from '../model/pool.ts';
import type { Route, RoutingTable } from '../model/route.ts';
import { backendsOf, routeDigest } from '../model/table.ts';

/**
 * The routes of a table without which some request would be answered in another way by `rest`, the table of what stays: those that answer
 * something today and are not followed by one that answers the same. Also routes of `rest` that the table has not. In rank order. Careful:
 * a route whose requests only several others together would take is named too.
 */
export function routesMissed(table: RoutingTable, rest: RoutingTable): readonly Route[] {
  const kept = new Set(rest.routes.map(routeDigest));
  const known = new Set(table.routes.map(routeDigest));
  const going = table.routes.filter((route) => !kept.has(routeDigest(route)));
  const staying = table.routes.filter((route) => kept.has(routeDigest(route)));
  const tables = { before: backendsOf(table), after: backendsOf(rest) };
  const missed = going.filter((route) => !route.entryPoints.every((name) => isAnsweredAlike(route, name, { staying, tables })));
  return [...missed, ...rest.routes.filter((route) => !known.has(routeDigest(route)))];
}

interface Staying {
  /** By rank. */
  readonly staying: readonly Route[];
  readonly tables: { readonly before: ReadonlyMap<string, Backend>; readonly after: ReadonlyMap<string, Backend> };
}

/** Whether what a route takes at an entry point is taken before it already, or would be answered alike without it. */
function isAnsweredAlike(route: Route, entryPoint: string, { staying, tables }: Staying): boolean {
  const there = staying.filter(({ protocol, entryPoints }) => protocol === route.protocol && entryPoints.includes(entryPoint));
  const cover = there.find(({ match }) => covers(match, route.match));
  if (!cover) return false;
  if (cover.rank < route.rank) return true;
  const isBetween = ({ rank, match }: Route): boolean => rank > route.rank && rank < cover.rank && mayMeet(match.host, route.match.host);
  return !there.some(isBetween) && answerKey(route, tables.before) === answerKey(cover, tables.after);
}

/** Whether every request that `inner` takes is one that `outer` takes; false also where that is hard to say. */
function covers(outer: RouteMatch, inner: RouteMatch): boolean {
  const conditions = new Set(inner.conditions.map(conditionKey));
  return (
    hostCovers(outer.host, inner.host) &&
    (outer.path.kind === 'any' || JSON.stringify(outer.path) === JSON.stringify(inner.path)) &&
    outer.conditions.every((condition) => conditions.has(conditionKey(condition)))
  );
}

function hostCovers(outer: HostMatch, inner: HostMatch): boolean {
  if (outer.kind === 'any' || inner.kind === 'any') return outer.kind === 'any';
  if (nameKey(outer) !== nameKey(inner)) return false;
  const [outerPort, innerPort] = [outer, inner].map((host) => ('port' in host ? host.port : 'any'));
  return outerPort === 'any' || outerPort === innerPort;
}

function mayMeet(one: HostMatch, other: HostMatch): boolean {
  return one.kind !== 'exact' || other.kind !== 'exact' || one.host === other.host;
}

function nameKey(host: HostMatch): string {
  return hostKey('port' in host ? { ...host, port: 'any' } : host);
}

function conditionKey(condition: Condition): string {
  return JSON.stringify(condition);
}

/** What a route does, with its pools as they are in the place of their ids. */
function answerKey({ middlewares, action, pathForm, tcpTls, tlsProfile }: Route, backends: ReadonlyMap<string, Backend>): string {
  return JSON.stringify([middlewares, action, pathForm, tcpTls, tlsProfile], (key, value: unknown) => {
    const part = key === 'backend' && typeof value === 'string' ? poolOf(value, backends) : value;
    const isRecord = typeof part === 'object' && part !== null && !Array.isArray(part);
    return isRecord ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => compareText(left, right))) : part;
  });
}

/** A pool without its id. At random and in turn each instance gets the same share. */
function poolOf(id: string, backends: ReadonlyMap<string, Backend>): unknown {
  const backend = backends.get(id);
  if (!backend) return id;
  const { loadBalancing } = backend;
  return { ...backend, id: '', loadBalancing: loadBalancing === 'random' ? 'roundRobin' : loadBalancing };
}
