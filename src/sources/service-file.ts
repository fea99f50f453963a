import { z } from 'zod';
import { nearest } from '../lib/nearest.ts';
import { compareInstances, HEALTH, type ServiceInstance } from '../model/catalog.ts';
import { ownerId, parsePort, serviceName, type SourceId } from '../model/names.ts';

const service = z.strictObject({
  name: z.string().min(1),
  id: z.string().min(1).optional(),
  address: z.string().min(1),
  port: z.int().min(1).max(65535),
  tags: z.array(z.string()).default([]),
  meta: z.record(z.string(), z.string()).default({}),
  health: z.enum(HEALTH).default('passing'),
  namespace: z.string().min(1).default('default'),
});
const KEYS = Object.keys(service.shape);

/** Services that are not written as they must be; `key`: the first of theirs that is unknown, where one is. */
export class ServiceError extends RangeError {
  override readonly name = 'ServiceError';
  readonly key: string | undefined;

  constructor(message: string, key?: string) {
    super(message);
    this.key = key;
  }
}

/**
 * One instance or a list, as operators write them; ids default to `name-address-port`, health to passing. Throws `ServiceError` with the
 * first fault; a key that is misspelt is told before one that is missing.
 */
export function parseServices(value: unknown, source: SourceId): readonly ServiceInstance[] {
  const parsed = z.array(service).safeParse([value ?? []].flat());
  if (!parsed.success) throw faultOf(parsed.error, Array.isArray(value));
  return parsed.data.map((one) => instanceOf(one, source)).toSorted(compareInstances);
}

function faultOf({ issues }: z.ZodError, isList: boolean): ServiceError {
  const misspelt = issues.find((issue) => issue.code === 'unrecognized_keys');
  if (misspelt) {
    const entry = isList ? `entry ${Number(misspelt.path[0]) + 1}: ` : '';
    return new ServiceError(`${entry}${misspelt.keys.map(unknownKeyText).join('; ')}`, misspelt.keys[0]);
  }
  const [{ path, message } = { path: [], message: 'not a service' }] = issues;
  const place = path.slice(isList ? 0 : 1).join('.') || 'the content';
  return new ServiceError(`${place}: ${message}, expected {"name", "address", "port", "tags"} or a list of these`);
}

function unknownKeyText(key: string): string {
  const meant = nearest(key, KEYS);
  return `Unknown key ${JSON.stringify(key)}, ${meant === undefined ? `expected one of ${KEYS.join(', ')}` : `did you mean "${meant}"?`}`;
}

function instanceOf(
  { name, id, address, port, tags, meta, health, namespace }: z.output<typeof service>,
  source: SourceId,
): ServiceInstance {
  const number = parsePort(port);
  if (number === undefined) throw new RangeError(`Cannot use port ${port}: expected 1–65535`);
  return {
    source,
    owner: ownerId(namespace),
    service: serviceName(name),
    instance: id ?? `${name}-${address}-${port}`,
    address,
    port: number,
    tags,
    meta,
    health,
    modifyIndex: 0,
  };
}
