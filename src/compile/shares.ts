import { compareBy, compareText, groupBy, sortedUnique } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Candidate } from './candidates.ts';
import type { CompileOptions } from './options.ts';
import { effectivePriority } from './priority.ts';
import type { ResolvedIntent } from './references.ts';

/** Services that share a route and ask for the same options. */
export interface Share {
  /** The candidate whose options count. */
  readonly winner: Candidate;
  readonly candidates: readonly Candidate[];
}

/** What the candidates of one route come to. */
export interface Shares {
  /** The share of most candidates first; never empty. */
  readonly shares: readonly Share[];
  /** The candidates that the route is made of: all but those of services that others outrank. */
  readonly asking: readonly Candidate[];
}

/**
 * The candidates of one route by what they ask for, the share of most candidates first. Reported: dialects, instances and services that
 * disagree. Services that cannot be served as they ask stand aside where others can.
 */
export function sharesOf(group: readonly Candidate[], options: CompileOptions, report: Report): Shares {
  const chosen = preferredDialects(group, options, report);
  const services = [...groupBy(chosen, ({ intent }) => intent.service).values()].map((candidates): Share => {
    const winner = majority(candidates);
    reportDisagreement(candidates, winner, report);
    return { winner, candidates };
  });
  const leading = withoutShadowed(services, report);
  const sound = orAll(leading, ({ winner }) => !winner.fault);
  const serving = orAll(sound, ({ winner }) => winner.intent.action.kind !== 'refuse');
  reportPool(serving, report);
  const shares = [...groupBy(serving, ({ winner }) => optionsKey(winner.intent)).values()].map((alike): Share => {
    const candidates = alike.flatMap((share) => share.candidates);
    return { winner: majority(candidates), candidates };
  });
  const sorted = shares.toSorted(
    compareBy(
      (a, b) => b.candidates.length - a.candidates.length,
      (a, b) => compareText(optionsKey(a.winner.intent), optionsKey(b.winner.intent)),
    ),
  );
  const shadowed = new Set(services.filter((share) => !leading.includes(share)).map(({ winner }) => winner.intent.service));
  return { shares: sorted, asking: group.filter(({ intent }) => !shadowed.has(intent.service)) };
}

/** Those that a condition holds for; all where it holds for none. */
function orAll(shares: readonly Share[], holds: (share: Share) => boolean): readonly Share[] {
  const held = shares.filter(holds);
  return held.length > 0 ? held : shares;
}

/** Where one instance asks in several dialects, the first accepted one speaks for it. */
function preferredDialects(group: readonly Candidate[], { accept }: CompileOptions, report: Report): readonly Candidate[] {
  const chosen: Candidate[] = [];
  const told = new Set<string>();
  for (const candidates of groupBy(group, speakerOf).values()) {
    const [first, ...others] = candidates.toSorted((a, b) => accept.indexOf(a.intent.dialect) - accept.indexOf(b.intent.dialect));
    if (!first) continue;
    chosen.push(first);
    const different = others.find(({ intent }) => optionsKey(intent) !== optionsKey(first.intent));
    if (!different || told.has(first.intent.service)) continue;
    told.add(first.intent.service);
    const message = `The ${first.intent.dialect} and ${different.intent.dialect} tags ask for this route in different ways; ${first.intent.dialect} is used`;
    report(diagnose('ROUTE_DIALECTS_DIFFER', message, { span: different.intent.spans[0], related: first.intent.spans.slice(0, 1) }));
  }
  return chosen;
}

/** Who says it, and of which instance. */
function speakerOf({ intent, instance }: Candidate): string {
  return JSON.stringify([instance.source, intent.service, intent.spans[0]?.instance, instance.service, instance.instance]);
}

/** Those whose tags are in order, all where none's are: what an instance at fault asks for counts as little as in Traefik. */
function soundOf(candidates: readonly Candidate[]): readonly Candidate[] {
  const sound = candidates.filter(({ fault }) => !fault);
  return sound.length > 0 ? sound : candidates;
}

/** Of the candidates in order the one whose options most instances share; of equal counts the one changed last. */
function majority(all: readonly Candidate[]): Candidate {
  const candidates = soundOf(all);
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

/** Of Traefik routers with one match those of the highest priority answer, as in Traefik. */
function withoutShadowed(services: readonly Share[], report: Report): readonly Share[] {
  const priorityOf = ({ winner: { intent } }: Share): number => (intent.dialect === 'traefik' ? effectivePriority(intent) : Infinity);
  const routers = services.filter(({ winner }) => winner.intent.dialect === 'traefik');
  const highest = routers.toSorted((a, b) => priorityOf(b) - priorityOf(a))[0];
  if (!highest) return services;
  const shadowed = routers.filter((share) => priorityOf(share) < priorityOf(highest));
  for (const { winner } of shadowed) {
    const message = `The router of "${highest.winner.intent.service}" answers these requests: its priority ${priorityOf(highest)} is higher, as in Traefik`;
    report(
      diagnose('TRAEFIK_ROUTER_SHADOWED', message, { span: winner.intent.spans[0], related: highest.winner.intent.spans.slice(0, 1) }),
    );
  }
  return services.filter((share) => !shadowed.includes(share));
}

function reportDisagreement(candidates: readonly Candidate[], winner: Candidate, report: Report): void {
  const wanted = optionsKey(winner.intent);
  const loser = candidates.find(({ intent }) => optionsKey(intent) !== wanted && !intent.fault);
  if (!loser) return;
  const message = `Instances disagree on the options of this route; those of "${winner.intent.spans[0]?.instance ?? ''}" are used`;
  report(diagnose('ROUTE_OPTIONS_DIFFER', message, { span: loser.intent.spans[0], related: winner.intent.spans.slice(0, 1) }));
}

function reportPool(shares: readonly Share[], report: Report): void {
  const services = sortedUnique(shares.map(({ winner }) => winner.intent.service));
  const [first, second] = services.map((service) => shares.find(({ winner }) => winner.intent.service === service)?.winner.intent);
  if (!first || !second) return;
  const message = `The services ${services.join(', ')} share this route and one pool`;
  report(diagnose('ROUTE_POOLED', message, { span: second.spans[0], related: first.spans.slice(0, 1) }));
}

/** What must be equal for two instances to share a route without a word. Protocol, weight and balancing are each instance's own. */
function optionsKey(intent: ResolvedIntent): string {
  const { pathForm, middlewares, action, pool, tcpTls, tlsProfile, priority, fault } = intent;
  const { loadBalancing: _loadBalancing, ...options } = pool;
  const shapesPath = middlewares.length > 0 && pathForm;
  return JSON.stringify([middlewares, action, options, tcpTls, tlsProfile, priority, fault?.code, shapesPath]);
}
