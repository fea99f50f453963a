import type { Backend } from '../../model/pool.ts';
import type { Route, RoutingTable } from '../../model/route.ts';
import { backendsOf } from '../../model/table.ts';
import type { RenderSettings } from '../target.ts';
import type { JsonObject } from './json.ts';
import { hostHeader, isEnforceable, middlewareOf, NOT_FOUND, redirectOf, RETRY, RETRY_AFTER, type Named } from './middlewares.ts';
import { printRule } from './quote.ts';
import { ruleOf, sniRuleOf } from './rule.ts';
import { serviceOf, tcpServiceOf, transportOf, UNAVAILABLE } from './services.ts';
import { API_ENTRY_POINT, servedEntryPoints } from './static.ts';

/** The middleware that carries the digest: `/api/http/middlewares/NAME@file`. */
const TRAEFIK_MARKER = 'hind-proxy-generation';

/** The dynamic configuration of a table. Empty maps are left out: Traefik refuses a file that holds one. */
export function dynamicParts(table: RoutingTable, settings: RenderSettings, marker: string): JsonObject {
  const http = httpParts(table, settings, marker);
  const tcp = tcpParts(table, settings);
  return { http, ...(tcp && { tcp }), tls: tlsParts(settings) };
}

function httpParts(table: RoutingTable, settings: RenderSettings, marker: string): JsonObject {
  const backends = backendsOf(table);
  const routes = table.routes.filter(({ protocol }) => protocol === 'http');
  const lowered = routes.map((route) => lower(route, backends, settings));
  const priorities = table.routes.length + 2;
  const routers = lowered.flatMap(({ route, service, middlewares }) =>
    routersOf({
      name: route.id,
      entryPoints: route.entryPoints,
      router: {
        rule: printRule(ruleOf(route.match)),
        priority: priorities - route.rank,
        service,
        ...(middlewares.length > 0 && { middlewares: middlewares.map(({ name }) => name) }),
      },
      settings,
    }),
  );
  const { apiUsers } = settings.traefik;
  const generation: Named = { name: TRAEFIK_MARKER, value: { headers: { customRequestHeaders: { 'X-Hind-Proxy-Generation': marker } } } };
  const auth: readonly Named[] =
    apiUsers.length > 0 ? [{ name: 'hind-proxy-api-auth', value: { basicAuth: { users: apiUsers, removeHeader: true } } }] : [];
  const api: Named = {
    name: API_ENTRY_POINT,
    value: {
      rule: 'PathPrefix(`/api`)',
      entryPoints: [API_ENTRY_POINT],
      service: 'api@internal',
      ...(auth.length > 0 && { middlewares: auth.map(({ name }) => name) }),
    },
  };
  const pools = lowered.flatMap(({ backend }) => backend ?? []);
  const transports = pools.flatMap((backend) => transportOf(backend) ?? []);
  const unknown = unknownHost(settings);
  return {
    routers: objectOf([...routers, ...unknown, api]),
    services: objectOf([...pools.map(serviceOf), UNAVAILABLE]),
    middlewares: objectOf([...lowered.flatMap(({ middlewares }) => middlewares), RETRY_AFTER, ...auth, generation]),
    ...(transports.length > 0 && { serversTransports: objectOf(transports) }),
  };
}

/** Traefik's own 404 needs no router. */
function unknownHost(settings: RenderSettings): readonly Named[] {
  if (settings.unknownHost.status !== 503) return [];
  const entryPoints = servedEntryPoints(settings).flatMap(({ name, protocol }) => (protocol === 'http' ? [name] : []));
  const router = { rule: 'PathPrefix(`/`)', priority: 1, service: UNAVAILABLE.name, middlewares: [RETRY_AFTER.name] };
  return routersOf({ name: 'hind-proxy-unknown', entryPoints, router, settings });
}

interface Lowered {
  readonly route: Route;
  readonly service: string;
  readonly backend?: Backend;
  readonly middlewares: readonly Named[];
}

function lower(route: Route, backends: ReadonlyMap<string, Backend>, settings: RenderSettings): Lowered {
  if (!route.middlewares.every((middleware) => isEnforceable(middleware, settings)))
    return { route, service: UNAVAILABLE.name, middlewares: [RETRY_AFTER] };
  const own = route.middlewares.flatMap((middleware) => middlewareOf(middleware, settings) ?? []);
  const { action } = route;
  switch (action.kind) {
    case 'forward': {
      const backend = backends.get(action.backend);
      if (!backend) throw new RangeError(`Cannot render route "${route.id}": it has no backend "${action.backend}"`);
      const { upstreamHost, endpoints } = backend;
      const host = upstreamHost.kind === 'fixed' ? [hostHeader(upstreamHost.header ?? upstreamHost.host)] : [];
      return { route, service: backend.id, backend, middlewares: [...own, ...host, ...(endpoints.length > 1 ? [RETRY] : [])] };
    }
    case 'redirect':
      return { route, service: UNAVAILABLE.name, middlewares: [...own, redirectOf(action.redirect)] };
    case 'split':
      throw new RangeError(`Cannot render route "${route.id}": split routes are no capability`);
    case 'respond':
      return action.status === 404
        ? { route, service: 'api@internal', middlewares: [NOT_FOUND] }
        : { route, service: UNAVAILABLE.name, middlewares: [RETRY_AFTER] };
    default:
      throw new TypeError(`Cannot render an action: ${JSON.stringify(action satisfies never)}`);
  }
}

/** A router answers TLS requests or plain ones, never both: one for each kind of entry point. */
function routersOf({
  name,
  entryPoints,
  router,
  settings,
}: {
  readonly name: string;
  readonly entryPoints: readonly string[];
  readonly router: JsonObject;
  readonly settings: RenderSettings;
}): readonly Named[] {
  const served = servedEntryPoints(settings).filter((entryPoint) => entryPoints.includes(entryPoint.name));
  const plain = served.filter(({ tls }) => !tls).map((entryPoint) => entryPoint.name);
  const tls = served.filter((entryPoint) => entryPoint.tls).map((entryPoint) => entryPoint.name);
  return [
    ...(plain.length > 0 ? [{ name, value: { ...router, entryPoints: plain } }] : []),
    ...(tls.length > 0 ? [{ name: `${name}-tls`, value: { ...router, entryPoints: tls, tls: {} } }] : []),
  ];
}

/** Routes without an instance have no router: Traefik closes their connections. */
function tcpParts(table: RoutingTable, settings: RenderSettings): JsonObject | undefined {
  const backends = backendsOf(table);
  const served = new Set(servedEntryPoints(settings).map(({ name }) => name));
  const pairs = table.routes.flatMap((route) => {
    const backend = route.action.kind === 'forward' ? backends.get(route.action.backend) : undefined;
    const entryPoints = route.entryPoints.filter((name) => served.has(name));
    if (route.protocol !== 'tcp' || !backend || entryPoints.length === 0) return [];
    const tls = route.tcpTls === 'passthrough' ? { tls: { passthrough: true } } : route.match.host.kind === 'any' ? {} : { tls: {} };
    const priority = table.routes.length + 2 - route.rank;
    const router = { rule: printRule(sniRuleOf(route.match)), priority, entryPoints, service: backend.id, ...tls };
    return [{ router: { name: route.id, value: router }, service: tcpServiceOf(backend) }];
  });
  if (pairs.length === 0) return undefined;
  return { routers: objectOf(pairs.map(({ router }) => router)), services: objectOf(pairs.map(({ service }) => service)) };
}

/** A default certificate of ours always: without one every reload makes a key (68 ms instead of 2.7). */
function tlsParts({ tls, traefik }: RenderSettings): JsonObject {
  const { cert, key } = traefik.defaultCertificate;
  const certificates = tls.mode === 'files' ? tls.certificates.map((files) => ({ certFile: files.cert, keyFile: files.key })) : [];
  return {
    ...(certificates.length > 0 && { certificates }),
    options: { default: { minVersion: tls.minVersion === '1.3' ? 'VersionTLS13' : 'VersionTLS12' } },
    stores: { default: { defaultCertificate: { certFile: cert, keyFile: key } } },
  };
}

function objectOf(parts: readonly Named[]): JsonObject {
  return Object.fromEntries(parts.map(({ name, value }) => [name, value]));
}
