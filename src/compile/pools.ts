import { shortHash } from '../lib/hash.ts';
import { compareBy, compareText } from '../lib/sort.ts';
import { slug } from '../lib/text.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { PoolMember } from '../model/intent.ts';
import type { Middleware } from '../model/middleware.ts';
import { backendId, type BackendId } from '../model/names.ts';
import { endpointKey, type Backend, type Endpoint, type LoadBalancing } from '../model/pool.ts';
import { DEFAULT_BALANCING, type Route } from '../model/route.ts';
import type { Candidate } from './candidates.ts';
import { fabioWeights } from './fabio-weights.ts';
import type { CompileOptions } from './options.ts';
import type { ResolvedIntent } from './references.ts';

/** An instance of a route and its share of the requests. */
export interface WeightedCandidate {
  readonly candidate: Candidate;
  readonly weight: number;
}

/**
 * The distinct endpoints of a route with their weights, sorted by address and port; at most as many as the limit allows. Instances of one
 * service that redirect to the same URL are one target, as in Fabio.
 */
export function endpointsOf(
  routed: readonly Candidate[],
  { intent, options, report }: { readonly intent: ResolvedIntent; readonly options: CompileOptions; readonly report: Report },
): readonly WeightedCandidate[] {
  const distinct = [...new Map(routed.toReversed().map((candidate) => [targetKey(candidate.intent), candidate])).values()];
  const sorted = distinct.toSorted((a, b) => compareEndpoints(a.intent, b.intent));
  const kept = sorted.slice(0, options.limits.endpointsPerRoute);
  if (kept.length < sorted.length) {
    const message = `Cannot serve ${sorted.length - kept.length} instances of this route: it has ${sorted.length}, expected at most ${kept.length}`;
    report(diagnose('ROUTE_LIMIT', message, { span: intent.spans[0] }));
  }
  const weights = weightsOf(kept, report);
  return kept.map((candidate, index) => ({ candidate, weight: weights[index] ?? 0 }));
}

/** The pool of one share of a route, the pools that its middlewares use, and its middlewares with their ids. */
export function backendsOfShare(
  own: readonly WeightedCandidate[],
  { winner, group, route }: { readonly winner: Candidate; readonly group: readonly Candidate[]; readonly route: Pick<Route, 'id'> },
): { readonly backend: Backend; readonly sideBackends: readonly Backend[]; readonly middlewares: readonly Middleware[] } {
  const { intent } = winner;
  const services = own.map(({ candidate }) => candidate.intent.service);
  const id = isWhole(own, group) ? backendId(route.id) : idOf(route, services);
  const backend: Backend = {
    ...intent.pool,
    id,
    endpoints: own.map(({ candidate, weight }) => endpointOf(candidate.intent, weight)),
    loadBalancing: loadBalancingOf(group, winner),
  };
  const sidePools = [...new Map((intent.sidePools ?? []).map((pool) => [pool.name, pool])).values()];
  const sideBackends = sidePools.map((pool): Backend => {
    const members = own.flatMap(({ candidate }) => candidate.intent.sidePools?.filter(({ name }) => name === pool.name) ?? []);
    const distinct = [...new Map(members.map((member) => [endpointKey(member.endpoint), member])).values()].toSorted(compareEndpoints);
    const endpoints = distinct.map((member) => endpointOf(member, 1));
    return { ...pool.pool, id: idOf(route, [...services, `pool ${pool.name}`]), endpoints };
  });
  const sideIds = new Map(sidePools.map(({ name }, index) => [name, sideBackends[index]?.id]));
  const middlewares = intent.middlewares.map((middleware) =>
    middleware.kind === 'errors' ? { ...middleware, backend: sideIds.get(middleware.backend) ?? backend.id } : middleware,
  );
  return { backend, sideBackends, middlewares };
}

/** Whether a share has every service of its route. */
function isWhole(own: readonly WeightedCandidate[], group: readonly Candidate[]): boolean {
  const services = new Set(own.map(({ candidate }) => candidate.intent.service));
  return group.every(({ intent, standing }) => standing !== 'routed' || services.has(intent.service));
}

function idOf({ id }: Pick<Route, 'id'>, parts: readonly string[]): BackendId {
  return backendId(`${slug(id.replace(/-[0-9a-f]{20}$/, ''))}-${shortHash([id, ...new Set(parts)])}`);
}

function endpointOf({ endpoint, protocol, tls }: PoolMember, weight: number): Endpoint {
  return { ...endpoint, protocol, ...(tls && { tls }), weight };
}

/** A stated policy wins; among defaults HinD's, whose clients rely on it. */
function loadBalancingOf(group: readonly Candidate[], winner: Candidate): LoadBalancing {
  const stated = [winner, ...group].find(({ intent }) => intent.pool.loadBalancing !== DEFAULT_BALANCING[intent.dialect]);
  if (stated) return stated.intent.pool.loadBalancing;
  return group.some(({ intent }) => intent.dialect === 'hind') ? 'ipHash' : winner.intent.pool.loadBalancing;
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

function targetKey({ action, dialect, service, share, endpoint }: ResolvedIntent): string {
  if (dialect !== 'fabio' || action.kind !== 'redirect') return endpointKey(endpoint);
  return JSON.stringify([service, action.redirect.to, share]);
}

const compareEndpoints = compareBy<Pick<PoolMember, 'endpoint'>>(
  (a, b) => compareText(a.endpoint.address, b.endpoint.address),
  (a, b) => a.endpoint.port - b.endpoint.port,
);
