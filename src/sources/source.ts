import type { SourceEvent } from '../model/catalog.ts';
import type { SourceId } from '../model/names.ts';

/**
 * One catalog of services. `watch` yields complete snapshots (never deltas, never half of an answer) and failures; it ends only
 * when `signal` aborts, and never throws for anything the catalog does. A failure is no absence: whoever listens keeps the last
 * snapshot. Nothing is missing from a snapshot that a trusted read did not confirm as gone, unless the snapshot says `doubt`.
 */
export interface Source {
  readonly id: SourceId;
  watch(signal: AbortSignal): AsyncIterable<SourceEvent>;
  /** Asks for a fresh trusted read of everything; `watch` answers with a snapshot even when nothing has changed. */
  refresh(): void;
}
