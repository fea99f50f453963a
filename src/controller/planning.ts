import { serviceKey } from '../model/catalog.ts';
import type { ChangeSet } from '../model/change.ts';
import type { Diagnosed } from '../model/diagnostic.ts';
import type { SourceId } from '../model/names.ts';
import type { RoutingTable } from '../model/route.ts';
import type { GuardOptions } from '../plan/guard.ts';
import { planChange, type PlanMemory } from '../plan/plan.ts';
import type { ClaimStore } from './claims.ts';
import type { Pipeline } from './pipeline.ts';
import type { SnapshotStore } from './snapshots.ts';

/** What decides a plan beside what the catalogs say. */
export interface PlanningOptions {
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotStore;
  readonly claims: ClaimStore;
  readonly plan: { readonly tombstoneMs: number; readonly guard: GuardOptions };
}

/** The next plan: everything that is known compiled, and compared with what is served. `isAccepted`: an operator lets all removals through. */
export function planNext(
  { pipeline, snapshots, claims, plan }: PlanningOptions,
  now: { readonly serving: RoutingTable; readonly memory: PlanMemory; readonly nowMs: number; readonly isAccepted: boolean },
): Diagnosed<{ readonly change: ChangeSet; readonly memory: PlanMemory }> {
  const { serving, memory, nowMs, isAccepted } = now;
  const known = [...snapshots.all().values()];
  const { value, diagnostics } = pipeline.compile(
    known.map(({ snapshot }) => snapshot),
    claims.all(),
  );
  claims.update(value.holders, nowMs);
  const doubts = new Map<SourceId, string>();
  for (const { snapshot, stale } of known) {
    const doubt = stale ? 'its catalog was not read since the start' : snapshot.doubt;
    if (doubt !== undefined) doubts.set(snapshot.source, doubt);
  }
  const unread = new Map(known.flatMap(({ snapshot }) => (snapshot.unread ? [[snapshot.source, snapshot.unread] as const] : [])));
  const registered = new Set(known.flatMap(({ snapshot }) => snapshot.instances.map(serviceKey)));
  const trusted = known.filter(({ snapshot }) => !doubts.has(snapshot.source));
  const trustedReadAtMs = Math.min(...trusted.map(({ snapshot }) => snapshot.observedAtMs));
  const { table: wanted, faults, pools, unreadable } = value;
  const options = isAccepted ? { ...plan, guard: { ...plan.guard, maxRemovedPercent: 100, allowEmpty: true } } : plan;
  return {
    value: planChange({ serving, wanted, faults, pools, unreadable, registered, doubts, unread, trustedReadAtMs, memory, nowMs, options }),
    diagnostics,
  };
}
