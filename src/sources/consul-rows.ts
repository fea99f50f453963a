import { z } from 'zod';
import { listOf, text } from '../lib/shape.ts';
import { compareInstances, type Health, type ServiceInstance } from '../model/catalog.ts';
import { DEFAULT_OWNER, ownerId, parsePort, serviceName, type OwnerId, type SourceId } from '../model/names.ts';
import { ConsulError } from './consul-client.ts';

/** What one answer of `/v1/health/service/:name` says. */
export interface ServiceRows {
  /** Sorted. */
  readonly instances: readonly ServiceInstance[];
  /** Instances that cannot be routed to because they have no port. */
  readonly portless: readonly string[];
}

const word = z.string().default('');
const tags = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
const check = z.object({ CheckID: word, ServiceID: word, Status: word });
const row = z.object({
  Node: z.object({ Node: word, Address: word, Datacenter: z.string().optional() }),
  Service: z.object({
    ID: word,
    Service: z.string(),
    Address: word,
    Port: z.number().default(0),
    Tags: tags,
    Meta: z
      .record(z.string(), z.string())
      .nullish()
      .transform((value) => value ?? {}),
    Weights: z.object({ Passing: z.number() }).nullish(),
    Namespace: word,
    Partition: word,
    ModifyIndex: z.number().default(0),
  }),
  Checks: z
    .array(check)
    .nullish()
    .transform((value) => value ?? []),
});
const rows = z.array(row);

type HealthRow = z.output<typeof row>;

/**
 * Names of services with their tags, as `/v1/catalog/services` lists them: a union over instances, in random order. Throws `ConsulError`
 * where it is no such list.
 */
export function parseServiceList(body: unknown): ReadonlyMap<string, readonly string[]> {
  return shaped('the list of services', () => {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new RangeError('it is no object');
    return new Map(Object.entries(body).map(([name, own]) => [name, tagsIn(own)]));
  });
}

const areTags = listOf(text());

/** Not by a schema: the list comes whole, with every service, for each change of any. */
function tagsIn(own: unknown): readonly string[] {
  if (own === null) return [];
  if (!areTags(own)) throw new RangeError('the tags of a service are no texts');
  return own;
}

/**
 * The instances in an answer of `/v1/health/service/:name`. The lookup ignores case, so rows of other spellings are left out, as are
 * rows without a port: Consul leaves a port 0 out. Throws `ConsulError` where it is no such answer.
 */
export function parseHealthRows(body: unknown, { name, source }: { readonly name: string; readonly source: SourceId }): ServiceRows {
  const own = shaped(`the instances of ${JSON.stringify(name)}`, () => rows.parse(body)).filter(
    ({ Service: service }) => service.Service === name,
  );
  return {
    instances: own.flatMap((read) => instanceOf(read, source) ?? []).toSorted(compareInstances),
    portless: own.flatMap((read) => (parsePort(read.Service.Port) === undefined ? [idOf(read)] : [])).toSorted(),
  };
}

function instanceOf(read: HealthRow, source: SourceId): ServiceInstance | undefined {
  const { Node: node, Service: service, Checks: checks } = read;
  const port = parsePort(service.Port);
  const address = service.Address || node.Address;
  if (port === undefined || !address) return undefined;
  return {
    source,
    owner: ownerOf(service),
    service: serviceName(service.Service),
    instance: idOf(read),
    ...(node.Node !== '' && { node: node.Node }),
    ...(node.Datacenter !== undefined && { datacenter: node.Datacenter }),
    address,
    port,
    tags: service.Tags,
    meta: service.Meta,
    ...(service.Weights && { weight: service.Weights.Passing }),
    health: healthOf(checks),
    modifyIndex: service.ModifyIndex,
  };
}

/** An id is unique on its node. */
function idOf({ Node: node, Service: service }: HealthRow): string {
  return `${node.Node}/${service.ID || service.Service}`;
}

/** The namespace, in its partition where that is not the default; the community edition has neither. */
function ownerOf({ Namespace: namespace, Partition: partition }: HealthRow['Service']): OwnerId {
  if (partition !== '' && partition !== 'default') return ownerId(`${partition}/${namespace || 'default'}`);
  return namespace === '' ? DEFAULT_OWNER : ownerId(namespace);
}

/** The worst status of the instance's and its node's checks; maintenance is a check of its own; `unknown`: the instance has none. */
function healthOf(checks: HealthRow['Checks']): Health {
  if (checks.some(({ CheckID: id }) => id === '_node_maintenance' || id.startsWith('_service_maintenance:'))) return 'maintenance';
  const statuses = checks.map(({ Status: status }) => status);
  if (statuses.includes('critical')) return 'critical';
  if (statuses.includes('warning')) return 'warning';
  return checks.some(({ ServiceID: service }) => service !== '') ? 'passing' : 'unknown';
}

function shaped<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ConsulError(`Cannot read ${what}: the answer of Consul has another shape`, { fault: 'request', cause });
  }
}
