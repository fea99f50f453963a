import { once } from '../lib/memo.ts';
import type { ServiceName, OwnerId } from '../model/names.ts';
import type { Route, RoutingTable } from '../model/route.ts';

/** When removals have to be confirmed. */
export interface GuardOptions {
  readonly maxRemovedPercent: number;
  readonly minRemoved: number;
  /** Removing the last service needs no operator. */
  readonly allowEmpty: boolean;
  /** How long removals are held before time may confirm them, in ms. */
  readonly holdMs: number;
  /** The age that a read must have after the hold began to confirm it, in ms. */
  readonly rereadMs: number;
}

/** Removals that are held: since when, and which services they concern. */
export interface Hold {
  readonly sinceMs: number;
  /** Sorted keys of the services, `owner service`. */
  readonly services: readonly string[];
  /** How many services were served when it began: services added since must not make the loss look smaller. */
  readonly total: number;
}

/** Services that answer requests with more than a 503. */
export const servedServices: (table: RoutingTable) => ReadonlySet<string> = once(({ routes }) => new Set(routes.flatMap(servedBy)));

const servedBy = once(({ action, owner, services }: Route): readonly string[] =>
  action.kind === 'respond' ? [] : services.map((service) => servedKey(owner, service)),
);

/** The key under which the guard counts a service. */
export function servedKey(owner: OwnerId, service: ServiceName): string {
  return [owner, service].join(' ');
}

/**
 * Why the loss of these services must be confirmed first: too many at once, or nothing would be left. Counted are services that go and
 * services that lose every endpoint.
 */
export function massRemoval(
  lost: readonly string[],
  { total, isEmptied, options }: { readonly total: number; readonly isEmptied: boolean; readonly options: GuardOptions },
): string | undefined {
  if (lost.length === 0) return undefined;
  if (isEmptied && !options.allowEmpty) return `all ${total} services would go`;
  const percent = (100 * lost.length) / total;
  if (lost.length < options.minRemoved || percent <= options.maxRemovedPercent) return undefined;
  return `${lost.length} of ${total} services would go (${Math.round(percent)} %, at most ${options.maxRemovedPercent} % go unconfirmed)`;
}

/** Whether a hold is confirmed by time and by a later trusted read of the same state; never where nothing would be left. */
export function isConfirmed(
  hold: Hold,
  {
    isEmptied,
    nowMs,
    trustedReadAtMs,
    options,
  }: { readonly isEmptied: boolean; readonly nowMs: number; readonly trustedReadAtMs: number; readonly options: GuardOptions },
): boolean {
  if (isEmptied && !options.allowEmpty) return false;
  return nowMs - hold.sinceMs >= options.holdMs && trustedReadAtMs - hold.sinceMs >= options.rereadMs;
}
