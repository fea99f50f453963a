import { groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { isSecondary } from '../model/entry-point.ts';
import type { RouteIntent } from '../model/intent.ts';
import { matchKey } from '../model/match.ts';
import { DEFAULT_BALANCING, type DialectName } from '../model/route.ts';
import type { Dialect, FormatContext } from './dialect.ts';
import { askKey, canonicalJson, usualKind } from './same.ts';

/** Intents of one instance without those that another one outdoes. */
export interface Settled {
  readonly counted: readonly RouteIntent[];
  readonly beaten: readonly RouteIntent[];
}

/** What rivals are told apart by. */
export interface RivalTools {
  /** In the order in which they count. */
  readonly dialects: readonly Dialect[];
  readonly context: FormatContext;
  readonly staying?: DialectName | undefined;
}

/**
 * Of several intents for the same requests one counts: that of the first dialect, there the one of the highest priority, else the first.
 * Reported where the others ask for something else; how HinD chooses instances holds for the others too, because it is no option of its
 * tags. Those of the dialect `staying` beat nobody of their own: their tags are left alone.
 */
export function settleRivals(intents: readonly RouteIntent[], { dialects, context, staying }: RivalTools, report: Report): Settled {
  const order = dialects.map(({ name }) => name);
  const speaking = intents.filter(({ entryPoints }) => !isSecondary(entryPoints));
  const winners = new Map<RouteIntent, RouteIntent>();
  for (const group of groupBy(speaking, (intent) => placeKey(intent, context)).values()) {
    const [first, ...others] = group.toSorted(
      (a, b) => order.indexOf(a.dialect) - order.indexOf(b.dialect) || priorityOf(b) - priorityOf(a),
    );
    if (!first) continue;
    for (const other of others) {
      if (wishKey(other) !== wishKey(first)) reportRival(other, first, report);
      if (other.dialect === first.dialect && first.dialect === staying) winners.set(other, other);
    }
    const isHind = group.some(({ dialect }) => dialect === 'hind') && first.dialect !== 'hind';
    winners.set(first, isHind ? { ...first, pool: { ...first.pool, loadBalancing: 'ipHash' } } : first);
  }
  const tagsThatCount = new Set([...winners.keys()].map(({ spans: [span] }) => span?.tagIndex));
  const counts = (intent: RouteIntent): boolean =>
    speaking.includes(intent) ? winners.has(intent) : tagsThatCount.has(intent.spans[0]?.tagIndex);
  return {
    counted: intents.filter(counts).map((intent) => winners.get(intent) ?? intent),
    beaten: intents.filter((intent) => !counts(intent)),
  };
}

/**
 * The same intents, but of one for plain http and TLS only what no other one for the same host and path takes from it: in Fabio's order
 * those for one kind of listeners come first. One of which nothing is left is left out.
 */
export function narrowed(
  intents: readonly RouteIntent[],
  { among, tools: { dialects, context } }: { readonly among: readonly RouteIntent[]; readonly tools: RivalTools },
): readonly RouteIntent[] {
  const order = dialects.map(({ name }) => name);
  return intents.flatMap((intent) => {
    if (intent.entryPoints.kind !== 'both') return [intent];
    const takers = among.filter(
      ({ dialect, match }) =>
        matchKey(match) === matchKey(intent.match) && (dialect !== 'traefik' || order.indexOf(dialect) < order.indexOf(intent.dialect)),
    );
    const taken = new Set(takers.map(({ entryPoints }) => usualKind(entryPoints, context.entryPoints)));
    const left = (['plain', 'tls'] as const).filter((kind) => !taken.has(kind));
    const [kind] = left;
    return kind === undefined ? [] : [left.length === 2 ? intent : { ...intent, entryPoints: { kind } }];
  });
}

/** Which requests an intent is about. */
function placeKey({ entryPoints, match }: RouteIntent, { entryPoints: usual }: FormatContext): string {
  const kind = usualKind(entryPoints, usual);
  return `${canonicalJson(kind === undefined ? entryPoints : { kind })} ${matchKey(match)}`;
}

/** A Traefik router's priority; other dialects have none, and their first tag counts. */
function priorityOf({ dialect, priority, ruleLength = 0 }: RouteIntent): number {
  return dialect === 'traefik' ? (priority ?? ruleLength) : 0;
}

/** What an intent wants for its requests; the default of its dialect is no wish. */
function wishKey(intent: RouteIntent): string {
  const { kept: _kept, priority: _priority, pool, dialect, ...rest } = intent;
  const { loadBalancing, ...options } = pool;
  const stated = loadBalancing === DEFAULT_BALANCING[dialect] ? 'random' : loadBalancing;
  const match = { host: { kind: 'any' }, path: { kind: 'any' }, conditions: [] } as const;
  return askKey({ ...rest, dialect, match, entryPoints: { kind: 'both' }, pool: { ...options, loadBalancing: stated } });
}

function reportRival({ dialect, spans: [span] }: RouteIntent, first: RouteIntent, report: Report): void {
  const related = first.spans.slice(0, 1);
  const message =
    dialect === first.dialect
      ? 'The service asks for the same route twice; the other tag is used'
      : `The ${first.dialect} and ${dialect} tags ask for this route in different ways; ${first.dialect} is used`;
  report(diagnose(dialect === first.dialect ? 'ROUTE_DUPLICATE' : 'ROUTE_DIALECTS_DIFFER', message, { span, related }));
}
