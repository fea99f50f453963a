import { compareInstances, serviceKey, type ServiceInstance } from '../model/catalog.ts';
import { ownerId, parsePort, serviceName, type SourceId } from '../model/names.ts';
import type { Registration, ServiceEvent } from '../nomad/types.ts';

/** A service of one namespace. */
export interface NomadService {
  readonly namespace: string;
  readonly name: string;
}

/** What a read of everything gave. `index` is that of the list; each service has the index of its own read. */
export interface NomadReading {
  readonly index: bigint;
  readonly services: readonly (NomadService & { readonly index: bigint; readonly rows: readonly Registration[] })[];
  /** Listed, and without a tag that asks for a route. */
  readonly unread: readonly NomadService[];
}

/** What is known of Nomad's services: what was read, kept up to date by events. */
export interface NomadCatalog {
  /** The highest index that was read or came as an event. */
  readonly position: bigint;
  readonly namespaces: ReadonlySet<string>;
  /** Takes the place of everything but the services of the namespaces in `kept`. */
  replace(reading: NomadReading, kept: ReadonlySet<string>): void;
  put(service: NomadService, read: { readonly index: bigint; readonly rows: readonly Registration[] }): void;
  /** Takes one transaction, unless what is known is newer. `toRead`: services that now ask for a route and were not read. */
  apply(line: { readonly index: bigint; readonly events: readonly ServiceEvent[] }): {
    readonly changed: boolean;
    readonly toRead: readonly NomadService[];
  };
  /** Sorted. */
  instances(): readonly ServiceInstance[];
}

interface KnownService {
  readonly service: NomadService;
  /** Events up to it are in. */
  index: bigint;
  readonly instances: Map<string, ServiceInstance>;
}

/** An empty catalog. `isRoutingTag` says whether a tag asks for a route: a service without such a tag is not kept. */
export function createNomadCatalog({
  id,
  isRoutingTag,
}: {
  readonly id: SourceId;
  readonly isRoutingTag: (tag: string) => boolean;
}): NomadCatalog {
  let listIndex = 0n;
  let position = 0n;
  let services = new Map<string, KnownService>();
  let unread = new Set<string>();
  let namespaces = new Set<string>();

  return {
    get position() {
      return position;
    },
    get namespaces() {
      return namespaces;
    },
    replace(reading, kept) {
      const keeping = [...services].filter(([, { service }]) => kept.has(service.namespace));
      services = new Map(keeping);
      for (const { rows, index, ...service } of reading.services) put(service, { index, rows });
      unread = new Set(reading.unread.map(keyOf));
      namespaces = new Set([...reading.services, ...reading.unread].map(({ namespace }) => namespace));
      for (const [, { service }] of keeping) namespaces.add(service.namespace);
      [listIndex, position] = [reading.index, reading.index];
    },
    put,
    apply({ index, events }) {
      if (index > position) position = index;
      const fresh = events.filter(({ Payload: { Service: row } }) => index > floorOf(serviceOf(row)));
      const toRead = new Map<string, NomadService>();
      let changed = false;
      for (const event of fresh) {
        const outcome = applyOne(event);
        if (outcome === 'changed') changed = true;
        if (outcome === 'read') toRead.set(keyOf(serviceOf(event.Payload.Service)), serviceOf(event.Payload.Service));
      }
      for (const { Payload } of fresh) {
        const known = services.get(keyOf(serviceOf(Payload.Service)));
        if (known) known.index = index;
      }
      return { changed, toRead: [...toRead.values()] };
    },
    instances: () => [...services.values()].flatMap(({ instances }) => [...instances.values()]).toSorted(compareInstances),
  };

  function put(service: NomadService, { index, rows }: { readonly index: bigint; readonly rows: readonly Registration[] }): void {
    // one name in another namespace would be another owner's
    const own = rows.filter((row) => row.ServiceName === service.name && row.Namespace === service.namespace);
    const instances = own.flatMap((row) => instanceOf(row, id) ?? []);
    services.set(keyOf(service), { service, index, instances: new Map(instances.map((instance) => [instance.instance, instance])) });
    unread.delete(keyOf(service));
  }

  /** Only the type ServiceRegistration registers; every other one, PlanResult too, says that the instance is gone. */
  function applyOne({ Type: type, Index: eventIndex, Payload: { Service: row } }: ServiceEvent): 'changed' | 'same' | 'read' {
    const service = serviceOf(row);
    const key = keyOf(service);
    const known = services.get(key);
    namespaces.add(service.namespace);
    if (type !== 'ServiceRegistration') return known?.instances.delete(row.ID) ? 'changed' : 'same';
    if (!known) {
      const isRouted = row.Tags.some(isRoutingTag);
      // instances without such a tag were not kept: the others must be read before this one is shown
      if (unread.has(key)) return isRouted ? 'read' : 'same';
      if (isRouted) put(service, { index: BigInt(eventIndex) - 1n, rows: [row] });
      else unread.add(key);
      return isRouted ? 'changed' : 'same';
    }
    const instance = instanceOf(row, id);
    const before = known.instances.get(row.ID);
    if (!instance) return known.instances.delete(row.ID) ? 'changed' : 'same';
    known.instances.set(row.ID, instance);
    return JSON.stringify(before) === JSON.stringify(instance) ? 'same' : 'changed';
  }

  function floorOf(service: NomadService): bigint {
    return services.get(keyOf(service))?.index ?? listIndex;
  }
}

/** The instance that a registration describes; undefined where it has no address or no port, as before its network is up. */
function instanceOf(row: Registration, source: SourceId): ServiceInstance | undefined {
  const port = parsePort(row.Port);
  if (port === undefined || row.Address === '') return undefined;
  return {
    source,
    owner: ownerId(row.Namespace),
    service: serviceName(row.ServiceName),
    instance: row.ID,
    ...(row.NodeID !== '' && { node: row.NodeID }),
    ...(row.Datacenter !== '' && { datacenter: row.Datacenter }),
    address: row.Address,
    port,
    tags: row.Tags,
    meta: {},
    // the catalog says nothing of native checks: being listed is all there is
    health: 'passing',
    modifyIndex: row.ModifyIndex,
  };
}

function serviceOf({ Namespace: namespace, ServiceName: name }: Registration): NomadService {
  return { namespace, name };
}

function keyOf({ namespace, name }: NomadService): string {
  return serviceKey({ owner: ownerId(namespace), service: serviceName(name) });
}
