import { createMemory } from '../lib/memo.ts';
import { groupBy } from '../lib/sort.ts';
import { serviceKey } from '../model/catalog.ts';
import { compareDiagnostics, type Diagnosed, type Diagnostic, type Report } from '../model/diagnostic.ts';
import { isSecondary } from '../model/entry-point.ts';
import type { Fault } from '../model/intent.ts';
import type { BackendId, OwnerId, RouteId } from '../model/names.ts';
import type { Backend, Endpoint } from '../model/pool.ts';
import type { RoutingTable } from '../model/route.ts';
import { createTable } from '../model/table.ts';
import { candidatesOf, groupCandidates, silent, type Candidate, type Reading } from './candidates.ts';
import { mergeCandidates, type Unranked } from './merge.ts';
import type { Claims, CompileOptions } from './options.ts';
import { withinOwnership } from './owner.ts';
import { reportPartialRouters } from './partial-routers.ts';
import { rankRoutes } from './rank.ts';
import { reservedHostRoutes, unknownHostRedirect, withHttpsRedirects } from './redirects.ts';
import { reportSharedDefinitions } from './shared-definitions.ts';
import { reportSharedNames } from './shared-names.ts';
import { withOneTlsProfile } from './tls-profiles.ts';

/** What the catalogs ask for as one table, and what the next stages must know of how it came about. */
export interface Compiled {
  readonly table: RoutingTable;
  /** Routes that answer 503 because their tags cannot be honoured; a `quarantined` one may be served in its last good form. */
  readonly faults: ReadonlyMap<RouteId, Fault>;
  /** The healthy instances of those routes, for a last good form to forward to. */
  readonly pools: ReadonlyMap<RouteId, readonly Endpoint[]>;
  /** Services (`serviceKey`) with a routing tag of which not even the match could be read: what they asked before may stand. */
  readonly unreadable: ReadonlySet<string>;
  /** Who holds each host now, by `claimKey`. */
  readonly holders: ReadonlyMap<string, OwnerId>;
}

/**
 * Turns what all instances ask into one ranked routing table. The passes, in order: resolve each intent by itself (names, attached
 * policies, entry points, address, redirect target), apply ownership, pool what asks for the same route, give each host one way to end
 * TLS, add the redirects to https, rank, number. Pure, and the same for every order of `readings`. Every fault costs its own route only.
 * What comes of a reading, and of a group of candidates, is remembered: routes that no change concerns are the very objects of before.
 */
export function buildTable(
  readings: readonly Reading[],
  { options, claims }: { readonly options: CompileOptions; readonly claims: Claims },
): Diagnosed<Compiled> {
  const diagnostics: Diagnostic[] = withoutRepeatedLimits(readings.flatMap((reading) => reading.diagnostics));
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);

  const candidates = candidatesOf(readings, options, report);
  reportSharedNames(readings, report);
  reportSharedDefinitions(readings, report);
  reportPartialRouters(readings, report);
  const { kept, holders } = withinOwnership(candidates, { options, claims, report });
  const remember = memoryOf(options);
  const merged = groupCandidates(kept).flatMap((group) => {
    const { value: route, diagnostics: noticed } = remember({ key: group[0] ?? group, inputs: group }, () => mergedGroup(group, options));
    diagnostics.push(...noticed);
    return route ?? [];
  });
  const agreed = withOneTlsProfile(merged, report);
  const redirected = withHttpsRedirects(agreed, options);
  const ranked = rankRoutes(redirected, { accept: options.accept, report });

  const last = unknownHostRedirect(options);
  const routes = [...reservedHostRoutes(ranked, options), ...ranked.map(({ route }) => route), ...(last ? [last] : [])];
  const backends = new Map<BackendId, Backend>(agreed.flatMap((merge) => merge.backends.map((backend) => [backend.id, backend] as const)));
  const faulty = agreed.flatMap(({ route, fault, backends: pools }) => (fault ? [{ id: route.id, fault, pools }] : []));
  const value: Compiled = {
    table: createTable(routes, backends),
    faults: new Map(faulty.map(({ id, fault }) => [id, fault])),
    pools: new Map(
      faulty.flatMap(({ id, pools }) => (pools.length > 0 ? [[id, pools.flatMap(({ endpoints }) => endpoints)] as const] : [])),
    ),
    unreadable: unreadableServices(readings),
    holders,
  };
  return { value, diagnostics: diagnostics.toSorted(compareDiagnostics) };
}

/** What was noticed of tags, with the limits that several instances of a service exceed told once. */
function withoutRepeatedLimits(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const isLimit = ({ code }: Diagnostic): boolean => code === 'TAG_LIMIT';
  const groups = groupBy(diagnostics.filter(isLimit), ({ span }) => (span ? [span.source, serviceKey(span)].join('\u0000') : ''));
  const limits = [...groups.values()].flatMap((group) => {
    const [first] = group.toSorted(compareDiagnostics);
    if (!first || group.length === 1) return group;
    return [{ ...first, message: `${first.message}; ${group.length} instances of the service exceed them` }];
  });
  return [...diagnostics.filter((one) => !isLimit(one)), ...limits];
}

const memoryOf = createMemory<Diagnosed<Unranked | undefined>>();

function mergedGroup(group: readonly Candidate[], options: CompileOptions): Diagnosed<Unranked | undefined> {
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => diagnostics.push(diagnostic);
  const isSilent = group.every(({ intent }) => isSecondary(intent.entryPoints));
  return { value: mergeCandidates(group, options, isSilent ? silent : report), diagnostics };
}

/** Services with an error at a tag that gave no intent. */
function unreadableServices(readings: readonly Reading[]): ReadonlySet<string> {
  const unreadable = readings.filter(({ intents, diagnostics }) => {
    if (diagnostics.length === 0) return false;
    const read = new Set(intents.flatMap(({ spans }) => spans.map(({ tagIndex }) => tagIndex)));
    return diagnostics.some(({ severity, span }) => severity === 'error' && span !== undefined && !read.has(span.tagIndex));
  });
  return new Set(unreadable.map(({ instance }) => serviceKey(instance)));
}
