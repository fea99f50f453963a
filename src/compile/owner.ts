import { compareBy, compareText, groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { hostKey, type HostMatch, type RouteMatch } from '../model/match.ts';
import type { OwnerId } from '../model/names.ts';
import type { Candidate } from './candidates.ts';
import type { Claims, CompileOptions } from './options.ts';

/** What of a match an owner holds: an exact host with everything under it; of a wide pattern only pattern and path. */
export function claimKey(match: RouteMatch): string {
  const { host, path } = match;
  if (host.kind === 'exact') return `host ${host.host}`;
  return `wide ${hostKey(host)} ${JSON.stringify(path)}`;
}

/** Whether the operator keeps a host for itself. */
export function isReserved(host: HostMatch, { reservedHosts }: CompileOptions): boolean {
  return host.kind === 'exact' && reservedHosts.includes(host.host);
}

/**
 * Takes out what its owner may not have. Reserved hosts are nobody's but the operator's static services'. Of several owners that ask
 * for one host the incumbent keeps it (`claims`), without one the owner of the lowest modify index; the others are refused with both
 * names. Returns the kept candidates and who holds what now.
 */
export function withinOwnership(
  candidates: readonly Candidate[],
  { options, claims, report }: { readonly options: CompileOptions; readonly claims: Claims; readonly report: Report },
): { readonly kept: readonly Candidate[]; readonly holders: ReadonlyMap<string, OwnerId> } {
  const allowed = candidates.filter((candidate) => {
    const { match, spans } = candidate.intent;
    const refused = isReserved(match.host, options) && candidate.instance.source !== 'static';
    if (refused)
      report(
        diagnose('ROUTE_HOST_RESERVED', `Cannot serve "${hostText(match.host)}": the host is reserved by the operator`, { span: spans[0] }),
      );
    return !refused;
  });
  const holders = new Map<string, OwnerId>();
  const refused = new Set<Candidate>();
  for (const [key, claimants] of groupBy(allowed, ({ intent }) => claimKey(intent.match))) {
    const holder = holderOf(claimants, options.ownership === 'open' ? undefined : claims.get(key));
    holders.set(key, holder.instance.owner);
    if (options.ownership === 'open') continue;
    for (const claimant of claimants) if (claimant.instance.owner !== holder.instance.owner) refuse(claimant, holder);
  }
  return { kept: allowed.filter((candidate) => !refused.has(candidate)), holders };

  function refuse(claimant: Candidate, holder: Candidate): void {
    refused.add(claimant);
    const what = hostText(claimant.intent.match.host);
    const message = `Cannot serve "${what}" for "${claimant.instance.owner}": "${holder.instance.owner}" holds it`;
    report(diagnose('ROUTE_CONFLICT_OWNER', message, { span: claimant.intent.spans[0], related: holder.intent.spans.slice(0, 1) }));
  }
}

function holderOf(claimants: readonly Candidate[], incumbent: OwnerId | undefined): Candidate {
  const oldestFirst = claimants.toSorted(
    compareBy(
      (a, b) => Number(b.instance.owner === incumbent) - Number(a.instance.owner === incumbent),
      (a, b) => a.instance.modifyIndex - b.instance.modifyIndex,
      (a, b) => compareText(a.instance.owner, b.instance.owner),
    ),
  );
  const [holder] = oldestFirst;
  if (!holder) throw new RangeError('Cannot name the holder of a host: nobody claims it');
  return holder;
}

function hostText(host: HostMatch): string {
  return host.kind === 'exact' ? host.host : host.kind === 'glob' ? host.pattern : host.kind === 'regexp' ? host.regexp : '*';
}
