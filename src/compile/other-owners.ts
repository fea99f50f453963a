import type { HostMatch } from '../model/match.ts';
import type { OwnerId } from '../model/names.ts';
import { endingsAmong, requiredEnding } from './exact-hosts.ts';
import type { Unranked } from './merge.ts';

/** Routes in the order in which they are tried, and those that had to wait. */
export interface Ordered {
  readonly routes: readonly Unranked[];
  readonly moved: readonly Unranked[];
}

/**
 * Ranked routes so that no owner reaches with a pattern into what another has by name: a pattern comes behind the exact hosts of other
 * owners that it may match, a route for every host behind their patterns too. Whatever priority it asks for; all that is not about such a
 * pair keeps its order. No expression is run: what a pattern must end in says which hosts it may match.
 */
export function behindOtherOwners(ranked: readonly Unranked[]): Ordered {
  const owners = new Set(ranked.map(({ route }) => route.owner));
  if (owners.size < 2) return { routes: ranked, moved: [] };
  const lastExact = lastPlaces();
  const lastPattern = lastPlaces();
  const endings = endingsAmong(ranked.map(({ route }) => route.match.host).filter(({ kind }) => kind !== 'exact'));
  for (const [place, { route }] of ranked.entries())
    for (const ending of endings(route.match.host)) lastExact.put(ending, route.owner, place);
  const places = new Map<Unranked, number>();
  for (const [place, unranked] of ranked.entries()) {
    const { match, owner } = unranked.route;
    const behind = match.host.kind === 'exact' ? place : Math.max(place, lastExact.of(requiredEnding(match.host), owner));
    places.set(unranked, behind);
    if (isPattern(match.host)) lastPattern.put('', owner, behind);
  }
  for (const [unranked, place] of places)
    if (unranked.route.match.host.kind === 'any') places.set(unranked, Math.max(place, lastPattern.of('', unranked.route.owner)));
  const moved = ranked.filter((unranked, place) => places.get(unranked) !== place);
  if (moved.length === 0) return { routes: ranked, moved };
  // a stable sort: of two at one place the more specific goes first, then the one that was there
  const routes = ranked.toSorted(
    (a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0) || widthOf(a.route.match.host) - widthOf(b.route.match.host),
  );
  return { routes, moved };
}

function isPattern({ kind }: HostMatch): boolean {
  return kind === 'glob' || kind === 'regexp';
}

function widthOf(host: HostMatch): number {
  return host.kind === 'exact' ? 0 : host.kind === 'any' ? 2 : 1;
}

/** Under each key the last place of each owner, to be asked for that of all others. */
function lastPlaces() {
  const byKey = new Map<string, Map<OwnerId, number>>();
  return {
    put(key: string, owner: OwnerId, place: number): void {
      const places = byKey.get(key) ?? new Map<OwnerId, number>();
      byKey.set(key, places.set(owner, Math.max(place, places.get(owner) ?? -1)));
    },
    of(key: string, owner: OwnerId): number {
      let last = -1;
      for (const [other, place] of byKey.get(key) ?? []) if (other !== owner && place > last) last = place;
      return last;
    },
  };
}
