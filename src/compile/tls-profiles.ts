import { memoised } from '../lib/memo.ts';
import { groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Route, TlsProfile } from '../model/route.ts';
import type { Unranked } from './merge.ts';

/**
 * TLS is ended before a path is known, so a host has one profile: where some of its routes ask for one, all get it. Routes that ask for
 * another than the first (by id) are withheld, as are routes without an exact host, for which no proxy can tell the profile in time.
 */
export function withOneTlsProfile(routes: readonly Unranked[], report: Report): readonly Unranked[] {
  if (routes.every(({ route }) => !route.tlsProfile)) return routes;
  const asking = routes.filter(({ route }) => route.tlsProfile);
  const byHost = groupBy(asking, ({ route }) => hostOf(route) ?? '');
  const chosen = new Map([...byHost].map(([host, group]) => [host, group.toSorted((a, b) => (a.route.id < b.route.id ? -1 : 1))[0]]));
  return routes.map((unranked) => {
    const { route } = unranked;
    const host = hostOf(route);
    if (host === undefined)
      return route.tlsProfile ? withheld(unranked, 'its host is a pattern, expected an exact host', report) : unranked;
    const profile = chosen.get(host)?.route.tlsProfile;
    if (!profile) return unranked;
    if (route.tlsProfile && JSON.stringify(route.tlsProfile) !== JSON.stringify(profile))
      return withheld(unranked, `"${host}" has the TLS options "${profile.name}", expected the same`, report);
    return route.tlsProfile === profile ? unranked : withProfile(profile)(unranked);
  });
}

const withProfile = memoised(
  (unranked: Unranked, tlsProfile: TlsProfile): Unranked => ({
    ...unranked,
    route: { ...unranked.route, tlsProfile },
  }),
);

function hostOf({ match }: Route): string | undefined {
  return match.host.kind === 'exact' ? match.host.host : undefined;
}

function withheld(unranked: Unranked, reason: string, report: Report): Unranked {
  const { tlsProfile, ...route } = unranked.route;
  const message = `Cannot end TLS with the options "${tlsProfile?.name ?? ''}": ${reason}; the route answers 503`;
  report(diagnose('ROUTE_TLS_CONFLICT', message, { span: unranked.intent.spans[0] }));
  return {
    ...unranked,
    route: { ...route, middlewares: [], action: { kind: 'respond', status: 503, reason: 'withheld' } },
    fault: { kind: 'protective', code: 'ROUTE_TLS_CONFLICT' },
  };
}
