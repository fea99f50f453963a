import type { TagSpan } from '../../../model/diagnostic.ts';
import type { Fault, Reference } from '../../../model/intent.ts';
import { parseLink } from '../context.ts';
import type { Field } from '../read-labels.ts';
import { implicitService, type ServiceReading } from '../services/reading.ts';
import { protective, quarantined } from '../tell.ts';
import type { RouterTools } from './reading.ts';

/** The service of a router. */
export interface LinkedService {
  readonly service: ServiceReading;
  /** Present: the service of another instance's labels, which takes the place of `service`. */
  readonly backend?: Reference;
  readonly fault?: Fault;
}

/** What a router says of its service. */
export interface RouterLink {
  readonly field: Field | undefined;
  readonly protocol: 'http' | 'tcp' | 'udp';
  /** Where to point when it says nothing. */
  readonly span: TagSpan;
}

/** The prefix under which services of a protocol are known to others: no name of a label holds a dot. */
export const SERVICE_PREFIX = { http: '', tcp: 'tcp.', udp: 'udp.' } as const;

/**
 * The service that a router forwards to (traefik/traefik:pkg/provider/configuration.go): the one it names, here or in the labels of
 * another service, else the only one here.
 */
export function linkService(router: string, { field, protocol, span }: RouterLink, { services, context }: RouterTools): LinkedService {
  const { tell } = context;
  const [first] = services.values();
  const nobody = implicitService('', protocol, context);
  if (!field || field.label.value === '') {
    if (services.size === 1 && first) return { service: first, ...(first.fault && { fault: first.fault }) };
    tell(
      'TRAEFIK_SERVICE_AMBIGUOUS',
      `Cannot serve router "${router}": it names none of ${services.size} services`,
      field?.label.valueSpan ?? span,
    );
    return { service: nobody, fault: quarantined('TRAEFIK_SERVICE_AMBIGUOUS') };
  }
  const { value, valueSpan } = field.label;
  const link = parseLink(value);
  if (link.scope === 'internal') {
    tell('TRAEFIK_FEATURE_REFUSED', `Cannot forward to "${value}": no tag may; the route answers 503`, valueSpan);
    return { service: nobody, fault: protective('TRAEFIK_FEATURE_REFUSED') };
  }
  if (link.scope !== 'labels') {
    tell('TRAEFIK_REFERENCE_UNKNOWN', `Cannot find service "${value}": the route answers 503`, valueSpan, { hint: `Write ${link.name}` });
    return { service: nobody, fault: protective('TRAEFIK_REFERENCE_UNKNOWN') };
  }
  const own = services.get(link.name.toLowerCase());
  if (own) {
    if (own.name !== link.name)
      tell('TRAEFIK_NAME_CASE', `"${link.name}" is declared as "${own.name}": Traefik would not find it`, valueSpan);
    return { service: own, ...(own.fault && { fault: own.fault }) };
  }
  const name = `${SERVICE_PREFIX[protocol]}${link.name}`;
  return { service: nobody, backend: { kind: 'reference', to: 'service', name, span: valueSpan, code: 'TRAEFIK_REFERENCE_UNKNOWN' } };
}
