import type { RouteIntent } from '../../../model/intent.ts';
import type { HostMatch, PathMatch } from '../../../model/match.ts';
import { approximated, type Loss } from '../../loss.ts';
import type { Place } from './place.ts';

/** An intent and where Fabio would look for it. */
export interface Placed extends Pick<RouteIntent, 'match'>, Pick<Place, 'entryPoints'> {
  readonly intent: RouteIntent;
}

/**
 * Where the priorities of Traefik routers differ from the order in which Fabio tries its routes (hosts by their reversed text downwards,
 * then paths downwards): a loss for each router that would come later than one it goes before, as far as both can match.
 */
export function orderLosses(placed: readonly Placed[]): ReadonlyMap<RouteIntent, readonly Loss[]> {
  const routers = placed.filter(({ intent: { priority, ruleLength } }) => (priority ?? ruleLength) !== undefined);
  const losses = routers.flatMap((router): (readonly [RouteIntent, readonly Loss[]])[] => {
    const passed = routers.find(
      (other) => priorityOf(router) > priorityOf(other) && overlaps(router.match, other.match) && comesLater(router, other),
    );
    const what = 'its priority, because Fabio tries hosts by their length and then paths by theirs';
    return passed ? [[router.intent, [approximated(what)]]] : [];
  });
  return new Map(losses);
}

function priorityOf({ intent: { priority, ruleLength = 0 } }: Placed): number {
  return priority ?? ruleLength;
}

function overlaps(a: RouteIntent['match'], b: RouteIntent['match']): boolean {
  const differ = a.host.kind === 'exact' && b.host.kind === 'exact' && a.host.host !== b.host.host;
  return !differ && (startsWith(a.path, b.path) || startsWith(b.path, a.path));
}

function startsWith(long: PathMatch, short: PathMatch): boolean {
  return pathText(long).startsWith(pathText(short));
}

function comesLater(a: Placed, b: Placed): boolean {
  const [first, second] = [hostKey(a), hostKey(b)];
  return first === second ? pathText(a.match.path) < pathText(b.match.path) : first < second;
}

function hostKey({ match: { host }, entryPoints }: Placed): string {
  const port = entryPoints.kind === 'plain' ? ':80' : entryPoints.kind === 'tls' ? ':443' : '';
  return `${hostText(host).split('').toReversed().join('')}${port}`;
}

function hostText(host: HostMatch): string {
  if (host.kind === 'any' || host.kind === 'regexp') return '';
  return host.kind === 'exact' ? host.host : host.pattern;
}

function pathText(path: PathMatch): string {
  return path.kind === 'any' ? '/' : path.kind === 'regexp' ? path.regexp : path.path;
}
