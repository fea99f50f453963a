import { createBell } from '../lib/bell.ts';
import { fullJitterMs, mapLimited, sleep } from '../lib/async.ts';
import { messageOf } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { compareText } from '../lib/sort.ts';
import { compareInstances, type CatalogSnapshot, type ServiceInstance, type SourceEvent } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import { parseHealthRows, parseServiceList } from './consul-catalog.ts';
import { ConsulError, createConsulClient, type ConsulAnswer } from './consul-client.ts';
import type { ConsulConnection } from './consul-connection.ts';
import type { Source } from './source.ts';

/** What the Consul source needs. */
export interface ConsulSourceOptions {
  readonly connection: ConsulConnection;
  readonly datacenter?: string | undefined;
  /** Whether a tag asks for a route: services without such a tag are not read. */
  readonly claims: (tag: string) => boolean;
  /** ms between reads that confirm the list of services. */
  readonly resyncMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is known of one service. */
interface KnownService {
  readonly index: bigint;
  readonly instances: readonly ServiceInstance[];
}

const WAIT_MS = 300_000;
/** Reads that are in flight at once when everything is read. */
const IN_FLIGHT = 64;
/** How long removals are doubted after a reconnect, and after the index fell. */
const DOUBT_MS = { reconnect: 10_000, reset: 60_000 } as const;
/** Connections left for reads that do not wait. */
const RESERVED_CONNECTIONS = 20;
const UNKNOWN_LIMIT = 150;
const POLL_MS = 5000;

/**
 * Consul's catalog: one waiting read on the list of services, the canary of the source, and one per service with a routing tag. A
 * streamed answer is a bell, not evidence: additions and changes are taken at once, a removal only from a read without index. The same
 * index is ignored; a list whose index falls or that fails starts everything anew. While the agent is down one probe asks for it.
 */
export function createConsulSource(options: ConsulSourceOptions): Source {
  const { connection, datacenter, claims, resyncMs, clock, log } = options;
  const id = sourceId('consul');
  const client = createConsulClient(connection);
  const query = datacenter === undefined ? '' : `?dc=${encodeURIComponent(datacenter)}`;
  const listPath = `/v1/catalog/services${query}`;
  const pathOf = (name: string): string => `/v1/health/service/${encodeURIComponent(name)}${query}`;
  const bell = createBell();

  let services = new Map<string, KnownService>();
  let list: { readonly index: bigint; readonly names: ReadonlySet<string> } = { index: 0n, names: new Set() };
  let doubt: { readonly reason: string; readonly untilMs: number } | undefined;
  let observedAtMs = 0;
  let failure: { readonly error: Error; readonly retryInMs: number } | undefined;
  let [isChanged, isSynced, isAsked] = [false, false, false];
  let told: number | undefined;

  return {
    id,
    refresh() {
      isAsked = true;
      bell.ring();
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
          } else await bell.wait(60_000, signal);
        }
      } finally {
        await reading;
        await client.close();
      }
    },
  };

  /** One epoch after the other: all is read, then watched until something shows that it must be read again. */
  async function readForEver(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted) {
      const epoch = new AbortController();
      const until = AbortSignal.any([signal, epoch.signal]);
      try {
        await readAll(until);
        attempt = 0;
        await watchAll(until);
      } catch (error) {
        if (signal.aborted) return;
        const isOver = error instanceof EpochOver;
        if (!isOver) fail(error, fullJitterMs({ attempt, baseMs: 250, maxMs: 10_000, clock }));
        attempt += isOver ? 0 : 1;
        epoch.abort();
        if (!isOver) await waitForLeader(signal, attempt);
      } finally {
        epoch.abort();
      }
    }
  }

  /** Reads everything without index. Throws where one read fails: a generation is all or nothing. */
  async function readAll(signal: AbortSignal): Promise<void> {
    const answer = trusted(await client.read(listPath, signal));
    const names = routedNames(answer);
    const read = await mapLimited([...names], IN_FLIGHT, async (name) => [name, await readService(name, signal)] as const);
    if (isSynced && answer.index < list.index) distrust(`its index fell from ${list.index} to ${answer.index}`, DOUBT_MS.reset);
    services = new Map(read);
    list = { index: answer.index, names };
    if (answer.filtered) distrust('its answers are filtered: the token lacks service:read or node:read', resyncMs * 2);
    confirm();
  }

  async function readService(name: string, signal: AbortSignal): Promise<KnownService> {
    const answer = trusted(await client.read(pathOf(name), signal));
    return { index: answer.index, instances: parseHealthRows(answer.body, { name, source: id }) };
  }

  /** Watches list and services until one of them throws. */
  async function watchAll(signal: AbortSignal): Promise<void> {
    const limit = connection.origin.startsWith('https:') ? Number.POSITIVE_INFINITY : ((await client.connectionLimit()) ?? UNKNOWN_LIMIT);
    const budget = limit - RESERVED_CONNECTIONS;
    const watched = new Set<string>();
    const running = new Set<Promise<void>>();
    let broken: (error: unknown) => void = () => undefined;
    const breaking = new Promise<never>((_resolve, reject) => {
      broken = reject;
    });
    breaking.catch(() => undefined);
    const start = (task: Promise<void>): void => {
      running.add(task);
      task.catch(broken).finally(() => running.delete(task));
    };
    const watchNew = (): void => {
      for (const name of list.names) {
        if (watched.has(name) || watched.size >= budget) continue;
        watched.add(name);
        start(watchService(name, signal).finally(() => watched.delete(name)));
      }
      if (list.names.size > watched.size) tellBudget(list.names.size, limit);
    };
    watchNew();
    start(watchList(signal, watchNew));
    start(confirmRegularly(signal));
    start(pollUnwatched(signal, watched));
    await Promise.race([breaking, aborted(signal)]);
  }

  async function watchList(signal: AbortSignal, watchNew: () => void): Promise<void> {
    while (!signal.aborted) {
      const waitMs = Math.round(WAIT_MS * (0.8 + 0.2 * clock.random()));
      const startedAtMs = clock.monotonicMs();
      const answer = await client.block(listPath, { index: list.index, waitMs, signal });
      const isEarly = clock.monotonicMs() - startedAtMs < waitMs * 0.95;
      if (answer.index === list.index) {
        if (isEarly) throw new EpochOver('the list came back early with the same index');
        continue;
      }
      if (answer.index <= 1n || answer.index < list.index) throw new EpochOver('the index of the list fell');
      await takeList(answer, signal);
      watchNew();
      await sleep(list.names.size > 1000 ? 1000 : 250, signal);
    }
  }

  /** New names are read at once; names that are gone are looked for once more without index. */
  async function takeList(answer: ConsulAnswer, signal: AbortSignal): Promise<void> {
    const seen = routedNames(answer);
    const isMissing = [...list.names].some((name) => !seen.has(name));
    const confirmed = isMissing ? trusted(await client.read(listPath, signal)) : answer;
    const names = isMissing ? routedNames(confirmed) : seen;
    const added = [...names].filter((name) => !services.has(name));
    const read = await mapLimited(added, IN_FLIGHT, async (name) => [name, await readService(name, signal)] as const);
    for (const [name, known] of read) services.set(name, known);
    for (const name of services.keys()) if (!names.has(name)) services.delete(name);
    list = { index: answer.index, names };
    if (read.length > 0 || isMissing) change();
  }

  async function watchService(name: string, signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted && list.names.has(name)) {
      const known = services.get(name);
      if (!known) return;
      try {
        const waitMs = Math.round(WAIT_MS * (0.8 + 0.2 * clock.random()));
        const answer = await client.block(pathOf(name), { index: known.index, waitMs, signal });
        attempt = 0;
        if (!services.has(name)) return;
        if (answer.index === known.index) continue;
        await takeService(name, { answer, known, signal });
      } catch (error) {
        if (signal.aborted) return;
        // a refusal concerns this service alone; anything else the agent
        if (!(error instanceof ConsulError && error.status >= 400 && error.status < 500)) throw error;
        attempt += 1;
        log.warn(
          { component: 'consul', event: 'service_read_refused', service: name, err: { message: error.message } },
          'Consul refuses a service; what is known of it stays',
        );
        await sleep(fullJitterMs({ attempt, baseMs: 500, maxMs: 30_000, clock }), signal);
      }
    }
  }

  async function takeService(
    name: string,
    { answer, known, signal }: { readonly answer: ConsulAnswer; readonly known: KnownService; readonly signal: AbortSignal },
  ): Promise<void> {
    const isReset = answer.index <= 1n || answer.index < known.index;
    const seen = isReset ? [] : parseHealthRows(answer.body, { name, source: id });
    const present = new Set(seen.map(({ instance }) => instance));
    const isRemoval = isReset || known.instances.some(({ instance }) => !present.has(instance));
    const next = isRemoval ? await readService(name, signal) : { index: answer.index, instances: seen };
    services.set(name, next);
    if (JSON.stringify(next.instances) !== JSON.stringify(known.instances)) change();
  }

  /** What a bell does not ring for is found by reading again. */
  async function confirmRegularly(signal: AbortSignal): Promise<void> {
    let readAtMs = clock.monotonicMs();
    while (!signal.aborted) {
      await sleep(200, signal);
      const isDoubtOver = doubt !== undefined && clock.monotonicMs() >= doubt.untilMs;
      if (isAsked || isDoubtOver) {
        [isAsked, doubt] = [false, isDoubtOver ? undefined : doubt];
        await readAll(signal);
        readAtMs = clock.monotonicMs();
      } else if (clock.monotonicMs() - readAtMs >= resyncMs) {
        readAtMs = clock.monotonicMs();
        const answer = trusted(await client.read(listPath, signal));
        if (answer.index < list.index) throw new EpochOver('the index of the list fell');
        observedAtMs = clock.nowMs();
      }
    }
  }

  /** Services beyond the connections that the agent allows are read in turn. */
  async function pollUnwatched(signal: AbortSignal, watched: ReadonlySet<string>): Promise<void> {
    while (!signal.aborted) {
      await sleep(POLL_MS, signal);
      const names = [...list.names].filter((name) => !watched.has(name));
      await mapLimited(names, 8, async (name) => {
        const known = services.get(name);
        const next = await readService(name, signal);
        if (!known || !services.has(name)) return;
        services.set(name, next);
        if (JSON.stringify(next.instances) !== JSON.stringify(known.instances)) change();
      });
    }
  }

  /** One probe for all, until a leader is known. */
  async function waitForLeader(signal: AbortSignal, attempt: number): Promise<void> {
    let isDown = true;
    while (!signal.aborted && isDown) {
      await sleep(250 + 250 * clock.random() + (attempt > 3 ? 500 : 0), signal);
      isDown = !(await client.hasLeader(signal).catch(() => false));
    }
    if (isSynced) distrust('the connection to it is fresh', DOUBT_MS.reconnect);
  }

  function routedNames({ body }: ConsulAnswer): ReadonlySet<string> {
    const routed = [...parseServiceList(body)].filter(([name, tags]) => name !== '.' && name !== '..' && tags.some(claims));
    return new Set(routed.map(([name]) => name).toSorted(compareText));
  }

  /** An answer that may prove an absence. Throws where it cannot. */
  function trusted(answer: ConsulAnswer): ConsulAnswer {
    if (!answer.knownLeader) throw new ConsulError('Consul knows no leader', 500);
    return answer;
  }

  function snapshot(): CatalogSnapshot {
    const instances = [...services].toSorted(([a], [b]) => compareText(a, b)).flatMap(([, known]) => known.instances);
    const owners = new Set(instances.map(({ owner }) => owner));
    return {
      source: id,
      revision: String(list.index),
      observedAtMs,
      local: connection.local,
      ...(doubt && { doubt: doubt.reason }),
      instances: owners.size > 1 ? instances.toSorted(compareInstances) : instances,
    };
  }

  function distrust(reason: string, ms: number): void {
    const untilMs = clock.monotonicMs() + ms;
    if (!doubt || doubt.untilMs < untilMs) doubt = { reason, untilMs };
  }

  function confirm(): void {
    isSynced = true;
    change();
  }

  function change(): void {
    observedAtMs = clock.nowMs();
    isChanged = true;
    bell.ring();
  }

  function fail(error: unknown, retryInMs: number): void {
    failure = { error: error instanceof Error ? error : new Error(messageOf(error)), retryInMs };
    bell.ring();
  }

  function tellBudget(wanted: number, limit: number): void {
    if (told === wanted) return;
    told = wanted;
    const fields = { component: 'consul', event: 'connection_budget', services: wanted, limit };
    log.warn(
      fields,
      `Consul holds ${limit} connections of one client and ${wanted} services are routed: the rest is polled every ${POLL_MS / 1000} s. Raise limits.http_max_conns_per_client, or use HTTPS`,
    );
  }
}

/** What is watched must be read anew; nothing has failed. */
class EpochOver extends Error {}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
