import { shortHash } from '../lib/hash.ts';
import { compareBy, compareText, groupBy, sortedUnique } from '../lib/sort.ts';
import { slug } from '../lib/text.ts';
import { diagnose, type Report, type TagSpan } from '../model/diagnostic.ts';
import { hostKey, type HostMatch } from '../model/match.ts';
import { protects, type Middleware, type MiddlewareKind } from '../model/middleware.ts';
import { backendId, routeId } from '../model/names.ts';
import type { Backend, DialectName, Endpoint, Fault, LoadBalancing, Route, RouteIntent } from '../model/route.ts';
import type { Candidate } from './candidates.ts';
import type { CompileOptions } from './options.ts';
import { fabioWeights } from './shares.ts';

/** A route before it has a rank, with the intent whose options it took. */
export interface Unranked {
  readonly route: Route;
  /** Its healthy instances, also where a fault keeps it from forwarding to them. */
  readonly backend?: Backend;
  /** Why it answers 503 although it has instances. */
  readonly fault?: Fault;
  readonly intent: RouteIntent;
}

/**
 * One route from all candidates of one owner that ask for the same: their instances form one pool, the majority decides the options,
 * one protective fault withholds it. Undefined where no candidate's dialect would route it at all.
 */
export function mergeCandidates(group: readonly Candidate[], options: CompileOptions, report: Report): Unranked | undefined {
  const chosen = preferredDialects(group, options, report);
  const winner = majority(chosen);
  reportDisagreement(chosen, winner, report);
  const present = chosen.filter(({ standing }) => standing !== 'ignored');
  if (present.length === 0) return undefined;
  const routed = present.filter(({ standing }) => standing === 'routed');
  const protections = protectionsOf(group);
  const fault =
    group.find((candidate) => candidate.fault?.kind === 'protective')?.fault ?? authFault(protections, report, winner) ?? winner.fault;
  const own = new Set(winner.intent.middlewares.map((middleware) => JSON.stringify(middleware)));
  const missing = protections.filter((middleware) => !own.has(JSON.stringify(middleware)));
  const middlewares = [...missing, ...winner.intent.middlewares];
  const route = { ...routeOf(chosen, winner), middlewares, spans: spansOf(group) };
  const { intent } = winner;
  const backend = backendOf(route, routed, { loadBalancing: loadBalancingOf(group, winner), intent, options, report });
  if (fault) {
    const withheld: Route = { ...route, middlewares: [], action: { kind: 'respond', status: 503, reason: 'withheld' } };
    return { route: withheld, fault, intent, ...(backend && { backend }) };
  }
  if (!backend) {
    if (options.unhealthy === 'remove') return undefined;
    report(diagnose('ROUTE_UNHEALTHY', `${describeHost(route.match.host)} answers 503: no healthy instance`, { span: intent.spans[0] }));
    return { route: { ...route, middlewares: [], action: { kind: 'respond', status: 503, reason: 'unhealthy' } }, intent };
  }
  if (intent.redirect) return { route: { ...route, action: { kind: 'redirect', redirect: intent.redirect } }, intent };
  return { route: { ...route, action: { kind: 'forward', backend: backend.id } }, backend, intent };
}

/** Every protection that any instance asks for, each once: lists of allowed addresses must all hold, any denial and any password counts. */
function protectionsOf(group: readonly Candidate[]): readonly Middleware[] {
  const all = group.flatMap(({ intent }) => intent.middlewares.filter(protects));
  const distinct = [...new Map(all.map((middleware) => [JSON.stringify(middleware), middleware])).values()];
  return distinct.toSorted(
    compareBy(
      (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind),
      (a, b) => compareText(JSON.stringify(a), JSON.stringify(b)),
    ),
  );
}

const ORDER: readonly MiddlewareKind[] = ['ipAllow', 'ipDeny', 'basicAuth'];

/** No request can carry two passwords: a route that two policies protect is withheld. */
function authFault(protections: readonly Middleware[], report: Report, { intent }: Candidate): Fault | undefined {
  const policies = protections.flatMap((middleware) => (middleware.kind === 'basicAuth' ? [middleware.policy] : []));
  if (policies.length < 2) return undefined;
  const message = `Cannot protect the route with ${policies.join(' and ')}: expected one policy; it answers 503`;
  report(diagnose('ROUTE_WITHHELD', message, { span: intent.spans[0] }));
  return { kind: 'protective', code: 'ROUTE_WITHHELD' };
}

/** Words for a host part in a message. */
export function describeHost(host: HostMatch): string {
  return host.kind === 'any' ? 'The route for every host' : `The route for "${hostKey(host).slice(1)}"`;
}

/** Where one instance asks in several dialects, the first accepted one speaks for it. */
function preferredDialects(group: readonly Candidate[], { accept }: CompileOptions, report: Report): readonly Candidate[] {
  const chosen: Candidate[] = [];
  const told = new Set<string>();
  for (const candidates of groupBy(group, ({ instance }) => `${instance.source} ${instance.service} ${instance.instance}`).values()) {
    const [first, ...others] = candidates.toSorted((a, b) => accept.indexOf(a.intent.dialect) - accept.indexOf(b.intent.dialect));
    if (!first) continue;
    chosen.push(first);
    const different = others.find((other) => optionsKey(other.intent) !== optionsKey(first.intent));
    if (!different || told.has(first.instance.service)) continue;
    told.add(first.instance.service);
    const message = `The ${first.intent.dialect} and ${different.intent.dialect} tags ask for this route in different ways; ${first.intent.dialect} is used`;
    report(diagnose('ROUTE_DIALECTS_DIFFER', message, { span: different.intent.spans[0], related: first.intent.spans.slice(0, 1) }));
  }
  return chosen;
}

/** The candidate whose options most instances share; of equal counts the one changed last. */
function majority(candidates: readonly Candidate[]): Candidate {
  const newest = (group: readonly Candidate[]): number => Math.max(...group.map(({ instance }) => instance.modifyIndex));
  const [winners] = [...groupBy(candidates, ({ intent }) => optionsKey(intent)).entries()].toSorted(
    compareBy(
      ([, a], [, b]) => b.length - a.length,
      ([, a], [, b]) => newest(b) - newest(a),
      ([a], [b]) => compareText(a, b),
    ),
  );
  const winner = winners?.[1][0];
  if (!winner) throw new RangeError('Cannot choose the options of a route: it has no candidate');
  return winner;
}

function reportDisagreement(candidates: readonly Candidate[], winner: Candidate, report: Report): void {
  const wanted = optionsKey(winner.intent);
  const loser = candidates.find(({ intent }) => optionsKey(intent) !== wanted && !intent.fault);
  if (loser) {
    const message = `Instances disagree on the options of this route; those of "${winner.instance.instance}" are used`;
    report(diagnose('ROUTE_OPTIONS_DIFFER', message, { span: loser.intent.spans[0], related: winner.intent.spans.slice(0, 1) }));
  }
  const services = sortedUnique(candidates.map(({ instance }) => instance.service));
  if (services.length < 2) return;
  const span = candidates.find(({ instance }) => instance.service === services[1])?.intent.spans[0];
  report(
    diagnose('ROUTE_POOLED', `The services ${services.join(', ')} share this route and one pool`, {
      span,
      related: winner.intent.spans.slice(0, 1),
    }),
  );
}

/** What must be equal for two instances to share a route without a word. Protocol and weight are each instance's own. */
function optionsKey(intent: RouteIntent): string {
  const { pathForm, middlewares, redirect, transport, upstreamHost, passthrough, priority, fault } = intent;
  return JSON.stringify([
    middlewares,
    redirect,
    transport,
    upstreamHost,
    passthrough,
    priority,
    fault?.code,
    middlewares.length > 0 && pathForm,
  ]);
}

const DEFAULT_BALANCING: Readonly<Record<DialectName, LoadBalancing>> = { fabio: 'random', hind: 'ipHash', traefik: 'roundRobin' };

/** A stated policy wins; among defaults HinD's, whose clients rely on it. */
function loadBalancingOf(group: readonly Candidate[], winner: Candidate): LoadBalancing {
  const stated = [winner, ...group].find(({ intent }) => intent.loadBalancing !== DEFAULT_BALANCING[intent.dialect]);
  if (stated) return stated.intent.loadBalancing;
  return group.some(({ intent }) => intent.dialect === 'hind') ? 'ipHash' : winner.intent.loadBalancing;
}

function routeOf(chosen: readonly Candidate[], { intent, instance, key, entryPoints }: Candidate): Omit<Route, 'spans' | 'action'> {
  const { match, pathForm, middlewares, dialect, passthrough } = intent;
  return {
    id: routeId(`${slug(hostKey(match.host))}-${shortHash([instance.owner, key])}`),
    owner: instance.owner,
    unit: `${instance.owner} ${hostKey(match.host)}`,
    services: sortedUnique(chosen.map((candidate) => candidate.instance.service)),
    dialect,
    protocol: intent.entryPoints.kind === 'tcp' ? 'tcp' : 'http',
    entryPoints,
    match,
    pathForm,
    rank: 0,
    middlewares,
    ...(passthrough && { passthrough }),
  };
}

function spansOf(group: readonly Candidate[]): readonly TagSpan[] {
  return group
    .flatMap(({ intent }) => intent.spans)
    .toSorted(
      compareBy(
        (a, b) => compareText(a.service, b.service),
        (a, b) => compareText(a.instance, b.instance),
        (a, b) => a.tagIndex - b.tagIndex,
        (a, b) => a.start - b.start,
      ),
    );
}

/** The pool of the healthy instances; undefined where there is none that gets requests. */
function backendOf(
  route: Omit<Route, 'action'>,
  routed: readonly Candidate[],
  how: {
    readonly loadBalancing: LoadBalancing;
    readonly intent: RouteIntent;
    readonly options: CompileOptions;
    readonly report: Report;
  },
): Backend | undefined {
  const { loadBalancing, intent, options, report } = how;
  const distinct = [...new Map(routed.toReversed().map((candidate) => [endpointKey(candidate), candidate])).values()];
  const sorted = distinct.toSorted(compareBy((a, b) => compareText(a.intent.endpoint.address, b.intent.endpoint.address), byPort));
  const kept = sorted.slice(0, options.limits.endpointsPerRoute);
  if (kept.length < sorted.length) {
    const message = `Cannot serve ${sorted.length - kept.length} instances of this route: it has ${sorted.length}, expected at most ${kept.length}`;
    report(diagnose('ROUTE_LIMIT', message, { span: intent.spans[0] }));
  }
  const weights = weightsOf(kept, report);
  if (!weights.some((weight) => weight > 0)) return undefined;
  const endpoints = kept.map((candidate, index): Endpoint => {
    const { endpoint, protocol } = candidate.intent;
    return { ...endpoint, protocol, weight: weights[index] ?? 0 };
  });
  const { transport, upstreamHost } = intent;
  return { id: backendId(route.id), endpoints, loadBalancing, transport, upstreamHost };
}

function weightsOf(candidates: readonly Candidate[], report: Report): readonly number[] {
  const intents = candidates.map(({ intent }) => intent);
  if (!intents.some(({ share }) => share !== undefined)) return intents.map(({ weight = 1 }) => Math.max(0, weight));
  const weights = fabioWeights(intents.map(({ share }) => share));
  const starved = intents.find((_, index) => weights[index] === 0);
  if (starved) {
    const message = 'The fixed weights of other instances leave this one without requests, as in Fabio';
    report(diagnose('FABIO_WEIGHT_STARVES', message, { span: starved.spans[0] }));
  }
  return weights;
}

function endpointKey({ intent }: Candidate): string {
  return `${intent.endpoint.address} ${intent.endpoint.port}`;
}

function byPort(a: Candidate, b: Candidate): number {
  return a.intent.endpoint.port - b.intent.endpoint.port;
}
