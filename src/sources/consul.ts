import { fullJitterMs } from '../lib/async.ts';
import { createNotifier } from '../lib/notifier.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { compareText } from '../lib/sort.ts';
import { openScope, scopeOf, type Scope } from '../lib/scope.ts';
import type { CatalogSnapshot, SourceEvent } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import { createConsulCatalog } from './consul-catalog.ts';
import { ConsulError, createConsulClient } from './consul-client.ts';
import type { ConsulConnection } from './consul-connection.ts';
import { createConsulNotes } from './consul-notes.ts';
import { EpochOver, runEpoch, type ConsulTiming, type EpochHooks } from './consul-epoch.ts';
import type { Source } from './source.ts';

/** What the Consul source needs. */
export interface ConsulSourceOptions {
  readonly connection: ConsulConnection;
  readonly datacenter?: string | undefined;
  /** Whether a tag asks for a route: services without such a tag are not read. */
  readonly isRoutingTag: (tag: string) => boolean;
  /** ms between reads that confirm everything; large catalogs take longer, the list of services never more than a minute. */
  readonly resyncMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing?: Partial<ConsulTiming>;
}

/** How long removals are doubted after an outage, and after the index fell. */
const DOUBT_MS = { reconnect: 10_000, reset: 60_000 } as const;
const FILTERED = 'its answers are filtered: the token may not see everything, expected service_prefix "" read and node_prefix "" read';
/** An epoch that ends sooner did not do its work: the next one waits, longer each time. */
const SHORT_EPOCH_MS = 5000;
/** How often a token is tried again, and its file looked at. */
const TOKEN_MS = { retry: 5000, look: 250 } as const;

/**
 * Consul's catalog, read in epochs: everything is read without index, then one waiting read on the list of services, the canary of the
 * source, and one on each service with a routing tag tell of what changes. An instance goes only when a read without index,
 * with a leader, says so. An epoch ends when the list shows that indexes are worth nothing any more, and with every failure of agent or
 * token; while the agent is down one probe asks for it.
 */
export function createConsulSource(options: ConsulSourceOptions): Source {
  const { connection, datacenter, isRoutingTag, resyncMs, clock, log } = options;
  const id = sourceId('consul');
  const timing: ConsulTiming = {
    waitMs: 300_000,
    checkMs: Math.min(resyncMs, 60_000),
    rereadMs: resyncMs,
    rereadGapMs: 60,
    pollMs: 5000,
    togetherMs: 100,
    readMs: 10_000,
    unreadMs: 1500,
    ...options.timing,
  };
  const client = createConsulClient(connection, { datacenter, readMs: timing.readMs });
  const catalog = createConsulCatalog({ id, isRoutingTag });
  const [news, work] = [createNotifier(), createNotifier()];
  const notes = createConsulNotes({ log, clock });

  let doubt: { readonly reason: string; readonly untilMs: number } | undefined;
  let observedAtMs = 0;
  let failure: { readonly error: Error; readonly retryInMs: number } | undefined;
  let [isChanged, isSynced, isAsked, wasFiltered] = [false, false, false, false];

  const hooks: EpochHooks = { changed: change, reading, fell, failing: fail, wanted };
  return {
    id,
    refresh() {
      isAsked = true;
      work.notify();
    },
    async *watch(signal): AsyncGenerator<SourceEvent> {
      const ended = readForEver(scopeOf(signal));
      try {
        while (!signal.aborted) {
          if (isChanged && isSynced) {
            isChanged = false;
            yield { kind: 'snapshot', snapshot: snapshot() };
          } else if (failure) {
            const { error, retryInMs } = failure;
            failure = undefined;
            yield { kind: 'failed', source: id, error, retryInMs };
          } else await news.wait(60_000, signal);
        }
      } finally {
        await ended;
        await client.close();
      }
    },
  };

  /** One epoch after the other. */
  async function readForEver(scope: Scope): Promise<void> {
    for (let attempt = 0; !scope.isOver; attempt += 1) {
      const epoch = openScope(scope);
      const [startedAtMs, token] = [clock.monotonicMs(), connection.token()?.reveal()];
      try {
        await runEpoch({ client, catalog, timing, clock, notes, hooks }, epoch);
      } catch (error) {
        epoch.end();
        if (scope.isOver) return;
        if (clock.monotonicMs() - startedAtMs >= SHORT_EPOCH_MS) attempt = 0;
        await recover(error, { attempt, token, scope });
      }
    }
  }

  /** Waits until another epoch is worth a try. */
  async function recover(
    error: unknown,
    { attempt, token, scope }: { readonly attempt: number; readonly token: string | undefined; readonly scope: Scope },
  ): Promise<void> {
    const pauseMs = attempt === 0 ? 0 : fullJitterMs({ attempt, baseMs: 100, maxMs: 10_000, clock });
    if (error instanceof EpochOver) {
      notes.epochOver(error.message);
      return scope.sleep(pauseMs);
    }
    if (!(error instanceof ConsulError)) throw error;
    switch (error.fault) {
      case 'agent':
        fail(error, pauseMs);
        await scope.sleep(pauseMs);
        await leader(scope);
        if (isSynced) distrust('the connection to it is fresh', DOUBT_MS.reconnect);
        return;
      case 'token':
        fail(error, TOKEN_MS.retry);
        notes.tokenRefused(error);
        await anotherToken(token, scope);
        if (isSynced) distrust('its token was refused', DOUBT_MS.reconnect);
        return;
      case 'limit':
      case 'request': {
        const waitMs = error.retryAfterMs ?? 500 + pauseMs;
        fail(error, waitMs);
        return scope.sleep(waitMs);
      }
      default:
        error.fault satisfies never;
    }
  }

  /** One probe for all, until a leader is known. */
  async function leader(scope: Scope): Promise<void> {
    while (!scope.isOver && !(await client.hasLeader(scope))) await scope.sleep(250 + 250 * clock.random());
  }

  /** Until the token is another one, or long enough to try the same again. */
  async function anotherToken(token: string | undefined, scope: Scope): Promise<void> {
    const endAtMs = clock.monotonicMs() + TOKEN_MS.retry;
    while (!scope.isOver && clock.monotonicMs() < endAtMs && connection.token()?.reveal() === token) await scope.sleep(TOKEN_MS.look);
  }

  /** A read of everything. When it is through, whoever asked for one before is answered, and doubts that ended before it are gone. */
  function reading(): () => void {
    const [startedAtMs, wallMs, wasAsked] = [clock.monotonicMs(), clock.nowMs(), isAsked];
    return () => {
      if (wasAsked) isAsked = false;
      if (doubt && doubt.untilMs <= startedAtMs) doubt = undefined;
      observedAtMs = Math.max(observedAtMs, wallMs);
      isSynced = true;
      notes.tokenAccepted();
      change();
    };
  }

  async function wanted(ms: number, scope: Scope): Promise<boolean> {
    const endAtMs = clock.monotonicMs() + ms;
    const { controller, release } = scope.abortable();
    const isWanted = (): boolean => isAsked || (doubt !== undefined && doubt.untilMs <= clock.monotonicMs());
    while (!isWanted() && !scope.isOver && clock.monotonicMs() < endAtMs)
      await work.wait(Math.min(endAtMs, doubt?.untilMs ?? endAtMs) - clock.monotonicMs(), controller.signal);
    release();
    return isWanted();
  }

  function snapshot(): CatalogSnapshot {
    const reason = catalog.isFiltered ? FILTERED : doubt?.reason;
    const { unread } = catalog;
    const faults = [...catalog.faults].map(([name, fault]) => `${name}: ${fault}`).toSorted(compareText);
    return {
      source: id,
      revision: String(catalog.list.index),
      observedAtMs,
      local: connection.local,
      ...(reason !== undefined && { doubt: reason }),
      ...(faults.length > 0 && { faults }),
      ...(unread.length > 0 && { unread }),
      instances: catalog.instances(),
    };
  }

  function fell(before: bigint, now: bigint): void {
    distrust(`its index fell from ${before} to ${now}`, DOUBT_MS.reset);
  }

  function distrust(reason: string, ms: number): void {
    const untilMs = clock.monotonicMs() + ms;
    if (!doubt || doubt.untilMs < untilMs) doubt = { reason, untilMs };
    work.notify();
  }

  function change(): void {
    if (catalog.isFiltered && !wasFiltered) notes.filtered();
    wasFiltered = catalog.isFiltered;
    // what comes later is true: a failure that nobody heard of yet is over
    [isChanged, failure] = [true, undefined];
    news.notify();
  }

  function fail(error: Error, retryInMs: number): void {
    failure = { error, retryInMs };
    news.notify();
  }
}
