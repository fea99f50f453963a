import { groupBy } from '../lib/sort.ts';
import { compareInstances, serviceKey, type ServiceInstance } from '../model/catalog.ts';
import { diagnose, type Diagnosed, type Diagnostic, type Report, type TagSpan } from '../model/diagnostic.ts';
import { isSecondary, protocolOf } from '../model/entry-point.ts';
import type { Definition, Fault, PoolMember, RouteIntent } from '../model/intent.ts';
import { claimKey, matchKey } from '../model/match.ts';
import { endpointKey } from '../model/pool.ts';
import type { Route } from '../model/route.ts';
import { addressProblem } from './addresses.ts';
import { withAttached } from './attach.ts';
import { resolveEntryPoints } from './entry-points.ts';
import type { CompileOptions } from './options.ts';
import { effectivePriority } from './priority.ts';
import { createResolver, type NameUse, type ResolvedIntent, type ResolvedTarget, type Resolver } from './references.ts';
import { standingOf, type Standing } from './standing.ts';
import { targetProblem } from './targets.ts';

/** One instance and what its tags ask for. */
export interface Reading {
  readonly instance: ServiceInstance;
  /** Its catalog is on this machine: loopback addresses are its own. */
  readonly local: boolean;
  readonly intents: readonly RouteIntent[];
  readonly definitions: readonly Definition[];
  readonly diagnostics: readonly Diagnostic[];
}

/** An intent of one instance with everything resolved that does not depend on other instances. */
export interface Candidate {
  readonly intent: ResolvedIntent;
  /** The instance that requests go to. */
  readonly instance: ServiceInstance;
  /** The one whose tags ask, which may send to the instances of another service. */
  readonly asker: ServiceInstance;
  /** Equal for candidates that ask the same: entry points, match and protocol. */
  readonly key: string;
  /** Equal for candidates that form one route: owner and `key`. */
  readonly group: string;
  /** What of the match an owner holds: see `claimKey`. */
  readonly claim: string;
  readonly protocol: Route['protocol'];
  /** Sorted, never empty. */
  readonly entryPoints: readonly string[];
  readonly standing: Standing;
  readonly fault?: Fault;
}

/**
 * The candidates of all readings, in an order that does not depend on the order of the readings. Names are looked up and policies
 * attached. Reported: entry points that do not fit, refused addresses and redirect targets, what is above a limit (the first by key are
 * kept).
 */
export function candidatesOf(readings: readonly Reading[], options: CompileOptions, report: Report): readonly Candidate[] {
  const sorted = readings.toSorted((a, b) => compareInstances(a.instance, b.instance));
  const resolver = createResolver(sorted, options);
  return withinOwnerLimit(sorted, options, report).flatMap((reading) => {
    const { value, diagnostics } = ofReading(reading, resolver, options);
    for (const diagnostic of diagnostics) report(diagnostic);
    return value;
  });
}

interface Remembered extends Diagnosed<readonly Candidate[]> {
  readonly options: CompileOptions;
  readonly uses: readonly NameUse[];
}

const remembered = new WeakMap<Reading, Remembered>();

/** The candidates of one reading; those of before, unless a name that it uses means something else now. */
function ofReading(reading: Reading, resolver: Resolver, options: CompileOptions): Diagnosed<readonly Candidate[]> {
  const before = remembered.get(reading);
  if (before?.options === options && before.uses.every((use) => resolver.isSame(use))) return before;
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  const uses: NameUse[] = [];
  const targets = resolver.resolve(reading, report, (use) => uses.push(use)).map((target) => withAttached(target, options));
  const value = withinLimit(readingCandidates({ targets, asker: reading.instance }, options, report), options, report);
  remembered.set(reading, { value, diagnostics, options, uses });
  return { value, diagnostics };
}

function readingCandidates(
  { targets, asker }: { readonly targets: readonly ResolvedTarget[]; readonly asker: ServiceInstance },
  options: CompileOptions,
  reportAll: Report,
): readonly Candidate[] {
  const refusedEndpoints = new Set<string>();
  const candidates = targets.flatMap(({ intent: asked, instance, local }): readonly Candidate[] => {
    if (!options.accept.includes(asked.dialect)) return [];
    const [span] = asked.spans;
    const report = isSecondary(asked.entryPoints) ? silent : reportAll;
    const checked = withSoundCheck(asked, { span, report });
    const sidePools = checked.sidePools?.filter(({ endpoint }) => mayRouteTo(endpoint, { local, span, report }));
    const intent = sidePools ? { ...checked, sidePools: sidePools.map((pool) => withSoundCheck(pool, { span, report })) } : checked;
    const { names, problems } = resolveEntryPoints(intent.entryPoints, options);
    for (const { code, message } of problems) report(diagnose(code, message, { span }));
    if (names.length === 0) return [];
    const protocol = protocolOf(intent.entryPoints);
    const key = JSON.stringify([names, protocol, matchKey(intent.match)]);
    const isRefused = !mayRouteTo(intent.endpoint, { local, span, report });
    const target = targetProblem(intent, options);
    if (target !== undefined) report(diagnose('ROUTE_TARGET_REFUSED', target, { span }));
    const fault: Fault | undefined =
      intent.fault ?? (target === undefined ? undefined : { kind: 'quarantined', code: 'ROUTE_TARGET_REFUSED' });
    const standing = isRefused ? 'unhealthy' : standingOf(instance, intent.dialect, options);
    const group = `${intent.owner}\u0000${key}`;
    const claim = claimKey(intent.match);
    return [{ intent, instance, asker, key, group, claim, protocol, entryPoints: names, standing, ...(fault && { fault }) }];
  });
  return withoutRepeats(candidates, reportAll);

  /** Whether an endpoint is allowed, of the pool of a route or of one that its middlewares use; told once. */
  function mayRouteTo(
    endpoint: ResolvedIntent['endpoint'],
    { local, span, report }: { readonly local: boolean; readonly span: TagSpan | undefined; readonly report: Report },
  ): boolean {
    const refused = addressProblem(endpoint, { local, policy: options.addresses });
    if (refused === undefined) return true;
    if (!refusedEndpoints.has(endpointKey(endpoint))) {
      refusedEndpoints.add(endpointKey(endpoint));
      const message = `Cannot route to "${endpoint.address}" port ${endpoint.port}: ${refused}`;
      report(diagnose('ROUTE_ADDRESS_REFUSED', message, { span, hint: 'Register another address, or list it in `backends.allow`' }));
    }
    return false;
  }

  /** Without a health check that would ask a port at which requests change what the proxy, or the catalog, does. */
  function withSoundCheck<T extends Pick<PoolMember, 'pool'>>(
    member: T,
    { span, report }: { readonly span: TagSpan | undefined; readonly report: Report },
  ): T {
    const { healthCheck, ...rest } = member.pool;
    if (healthCheck?.port === undefined || !options.addresses.uncheckedPorts.has(healthCheck.port)) return member;
    const message = `Cannot check instances at port ${healthCheck.port}: it is an administrative port; they are not checked`;
    report(diagnose('ROUTE_CHECK_REFUSED', message, { span }));
    return { ...member, pool: rest };
  }
}

/** For what another intent of the same tag has said. */
export const silent: Report = () => undefined;

/** Of equal wishes of one instance in one dialect the one of the highest priority counts, else the first. */
function withoutRepeats(candidates: readonly Candidate[], report: Report): readonly Candidate[] {
  const groups = groupBy(candidates, ({ intent, key, instance }) =>
    [intent.dialect, instance.instance, instance.service, key].join('\u0000'),
  );
  return [...groups.values()].flatMap((group) => {
    const [first, ...others] = group.toSorted((a, b) => effectivePriority(b.intent) - effectivePriority(a.intent));
    if (!first) return [];
    const [span] = first.intent.spans;
    for (const { intent } of others) {
      const [repeated] = intent.spans;
      if (repeated?.tag === span?.tag || isSecondary(intent.entryPoints)) continue;
      const related = span ? [span] : [];
      report(
        diagnose('ROUTE_DUPLICATE', 'This instance asks for the same route twice; the other tag is used', { span: repeated, related }),
      );
    }
    return [first];
  });
}

function withinLimit(candidates: readonly Candidate[], { limits }: CompileOptions, report: Report): readonly Candidate[] {
  const counted = candidates.filter(({ intent }) => !isSecondary(intent.entryPoints));
  const [excess] = counted.slice(limits.routesPerService);
  if (!excess) return candidates;
  const message = `Cannot serve ${counted.length - limits.routesPerService} routes of this service: it asks for ${counted.length}, expected at most ${limits.routesPerService}`;
  report(diagnose('ROUTE_LIMIT', message, { span: excess.intent.spans[0] }));
  return candidates.slice(0, candidates.indexOf(excess));
}

/** The services of each owner up to its limit, those that came first. */
function withinOwnerLimit(readings: readonly Reading[], { limits }: CompileOptions, report: Report): readonly Reading[] {
  const routed = readings.filter(({ intents }) => intents.length > 0);
  if (routed.length <= limits.servicesPerOwner) return readings;
  const refused = new Set<string>();
  for (const [owner, own] of groupBy(routed, ({ instance }) => instance.owner)) {
    const services = groupBy(own, ({ instance }) => serviceKey(instance));
    if (services.size <= limits.servicesPerOwner) continue;
    const ageOf = (group: readonly Reading[]): number => Math.min(...group.map(({ instance }) => instance.modifyIndex));
    const excess = [...services].toSorted(([, a], [, b]) => ageOf(a) - ageOf(b)).slice(limits.servicesPerOwner);
    for (const [key] of excess) refused.add(key);
    const message = `Cannot serve ${excess.length} services of "${owner}": it has ${services.size}, expected at most ${limits.servicesPerOwner}`;
    report(diagnose('ROUTE_LIMIT', message, { span: excess[0]?.[1][0]?.intents[0]?.spans[0] }));
  }
  return refused.size === 0 ? readings : readings.filter(({ instance }) => !refused.has(serviceKey(instance)));
}

/** Candidates by owner and key, in order of first appearance. */
export function groupCandidates(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  return [...groupBy(candidates, ({ group }) => group).values()];
}
