import { join } from 'node:path';
import { sameMembers } from '../lib/memo.ts';
import type { DamageOptions } from '../lib/set-aside.ts';
import { listOf, number, objectOf, oneOf, recordOf, text, truth, type Shape } from '../lib/shape.ts';
import { compareInstances, HEALTH, type CatalogSnapshot, type ServiceInstance } from '../model/catalog.ts';
import { parsePort, type OwnerId, type Port, type ServiceName, type SourceId } from '../model/names.ts';
import { endpointKey } from '../model/pool.ts';
import { readState, writeState } from './state-file.ts';

/** What is known of one source. */
export interface KnownSource {
  readonly snapshot: CatalogSnapshot;
  /** It comes from before the start: it may keep routes, never remove them. */
  readonly stale: boolean;
}

/** The last good snapshot of each source: newest wins, kept across restarts. */
export interface SnapshotStore {
  all(): ReadonlyMap<SourceId, KnownSource>;
  /** Takes a snapshot; true where it differs from the known one in more than the time it was read. */
  put(snapshot: CatalogSnapshot): boolean;
  /** Writes what is known to disk, if it changed since the last time. */
  save(): Promise<void>;
}

const port: Shape<Port> = (value): value is Port => typeof value === 'number' && parsePort(value) !== undefined;

const instance = objectOf<ServiceInstance>(
  {
    source: text<SourceId>(),
    owner: text<OwnerId>(),
    service: text<ServiceName>(),
    instance: text(),
    address: text(),
    port,
    tags: listOf(text()),
    meta: recordOf(text()),
    health: oneOf(HEALTH),
    modifyIndex: number,
  },
  { node: text(), datacenter: text(), weight: number },
);

const isSaved = listOf(
  objectOf<CatalogSnapshot>(
    { source: text<SourceId>(), revision: text(), observedAtMs: number, local: truth, instances: listOf(instance) },
    { doubt: text(), faults: listOf(text()), unread: listOf(text<ServiceName>()) },
  ),
);

/** The store with what was saved before, as stale; only of the sources that are on. */
export async function openSnapshots(
  stateDir: string,
  { sources, ...damage }: DamageOptions & { readonly sources: readonly SourceId[] },
): Promise<SnapshotStore> {
  const path = join(stateDir, 'snapshot.json');
  const saved = await readState(path, isSaved, damage);
  const known = new Map<SourceId, KnownSource>();
  for (const snapshot of saved ?? []) if (sources.includes(snapshot.source)) known.set(snapshot.source, { snapshot, stale: true });
  let unsaved = false;
  return {
    all: () => known,
    put(taken) {
      const before = known.get(taken.source);
      const instances = withUnread(taken, before?.snapshot.instances ?? []);
      const snapshot = { ...taken, instances: withKnown(instances, before?.snapshot.instances ?? []) };
      known.set(snapshot.source, { snapshot, stale: false });
      const differs =
        before === undefined ||
        before.stale ||
        before.snapshot.doubt !== snapshot.doubt ||
        before.snapshot.faults?.join() !== snapshot.faults?.join() ||
        before.snapshot.unread?.join() !== snapshot.unread?.join() ||
        !sameMembers(before.snapshot.instances, snapshot.instances);
      unsaved ||= differs;
      return differs;
    },
    async save() {
      if (!unsaved) return;
      unsaved = false;
      await writeState(
        path,
        [...known.values()].map(({ snapshot }) => snapshot),
      );
    },
  };
}

/** Its instances, and those of before of services that it could not read, unless others have their addresses and ports now. */
function withUnread({ instances, unread = [] }: CatalogSnapshot, before: readonly ServiceInstance[]): readonly ServiceInstance[] {
  if (unread.length === 0) return instances;
  const names = new Set(unread);
  const kept = before.filter(({ service }) => names.has(service));
  if (kept.length === 0) return instances;
  const taken = new Set(instances.map(endpointKey));
  return [...instances, ...kept.filter((instance) => !taken.has(endpointKey(instance)))].toSorted(compareInstances);
}

/** The instances with the very objects of before where they are equal: what later stages remember of these stays good. */
function withKnown(instances: readonly ServiceInstance[], before: readonly ServiceInstance[]): readonly ServiceInstance[] {
  let at = 0;
  return instances.map((instance) => {
    while (compareInstances(before[at] ?? instance, instance) < 0) at += 1;
    const known = before[at];
    return known && known !== instance && JSON.stringify(known) === JSON.stringify(instance) ? known : instance;
  });
}
