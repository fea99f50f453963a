import { groupBy } from '../lib/sort.ts';
import { compareInstances, type Health, type ServiceInstance } from '../model/catalog.ts';
import { diagnose, type Diagnostic, type Report } from '../model/diagnostic.ts';
import { matchKey } from '../model/match.ts';
import type { DialectName, Fault, RouteIntent } from '../model/route.ts';
import { addressProblem } from './addresses.ts';
import { isAside, resolveEntryPoints } from './entry-points.ts';
import type { CompileOptions, HealthRule } from './options.ts';
import { targetProblem } from './targets.ts';

/** One instance and what its tags ask for. */
export interface Reading {
  readonly instance: ServiceInstance;
  /** Its catalog is on this machine: loopback addresses are its own. */
  readonly local: boolean;
  readonly intents: readonly RouteIntent[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What an instance's health means for one route: `ignored` instances give no route at all. */
export type Standing = 'routed' | 'unhealthy' | 'ignored';

/** An intent of one instance with everything resolved that does not depend on other instances. */
export interface Candidate {
  readonly intent: RouteIntent;
  readonly instance: ServiceInstance;
  /** Equal for candidates that ask the same: entry points, match and protocol. */
  readonly key: string;
  /** Sorted, never empty. */
  readonly entryPoints: readonly string[];
  readonly standing: Standing;
  readonly fault?: Fault;
}

/**
 * The candidates of all readings, in an order that does not depend on the order of the readings. Reported: entry points that do not
 * fit, refused addresses and redirect targets, routes above the service's limit (the first by key are kept).
 */
export function candidatesOf(readings: readonly Reading[], options: CompileOptions, report: Report): readonly Candidate[] {
  const sorted = readings.toSorted((a, b) => compareInstances(a.instance, b.instance));
  return sorted.flatMap((reading) => withinLimit(readingCandidates(reading, options, report), options, report));
}

function readingCandidates(reading: Reading, options: CompileOptions, reportAll: Report): Candidate[] {
  const { instance, local, intents } = reading;
  const seen = new Map<string, RouteIntent>();
  const refusedEndpoints = new Set<string>();
  return intents.flatMap((intent) => {
    if (!options.accept.includes(intent.dialect)) return [];
    const [span] = intent.spans;
    const report = isAside(intent.entryPoints) ? silent : reportAll;
    const { names, problems } = resolveEntryPoints(intent.entryPoints, options);
    for (const { code, message } of problems) report(diagnose(code, message, { span }));
    if (names.length === 0) return [];
    const protocol = intent.entryPoints.kind === 'tcp' ? 'tcp' : 'http';
    const key = JSON.stringify([names, protocol, matchKey(intent.match)]);
    if (isRepeated(`${intent.dialect} ${key}`, intent, seen, report)) return [];
    const refused = addressProblem(intent.endpoint, { local, policy: options.addresses });
    const { address, port } = intent.endpoint;
    if (refused !== undefined && !refusedEndpoints.has(`${address} ${port}`)) {
      refusedEndpoints.add(`${address} ${port}`);
      const message = `Cannot route to "${address}" port ${port}: ${refused}`;
      report(diagnose('ROUTE_ADDRESS_REFUSED', message, { span, hint: 'Register another address, or list it in `backends.allow`' }));
    }
    const target = targetProblem(intent, options);
    if (target !== undefined) report(diagnose('ROUTE_TARGET_REFUSED', target, { span }));
    const fault: Fault | undefined =
      intent.fault ?? (target === undefined ? undefined : { kind: 'quarantined', code: 'ROUTE_TARGET_REFUSED' });
    const standing = refused === undefined ? standingOf(instance, intent.dialect, options) : 'unhealthy';
    return [{ intent, instance, key, entryPoints: names, standing, ...(fault && { fault }) }];
  });
}

/** For what another intent of the same tag has said. */
export const silent: Report = () => undefined;

function isRepeated(key: string, intent: RouteIntent, seen: Map<string, RouteIntent>, report: Report): boolean {
  const first = seen.get(key);
  if (!first) {
    seen.set(key, intent);
    return false;
  }
  const [tag, firstTag] = [intent.spans[0], first.spans[0]];
  if (tag?.tag !== firstTag?.tag) {
    const related = firstTag ? [firstTag] : [];
    report(diagnose('ROUTE_DUPLICATE', 'This instance asks for the same route twice; the first tag is used', { span: tag, related }));
  }
  return true;
}

function withinLimit(candidates: readonly Candidate[], { limits }: CompileOptions, report: Report): readonly Candidate[] {
  const counted = candidates.filter(({ intent }) => !isAside(intent.entryPoints));
  if (counted.length <= limits.routesPerService) return candidates;
  const excess = counted.slice(limits.routesPerService);
  const kept = candidates.slice(
    0,
    candidates.findIndex((candidate) => candidate === excess[0]),
  );
  const message = `Cannot serve ${excess.length} routes of this service: it asks for ${counted.length}, expected at most ${limits.routesPerService}`;
  report(diagnose('ROUTE_LIMIT', message, { span: excess[0]?.intent.spans[0] }));
  return kept;
}

const PASSING: readonly Health[] = ['passing'];
const WITHOUT_CHECK: readonly Health[] = ['passing', 'unknown'];
const WITH_WARNING: readonly Health[] = ['passing', 'unknown', 'warning'];

/** Fabio: passing with at least one check. HinD: passing or unchecked. Traefik: also warning. An operator's rule replaces these. */
function standingOf(instance: ServiceInstance, dialect: DialectName, options: CompileOptions): Standing {
  const { health, source } = instance;
  const rule = options.health.get(source);
  if (rule) return healthByRule(rule).includes(health) ? 'routed' : 'unhealthy';
  if (dialect === 'fabio') {
    const needsCheck = options.requireChecks && options.checkingSources.has(source);
    if (health === 'unknown') return needsCheck ? 'ignored' : 'routed';
    return PASSING.includes(health) ? 'routed' : 'unhealthy';
  }
  return (dialect === 'hind' ? WITHOUT_CHECK : WITH_WARNING).includes(health) ? 'routed' : 'unhealthy';
}

function healthByRule(rule: HealthRule): readonly Health[] {
  return rule === 'passing' ? WITHOUT_CHECK : rule === 'warning' ? WITH_WARNING : [...WITH_WARNING, 'critical'];
}

/** Candidates by owner and key, in order of first appearance. */
export function groupCandidates(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  return [...groupBy(candidates, ({ key, instance }) => `${instance.owner}\u0000${key}`).values()];
}
