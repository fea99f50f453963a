import { parseGoUrl } from '../../../lib/go-url.ts';
import { parseHostname, parsePort, type Port } from '../../../model/names.ts';
import { FASTEST_CHECK_MS, type HealthCheck } from '../../../model/pool.ts';
import { boolOf, fieldOf, fieldsUnder, hasPart, numberOf, textOf, type Item } from '../items.ts';
import type { Field } from '../read-labels.ts';
import { isHeaderName } from '../values.ts';
import type { ServiceTools } from './reading.ts';

/** The health check of an HTTP service (traefik/traefik:pkg/healthcheck/healthcheck.go); times of 0 and less mean Traefik's own. */
export function readHealthCheck(item: Item<'http.services'>, tools: ServiceTools): HealthCheck | undefined {
  if (!hasPart(item, 'loadBalancer.healthCheck')) return undefined;
  const { bad } = tools;
  const text = (key: 'mode' | 'path' | 'scheme' | 'hostname' | 'method'): string => textOf(item, `loadBalancer.healthCheck.${key}`) ?? '';
  const check = (key: 'path' | 'scheme' | 'hostname' | 'method', isSound: boolean, expected: string): void => {
    const field = fieldOf(item, `loadBalancer.healthCheck.${key}`);
    if (field && field.label.value !== '' && !isSound) bad(field, expected);
  };
  const scheme = (['http', 'https'] as const).find((known) => known === text('scheme').toLowerCase());
  const host = parseHostname(text('hostname'));
  const method = text('method').toUpperCase();
  check('path', /^\/(?!\/)[!-~]*$/.test(text('path')) && parseGoUrl(text('path')) !== undefined, 'a path whose escapes are sound');
  check('scheme', scheme !== undefined, 'http or https');
  check('hostname', host !== undefined, 'a host name');
  check('method', /^[A-Z]{1,20}$/.test(method), 'a method');
  const status = numberOf(item, 'loadBalancer.healthCheck.status') ?? 0;
  const port = portIn(fieldOf(item, 'loadBalancer.healthCheck.port'), tools);
  return {
    mode: text('mode') === 'grpc' ? 'grpc' : 'http',
    ...(text('path') !== '' && { path: text('path') }),
    ...(scheme && { scheme }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(method !== '' && { method }),
    headers: headersOf(item),
    ...(status > 0 && { status }),
    ...timesOf(item, 'loadBalancer.healthCheck'),
    ...(boolOf(item, 'loadBalancer.healthCheck.followRedirects') === false && { followRedirects: false }),
  };
}

/** The health check of a TCP service: a connection, and what is said over it. */
export function readTcpHealthCheck(item: Item<'tcp.services'>, tools: ServiceTools): HealthCheck | undefined {
  if (!hasPart(item, 'loadBalancer.healthCheck')) return undefined;
  const port = portIn(fieldOf(item, 'loadBalancer.healthCheck.port'), tools);
  const [send, expect] = [textOf(item, 'loadBalancer.healthCheck.send') ?? '', textOf(item, 'loadBalancer.healthCheck.expect') ?? ''];
  return {
    mode: 'tcp',
    headers: [],
    ...(port !== undefined && { port }),
    ...(send !== '' && { send }),
    ...(expect !== '' && { expect }),
    ...timesOf(item, 'loadBalancer.healthCheck'),
  };
}

/** Both kinds of checks have the same times. A check that comes too often is one that comes as often as can be. */
function timesOf(item: Item<'http.services'> | Item<'tcp.services'>, part: 'loadBalancer.healthCheck'): Partial<HealthCheck> {
  const ms = (key: 'interval' | 'unhealthyInterval' | 'timeout'): number => {
    const value = item.fields.get(`${part}.${key}`.toLowerCase())?.value;
    return typeof value === 'number' ? value : 0;
  };
  const between = (key: 'interval' | 'unhealthyInterval'): number => Math.max(FASTEST_CHECK_MS, ms(key));
  return {
    ...(ms('interval') > 0 && { intervalMs: between('interval') }),
    ...(ms('unhealthyInterval') > 0 && { unhealthyIntervalMs: between('unhealthyInterval') }),
    ...(ms('timeout') > 0 && { timeoutMs: ms('timeout') }),
  };
}

function portIn(field: Field | undefined, { bad }: ServiceTools): Port | undefined {
  if (!field || field.value === 0 || typeof field.value !== 'number') return undefined;
  const port = parsePort(field.value);
  if (port === undefined) bad(field, 'a port from 1 to 65535');
  return port;
}

function headersOf(item: Item<'http.services'>): HealthCheck['headers'] {
  const headers = fieldsUnder(item, 'loadBalancer.healthCheck.headers.*').map(({ part, label }) => ({ name: part, value: label.value }));
  return headers.filter(({ name }) => isHeaderName(name) && !name.includes('_')).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
