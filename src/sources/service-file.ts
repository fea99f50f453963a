import { z } from 'zod';
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
const services = z.union([service.transform((one) => [one]), z.array(service)]);

/** One instance or a list, as operators write them; ids default to `name-address-port`, health to passing. Throws `RangeError` with the first fault's path. */
export function parseServices(value: unknown, source: SourceId): readonly ServiceInstance[] {
  const parsed = (Array.isArray(value) ? z.array(service) : services).safeParse(value ?? []);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new RangeError(
      `${issue?.path.join('.') || 'the content'}: ${issue?.message ?? 'not a service'}, expected {"name", "address", "port", "tags"} or a list of these`,
    );
  }
  return parsed.data.map((one) => instanceOf(one, source)).toSorted(compareInstances);
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
