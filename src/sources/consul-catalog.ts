import { sortedUnique } from '../lib/sort.ts';
import { compareInstances, type ServiceInstance } from '../model/catalog.ts';
import { serviceName, type ServiceName, type SourceId } from '../model/names.ts';
import { endpointKey } from '../model/pool.ts';
import type { ConsulAnswer } from './consul-client.ts';
import { parseHealthRows, parseServiceList, type ServiceRows } from './consul-rows.ts';

/** A list of services, as far as it is used. */
export interface ServiceList {
  readonly index: bigint;
  /** Services with a routing tag, sorted. */
  readonly names: readonly string[];
  /** All tags of those that the answer lists, as one text to compare. */
  readonly tags: ReadonlyMap<string, string>;
  /** Names that Consul answers no request for. */
  readonly refused: readonly string[];
  /** How many services there are in all. */
  readonly size: number;
  /** Some are withheld because the token may not see them. */
  readonly filtered: boolean;
}

/** What is known of one service. */
export interface KnownService extends ServiceRows {
  readonly index: bigint;
  readonly filtered: boolean;
  /** Ids of instances that were seen before and that a filtered answer lacks. */
  readonly kept: ReadonlySet<string>;
}

/** What a waiting read did to what is known: nothing, a change, or nothing because it would remove something: only evidence may. */
export type Offer = 'same' | 'changed' | 'unproven';

/**
 * What is known of Consul's services. Answers of waiting reads are offered; what they would remove is left to a read without index,
 * which is put. What the token may not see any more stays: a filtered answer says nothing about what it lacks.
 */
export interface ConsulCatalog {
  readonly list: ServiceList;
  /** Something is withheld from us. */
  readonly isFiltered: boolean;
  /** Services of the list of which nothing is known, because they were not read so far. Sorted. */
  readonly unread: readonly ServiceName[];
  /** Why services cannot be read, by name. */
  readonly faults: ReadonlyMap<string, string>;
  get(name: string): KnownService | undefined;
  listIn(answer: ConsulAnswer): ServiceList;
  serviceIn(name: string, answer: ConsulAnswer): KnownService;
  offerList(answer: ConsulAnswer): Offer;
  offer(name: string, answer: ConsulAnswer): Offer;
  /** Services that the list lacks are forgotten. */
  putList(list: ServiceList): void;
  /** Whether something differs now. */
  put(name: string, known: KnownService): boolean;
  /** A service cannot be read: what is known of it stands, and nothing that is not known is absent, until it is put. */
  putFault(name: string, reason: string): void;
  /** Sorted. */
  instances(): readonly ServiceInstance[];
}

const NONE: ReadonlySet<string> = new Set();
/** What `unicode.IsPrint` takes, which hashicorp/go-cleanhttp:handlers.go asks of every path. */
const PRINTED = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** An empty catalog. `isRoutingTag` says whether a tag asks for a route: a service without such a tag is not kept. */
export function createConsulCatalog({
  id,
  isRoutingTag,
}: {
  readonly id: SourceId;
  readonly isRoutingTag: (tag: string) => boolean;
}): ConsulCatalog {
  const services = new Map<string, KnownService>();
  const withheld = new Set<string>();
  const faults = new Map<string, string>();
  let list: ServiceList = { index: 0n, names: [], tags: new Map(), refused: [], size: 0, filtered: false };
  let listed: ReadonlySet<string> = new Set();

  const catalog: ConsulCatalog = {
    get list() {
      return list;
    },
    get isFiltered() {
      return list.filtered || withheld.size > 0;
    },
    get unread() {
      return list.names.filter((name) => !services.has(name)).map(serviceName);
    },
    faults,
    get: (name) => services.get(name),
    listIn({ index, filtered, body }) {
      const all = parseServiceList(body);
      const tags = new Map([...all].flatMap(([name, own]) => (own.some(isRoutingTag) ? [[name, own.toSorted().join('\n')] as const] : [])));
      const routed = [...tags.keys()];
      const names = sortedUnique([...(filtered ? list.names : []), ...routed.filter(isCarried)]);
      return { index, names, tags, refused: routed.filter((name) => !isCarried(name)), size: all.size, filtered };
    },
    serviceIn(name, { index, filtered, body }) {
      const rows = parseHealthRows(body, { name, source: id });
      if (!filtered) return { ...rows, index, filtered, kept: NONE };
      const present = idsOf(rows);
      const kept = services.get(name)?.instances.filter(({ instance }) => !present.has(instance)) ?? [];
      const instances = [...kept, ...rows.instances].toSorted(compareInstances);
      return { ...rows, instances, index, filtered, kept: new Set(kept.map(({ instance }) => instance)) };
    },
    offerList(answer) {
      if (answer.index === list.index) return 'same';
      if (answer.index < list.index) return 'unproven';
      const next = catalog.listIn(answer);
      const present = new Set(next.names);
      if (next.filtered !== list.filtered || list.names.some((name) => !present.has(name))) return 'unproven';
      [list, listed] = [next, present];
      return 'changed';
    },
    offer(name, answer) {
      const known = services.get(name);
      if (known?.index === answer.index) return 'same';
      if (!known || answer.index <= 1n || answer.index < known.index) return 'unproven';
      const next = catalog.serviceIn(name, answer);
      if (known.filtered || loses(known, next)) return 'unproven';
      return catalog.put(name, next) ? 'changed' : 'same';
    },
    putList(next) {
      [list, listed] = [next, new Set(next.names)];
      for (const name of [...services.keys(), ...faults.keys()]) {
        if (listed.has(name)) continue;
        services.delete(name);
        withheld.delete(name);
        faults.delete(name);
      }
    },
    put(name, known) {
      // it was read while the list lost it
      if (!listed.has(name)) return false;
      const before = services.get(name);
      const isSame = before !== undefined && JSON.stringify(before.instances) === JSON.stringify(known.instances);
      // the same objects, so that whoever compares sees at once that nothing differs
      services.set(name, isSame ? { ...known, instances: before.instances } : known);
      if (known.filtered) withheld.add(name);
      else withheld.delete(name);
      return faults.delete(name) || !isSame;
    },
    putFault(name, reason) {
      if (listed.has(name)) faults.set(name, reason);
    },
    instances() {
      // names are sorted, and all have one owner: reads name one namespace at most
      const all = list.names.flatMap((name) => services.get(name)?.instances ?? []);
      return withheld.size > 0 ? withoutTaken(all) : all;
    },
  };
  return catalog;

  /** What is kept without being seen goes where another instance now has its address and port. */
  function withoutTaken(all: readonly ServiceInstance[]): readonly ServiceInstance[] {
    const isKept = ({ service, instance }: ServiceInstance): boolean => services.get(service)?.kept.has(instance) === true;
    const seen = new Set(all.filter((instance) => !isKept(instance)).map(endpointKey));
    return all.filter((instance) => !isKept(instance) || !seen.has(endpointKey(instance)));
  }
}

/** Whether Consul answers for a name: it takes `.` and `..` for folders, and refuses paths with what Go does not print. */
function isCarried(name: string): boolean {
  return name !== '.' && name !== '..' && PRINTED.test(name);
}

/** Whether an instance goes, or the last one that passes its checks. */
function loses(before: ServiceRows, now: ServiceRows): boolean {
  const present = idsOf(now);
  return before.instances.some(({ instance }) => !present.has(instance)) || (before.instances.some(passes) && !now.instances.some(passes));
}

function idsOf({ instances }: ServiceRows): ReadonlySet<string> {
  return new Set(instances.map(({ instance }) => instance));
}

function passes({ health }: ServiceInstance): boolean {
  return health === 'passing' || health === 'unknown';
}
