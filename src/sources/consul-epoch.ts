import { mapLimited } from '../lib/async.ts';
import { createBucket } from '../lib/bucket.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Scope } from '../lib/scope.ts';
import type { ConsulCatalog, KnownService, ServiceList } from './consul-catalog.ts';
import { RESERVED_CONNECTIONS, type ConsulAnswer, type ConsulClient } from './consul-client.ts';
import type { ConsulNotes } from './consul-notes.ts';
import { createConsulReads, isLimit, LIST, servicePath } from './consul-reads.ts';
import { createWatches, type Watches } from './consul-watches.ts';

/** How long things take, in ms. */
export interface ConsulTiming {
  /** The longest a read waits; each waits 0.8 to 1 of it. */
  readonly waitMs: number;
  /** Between reads that confirm the list of services, and so the token. */
  readonly checkMs: number;
  /** A service is read again without index in this time, and not more often than one in `rereadGapMs`. */
  readonly rereadMs: number;
  readonly rereadGapMs: number;
  /** Between reads of services that have no waiting read. */
  readonly pollMs: number;
  /** So long new services of one list wait for each other. */
  readonly togetherMs: number;
  /** The longest a read that does not wait may take to answer. */
  readonly readMs: number;
  /** So long everything waits for a few services that cannot be read; they are tried twice at least. */
  readonly unreadMs: number;
}

/** What an epoch tells whoever runs it. */
export interface EpochHooks {
  /** What is known differs. */
  changed(): void;
  /** A read of everything begins; what it returns is called when all of it was evidence. */
  reading(): () => void;
  /** The index of the list is lower than it was. */
  fell(before: bigint, now: bigint): void;
  /** Too much could not be read; it goes on. */
  failing(error: Error, retryInMs: number): void;
  /** Waits `ms`, or less when a read of everything is wanted; whether it is. */
  wanted(ms: number, scope: Scope): Promise<boolean>;
}

/** What an epoch reads with and what it fills. */
export interface EpochOptions {
  readonly client: ConsulClient;
  readonly catalog: ConsulCatalog;
  readonly timing: ConsulTiming;
  readonly clock: Clock;
  readonly notes: ConsulNotes;
  readonly hooks: EpochHooks;
}

/** What is watched must be read anew; nothing has failed. */
export class EpochOver extends Error {
  override readonly name = 'EpochOver';
}

interface ReadService {
  /** What was known when the read began. */
  readonly before: KnownService | undefined;
  readonly now: KnownService;
}

interface Everything {
  readonly list: ServiceList;
  readonly read: ReadonlyMap<string, ReadService>;
  /** Services that are missing, each with the error of its last read. */
  readonly unread: ReadonlyMap<string, unknown>;
}

/** Reads that are in flight at once when everything is read. */
const IN_FLIGHT = 64;
const POLLS_IN_FLIGHT = 8;
/** So many services that cannot be read do not hold up the others. */
const FEW = { atLeast: 2, ratio: 0.3 } as const;
/** A service that failed so often in a row is told of where the source is. */
const FAILURES = 4;
/** Polling services costs the agent no more than one read in this time. */
const POLL_GAP_MS = 5;
/** Wake-ups of one service: a deployment is some within seconds. */
const WAKES = { burst: 10, perSecond: 4 } as const;

/**
 * Reads everything without index, then waits for changes of the list, the canary, and of each service. Ends only by throwing:
 * `EpochOver` where the indexes are worth nothing any more, `ConsulError` where the agent or the token is the reason.
 */
export async function runEpoch({ client, catalog, timing, clock, notes, hooks }: EpochOptions, scope: Scope): Promise<never> {
  const reads = createConsulReads({ client, scope, clock, onLimit: () => watches?.shrink() });
  let watches: Watches | undefined;
  /** New services that were not read yet, whether or not something differs meanwhile. */
  const awaited = new Set<string>();
  /** Something changed that is not told yet, because of those. */
  let isHeld = false;
  let budget = Number.POSITIVE_INFINITY;

  await readAll();
  // what asks for the limit is large to load: not before everything was read
  budget = Math.max(1, (await client.connectionLimit(scope)) - RESERVED_CONNECTIONS);
  return new Promise((_resolve, reject) => {
    scope.onEnd(() => reject(new EpochOver('it was ended')));
    const watch = (name: string, own: Scope): Promise<void> => watchService(name, own).catch(reject);
    watches = createWatches({ limit: budget, scope, watch, monotonicMs: () => clock.monotonicMs() });
    follow();
    for (const task of [watchList, confirmRegularly, rereadAll, pollUnwatched]) task().catch(reject);
  });

  /** Reads everything without index and takes it at once: a state is all or nothing, but for a few services that cannot be read. */
  async function readAll(): Promise<void> {
    const confirm = hooks.reading();
    const before = catalog.list;
    const { list, read, unread } = await readEverything();
    if (scope.isOver) return;
    if (list.index < before.index) hooks.fell(before.index, list.index);
    catalog.putList(list);
    // what came while it was read is newer
    for (const [name, { before: known, now }] of read) if (catalog.get(name) === known) catalog.put(name, now);
    for (const [name, error] of unread) {
      if (!catalog.faults.has(name)) notes.readFailed(name, error);
      catalog.putFault(name, messageOf(error));
    }
    for (const name of list.names) tellPortless(name);
    notes.namesRefused(list.refused);
    follow();
    confirm();
  }

  /**
   * The list and its services, with why a few of them cannot be read: those that could not in `unreadMs`, or not before either. Only what
   * failed is read again, and the list, which may have lost it.
   */
  async function readEverything(): Promise<Everything> {
    const startedAtMs = clock.monotonicMs();
    const read = new Map<string, ReadService>();
    const failed = new Map<string, unknown>();
    let list = catalog.listIn(await reads.list({ isConsistent: true }));
    for (let attempt = 0; ; attempt += 1) {
      const errors = await readEach(list.names, { read, failed });
      const pauseMs = Math.max(0, ...(await Promise.all(errors.map((error) => reads.pauseAfter(error, attempt)))));
      // between the first and the last of several attempts another server may have answered
      if (attempt > 0) list = await nextList(list);
      const missing = list.names.filter((name) => !read.has(name));
      const isLate = attempt > 0 && clock.monotonicMs() - startedAtMs >= timing.unreadMs;
      const isTheirs = areFew(missing.length, list.names.length) && missing.every((name) => failed.has(name) && !isLimit(failed.get(name)));
      if (missing.every((name) => isTheirs && (isLate || catalog.faults.has(name))))
        return { list, read, unread: new Map(missing.map((name) => [name, failed.get(name)])) };
      if (!isTheirs && errors[0] instanceof Error) hooks.failing(errors[0], pauseMs);
      await scope.sleep(pauseMs);
    }
  }

  /** Reads the services that are missing, those that failed before last, until many more do. Returns why they did. */
  async function readEach(
    names: readonly string[],
    { read, failed }: { readonly read: Map<string, ReadService>; readonly failed: Map<string, unknown> },
  ): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    const missing = names.filter((name) => !read.has(name)).toSorted((a, b) => Number(failed.has(a)) - Number(failed.has(b)));
    await mapLimited(missing, IN_FLIGHT, async (name) => {
      if (errors.length >= IN_FLIGHT) return;
      const known = catalog.get(name);
      try {
        read.set(name, { before: known, now: catalog.serviceIn(name, await reads.service(name, scope)) });
      } catch (error) {
        failed.set(name, error);
        errors.push(error);
      }
    });
    return errors;
  }

  /** The list now. Throws where it is from before `list`. */
  async function nextList(list: ServiceList): Promise<ServiceList> {
    const next = catalog.listIn(await reads.list());
    if (next.index < list.index) throw new EpochOver('the index of the list fell');
    return next;
  }

  async function watchList(): Promise<void> {
    let refusals = 0;
    while (!scope.isOver) {
      const { index } = catalog.list;
      const [waitMs, startedAtMs] = [patience(), clock.monotonicMs()];
      try {
        const answer = await client.block(LIST, { index, waitMs, scope });
        refusals = 0;
        if (answer.index === index && clock.monotonicMs() - startedAtMs < waitMs * 0.95)
          throw new EpochOver('the list came back early with the same index');
        if (answer.index <= 1n || answer.index < index) throw new EpochOver('the index of the list fell');
        if (answer.index > index) await takeList(answer);
      } catch (error) {
        if (!isLimit(error)) throw error;
        await scope.sleep(await reads.pauseAfter(error, refusals));
        refusals += 1;
      }
      await scope.sleep(listGapMs(catalog.list.size));
    }
  }

  async function takeList(answer: ConsulAnswer): Promise<void> {
    const before = catalog.list;
    const offer = catalog.offerList(answer);
    if (offer === 'unproven') await confirmList();
    else if (offer === 'changed') await listTaken(before);
  }

  async function confirmList(): Promise<void> {
    const before = catalog.list;
    const wasFiltered = catalog.isFiltered;
    const next = await nextList(before);
    if (next.index >= catalog.list.index) catalog.putList(next);
    await listTaken(before);
    if (catalog.isFiltered !== wasFiltered) tell();
  }

  /** Changed tags are read before new services are: who registers last is served last. */
  async function listTaken(before: ServiceList): Promise<void> {
    const { names, tags, refused } = catalog.list;
    notes.namesRefused(refused);
    const [present, known] = [new Set(names), new Set(before.names)];
    const added = names.filter((name) => !known.has(name));
    const isLess = before.names.some((name) => !present.has(name));
    const retagged = names.filter((name) => known.has(name) && tags.get(name) !== before.tags.get(name));
    await mapLimited(retagged, IN_FLIGHT, rereadService);
    awaitTogether(added);
    if (added.length > 0 || isLess) follow();
    for (const name of added) watches?.prefer(name);
    if (isLess) tell();
  }

  /** New services of one list belong together: nothing is told until all of them were read, or `togetherMs` has passed. */
  function awaitTogether(names: readonly string[]): void {
    if (names.length === 0) return;
    for (const name of names) awaited.add(name);
    void scope.sleep(timing.togetherMs).then(() => {
      for (const name of names) awaited.delete(name);
      if (isHeld && !scope.isOver) tell();
    });
  }

  /** Tells of a change, at once where no new services are awaited. */
  function tell(): void {
    isHeld = awaited.size > 0;
    if (!isHeld) hooks.changed();
  }

  async function watchService(name: string, own: Scope): Promise<void> {
    const wakes = createBucket({ ...WAKES, clock });
    let [failures, isUnsure] = [0, catalog.get(name) === undefined || catalog.faults.has(name)];
    while (!own.isOver) {
      try {
        if (isUnsure) await confirmService(name, own);
        isUnsure = false;
        await listen(name, own);
        failures = 0;
        const pauseMs = wakes.take();
        if (pauseMs > 0) await own.sleep(pauseMs);
      } catch (error) {
        if (own.isOver) return;
        const pauseMs = await reads.pauseAfter(error, failures);
        if (failures === 0 && !catalog.faults.has(name)) notes.readFailed(name, error);
        [failures, isUnsure] = [failures + 1, true];
        if (failures === FAILURES && !isLimit(error)) {
          catalog.putFault(name, messageOf(error));
          tell();
        }
        await own.sleep(pauseMs);
      }
    }
  }

  /** One waiting read. Its answer only says that something changed: what it would remove is read again. */
  async function listen(name: string, own: Scope): Promise<void> {
    const index = catalog.get(name)?.index ?? 0n;
    const answer = await client.block(servicePath(name), { index, waitMs: patience(), scope: own });
    if (own.isOver || answer.index === index) return;
    const offer = catalog.offer(name, answer);
    if (offer === 'unproven') return confirmService(name, own);
    tellPortless(name);
    if (offer === 'changed') changed(name);
  }

  async function confirmService(name: string, own: Scope): Promise<void> {
    for (;;) {
      const before = catalog.get(name);
      const next = catalog.serviceIn(name, await reads.service(name, own));
      if (own.isOver) return;
      // where it changed meanwhile only another read can tell which of both is newer
      if (catalog.get(name) !== before) continue;
      const wasFiltered = catalog.isFiltered;
      const isChanged = catalog.put(name, next);
      awaited.delete(name);
      tellPortless(name);
      if (isChanged) changed(name);
      else if (isHeld || catalog.isFiltered !== wasFiltered) tell();
      return;
    }
  }

  function changed(name: string): void {
    watches?.prefer(name);
    tell();
  }

  async function confirmRegularly(): Promise<void> {
    while (!scope.isOver) {
      const isWanted = await hooks.wanted(timing.checkMs, scope);
      if (scope.isOver) return;
      if (isWanted) await readAll();
      else await confirmList();
      watches?.grow();
    }
  }

  /** What no waiting read tells of is found by reading again, spread over the time. */
  async function rereadAll(): Promise<void> {
    while (!scope.isOver) {
      const confirm = hooks.reading();
      const { names } = catalog.list;
      const gapMs = Math.max(timing.rereadMs / Math.max(1, names.length), timing.rereadGapMs);
      let isWhole = true;
      for (const name of names) {
        await scope.sleep(gapMs * (0.5 + clock.random()));
        isWhole = ((await rereadService(name)) || catalog.faults.has(name)) && isWhole;
      }
      if (names.length === 0) await scope.sleep(gapMs);
      if (scope.isOver) return;
      await confirmList();
      if (isWhole) confirm();
    }
  }

  /** Services beyond the connections that the agent allows are read in turn. */
  async function pollUnwatched(): Promise<void> {
    while (!scope.isOver) {
      const count = watches?.unwatched().length ?? 0;
      await scope.sleep(Math.max(timing.pollMs, count * POLL_GAP_MS));
      if (!scope.isOver) await mapLimited(watches?.unwatched() ?? [], POLLS_IN_FLIGHT, rereadService);
    }
  }

  /** Whether a service was read, one too whose watch ended before it was; what is known of it stays where not. */
  async function rereadService(name: string): Promise<boolean> {
    if (scope.isOver) return true;
    try {
      await confirmService(name, scope);
      return true;
    } catch (error) {
      await scope.sleep(await reads.pauseAfter(error, 0));
      return false;
    }
  }

  /** All are watched, or those that changed last. */
  function follow(): void {
    const { names } = catalog.list;
    if (names.length <= budget) return watches?.follow(names);
    const byAge = names.map((name) => ({ name, age: ageOf(name) })).toSorted((a, b) => a.age - b.age);
    watches?.follow(byAge.map(({ name }) => name));
    notes.budget({ services: names.length, limit: budget + RESERVED_CONNECTIONS, watched: budget, poll_s: timing.pollMs / 1000 });
  }

  function ageOf(name: string): number {
    return Math.max(0, ...(catalog.get(name)?.instances.map(({ modifyIndex }) => modifyIndex) ?? []));
  }

  /** Not the same for all: reads that began together would come back together. */
  function patience(): number {
    return Math.round(timing.waitMs * (0.8 + 0.2 * clock.random()));
  }

  function tellPortless(name: string): void {
    notes.portless(name, catalog.get(name)?.portless ?? []);
  }
}

/** Whether so many services may be the reason themselves that they cannot be read: where none can, something else is. */
function areFew(count: number, all: number): boolean {
  return count < all && count <= Math.max(FEW.atLeast, all * FEW.ratio);
}

/** The list wakes for every registration of the datacenter: 250 ms apart up to 1,000 services, 1 s at 10,000. */
function listGapMs(services: number): number {
  return Math.min(1000, Math.max(250, 250 + (services - 1000) / 12));
}
