import { createNotifier } from '../lib/notifier.ts';
import { createMutex, type Mutex } from '../lib/mutex.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { ChangeSet, HeldRoute } from '../model/change.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { EMPTY_TABLE } from '../model/table.ts';
import type { GuardOptions } from '../plan/guard.ts';
import type { RenderSettings, Target } from '../targets/target.ts';
import type { ClaimStore } from './claims.ts';
import { tellCycle, type Cycle, type CycleObserver } from './cycle.ts';
import type { GenerationStore } from './generations.ts';
import { withApply, withChange, dueAtMs, idleHoldoff, withoutPending, type HoldoffOptions } from './holdoff.ts';
import { withCulprits } from './isolate.ts';
import type { Pipeline } from './pipeline.ts';
import { planNext } from './planning.ts';
import type { PlanMemoryStore } from './plan-memory.ts';
import { createManagedProxy, type ManagedProxy } from './managed-proxy.ts';
import { generationToPutBack, putBack, type PutBack } from './rollback.ts';
import type { Deployer } from '../apply/deployer.ts';
import type { SnapshotStore } from './snapshots.ts';
import { barrierOf, createWatcher, type BarrierWait, type WatchedSource, type Watcher } from './watcher.ts';

/** Everything one controller works with. */
export interface ControllerOptions {
  readonly proxy: string;
  readonly version: string;
  readonly sources: readonly WatchedSource[];
  readonly pipeline: Pipeline;
  readonly target: Target;
  readonly settings: RenderSettings;
  readonly deployer: Deployer;
  readonly snapshots: SnapshotStore;
  readonly generations: GenerationStore;
  /** Which owner has had each host first. */
  readonly claims: ClaimStore;
  /** What of earlier plans the next one must know: last good forms, tombstones, held removals. */
  readonly memory: PlanMemoryStore;
  readonly holdoff: HoldoffOptions;
  readonly plan: { readonly tombstoneMs: number; readonly guard: GuardOptions };
  readonly startupWaitMs: number;
  /** What to do with a configuration of somebody else in our place: keep it as generation 0 and go on, or leave it alone. */
  readonly foreign: 'adopt' | 'refuse';
  /** What no configuration may hold. */
  readonly secrets: readonly Secret[];
  /** Told of the generation that is served whenever that is another one. */
  readonly onServed?: (generation: number) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: CycleObserver;
}

/** The loop: watches, compiles, plans, applies; and what it knows. */
export interface Controller {
  /** Runs until `signal` aborts; then everything is saved and the proxy keeps running. */
  run(signal: AbortSignal): Promise<void>;
  /** Waits for the catalogs and makes one cycle. Undefined: one that is needed did not answer in time, and nothing is known of it. */
  once(signal: AbortSignal, options: OnceOptions): Promise<Cycle | undefined>;
  readonly state: ControllerState;
  readonly watcher: Watcher;
  readonly managedProxy: ManagedProxy;
  /** Puts a generation back and pins it, after a cycle that is under way. Rejects with a sentence where that fails. */
  rollback(id: number | undefined, options: { readonly acceptRemovals: boolean; readonly signal: AbortSignal }): Promise<PutBack>;
  /** Does something while the proxy is given nothing else. */
  readonly exclusively: Mutex;
  unpin(): Promise<void>;
  /** Lets the removals through that are held now. */
  acceptRemovals(): void;
}

/** How a single cycle is made. */
export interface OnceOptions extends Partial<BarrierWait> {
  /** Plans and renders, applies nothing. */
  readonly dryRun: boolean;
  /** Called again and again while catalogs are waited for. */
  readonly onWait?: (waitedMs: number) => void;
}

/** What the controller knows between cycles. */
export interface ControllerState {
  /** The table that is served. */
  readonly serving: RoutingTable;
  /** The routes of it that are served otherwise than the catalogs ask now; none while a generation is pinned. */
  readonly held: readonly HeldRoute[];
  /** What the last cycle planned, whether or not the proxy took it. */
  readonly change?: ChangeSet;
  /** Of the last cycle. */
  readonly diagnostics: readonly Diagnostic[];
  /** A configuration of ours was verified on the proxy since the start. */
  readonly ready: boolean;
}

/** How often the proxy is asked what it serves: while it runs, and while it is down. */
const LIVE_MS = { up: 2000, down: 250 } as const;
/** How often state is written while nothing else happens. */
const SAVE_MS = 5000;

/**
 * Makes a controller that starts from what the last one left: its generation is the table that is served, its snapshots are stale.
 * One cycle at a time; whatever changes meanwhile is taken up by the next.
 */
export async function createController(options: ControllerOptions): Promise<Controller> {
  const { sources, pipeline, snapshots, generations, claims, memory, clock, log } = options;
  const wake = createNotifier();
  let holdoff = idleHoldoff(options.holdoff);
  let isAccepted = false;
  let recheckAtMs: number | undefined;
  let refreshedAtMs = 0;
  let pendingSinceMs: number | undefined;
  const lastId = generations.current();
  const state: { -readonly [Key in keyof ControllerState]: ControllerState[Key] } = {
    serving: (lastId === undefined ? undefined : (await generations.read(lastId))?.table) ?? EMPTY_TABLE,
    held: [],
    diagnostics: [],
    ready: false,
  };
  let taken = state.serving;
  const render = (table: RoutingTable): RenderedConfig => options.target.render(table, options.settings).value;
  const managedProxy = createManagedProxy({ ...options, render });
  // the proxy is given one thing at a time: by a cycle, by a look at what it serves, or by an operator
  const exclusively = createMutex();
  const watcher = createWatcher(sources, { store: snapshots, log, onChange: noteChange });
  return { run, once, state, watcher, managedProxy, rollback, exclusively, unpin, acceptRemovals };

  function noteChange(isChange: boolean): void {
    if (isChange) {
      holdoff = withChange(holdoff, clock.monotonicMs());
      pendingSinceMs ??= clock.monotonicMs();
    } else if (memory.current.hold) holdoff = withChange(holdoff, clock.monotonicMs());
    wake.notify();
  }

  async function run(signal: AbortSignal): Promise<void> {
    const watching = watcher.run(signal);
    const startedAtMs = clock.monotonicMs();
    noteChange(true);
    let [liveAtMs, savedAtMs] = [0, startedAtMs];
    let wasOpen = false;
    let saving = Promise.resolve();
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const open = barrier(nowMs - startedAtMs) === 'open';
      // what the start waited for is no time that a change took
      if (open && !wasOpen && pendingSinceMs !== undefined) pendingSinceMs = nowMs;
      wasOpen = open;
      if (open && nowMs >= dueAtMs(holdoff, options.holdoff)) await unlessEnded(signal, () => cycle(signal, { dryRun: false }));
      if (nowMs - liveAtMs >= liveMs() && !signal.aborted) {
        liveAtMs = nowMs;
        const wasUp = managedProxy.state.up;
        if (await unlessEnded(signal, () => managedProxy.hasDrifted(signal))) noteChange(true);
        // one that was started again may be another version
        if (!wasUp && managedProxy.state.up) pipeline.forgetWaits(clock.monotonicMs());
      }
      if (nowMs - savedAtMs >= SAVE_MS) {
        savedAtMs = nowMs;
        // a change does not wait for the disk
        saving = saving.then(save);
      }
      wakeHeld();
      const wakeMs = nextWakeMs(open, liveAtMs, startedAtMs);
      if (wakeMs > 0) void managedProxy.keepGenerations(signal);
      await wake.wait(wakeMs, signal);
    }
    await watching;
    await managedProxy.keepGenerations(signal);
    await saving;
    await save();
  }

  /** Exclusively; nothing where what was done before has ended this controller. */
  function unlessEnded<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T | undefined> {
    return exclusively(async () => (signal.aborted ? undefined : task()));
  }

  function liveMs(): number {
    return managedProxy.state.up ? LIVE_MS.up : LIVE_MS.down;
  }

  /** Time alone may end a tombstone, and lets what was refused be tried again; a held removal needs a fresh read to be believed. */
  function wakeHeld(): void {
    const nowMs = clock.nowMs();
    if (recheckAtMs !== undefined && nowMs >= recheckAtMs) {
      recheckAtMs = undefined;
      holdoff = withChange(holdoff, clock.monotonicMs());
      wake.notify();
    }
    if (memory.current.hold && nowMs - Math.max(memory.current.hold.sinceMs, refreshedAtMs) >= options.plan.guard.rereadMs) {
      refreshedAtMs = nowMs;
      watcher.refresh();
    }
    if (pipeline.retry(clock.monotonicMs())) noteChange(true);
  }

  function nextWakeMs(open: boolean, liveAtMs: number, startedAtMs: number): number {
    const nowMs = clock.monotonicMs();
    const due = open ? dueAtMs(holdoff, options.holdoff) : Math.max(nowMs + 50, Math.min(startedAtMs + options.startupWaitMs, nowMs + 500));
    const recheck = recheckAtMs === undefined ? Number.POSITIVE_INFINITY : nowMs + recheckAtMs - clock.nowMs();
    return Math.max(0, Math.min(due, liveAtMs + liveMs(), recheck, pipeline.retryAtMs()) - nowMs);
  }

  function barrier(waitedMs: number, wait: Partial<BarrierWait> = {}): ReturnType<typeof barrierOf> {
    const { startupWaitMs } = options;
    return barrierOf(sources, { states: watcher.states(), store: snapshots, waitedMs, wait: { startupWaitMs, ...wait } });
  }

  /** Whether every source has failed, so that there is nothing new; who only looks can look at what is known. */
  function isHopeless(dryRun: boolean): boolean {
    const states = watcher.states();
    return (!dryRun || snapshots.all().size === 0) && sources.every(({ source }) => states.get(source.id)?.problem !== undefined);
  }

  async function once(signal: AbortSignal, asked: OnceOptions): Promise<Cycle | undefined> {
    const stop = new AbortController();
    const watching = watcher.run(AbortSignal.any([signal, stop.signal]));
    const result = await firstCycle(signal, asked).finally(() => {
      stop.abort();
      return watching;
    });
    if (asked.dryRun) return result;
    await managedProxy.keepGenerations(signal);
    await save();
    return result;
  }

  /** The cycle that the catalogs allow first; undefined where none of them answers in time. */
  async function firstCycle(signal: AbortSignal, { dryRun, onWait, ...wait }: OnceOptions): Promise<Cycle | undefined> {
    const startedAtMs = clock.monotonicMs();
    while (!signal.aborted) {
      const waitedMs = clock.monotonicMs() - startedAtMs;
      const state = barrier(waitedMs, wait);
      if (state === 'open') return cycle(signal, { dryRun });
      if (state === 'shut' || isHopeless(dryRun)) return undefined;
      onWait?.(waitedMs);
      await wake.wait(50, signal);
    }
    return undefined;
  }

  async function cycle(signal: AbortSignal, { dryRun }: { readonly dryRun: boolean }): Promise<Cycle> {
    holdoff = withoutPending(holdoff);
    const sinceMs = pendingSinceMs;
    pendingSinceMs = undefined;
    const startedAtMs = clock.monotonicMs();
    const wasAccepted = isAccepted;
    const now = { serving: state.serving, memory: memory.current, nowMs: clock.nowMs(), isAccepted };
    const { value: planned, diagnostics } = planNext(options, now);
    const { change } = planned;
    const compiledAtMs = clock.monotonicMs();
    const rendered = options.target.render(change.serving, options.settings);
    const renderedAtMs = clock.monotonicMs();
    // what is wrong with tags is known before a proxy has taken what they ask for
    state.diagnostics = [...diagnostics, ...rendered.diagnostics];
    const outcome = dryRun ? { kind: 'planned' as const } : await give(rendered.value, change.serving, signal);
    const endedAtMs = clock.monotonicMs();
    if (outcome.kind === 'applied' || outcome.kind === 'rolledBack')
      holdoff = withApply(holdoff, { endedAtMs, durationMs: endedAtMs - renderedAtMs }, options.holdoff);
    // a proxy that could not be reached is given this one as soon as it can be
    if (!dryRun && outcome.kind !== 'rejected' && outcome.kind !== 'rolledBack' && outcome.kind !== 'pinned') {
      memory.set(planned.memory);
      // what was accepted while the proxy took this one is for the next
      if (wasAccepted) isAccepted = false;
      state.serving = change.serving;
      state.held = change.held;
      recheckAtMs = change.recheckAtMs;
    }
    if (managedProxy.state.verified) state.ready ||= requiredSynced();
    if (outcome.kind === 'applied' || outcome.kind === 'unchanged') pipeline.accept();
    const refusal = outcome.kind === 'rejected' ? outcome : outcome.kind === 'rolledBack' ? { units: [] } : undefined;
    if (refusal && pipeline.refuse(refusal, change.serving, clock.monotonicMs())) noteChange(true);
    state.change = change;
    const result: Cycle = {
      change,
      diagnostics: state.diagnostics,
      outcome,
      times: { compileMs: compiledAtMs - startedAtMs, renderMs: renderedAtMs - compiledAtMs, applyMs: endedAtMs - renderedAtMs },
      ...(sinceMs !== undefined && { propagationMs: endedAtMs - sinceMs }),
    };
    tellCycle(result, { ...options, before: taken, planned: now.serving });
    if (outcome.kind === 'applied' || outcome.kind === 'unchanged') taken = change.serving;
    options.observer?.cycle(result);
    return result;
  }

  async function give(config: RenderedConfig, table: RoutingTable, signal: AbortSignal): ReturnType<ManagedProxy['program']> {
    const outcome = await managedProxy.program(config, table, signal);
    return withCulprits(outcome, { serving: state.serving, table, render, managedProxy, clock, signal });
  }

  function requiredSynced(): boolean {
    return sources.every(({ source, required }) => !required || watcher.states().get(source.id)?.synced);
  }

  async function save(): Promise<void> {
    await snapshots.save().catch(tellSaveFailure);
    await claims.save().catch(tellSaveFailure);
    await memory.save().catch(tellSaveFailure);
  }

  function tellSaveFailure(error: unknown): void {
    log.error(
      { component: 'state', event: 'state_write_failed', err: { message: String(error) } },
      'Cannot write state; it is tried again',
    );
  }

  function rollback(
    id: number | undefined,
    { acceptRemovals: accept, signal }: { readonly acceptRemovals: boolean; readonly signal: AbortSignal },
  ): Promise<PutBack> {
    return exclusively(async () => {
      await managedProxy.keepGenerations(signal);
      const generation = await generationToPutBack(generations, id);
      const { guard } = options.plan;
      const done = await putBack(generation, { generations, managedProxy, serving: state.serving, guard, acceptRemovals: accept }, signal);
      state.serving = done.table;
      taken = done.table;
      state.held = [];
      log.warn(
        { component: 'controller', event: 'rolled_back', proxy: options.proxy, generation: generation.id, served: done.served },
        'A generation was put back and is pinned until unpin',
      );
      return done;
    });
  }

  function acceptRemovals(): void {
    isAccepted = true;
    log.warn(
      { component: 'controller', event: 'removals_accepted', proxy: options.proxy },
      'The held removals are accepted by an operator',
    );
    noteChange(true);
  }

  async function unpin(): Promise<void> {
    await generations.unpin();
    noteChange(true);
  }
}
