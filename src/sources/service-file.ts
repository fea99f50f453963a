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

/** Services that are not written as they must be; `key`: one of theirs that is unknown. */
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
  const isList = Array.isArray(value);
  const parsed = z.array(service).safeParse(isList ? value : value === null || value === undefined ? [] : [value]);
  if (!parsed.success) throw faultOf(parsed.error, isList);
  return parsed.data.map((one) => instanceOf(one, source)).toSorted(compareInstances);
}

function faultOf({ issues }: z.ZodError, isList: boolean): ServiceError {
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys');
  const [issue = { path: [], message: 'not a service' }] = unknown ? [unknown] : issues;
  const path = issue.path.slice(isList ? 0 : 1);
  if (unknown?.code === 'unrecognized_keys') {
    const entry = isList ? `entry ${Number(path[0]) + 1}: ` : '';
    return new ServiceError(`${entry}${unknown.keys.map(unknownKeyText).join('; ')}`, unknown.keys[0]);
  }
  const message = `${path.join('.') || 'the content'}: ${issue.message}, expected {"name", "address", "port", "tags"} or a list of these`;
  return new ServiceError(message);
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
