import { compareBy, compareText, groupBy } from '../lib/sort.ts';
import { fitsWildcard } from '../lib/wildcard.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { hostText, type HostMatch, type PathMatch, type RouteMatch } from '../model/match.ts';
import type { OwnerId } from '../model/names.ts';
import type { Candidate } from './candidates.ts';
import type { Claims, CompileOptions, Grant } from './options.ts';
import { redirectHost } from './targets.ts';

/** Whether the operator keeps a host for itself. */
export function isReserved(host: HostMatch, { reservedHosts }: Pick<CompileOptions, 'reservedHosts'>): boolean {
  return host.kind === 'exact' && reservedHosts.includes(host.host);
}

/**
 * Takes out what its owner may not have. Reserved hosts are nobody's but the operator's static services'. With `allowList` an owner has
 * what it is granted. Of several owners that ask for one host the incumbent keeps it (`claims`), without one the owner of the lowest
 * modify index; the others are refused with both names, but for paths that they are granted. Returns the kept candidates and who holds
 * what now.
 */
export function withinOwnership(
  candidates: readonly Candidate[],
  { options, claims, report }: { readonly options: CompileOptions; readonly claims: Claims; readonly report: Report },
): { readonly kept: readonly Candidate[]; readonly holders: ReadonlyMap<string, OwnerId> } {
  const allowed = candidates.filter((candidate) => {
    const refusal = refusalOf(candidate, options);
    if (refusal) report(diagnose(refusal.code, refusal.message, { span: candidate.intent.spans[0] }));
    return !refusal;
  });
  const holders = new Map<string, OwnerId>();
  const refused = new Set<Candidate>();
  for (const [key, claimants] of groupBy(allowed, ({ claim }) => claim)) {
    const claiming = claimants.filter((claimant) => !isGrantedAsGuest(claimant, options));
    const holder = holderOf(claiming.length > 0 ? claiming : claimants, options.ownership === 'open' ? undefined : claims.get(key));
    holders.set(key, holder.intent.owner);
    if (options.ownership === 'open') continue;
    for (const claimant of claiming) if (claimant.intent.owner !== holder.intent.owner) refuse(claimant, holder);
  }
  const kept = allowed.filter((candidate) => !refused.has(candidate));
  return { kept: kept.map((candidate) => withinOwnHosts(candidate, holders, report)), holders };

  function refuse(claimant: Candidate, holder: Candidate): void {
    refused.add(claimant);
    const what = hostText(claimant.intent.match.host);
    const message = `Cannot serve "${what}" for "${claimant.intent.owner}": "${holder.intent.owner}" holds it`;
    const hint = 'Use another host, or let the operator grant it in `ownership.allow`';
    report(diagnose('ROUTE_CONFLICT_OWNER', message, { span: claimant.intent.spans[0], related: holder.intent.spans.slice(0, 1), hint }));
  }
}

/** Why a candidate may not have its host, whoever else asks for it. */
function refusalOf({ intent, instance }: Candidate, options: CompileOptions) {
  const { host } = intent.match;
  if (isReserved(host, options) && instance.source !== 'static') {
    const message = `Cannot serve "${hostText(host)}": the host is reserved by the operator`;
    return { code: 'ROUTE_HOST_RESERVED', message } as const;
  }
  if (options.ownership !== 'allowList' || instance.source === 'static') return undefined;
  const grants = grantsOf(intent, options);
  if (!grants.some((grant) => isInside(intent.match, grant))) {
    const message = `Cannot serve "${hostText(host)}" for "${intent.owner}": \`ownership.allow\` does not grant it`;
    return { code: 'ROUTE_HOST_NOT_GRANTED', message } as const;
  }
  const target = redirectHost(intent.action);
  if (target === undefined || options.redirectHosts.includes(target) || grants.some(({ host: granted }) => isHostInside(target, granted)))
    return undefined;
  return { code: 'ROUTE_TARGET_REFUSED', message: `Cannot redirect to "${target}": it is not granted to "${intent.owner}"` } as const;
}

/** With a host of another owner in its path: that is the business of the one who is granted it. */
function isGrantedAsGuest({ intent }: Candidate, options: CompileOptions): boolean {
  return options.ownership === 'firstCome' && grantsOf(intent, options).some((grant) => isInside(intent.match, grant));
}

/** An instance must not be asked under a host that another owner holds. */
function withinOwnHosts(candidate: Candidate, holders: ReadonlyMap<string, OwnerId>, report: Report): Candidate {
  const { upstreamHost } = candidate.intent.pool;
  const holder = upstreamHost.kind === 'fixed' ? holders.get(`host ${upstreamHost.host}`) : undefined;
  if (upstreamHost.kind !== 'fixed' || holder === undefined || holder === candidate.intent.owner) return candidate;
  const message = `Cannot send Host "${upstreamHost.host}" to the instance: "${holder}" holds it`;
  report(diagnose('ROUTE_TARGET_REFUSED', message, { span: candidate.intent.spans[0] }));
  return { ...candidate, fault: candidate.fault ?? { kind: 'quarantined', code: 'ROUTE_TARGET_REFUSED' } };
}

function grantsOf({ owner, service }: Candidate['intent'], { grants }: CompileOptions): readonly Grant[] {
  return [...grants].flatMap(([key, list]) => {
    const [kind, pattern] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
    return fitsWildcard(kind === 'service' ? service : owner, pattern) ? list : [];
  });
}

function isInside({ host, path }: RouteMatch, grant: Grant): boolean {
  const name =
    host.kind === 'exact' ? host.host : host.kind === 'glob' && /^\*\.[a-z0-9_.-]+$/.test(host.pattern) ? host.pattern : undefined;
  return (grant.host === '*' || (name !== undefined && isHostInside(name, grant.host))) && isPathInside(path, grant.prefix);
}

function isHostInside(host: string, granted: string): boolean {
  return (
    granted === '*' || host === granted || (granted.startsWith('*.') && host.endsWith(granted.slice(1)) && host.length > granted.length - 1)
  );
}

function isPathInside(path: PathMatch, prefix: string): boolean {
  if (prefix === '/') return true;
  return (path.kind === 'exact' || path.kind === 'prefix') && `${path.path}/`.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function holderOf(claimants: readonly Candidate[], incumbent: OwnerId | undefined): Candidate {
  const oldestFirst = claimants.toSorted(
    compareBy(
      (a, b) => Number(b.intent.owner === incumbent) - Number(a.intent.owner === incumbent),
      (a, b) => a.instance.modifyIndex - b.instance.modifyIndex,
      (a, b) => compareText(a.intent.owner, b.intent.owner),
    ),
  );
  const [holder] = oldestFirst;
  if (!holder) throw new RangeError('Cannot name the holder of a host: nobody claims it');
  return holder;
}
