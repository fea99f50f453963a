import { compareInstances, type Health, type ServiceInstance } from '../model/catalog.ts';
import { DEFAULT_OWNER, ownerId, parsePort, serviceName, type SourceId } from '../model/names.ts';

/** One row of `/v1/health/service/:name`, as far as it is used. */
interface HealthRow {
  readonly Node?: { readonly Node?: string; readonly Address?: string; readonly Datacenter?: string };
  readonly Service?: {
    readonly ID?: string;
    readonly Service?: string;
    readonly Address?: string;
    readonly Port?: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Readonly<Record<string, string>> | null;
    readonly Weights?: { readonly Passing?: number };
    readonly Namespace?: string;
    readonly ModifyIndex?: number;
  };
  readonly Checks?: readonly { readonly CheckID?: string; readonly ServiceID?: string; readonly Status?: string }[] | null;
}

/** Names of services with their tags, as `/v1/catalog/services` lists them: a union over instances, in random order. */
export function parseServiceList(body: unknown): ReadonlyMap<string, readonly string[]> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new RangeError('Cannot read the list of services: it is no object');
  return new Map(Object.entries(body as Readonly<Record<string, readonly string[] | null>>).map(([name, tags]) => [name, tags ?? []]));
}

/**
 * The instances in an answer of `/v1/health/service/:name`, sorted. The lookup ignores case, so rows of other spellings are left out, as
 * are rows without a port: Consul leaves a port 0 out.
 */
export function parseHealthRows(
  body: unknown,
  { name, source }: { readonly name: string; readonly source: SourceId },
): readonly ServiceInstance[] {
  if (!Array.isArray(body)) throw new RangeError(`Cannot read the instances of "${name}": they are no list`);
  return (body as readonly HealthRow[]).flatMap((row) => instanceOf(row, name, source) ?? []).toSorted(compareInstances);
}

function instanceOf(
  { Node: node = {}, Service: service = {}, Checks: checks }: HealthRow,
  name: string,
  source: SourceId,
): ServiceInstance | undefined {
  const port = parsePort(service.Port ?? 0);
  const address = service.Address || node.Address;
  if (service.Service !== name || port === undefined || !address) return undefined;
  return {
    source,
    owner: service.Namespace ? ownerId(service.Namespace) : DEFAULT_OWNER,
    service: serviceName(name),
    instance: `${node.Node ?? ''}/${service.ID ?? name}`,
    ...(node.Node !== undefined && { node: node.Node }),
    ...(node.Datacenter !== undefined && { datacenter: node.Datacenter }),
    address,
    port,
    tags: service.Tags ?? [],
    meta: service.Meta ?? {},
    ...(service.Weights?.Passing !== undefined && { weight: service.Weights.Passing }),
    health: healthOf(checks ?? []),
    modifyIndex: service.ModifyIndex ?? 0,
  };
}

/** The worst status of the instance's and its node's checks; maintenance is a check of its own; `unknown`: the instance has none. */
function healthOf(checks: NonNullable<HealthRow['Checks']>): Health {
  if (checks.some(({ CheckID: id = '' }) => id === '_node_maintenance' || id.startsWith('_service_maintenance:'))) return 'maintenance';
  const statuses = checks.map(({ Status: status }) => status);
  if (statuses.includes('critical')) return 'critical';
  if (statuses.includes('warning')) return 'warning';
  return checks.some(({ ServiceID: service }) => service) ? 'passing' : 'unknown';
}
