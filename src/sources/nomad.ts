import { messageOf } from '../lib/errors.ts';
import { fullJitterMs, mapLimited, sleep } from '../lib/async.ts';
import { createNotifier } from '../lib/notifier.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { sortedUnique } from '../lib/sort.ts';
import type { CatalogSnapshot, SourceEvent } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import { createNomad } from '../nomad/client.ts';
import type { NomadConnection } from '../nomad/connection.ts';
import { NomadError } from '../nomad/error.ts';
import type { StreamPatience } from '../nomad/events.ts';
import { createNomadCatalog } from './nomad-catalog.ts';
import { createNomadReads, IN_FLIGHT, type NomadListing } from './nomad-reads.ts';
import { openNomadStreams, type NomadStreams } from './nomad-streams.ts';
import { createReadiness } from './readiness.ts';
import type { Source } from './source.ts';

/** What the Nomad source needs. */
export interface NomadSourceOptions {
  readonly connection: NomadConnection;
  /** Namespaces to watch; `*`: all. Default: what the connection says. */
  readonly namespaces?: readonly string[] | undefined;
  /** Whether a tag asks for a route: services without such a tag are not read. */
  readonly isRoutingTag: (tag: string) => boolean;
  /** ms between checks for missed events and new namespaces, at most 60,000. */
  readonly resyncMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether new instances wait until they accept a connection. Default true. */
  readonly readiness?: boolean;
  readonly patience?: Partial<StreamPatience>;
}

/** How long removals are doubted after an outage, after the index fell, and while rights are missing. */
const DOUBT_MS = { reconnect: 10_000, reset: 60_000 } as const;
/** How long an event may come after the list that already has it. */
const LATE_EVENT_MS = 2000;
const POLL_MS = 1000;
/** How long the list is polled before streams are tried again. */
const POLLING_MS = 300_000;
/** A stream that ends sooner did not do its work: the pauses before the next one grow, up to the longest. */
const SHORT_SESSION_MS = 5000;
const LONGEST_PAUSE_MS = 2000;

/**
 * Nomad's catalog: an event stream that carries whole registrations, opened before everything is read, so that what happens meanwhile is
 * taken afterwards by its index. The index of the list, read every `resyncMs`, shows missed events and a wiped server; the list shows
 * namespaces that came after the stream. Where a stream on all namespaces is refused there is one for each, where those are refused
 * too the list is polled. An instance goes when an event or a read with a leader says so; a namespace that is no longer listed is asked
 * for by name first, because lists on `*` leave out what the token may not read.
 */
export function createNomadSource(options: NomadSourceOptions): Source {
  const { connection, isRoutingTag, clock, log, patience = {}, readiness = true } = options;
  const namespaces = sortedUnique(options.namespaces ?? [connection.namespace]);
  const isStar = namespaces.includes('*') || namespaces.length === 0;
  const resyncMs = Math.min(options.resyncMs, 60_000);
  const id = sourceId('nomad');
  const nomad = createNomad(connection);
  const reads = createNomadReads(nomad, isStar ? '*' : namespaces);
  const catalog = createNomadCatalog({ id, isRoutingTag });
  const [news, work] = [createNotifier(), createNotifier()];
  const gate = createReadiness({ onChange: change });

  let doubt: { readonly reason: string; readonly untilMs: number } | undefined;
  let unreadable: readonly string[] = [];
  let observedAtMs = 0;
  let failure: { readonly error: Error; readonly retryInMs: number } | undefined;
  let [isChanged, isSynced, isAsked, wasDown] = [false, false, false, false];

  return {
    id,
    refresh() {
      isAsked = true;
      work.notify();
    },
    async *watch(signal): AsyncGenerator<SourceEvent> {
      const reading = readForEver(signal);
      try {
        while (!signal.aborted) {
          if (failure) {
            const { error, retryInMs } = failure;
            failure = undefined;
            yield { kind: 'failed', source: id, error, retryInMs };
          } else if (isChanged && isSynced) {
            isChanged = false;
            yield { kind: 'snapshot', snapshot: snapshot() };
          } else await news.wait(60_000, signal);
        }
      } finally {
        gate.close();
        await nomad.close();
        await reading;
      }
    },
  };

  /** One session after the other. The end of a stream is normal; a failed read is reported, and then one probe asks for a leader. */
  async function readForEver(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted) {
      const session = new AbortController();
      const until = AbortSignal.any([signal, session.signal]);
      const startedAtMs = clock.monotonicMs();
      try {
        await runSession(until);
        attempt = clock.monotonicMs() - startedAtMs < SHORT_SESSION_MS ? attempt + 1 : 0;
        session.abort();
        await sleep(fullJitterMs({ attempt, baseMs: 100, maxMs: LONGEST_PAUSE_MS, clock }), signal);
      } catch (error) {
        session.abort();
        if (signal.aborted) return;
        attempt += 1;
        const retryInMs = 100 + fullJitterMs({ attempt, baseMs: 200, maxMs: 10_000, clock });
        wasDown = true;
        fail(error, retryInMs);
        if (isRefusal(error)) await sleep(retryInMs, signal);
        else await waitForLeader(signal);
      }
    }
  }

  /** Opens the streams, reads, and takes events until a stream ends. Throws where a read fails. */
  async function runSession(signal: AbortSignal): Promise<void> {
    const streams = await subscribe(signal);
    if (wasDown && isSynced) distrust('the connection to it is fresh', DOUBT_MS.reconnect);
    wasDown = false;
    if (!isSynced || isAsked || streams.kind !== 'star' || !streams.resumed) await readAll(signal);
    else if ((await missing(streams, signal)) !== 'nothing') await readAll(signal);
    await (streams.kind === 'polling' ? poll(signal) : follow(streams, signal));
  }

  async function subscribe(signal: AbortSignal): Promise<Subscription> {
    const open = (wanted: readonly string[], index: bigint): Promise<NomadStreams | undefined> =>
      openNomadStreams({ nomad, namespaces: wanted, index, patience, onLine: () => work.notify(), signal });
    const index = isSynced ? catalog.position : 0n;
    const star = isStar ? await open(['*'], index) : undefined;
    if (star) return { ...star, kind: 'star', resumed: index > 0n };
    const wanted = isStar ? (await reads.list(signal)).body.map(({ Namespace: namespace }) => namespace) : namespaces;
    // without a service there is no namespace to name: the first one shows in the list
    const each = wanted.length > 0 ? await open(sortedUnique(wanted), 0n) : undefined;
    if (each) return { ...each, kind: 'each' };
    const fields = { component: 'nomad', event: 'stream_refused', namespaces: wanted };
    log.warn(fields, 'Nomad refuses its event stream: its list of services is polled instead. Grant read-job on the namespaces');
    return { kind: 'polling' };
  }

  async function follow(streams: NomadStreams, signal: AbortSignal): Promise<void> {
    let checkAtMs = clock.monotonicMs() + resyncMs;
    while (!signal.aborted) {
      await take(streams, signal);
      if (streams.overflowed()) return readAll(signal);
      if (isAsked || isDoubtOver()) await readAll(signal);
      if (clock.monotonicMs() >= checkAtMs) {
        const missed = await missing(streams, signal);
        if (missed !== 'nothing') {
          await sleep(fullJitterMs({ attempt: 0, baseMs: Math.min(1000, resyncMs), maxMs: 1000, clock }), signal);
          await readAll(signal);
        }
        // a stream never carries a namespace that came after it
        if (missed === 'namespace') return;
        checkAtMs = clock.monotonicMs() + resyncMs;
      }
      if (streams.ended()) return take(streams, signal);
      await work.wait(Math.min(checkAtMs, doubt?.untilMs ?? checkAtMs) - clock.monotonicMs(), signal);
    }
  }

  /** Takes what the streams brought. */
  async function take(streams: NomadStreams, signal: AbortSignal): Promise<void> {
    let isNews = false;
    for (let line = streams.next(); line; line = streams.next()) {
      const { changed, toRead } = catalog.apply(line);
      isNews ||= changed;
      for (const service of toRead) {
        catalog.put(service, await reads.service(service, signal));
        isNews = true;
      }
    }
    if (isNews) change();
  }

  /** Compares the list with what is known: the index of the list is that of the newest event. */
  async function missing(streams: NomadStreams, signal: AbortSignal): Promise<'nothing' | 'events' | 'namespace'> {
    const before = catalog.position;
    const answer = await reads.list(signal);
    const deadlineMs = clock.monotonicMs() + LATE_EVENT_MS;
    await take(streams, signal);
    while (answer.index > catalog.position && clock.monotonicMs() < deadlineMs && !streams.ended() && !signal.aborted) {
      await work.wait(deadlineMs - clock.monotonicMs(), signal);
      await take(streams, signal);
    }
    if (isStar && answer.body.some(({ Namespace: namespace }) => !catalog.namespaces.has(namespace))) return 'namespace';
    if (answer.index < before || answer.index > catalog.position) return 'events';
    observedAtMs = clock.nowMs();
    return 'nothing';
  }

  /** Without a stream: the list is read, and everything when its index moved. No read waits: one that is given up costs a connection. */
  async function poll(signal: AbortSignal): Promise<void> {
    const endAtMs = clock.monotonicMs() + POLLING_MS;
    while (!signal.aborted && clock.monotonicMs() < endAtMs) {
      await work.wait(Math.min(POLL_MS, resyncMs), signal);
      if (signal.aborted) return;
      if (isAsked || isDoubtOver() || (await reads.list(signal)).index !== catalog.position) await readAll(signal);
      else observedAtMs = clock.nowMs();
    }
  }

  /** Reads everything. Throws where one read fails: a state is all or nothing. */
  async function readAll(signal: AbortSignal): Promise<void> {
    const wasAsked = isAsked;
    isAsked = false;
    try {
      const before = catalog.position;
      const answer = await reads.list(signal);
      const listed = answer.body.flatMap(({ Namespace: namespace, Services: services }) =>
        services.map(({ ServiceName: name, Tags: tags }) => ({ namespace, name, isRouted: tags.some(isRoutingTag) })),
      );
      const lost = await reads.unreadable(isStar ? unlisted(answer) : [], signal);
      const routed = listed.filter(({ isRouted }) => isRouted);
      const services = await mapLimited(routed, IN_FLIGHT, async ({ namespace, name }) => ({
        namespace,
        name,
        ...(await reads.service({ namespace, name }, signal)),
      }));
      if (isDoubtOver()) doubt = undefined;
      if (isSynced && answer.index < before) distrust(`its index fell from ${before} to ${answer.index}`, DOUBT_MS.reset);
      if (!isSynced && answer.index <= 1n) distrust(`its index is ${answer.index}: nothing was ever registered`, DOUBT_MS.reset);
      catalog.replace({ index: answer.index, services, unread: listed.filter(({ isRouted }) => !isRouted) }, new Set(lost));
      unreadable = lost;
      isSynced = true;
      change();
    } catch (error) {
      isAsked ||= wasAsked;
      throw error;
    }
  }

  /** Namespaces that we know and that the list lacks, perhaps because the token may no longer read them. */
  function unlisted({ body }: NomadListing): readonly string[] {
    const listed = new Set(body.map(({ Namespace: namespace }) => namespace));
    return [...catalog.namespaces].filter((namespace) => !listed.has(namespace));
  }

  /** One probe for all, until a leader is known. */
  async function waitForLeader(signal: AbortSignal): Promise<void> {
    let isDown = true;
    while (!signal.aborted && isDown) {
      await sleep(250 + 250 * clock.random(), signal);
      isDown = !(await nomad.hasLeader(signal).catch(() => false));
    }
  }

  function snapshot(): CatalogSnapshot {
    const instances = catalog.instances();
    const reason =
      unreadable.length > 0 ? `the token may not read ${unreadable.map((name) => JSON.stringify(name)).join(', ')}` : doubt?.reason;
    return {
      source: id,
      revision: String(catalog.position),
      observedAtMs,
      local: connection.local,
      ...(reason !== undefined && { doubt: reason }),
      instances: readiness ? gate.sift(instances) : instances,
    };
  }

  function distrust(reason: string, ms: number): void {
    const untilMs = clock.monotonicMs() + ms;
    if (!doubt || doubt.untilMs < untilMs) doubt = { reason, untilMs };
  }

  function isDoubtOver(): boolean {
    return doubt !== undefined && clock.monotonicMs() >= doubt.untilMs;
  }

  function change(): void {
    observedAtMs = clock.nowMs();
    isChanged = true;
    news.notify();
  }

  function fail(error: unknown, retryInMs: number): void {
    failure = { error: error instanceof Error ? error : new Error(messageOf(error)), retryInMs };
    news.notify();
  }
}

/** How changes arrive: one stream on all namespaces, one each, or not at all. `resumed`: it went on where the last one ended. */
type Subscription =
  | (NomadStreams & { readonly kind: 'star'; readonly resumed: boolean })
  | (NomadStreams & { readonly kind: 'each' })
  | { readonly kind: 'polling' };

/** A refusal is not healed by a leader: it is waited out. */
function isRefusal(error: unknown): boolean {
  return error instanceof NomadError && error.status >= 400 && error.status < 500;
}
