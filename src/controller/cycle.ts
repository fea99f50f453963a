import type { Log } from '../lib/log.ts';
import type { ChangeSet } from '../model/change.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import type { RoutingTable } from '../model/route.ts';
import { diffTables } from '../plan/diff.ts';

/** What a cycle has come to. */
export interface Cycle {
  readonly change: ChangeSet;
  readonly diagnostics: readonly Diagnostic[];
  /** `pinned`: a generation that was rolled back to stays; `planned`: a dry run gives the proxy nothing. */
  readonly outcome: ApplyOutcome | { readonly kind: 'pinned' | 'planned' };
  /** ms of each stage. */
  readonly times: { readonly compileMs: number; readonly renderMs: number; readonly applyMs: number };
  /** ms from the first change that it took up to its end. */
  readonly propagationMs?: number;
}

/** Told of every cycle, for metrics. */
export interface CycleObserver {
  cycle(cycle: Cycle): void;
}

/**
 * Writes to the log what a cycle has applied, in comparison with `before`, the table that the proxy had taken. `planned`: the table from
 * which the change was planned; the two differ where the proxy has not taken the last one.
 */
export function tellCycle(
  { change, outcome, propagationMs }: Cycle,
  {
    log,
    proxy,
    before,
    planned,
  }: { readonly log: Log; readonly proxy: string; readonly before: RoutingTable; readonly planned: RoutingTable },
): void {
  if (outcome.kind !== 'applied') return;
  const { created, updated, removed } = before === planned ? change : diffTables(before, change.serving);
  const fields = {
    component: 'controller',
    proxy,
    digest: change.serving.digest,
    routes: change.serving.routes.length,
    added: created.length,
    changed: updated.length,
    removed: removed.length,
    duration_s: (propagationMs ?? outcome.durationMs) / 1000,
  };
  log.info({ ...fields, event: 'config_applied' }, 'The proxy serves a new configuration');
}
