import { shortHash } from '../lib/hash.ts';
import { compareBy, compareText, groupBy, sortedUnique } from '../lib/sort.ts';
import { slug } from '../lib/text.ts';
import { diagnose, type Report, type TagSpan } from '../model/diagnostic.ts';
import type { Fault } from '../model/intent.ts';
import { hostKey, type HostMatch } from '../model/match.ts';
import { protects } from '../model/middleware.ts';
import { routeId } from '../model/names.ts';
import type { Backend } from '../model/pool.ts';
import type { Route, RouteAction, SplitPart } from '../model/route.ts';
import type { Candidate } from './candidates.ts';
import type { CompileOptions } from './options.ts';
import { backendsOfShare, endpointsOf, type WeightedCandidate } from './pools.ts';
import { protectionsOf, rivalAuthFault } from './protections.ts';
import type { ResolvedIntent } from './references.ts';
import { sharesOf, type Share, type Shares } from './shares.ts';
import { standingOf } from './standing.ts';

/** A route before it has a rank, with the intent whose options it took. */
export interface Unranked {
  readonly route: Route;
  /** Its healthy instances, also where a fault keeps it from forwarding to them. */
  readonly backends: readonly Backend[];
  /** Why it answers 503 although it has instances. */
  readonly fault?: Fault;
  readonly intent: ResolvedIntent;
  /** A HinD tag asks for it, whichever dialect's options it took: plain http is led to https. */
  readonly ofHind?: boolean;
}

/**
 * One route from all candidates of one owner that ask for the same: their instances form one pool. Within a service the majority decides
 * the options; services that differ keep their own, each for its share of the requests. Protections of all hold together, and one
 * protective fault withholds the route. Undefined where no candidate's dialect would route it at all.
 */
export function mergeCandidates(group: readonly Candidate[], options: CompileOptions, report: Report): Unranked | undefined {
  const shares = sharesOf(group, options, report);
  const merged = mergeShares(group, { shares, options, report });
  const ofHind = shares.asking.some(({ intent: { dialect, entryPoints } }) => dialect === 'hind' && entryPoints.kind === 'tls');
  return merged && { ...merged, ofHind };
}

function mergeShares(
  group: readonly Candidate[],
  { shares: { shares, asking }, options, report }: { readonly shares: Shares; readonly options: CompileOptions; readonly report: Report },
): Unranked | undefined {
  const [main] = shares;
  if (!main) return undefined;
  const { winner } = main;
  const { intent } = winner;
  const protections = protectionsOf(asking);
  const fault =
    asking.find((candidate) => candidate.fault?.kind === 'protective')?.fault ??
    rivalAuthFault(protections, { own: intent.middlewares, span: intent.spans[0], report }) ??
    winner.fault;
  const present = shares.flatMap(({ candidates }) => candidates).filter(({ standing }) => standing !== 'ignored');
  if (present.length === 0) return undefined;
  const route = { ...routeOf(group, winner), spans: spansOf(group, winner) };
  const routed = endpointsOf(
    present.filter(({ standing, intent: { action } }) => standing === 'routed' && action.kind !== 'refuse'),
    { intent, options, report },
  );
  const parts = shares.flatMap((share) => partOf(share, { routed, group, route }) ?? []);
  const backends = parts.flatMap((part) => part.backends);
  const answer503 = (reason: 'withheld' | 'unhealthy' | 'protocol'): Route => ({
    ...route,
    middlewares: [],
    action: { kind: 'respond', status: 503, reason },
  });
  if (fault) return { route: answer503('withheld'), fault, intent, backends };
  if (intent.action.kind === 'refuse') return { route: answer503('protocol'), intent, backends: [] };
  const [first] = parts;
  if (!first) {
    if (options.unhealthy === 'remove') return undefined;
    report(diagnose('ROUTE_UNHEALTHY', `${describeHost(route.match.host)} answers 503: no healthy instance`, { span: intent.spans[0] }));
    return { route: answer503('unhealthy'), intent, backends };
  }
  reportUnhealthyAskers(group, options, report);
  const action: RouteAction =
    parts.length === 1
      ? first.part.action
      : { kind: 'split', parts: parts.map(({ part }) => ({ ...part, middlewares: part.middlewares.filter((one) => !protects(one)) })) };
  const own = new Set(first.part.middlewares.map((middleware) => JSON.stringify(middleware)));
  const missing = protections.filter((middleware) => !own.has(JSON.stringify(middleware)));
  const middlewares = parts.length === 1 ? [...missing, ...first.part.middlewares] : protections;
  return { route: { ...route, middlewares, action }, backends, intent };
}

/** Traefik does not see what instances ask for that it would not send requests to; what they ask of another service is served nevertheless. */
function reportUnhealthyAskers(group: readonly Candidate[], options: CompileOptions, report: Report): void {
  const [first] = group;
  if (!first || group.some(({ asker, intent: { dialect } }) => standingOf(asker, dialect, options) === 'routed')) return;
  const message =
    'Only unhealthy instances ask for this route, which leads to another service; served nevertheless: Traefik would not have it';
  report(diagnose('TRAEFIK_NAME_UNHEALTHY', message, { span: first.intent.spans[0] }));
}

/** Words for a host part in a message. */
export function describeHost(host: HostMatch): string {
  return host.kind === 'any' ? 'The route for every host' : `The route for "${hostKey(host).slice(1)}"`;
}

/** What one share of the requests gets; undefined where it has no healthy instance. */
function partOf(
  { winner, candidates }: Share,
  {
    routed,
    group,
    route,
  }: { readonly routed: readonly WeightedCandidate[]; readonly group: readonly Candidate[]; readonly route: Pick<Route, 'id'> },
): { readonly part: SplitPart; readonly backends: readonly Backend[] } | undefined {
  const own = routed.filter(({ candidate }) => candidates.includes(candidate));
  const weight = own.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  if (weight === 0) return undefined;
  const { backend, sideBackends, middlewares } = backendsOfShare(own, { winner, group, route });
  const { action } = winner.intent;
  return action.kind === 'redirect'
    ? { part: { weight, middlewares, action }, backends: [backend, ...sideBackends] }
    : { part: { weight, middlewares, action: { kind: 'forward', backend: backend.id } }, backends: [backend, ...sideBackends] };
}

function routeOf(group: readonly Candidate[], { intent, key, protocol, entryPoints }: Candidate): Omit<Route, 'spans' | 'action'> {
  const { match, pathForm, dialect, tcpTls, tlsProfile } = intent;
  return {
    id: routeId(`${slug(hostKey(match.host))}-${shortHash([intent.owner, key])}`),
    owner: intent.owner,
    unit: `${intent.owner} ${hostKey(match.host)}`,
    services: sortedUnique(group.flatMap((candidate) => [candidate.intent.service, candidate.instance.service])),
    dialect,
    protocol,
    entryPoints,
    match,
    pathForm,
    rank: 0,
    middlewares: [],
    ...(tcpTls && { tcpTls }),
    ...(tlsProfile && { tlsProfile }),
  };
}

/** Those of the tags that decided first. */
function spansOf(group: readonly Candidate[], { intent: decisive }: Candidate): readonly TagSpan[] {
  const keyOf = ({ service, instance, tagIndex, start }: TagSpan): string => JSON.stringify([service, instance, tagIndex, start]);
  const decided = new Set(decisive.spans.map(keyOf));
  const distinct = [
    ...groupBy(
      group.flatMap(({ intent }) => intent.spans),
      keyOf,
    ),
  ];
  const spansWhere = (isDecisive: boolean): readonly TagSpan[] =>
    distinct.flatMap(([key, [span]]) => (span && decided.has(key) === isDecisive ? span : [])).toSorted(compareSpans);
  return [...spansWhere(true), ...spansWhere(false)];
}

const compareSpans = compareBy<TagSpan>(
  (a, b) => compareText(a.service, b.service),
  (a, b) => compareText(a.instance, b.instance),
  (a, b) => a.tagIndex - b.tagIndex,
  (a, b) => a.start - b.start,
);
