import type { OwnerId, ServiceName } from './names.ts';

/** What became of one service between two tables: its tags that make routes, and its instances that get requests. Lists are sorted. */
export interface ServiceChange {
  readonly service: ServiceName;
  readonly owner: OwnerId;
  readonly kind: 'added' | 'changed' | 'removed';
  /** Redacted. */
  readonly tagsAdded: readonly string[];
  readonly tagsRemoved: readonly string[];
  /** Of those that went before: their 503 has ended. */
  readonly tagsEnded?: readonly string[];
  /** As `address:port`. */
  readonly instancesAdded: readonly string[];
  readonly instancesRemoved: readonly string[];
}

/** Why a generation was made: the services that differ from the one before, by name and owner; `more`: how many are left out. */
export interface Cause {
  readonly services: readonly ServiceChange[];
  readonly more: number;
  /** The proxy is another program than before. */
  readonly switched?: true;
}
