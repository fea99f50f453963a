import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { compareInstances, type CatalogSnapshot, type SourceEvent } from '../../src/model/catalog.ts';
import type { Source } from '../../src/sources/source.ts';
import { until } from '../support/until.ts';

/** A catalog that a test can change, and a source that watches it. */
export interface SourceWorld {
  readonly source: Source;
  /** Makes exactly these instances of service `web` exist, by port, each with the tag `urlprefix-web.test/`. */
  set(ports: readonly number[]): Promise<void>;
  /** Makes the catalog unreadable, and readable again. */
  fail(): Promise<void>;
  heal(): Promise<void>;
}

/** Everything a source yielded so far. */
export interface Watched {
  readonly events: readonly SourceEvent[];
  readonly snapshots: () => readonly CatalogSnapshot[];
  latestPorts(): readonly number[];
  stop(): Promise<void>;
}

/** Watches a source until the test ends. */
export function watchSource(t: TestContext, source: Source): Watched {
  const controller = new AbortController();
  const events: SourceEvent[] = [];
  const watching = (async () => {
    for await (const event of source.watch(controller.signal)) events.push(event);
  })();
  const snapshots = (): readonly CatalogSnapshot[] => events.flatMap((event) => (event.kind === 'snapshot' ? [event.snapshot] : []));
  const stop = async (): Promise<void> => {
    controller.abort();
    await watching;
  };
  t.after(stop);
  return {
    events,
    snapshots,
    stop,
    latestPorts: () =>
      (snapshots().at(-1)?.instances ?? [])
        .filter(({ service }) => service === 'web')
        .map(({ port }) => port)
        .toSorted((a, b) => a - b),
  };
}

/** What every source owes the controller, run against one implementation; `open` gives none where its test was skipped. */
export function sourceContract(name: string, open: (t: TestContext) => Promise<SourceWorld | undefined>): void {
  test(`${name} yields a whole state first and every change after it`, async (t) => {
    const world = await open(t);
    if (!world) return;
    await world.set([8001, 8002]);
    const watched = watchSource(t, world.source);
    await until('the first snapshot', () => watched.latestPorts().length === 2);
    assert.equal(watched.events[0]?.kind, 'snapshot');
    await world.set([8001, 8002, 8003]);
    await until('the added instance', () => watched.latestPorts().length === 3);
    await world.set([8003]);
    await until('the removal of two instances', () => watched.latestPorts().length === 1, 15_000);
    assert.deepEqual(watched.latestPorts(), [8003]);
    for (const { instances } of watched.snapshots()) assert.deepEqual(instances, instances.toSorted(compareInstances));
  });

  test(`${name} does not take a failure for absence`, async (t) => {
    const world = await open(t);
    if (!world) return;
    await world.set([8001, 8002]);
    const watched = watchSource(t, world.source);
    await until('the first snapshot', () => watched.latestPorts().length === 2);
    await world.fail();
    world.source.refresh();
    await until('the failure', () => watched.events.some(({ kind }) => kind === 'failed'), 20_000);
    assert.deepEqual(watched.latestPorts(), [8001, 8002]);
    await world.heal();
    await world.set([8001, 8002, 8003]);
    await until('the catalog after its failure', () => watched.latestPorts().length === 3, 20_000);
    for (const { instances } of watched.snapshots()) assert.ok(instances.length >= 2, 'a snapshot lost instances');
  });

  test(`${name} answers a refresh with a snapshot when nothing has changed`, async (t) => {
    const world = await open(t);
    if (!world) return;
    await world.set([8001]);
    const watched = watchSource(t, world.source);
    await until('the first snapshot', () => watched.latestPorts().length === 1);
    const before = watched.snapshots().length;
    world.source.refresh();
    await until('another snapshot', () => watched.snapshots().length > before);
  });

  test(`${name} ends when it is aborted`, async (t) => {
    const world = await open(t);
    if (!world) return;
    await world.set([8001]);
    const watched = watchSource(t, world.source);
    await until('the first snapshot', () => watched.latestPorts().length === 1);
    await watched.stop();
  });
}
