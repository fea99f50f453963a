import type { TagSpan } from '../../../model/diagnostic.ts';
import type { Fault, PoolMember, Reference } from '../../../model/intent.ts';
import { parsePort, type Port } from '../../../model/names.ts';
import { PLAIN_POOL, type PoolOptions } from '../../../model/pool.ts';
import { parseLink, type Context } from '../context.ts';
import { declaredBy, type Item } from '../items.ts';
import type { Field } from '../read-labels.ts';
import { protective, quarantined, worstFault } from '../tell.ts';

/** A service of the labels: what its one instance adds to a pool. */
export interface ServiceReading {
  readonly name: string;
  readonly member: PoolMember;
  readonly fault?: Fault;
  /** What its labels say, but for what is of its one instance. */
  readonly declared?: string;
  /** Its own middlewares. */
  readonly middlewares?: Field;
  /** Where its labels stand; none for a service that no label declares. */
  readonly spans: readonly TagSpan[];
}

/** Values of one service, with the faults that come up while they are read. */
export interface ServiceTools {
  /** A value that Traefik would not take either. */
  readonly bad: (field: Field, expected: string) => void;
  readonly faults: (Fault | undefined)[];
  readonly context: Context;
}

/** Reads a service with `read`, and adds what its labels are at fault for. */
export function readService(item: Item, context: Context, read: (tools: ServiceTools) => PoolMember): ServiceReading {
  const faults: (Fault | undefined)[] = [item.fault];
  const bad = ({ label, path }: Field, expected: string): void => {
    const message = `Cannot use "${label.value}" as ${path}, expected ${expected}; its routes answer 503`;
    context.tell('TRAEFIK_LABEL_VALUE', message, label.valueSpan);
    faults.push(quarantined('TRAEFIK_LABEL_VALUE'));
  };
  const member = read({ bad, faults, context });
  // Traefik leaves out the instance; a service that was refused has said why
  if (!item.parts.has('loadbalancer') && !item.fault) {
    const message = `Cannot serve service "${item.name}": it has no loadBalancer; its routes answer 503`;
    context.tell('TRAEFIK_LABEL_VALUE', message, item.span);
    faults.push(quarantined('TRAEFIK_LABEL_VALUE'));
  }
  const fault = worstFault(faults);
  return { name: item.name, member, spans: item.spans, declared: declaredBy(item, 'loadbalancer.server'), ...(fault && { fault }) };
}

/** The service that an instance has where its labels declare none: the registered address. */
export function implicitService(name: string, protocol: 'http' | 'tcp' | 'udp', { instance }: Context): ServiceReading {
  const endpoint = { address: instance.address, port: instance.port };
  return { name, member: { protocol, endpoint, pool: protocol === 'http' ? HTTP_POOL : CONNECTION_POOL }, spans: [] };
}

/** Traefik's own way with a pool. */
export const HTTP_POOL: PoolOptions = { ...PLAIN_POOL, loadBalancing: 'roundRobin' };
/** The same for connections. */
export const CONNECTION_POOL: PoolOptions = HTTP_POOL;

/** The port that requests go to. */
export function portOf(field: Field | undefined, { bad, context }: ServiceTools): Port {
  const { instance, tell } = context;
  if (!field || field.label.value === '') return instance.port;
  const port = parsePort(field.label.value);
  if (port === undefined) bad(field, 'a port from 1 to 65535');
  else if (port !== instance.port)
    tell('TRAEFIK_SERVER_PORT', `Port ${port} replaces the registered port ${instance.port}`, field.label.valueSpan);
  return port ?? instance.port;
}

/** The operator's transport that a service names; Traefik's own is no reference. */
export function transportOf(field: Field | undefined, { faults, context: { tell } }: ServiceTools): Reference | undefined {
  if (!field || field.label.value === '' || field.label.value === 'default@internal') return undefined;
  const { value, valueSpan } = field.label;
  const link = parseLink(value);
  if (link.scope === 'file')
    return { kind: 'reference', to: 'transport', name: link.name, span: valueSpan, code: 'TRAEFIK_REFERENCE_UNKNOWN' };
  const message = `Cannot find transport "${value}": labels declare none; its routes answer 503`;
  tell('TRAEFIK_REFERENCE_UNKNOWN', message, valueSpan, { hint: `Write ${link.name}@file` });
  faults.push(protective('TRAEFIK_REFERENCE_UNKNOWN'));
  return undefined;
}
