import type { Log } from '../lib/log.ts';
import type { SourceId } from '../model/names.ts';
import type { Source } from '../sources/source.ts';
import type { SnapshotStore } from './snapshots.ts';

/** A source and what the operator expects of it. */
export interface WatchedSource {
  readonly source: Source;
  /** Named by the operator: start-up waits for it, and readiness needs it. */
  readonly required: boolean;
  /** Its instances of a service count before those of the other catalogs. */
  readonly primary?: boolean;
}

/** How a source has been since the start. */
export interface SourceState {
  readonly synced: boolean;
  readonly problem?: string;
  /** Instances of the last answer. */
  readonly instances?: number;
}

/** All sources of one controller. */
export interface Watcher {
  states(): ReadonlyMap<SourceId, SourceState>;
  /** Asks every source for a fresh read. */
  refresh(): void;
  /** Runs until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Feeds the store from every source; `onChange` is called when something differs or a source's state does. */
export function createWatcher(
  sources: readonly WatchedSource[],
  { store, log, onChange }: { readonly store: SnapshotStore; readonly log: Log; readonly onChange: (changed: boolean) => void },
): Watcher {
  const states = new Map<SourceId, SourceState>(sources.map(({ source }) => [source.id, { synced: false }]));
  let isEmptinessTold = false;
  return {
    states: () => states,
    refresh() {
      for (const { source } of sources) source.refresh();
    },
    async run(signal) {
      await Promise.all(sources.map((watched) => watch(watched, signal)));
    },
  };

  async function watch({ source, required }: WatchedSource, signal: AbortSignal): Promise<void> {
    for await (const event of source.watch(signal)) {
      const before = states.get(source.id);
      if (event.kind === 'failed') {
        states.set(source.id, { ...before, synced: before?.synced ?? false, problem: event.error.message });
        if (before?.problem === undefined) tellFailure(source.id, { required, error: event.error, retryInMs: event.retryInMs });
        onChange(false);
        continue;
      }
      if (before?.problem !== undefined || before?.synced === false) {
        const fields = {
          component: source.id,
          event: 'source_synced',
          source: source.id,
          index: event.snapshot.revision,
          instances: event.snapshot.instances.length,
        };
        log.info(fields, 'The catalog was read');
      }
      states.set(source.id, { synced: true, instances: event.snapshot.instances.length });
      tellEmptyPrimary();
      onChange(store.put(event.snapshot));
    }
  }

  function tellEmptyPrimary(): void {
    const primary = sources.find((watched) => watched.primary)?.source.id;
    if (isEmptinessTold || primary === undefined || states.get(primary)?.instances !== 0) return;
    const other = [...states].find(([, { instances = 0 }]) => instances > 0)?.[0];
    if (other === undefined) return;
    isEmptinessTold = true;
    log.warn(
      { component: primary, event: 'primary_empty', source: primary, other },
      'The primary catalog has no routed service, another one has and is served; name that one in sources.primary',
    );
  }

  function tellFailure(
    source: SourceId,
    { required, error, retryInMs }: { readonly required: boolean; readonly error: Error; readonly retryInMs: number },
  ): void {
    const fields = {
      component: source,
      event: 'source_failed',
      source,
      backoff_s: retryInMs / 1000,
      err: { type: error.name, message: error.message },
    };
    if (required) log.warn(fields, 'The catalog cannot be read; what is known of it stays');
    else log.info(fields, 'An optional catalog does not answer; name it in the configuration or turn it off to silence this');
  }
}

/** How long sources are waited for. */
export interface BarrierWait {
  /** How long a required source may be silent or fail before its saved snapshot takes its place. */
  readonly startupWaitMs: number;
  /** The same for one that has failed. Default: as long. */
  readonly failedWaitMs?: number;
  /** What is known of the other sources will do where there is no snapshot to take its place. */
  readonly partly?: boolean;
}

/**
 * Nothing is written before every source has answered once: then the barrier is `open`. A required source may be replaced by its saved
 * snapshot after a while; an optional one by its first failure, or by two seconds of silence. `shut`: all were waited for, and something is
 * missing.
 */
export function barrierOf(
  sources: readonly WatchedSource[],
  {
    states,
    store,
    waitedMs,
    wait: { startupWaitMs, failedWaitMs = startupWaitMs, partly = false },
  }: {
    readonly states: ReadonlyMap<SourceId, SourceState>;
    readonly store: SnapshotStore;
    readonly waitedMs: number;
    readonly wait: BarrierWait;
  },
): 'open' | 'waiting' | 'shut' {
  const known = store.all();
  const places = sources.map(({ source, required }) => {
    const { synced, problem } = states.get(source.id) ?? { synced: false };
    if (synced) return 'settled';
    if (!required) return problem !== undefined || waitedMs >= 2000 ? 'settled' : 'waiting';
    if (waitedMs < (problem === undefined ? startupWaitMs : failedWaitMs)) return 'waiting';
    return partly || known.has(source.id) ? 'settled' : 'missing';
  });
  if (places.includes('missing')) return 'shut';
  if (places.includes('waiting')) return 'waiting';
  return known.size > 0 ? 'open' : 'shut';
}
