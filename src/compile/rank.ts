import { once } from '../lib/memo.ts';
import { compareBy, compareText, createSorter } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { hostText, type HostMatch, type PathMatch } from '../model/match.ts';
import type { EntryPointChoice } from '../model/entry-point.ts';
import type { DialectName } from '../model/route.ts';
import type { Unranked } from './merge.ts';
import { effectivePriority } from './priority.ts';
import { behindOtherOwners } from './other-owners.ts';
import { guardExactHosts, type PlacedRouter } from './exact-hosts.ts';

/**
 * The routes in the order in which they are tried. Fabio and HinD routes form one list in Fabio's order (fabiolb/fabio:route/table.go:
 * host patterns by their reversed text downwards, with a port before without, then paths downwards), Traefik routers another (priority
 * or length of the rule downwards, then their text). The lists are merged by always taking the more specific head; neither list's own
 * order changes but where a pattern would reach into what another owner has by name. Input order does not matter.
 */
export function rankRoutes(
  routes: readonly Unranked[],
  { accept, report }: { readonly accept: readonly DialectName[]; readonly report: Report },
): readonly Unranked[] {
  const prefixes = likeFabio(routes.filter(({ route }) => route.dialect !== 'traefik'));
  const routers = byPriority(
    routes.filter(({ route }) => route.dialect === 'traefik'),
    report,
  );
  const routersFirst = accept.indexOf('traefik') < Math.max(accept.indexOf('fabio'), accept.indexOf('hind'));
  const { routes: ranked, moved } = behindOtherOwners(routersFirst ? mergeLists(routers, prefixes) : mergeLists(prefixes, routers));
  for (const { route, intent } of moved) {
    const message = `"${hostText(route.match.host)}" counts below what other owners have by name`;
    report(diagnose('ROUTE_BELOW_OTHERS', message, { span: intent.spans[0] }));
  }
  return ranked;
}

/** Merges two lists; of two equally specific heads the first list's is taken. */
function mergeLists(first: readonly Unranked[], second: readonly Unranked[]): readonly Unranked[] {
  const merged: Unranked[] = [];
  let [at, beside] = [0, 0];
  for (let taken = first.length + second.length; taken > 0; taken -= 1) {
    const [a, b] = [first[at], second[beside]];
    if (a && (!b || compareSpecificity(a, b) <= 0)) {
      merged.push(a);
      at += 1;
    } else if (b) {
      merged.push(b);
      beside += 1;
    }
  }
  return merged;
}

const compareSpecificity = compareBy<Unranked>(
  (a, b) => classOf(b.route.match.host) - classOf(a.route.match.host),
  (a, b) => pathText(b.route.match.path).length - pathText(a.route.match.path).length,
);

/** 2 exact, 1 pattern, 0 every host. */
function classOf(host: HostMatch): number {
  return host.kind === 'exact' ? 2 : host.kind === 'any' ? 0 : 1;
}

function pathText(path: PathMatch): string {
  return path.kind === 'any' ? '/' : path.kind === 'regexp' ? path.regexp : path.path;
}

const sortPrefixes = createSorter<ReturnType<typeof keyed>>();

function likeFabio(routes: readonly Unranked[]): readonly Unranked[] {
  const sorted = sortPrefixes(routes.map(keyed), (a, b) => compareText(b.key, a.key) || comparePaths(a.unranked, b.unranked));
  return sorted.map(({ unranked }) => unranked);
}

const keyed = once((unranked: Unranked) => ({ unranked, key: fabioHostKey(unranked) }));

const comparePaths = compareBy<Unranked>(
  (a, b) => compareText(pathText(b.route.match.path), pathText(a.route.match.path)),
  (a, b) => Number(b.route.match.path.kind === 'exact') - Number(a.route.match.path.kind === 'exact'),
  (a, b) => b.route.match.conditions.length - a.route.match.conditions.length,
  (a, b) => compareText(a.route.id, b.route.id),
);

/** Fabio's `ReverseHostPort`: the pattern reversed, its port behind it. Empty for every host, which puts it last. */
function fabioHostKey({ route, intent }: Unranked): string {
  const { host } = route.match;
  if (host.kind === 'any') return '';
  const text = hostText(host);
  const port = portText(host, intent.entryPoints);
  return text.split('').toReversed().join('') + port;
}

function portText(host: HostMatch, entryPoints: EntryPointChoice): string {
  if ((host.kind === 'exact' || host.kind === 'glob') && typeof host.port === 'number') return `:${host.port}`;
  return entryPoints.kind === 'plain'
    ? ':80'
    : entryPoints.kind === 'tls'
      ? ':443'
      : entryPoints.kind === 'port'
        ? `:${entryPoints.port}`
        : '';
}

const sortRouters = createSorter<Unranked>();

/**
 * Traefik routers by priority, larger first. A pattern or host-less router that asks for more than its rule's length never comes before
 * the exact host of another service that it may match.
 */
function byPriority(routers: readonly Unranked[], report: Report): readonly Unranked[] {
  const placed = new Map(routers.map((router) => [router, placedRouter(router)]));
  const guard = guardExactHosts([...placed.values()]);
  for (const [{ intent }, router] of placed) {
    if (!guard.isHeld(router)) continue;
    const message = `The priority ${router.priority} counts below the exact hosts of other services`;
    report(diagnose('TRAEFIK_PRIORITY_CLAMPED', message, { span: intent.spans[0] }));
  }
  const places = new Map([...placed].map(([unranked, router]) => [unranked, guard.placeOf(router)]));
  return sortRouters(
    routers,
    compareBy(
      (a, b) => (places.get(b) ?? 0) - (places.get(a) ?? 0),
      (a, b) => effectivePriority(b.intent) - effectivePriority(a.intent),
      (a, b) => compareSpecificity(a, b),
      (a, b) => compareText(a.route.id, b.route.id),
    ),
  );
}

function placedRouter({ route, intent }: Unranked): PlacedRouter {
  const { priority, ruleLength = 0 } = intent;
  return {
    host: route.match.host,
    service: route.services.join(' '),
    priority: effectivePriority(intent),
    raised: priority !== undefined && priority > ruleLength,
  };
}
