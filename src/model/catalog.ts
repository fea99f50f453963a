import { compareBy, compareText } from '../lib/sort.ts';
import type { OwnerId, Port, ServiceName, SourceId } from './names.ts';

/** What the catalog knows of an instance's health; `unknown` = it has no check of its own. */
export const HEALTH = ['passing', 'warning', 'critical', 'maintenance', 'unknown'] as const;
export type Health = (typeof HEALTH)[number];

/** One registered instance of a service, in the shape every source gives it. */
export interface ServiceInstance {
  readonly source: SourceId;
  readonly owner: OwnerId;
  readonly service: ServiceName;
  /** The catalog's own id of the instance: unique within source and owner. */
  readonly instance: string;
  readonly node?: string;
  readonly datacenter?: string;
  /** IP literal or name, without brackets. Never empty: the node's address stands in. */
  readonly address: string;
  readonly port: Port;
  /** Tags byte for byte, in the catalog's order. */
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Consul's `Weights.Passing`, where the registration sets one. */
  readonly weight?: number;
  readonly health: Health;
  /** The catalog's index of the instance's last change: larger is newer. Compared only within one source. */
  readonly modifyIndex: number;
}

/** Everything a source knows at one moment: never a delta, never half of an answer. */
export interface CatalogSnapshot {
  readonly source: SourceId;
  /** The catalog's own position (Consul or Nomad index), opaque to everyone else. */
  readonly revision: string;
  /** Epoch ms of the read that last confirmed this state. */
  readonly observedAtMs: number;
  /** The catalog was asked over loopback or a unix socket, or is a local file: only then may instances name loopback addresses. */
  readonly local: boolean;
  /** Why what is missing here must not be believed yet (no leader, filtered answer, fresh token or connection); absent = removals are backed by a trusted read. */
  readonly doubt?: string;
  /** What of it could not be read and stands as before, each with its place and reason; absent = nothing. */
  readonly faults?: readonly string[];
  /** Services that it has and knows nothing of, because they could not be read so far: what an earlier snapshot says of them stands. */
  readonly unread?: readonly ServiceName[];
  /** Sorted by `compareInstances`. */
  readonly instances: readonly ServiceInstance[];
}

/** What a source's watch yields: a whole state, or why there is none now (its last snapshot stays valid). */
export type SourceEvent =
  | { readonly kind: 'snapshot'; readonly snapshot: CatalogSnapshot }
  | { readonly kind: 'failed'; readonly source: SourceId; readonly error: Error; readonly retryInMs: number };

/** Identity of an instance among all sources. */
export function instanceKey(instance: ServiceInstance): string {
  return [instance.source, instance.owner, instance.service, instance.instance].join('\u0000');
}

/** Identity of a service among all owners. */
export function serviceKey(instance: { readonly owner: OwnerId; readonly service: ServiceName }): string {
  return [instance.owner, instance.service].join('\u0000');
}

/** Orders instances by source, owner, service, instance. */
export const compareInstances: (a: ServiceInstance, b: ServiceInstance) => number = compareBy(
  (a, b) => compareText(a.source, b.source),
  (a, b) => compareText(a.owner, b.owner),
  (a, b) => compareText(a.service, b.service),
  (a, b) => compareText(a.instance, b.instance),
);
