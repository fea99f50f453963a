import { sha1 } from '../../../lib/hash.ts';
import type { PoolMember } from '../../../model/intent.ts';
import type { LoadBalancing, PoolOptions, StickyCookie, UpstreamProtocol } from '../../../model/pool.ts';
import { parseHostname } from '../../../model/names.ts';
import { providerOf, type Context } from '../context.ts';
import { boolOf, fieldOf, hasPart, numberOf, textOf, type Item } from '../items.ts';
import { readHealthCheck } from './health.ts';
import { HTTP_POOL, portOf, readService, transportOf, type ServiceReading, type ServiceTools } from './reading.ts';

type HttpService = Item<'http.services'>;

/** Reads an HTTP service (traefik/traefik:pkg/server/service/service.go). */
export function readHttpService(item: HttpService, context: Context): ServiceReading {
  const reading = readService(item, context, (tools) => memberOf(item, tools));
  const middlewares = fieldOf(item, 'middlewares');
  return middlewares ? { ...reading, middlewares } : reading;
}

function memberOf(item: HttpService, tools: ServiceTools): PoolMember {
  const { instance } = tools.context;
  const transport = transportOf(fieldOf(item, 'loadBalancer.serversTransport'), tools);
  const loadBalancing = balancingOf(item, tools);
  const weight = loadBalancing === 'powerOfTwo' ? undefined : numberOf(item, 'loadBalancer.server.weight');
  return {
    protocol: protocolOf(item, tools),
    endpoint: { address: instance.address, port: portOf(fieldOf(item, 'loadBalancer.server.port'), tools) },
    pool: poolOf(item, loadBalancing, tools),
    ...(transport && { transport }),
    ...(weight !== undefined && { weight: Math.max(0, weight) }),
  };
}

function poolOf(item: HttpService, loadBalancing: LoadBalancing, tools: ServiceTools): PoolOptions {
  const sticky = stickyOf(item, loadBalancing, tools);
  const healthCheck = readHealthCheck(item, tools);
  const flushIntervalMs = numberOf(item, 'loadBalancer.responseForwarding.flushInterval');
  const [maxFailures, windowMs] = [
    numberOf(item, 'loadBalancer.passiveHealthCheck.maxFailedAttempts'),
    numberOf(item, 'loadBalancer.passiveHealthCheck.failureWindow'),
  ];
  return {
    ...HTTP_POOL,
    loadBalancing,
    upstreamHost: { kind: boolOf(item, 'loadBalancer.passHostHeader') === false ? 'endpoint' : 'client' },
    ...(sticky && { sticky }),
    ...(healthCheck && { healthCheck }),
    ...(hasPart(item, 'loadBalancer.passiveHealthCheck') && {
      passiveHealthCheck: { ...(maxFailures !== undefined && { maxFailures }), ...(windowMs !== undefined && { windowMs }) },
    }),
    ...(flushIntervalMs !== undefined && { flushIntervalMs }),
  };
}

function protocolOf(item: HttpService, { bad }: ServiceTools): UpstreamProtocol {
  const field = fieldOf(item, 'loadBalancer.server.scheme');
  const scheme = (textOf(item, 'loadBalancer.server.scheme') || 'http').toLowerCase();
  const protocol = (['http', 'https', 'h2c'] as const).find((known) => known === scheme);
  if (!protocol && field) bad(field, 'http, https or h2c');
  return protocol ?? 'http';
}

const STRATEGIES: ReadonlyMap<string, LoadBalancing> = new Map([
  ['wrr', 'roundRobin'],
  ['p2c', 'powerOfTwo'],
  ['hrw', 'ipHash'],
  ['leasttime', 'leastTime'],
]);

function balancingOf(item: HttpService, { bad }: ServiceTools): LoadBalancing {
  const field = fieldOf(item, 'loadBalancer.strategy');
  const balancing = STRATEGIES.get(textOf(item, 'loadBalancer.strategy') || 'wrr');
  if (!balancing && field) bad(field, [...STRATEGIES.keys()].join(', '));
  return balancing ?? 'roundRobin';
}

/** The cookie that Traefik names after the service (pkg/server/cookie): so clients stay where they are when they come to us. */
function cookieName(item: HttpService, { instance }: Context): string {
  return `_${sha1(`_TRAEFIK_BACKEND_${item.name}@${providerOf(instance)}`).slice(0, 5)}`;
}

/** The cookie. `sticky` alone has none and does nothing. */
function stickyOf(item: HttpService, loadBalancing: LoadBalancing, { bad, context }: ServiceTools): StickyCookie | undefined {
  const alone = fieldOf(item, 'loadBalancer.sticky');
  if (!hasPart(item, 'loadBalancer.sticky.cookie')) {
    if (alone) context.tell('TRAEFIK_LABEL_INERT', '"sticky" does nothing without "sticky.cookie"', alone.label.valueSpan);
    return undefined;
  }
  if (loadBalancing === 'ipHash') {
    const cookie = [...item.fields.values()].find(({ path }) => path.startsWith('loadbalancer.sticky.cookie'));
    context.tell('TRAEFIK_LABEL_INERT', '"sticky.cookie" does nothing beside the strategy hrw', cookie?.label.valueSpan ?? item.span);
    return undefined;
  }
  const text = (key: 'name' | 'path' | 'domain' | 'sameSite'): string => textOf(item, `loadBalancer.sticky.cookie.${key}`) ?? '';
  const [name, path, domainText] = [text('name').replace(/[^A-Za-z0-9!#$%&'*+.^`|~-]/g, '_'), text('path'), text('domain')];
  const sameSite = (['none', 'lax', 'strict'] as const).find((known) => known === text('sameSite'));
  const domain = domainText === '' ? undefined : parseHostname(domainText.replace(/^\./, ''));
  const domainField = fieldOf(item, 'loadBalancer.sticky.cookie.domain');
  if (domainText !== '' && domain === undefined && domainField) bad(domainField, 'a domain');
  const pathField = fieldOf(item, 'loadBalancer.sticky.cookie.path');
  if (!/^(?:\/[!-:<-~]*)?$/.test(path) && pathField) bad(pathField, 'a path');
  const maxAge = numberOf(item, 'loadBalancer.sticky.cookie.maxAge') ?? 0;
  return {
    name: name === '' ? cookieName(item, context) : name,
    ...(boolOf(item, 'loadBalancer.sticky.cookie.secure') && { secure: true }),
    ...(boolOf(item, 'loadBalancer.sticky.cookie.httpOnly') && { httpOnly: true }),
    ...(sameSite && { sameSite }),
    ...(maxAge !== 0 && { maxAgeSeconds: maxAge }),
    ...(path !== '' && path !== '/' && { path }),
    ...(domain !== undefined && { domain }),
  };
}
