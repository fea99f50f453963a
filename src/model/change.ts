import type { Route, RoutingTable } from './route.ts';

/** A route that stays although the catalog no longer asks for it, or not in this form. `untilMs`: when time may end that. */
export interface HeldRoute {
  readonly route: Route;
  readonly state: 'tombstone' | 'held' | 'quarantined';
  readonly reason: string;
  readonly untilMs?: number;
}

/** The difference between what is served and what should be, and the table that will really be served. */
export interface ChangeSet {
  readonly created: readonly Route[];
  readonly updated: readonly { readonly before: Route; readonly after: Route }[];
  readonly removed: readonly Route[];
  /** How many routes stay as they are. */
  readonly unchanged: number;
  readonly held: readonly HeldRoute[];
  readonly serving: RoutingTable;
  /** Epoch ms at which time alone may change the plan (a tombstone ends, a held removal may be confirmed). */
  readonly recheckAtMs?: number;
  /** `apply`: serving differs from what ran. `hold` says what keeps removals back; additions and changes are in `serving` all the same. */
  readonly verdict: { readonly kind: 'apply' | 'nothing' } | { readonly kind: 'hold'; readonly reason: string };
}
