import type { HeaderValue, Middleware } from '../../../model/middleware.ts';
import { parseHostname } from '../../../model/names.ts';
import type { UpstreamHost } from '../../../model/pool.ts';
import { fieldsUnder } from '../items.ts';
import type { Field } from '../read-labels.ts';
import type { Tell } from '../tell.ts';
import { isHeaderName } from '../values.ts';
import { readCors } from './cors.ts';
import { badValue, type MiddlewareItem, type MiddlewareReader, type MiddlewareReading } from './reading.ts';
import { readSecurity } from './security-headers.ts';

/**
 * `headers`: one label of Traefik that is up to four middlewares of ours, in the order in which Traefik does them
 * (traefik/traefik:pkg/middlewares/headers): preflight answers, custom headers, allowed hosts, headers for browsers. A custom response
 * header outdoes one for browsers.
 */
export const readHeaders: MiddlewareReader = (item, { tell }) => {
  const says = [...item.fields.values()].some(isSaid);
  if (!says) return badValue(item, { expected: 'at least one header' }, tell);
  const cors = readCors(item, tell);
  if ('fault' in cors) return cors.fault;
  const security = readSecurity(item, tell);
  if ('fault' in security) return security.fault;
  const requestFields = fieldsUnder(item, 'headers.customRequestHeaders.*');
  const host = readHost(requestFields, item, tell);
  if ('fault' in host) return host.fault;
  // as in Traefik nothing takes the Host header away
  const request = customHeaders(requestFields, tell).filter(({ name, value }) => value !== '' || !/^host$/i.test(name));
  const response = distinct([...security.response, ...customHeaders(fieldsUnder(item, 'headers.customResponseHeaders.*'), tell)]);
  const custom: readonly Middleware[] =
    request.length + response.length > 0 ? [{ kind: 'headers', request: distinct(request), response }] : [];
  return {
    middlewares: [...cors.middlewares, ...custom, ...security.middlewares],
    ...(host.upstreamHost && { upstreamHost: host.upstreamHost }),
  };
};

/** Whether a label asks for anything: false, nothing and 0 seconds are Traefik's own defaults. */
function isSaid({ value, key }: Field): boolean {
  if (key.endsWith('.*') || typeof value === 'number') return true;
  return typeof value === 'object' ? value.length > 0 : value !== false && value !== '';
}

/** `customRequestHeaders.Host` is the Host header that servers get, and that middlewares behind it see. */
function readHost(
  fields: readonly Field[],
  item: MiddlewareItem,
  tell: Tell,
): { readonly upstreamHost?: UpstreamHost } | { readonly fault: MiddlewareReading } {
  const field = fields.find(({ part, label }) => /^host$/i.test(part) && label.value !== '');
  if (!field) return {};
  const host = parseHostname(field.label.value);
  return host === undefined
    ? { fault: badValue(item, { field, expected: 'a host name' }, tell) }
    : { upstreamHost: { kind: 'fixed', host } };
}

/** Headers between two hops, and those that say where a request came from. */
const OF_PROXIES =
  /^(?:x-forwarded-.*|x-real-ip|forwarded|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length)$/i;
/** What a tag may only take away. */
const REMOVABLE = /^(?:authorization|set-cookie|.*_.*)$/i;

function customHeaders(fields: readonly Field[], tell: Tell): readonly HeaderValue[] {
  return fields.flatMap(({ part, label }) => {
    const { value, valueSpan } = label;
    if (!OF_PROXIES.test(part) && isHeaderName(part) && (value === '' || !REMOVABLE.test(part))) return [{ name: part, value }];
    tell('TRAEFIK_HEADER_REFUSED', `Cannot set header "${part}": tags may not set it; served without it`, valueSpan);
    return [];
  });
}

/** One value for each name, the last one, sorted by name. */
function distinct(headers: readonly HeaderValue[]): readonly HeaderValue[] {
  const byName = new Map(headers.map((header) => [header.name.toLowerCase(), header]));
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, header]) => header);
}
