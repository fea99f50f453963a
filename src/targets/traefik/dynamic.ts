import { createMemory } from '../../lib/memo.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../../model/route.ts';
import { backendsOf } from '../../model/table.ts';
import type { RenderSettings, RouteContext } from '../target.ts';
import { answerWith } from './addresses.ts';
import type { Fragment } from './fragment.ts';
import { RETRY_AFTER } from './answers.ts';
import { httpFragment } from './http.ts';
import { byName, byNameOrNone, orNone, type Named } from './named.ts';
import { withoutTakenHosts } from './taken-hosts.ts';
import { routersOf } from './routers.ts';
import type { DynamicConfig, HttpMiddleware, HttpRouter, Ranked, TcpRouter } from './schema.ts';
import { UNAVAILABLE } from './services.ts';
import { API_ENTRY_POINT, servedEntryPoints } from './static.ts';
import { canAnswer } from './statuses.ts';
import { tcpFragment } from './tcp.ts';
import { tlsParts } from './tls.ts';
import { udpFragment } from './udp.ts';

/** The middleware that carries the digest: `/api/http/middlewares/NAME@file`. */
const TRAEFIK_MARKER = 'hind-proxy-generation';

/** The part of a route in the file: it depends on nothing but the route, its pools and the settings. */
export function fragmentOf(route: Route, context: RouteContext): Fragment {
  switch (route.protocol) {
    case 'http':
      return httpFragment(route, context);
    case 'tcp':
      return tcpFragment(route, context);
    case 'udp':
      return udpFragment(route, context);
    default:
      throw new TypeError(`Cannot render a route: ${JSON.stringify(route.protocol satisfies never)}`);
  }
}

const memoryOf = createMemory<Fragment>();

/** The dynamic configuration of a table, and the unit of each router in it. */
export function dynamicParts(
  table: RoutingTable,
  settings: RenderSettings,
  marker: string,
): { readonly config: DynamicConfig; readonly units: ReadonlyMap<string, string> } {
  const context = { backends: backendsOf(table), settings };
  const remember = memoryOf(settings);
  const pairs = withoutTakenHosts(table.routes, settings).map((route) => {
    const inputs = backendIdsOf(route).map((id) => context.backends.get(id));
    return { route, fragment: remember({ key: route, inputs }, () => fragmentOf(route, context)) };
  });
  const fragments = pairs.map(({ fragment }) => fragment);
  const units = pairs.flatMap(({ route, fragment: { http, tcp, udp } }) =>
    [http, tcp, udp].flatMap((part) => (part ? part.routers.map(({ name }) => [name, route.unit] as const) : [])),
  );
  const config: DynamicConfig = {
    http: httpParts(fragments, settings, marker),
    tcp: tcpParts(fragments),
    udp: udpParts(fragments),
    tls: tlsParts(
      settings,
      fragments.flatMap(({ tlsOptions }) => tlsOptions ?? []),
    ),
  };
  return { config, units: new Map(units) };
}

function httpParts(fragments: readonly Fragment[], settings: RenderSettings, marker: string): DynamicConfig['http'] {
  const parts = fragments.flatMap(({ http }) => http ?? []);
  const unknown = unknownHost(settings);
  const api = apiParts(settings);
  const routers = parts.flatMap((part) => part.routers);
  const generation: Named<HttpMiddleware> = {
    name: TRAEFIK_MARKER,
    value: { headers: { customRequestHeaders: { 'X-Hind-Proxy-Generation': marker } } },
  };
  return {
    routers: byName([...rankHttp([...routers, ...unknown.routers]), api.router]),
    services: byName([...parts.flatMap((part) => part.services), UNAVAILABLE]),
    middlewares: byName([
      ...parts.flatMap((part) => part.middlewares),
      RETRY_AFTER,
      ...unknown.middlewares,
      ...api.middlewares,
      generation,
    ]),
    serversTransports: byNameOrNone(parts.flatMap((part) => part.transports)),
  };
}

/**
 * Numbers routers downwards, so that the first one is asked first: Traefik asks those of equal numbers in any order. A router is the same
 * object as long as its number is the same.
 */
function createRanker<T extends object>(): (routers: readonly Named<T>[]) => readonly Named<Ranked<T>>[] {
  const remember = createMemory<Ranked<T>>()({});
  return (routers) =>
    routers.map(({ name, value }, index) => {
      const priority = routers.length - index;
      return { name, value: remember({ key: value, inputs: [priority] }, () => ({ ...value, priority })) };
    });
}

const rankHttp = createRanker<HttpRouter>();
const rankTcp = createRanker<TcpRouter>();

interface Extra<Router> {
  readonly middlewares: readonly Named<HttpMiddleware>[];
  readonly routers: readonly Named<Router>[];
}

/** What answers where no route matches; Traefik's own 404 needs no router. */
function unknownHost(settings: RenderSettings): Extra<HttpRouter> {
  const { status } = settings.unknownHost;
  if (status === 404 || !canAnswer(status)) return { routers: [], middlewares: [] };
  const answer = status === 503 ? RETRY_AFTER : answerWith(status);
  const entryPoints = servedEntryPoints(settings).map(({ name }) => name);
  const router = { rule: 'PathPrefix(`/`)', service: UNAVAILABLE.name, middlewares: [answer.name] };
  return { routers: routersOf({ name: 'hind-proxy-unknown', entryPoints, router, settings }), middlewares: [answer] };
}

/** Traefik's API on an entry point of its own. */
function apiParts({ traefik: { apiUsers } }: RenderSettings): {
  readonly router: Named<Ranked<HttpRouter>>;
  readonly middlewares: readonly Named<HttpMiddleware>[];
} {
  const auth: Named<HttpMiddleware> = { name: 'hind-proxy-api-auth', value: { basicAuth: { users: apiUsers, removeHeader: true } } };
  const middlewares = apiUsers.length > 0 ? [auth] : [];
  const value = {
    rule: 'PathPrefix(`/api`)',
    priority: 1,
    entryPoints: [API_ENTRY_POINT],
    service: 'api@internal',
    middlewares: orNone(middlewares.map(({ name }) => name)),
  };
  return { router: { name: API_ENTRY_POINT, value }, middlewares };
}

function tcpParts(fragments: readonly Fragment[]): DynamicConfig['tcp'] {
  const parts = fragments.flatMap(({ tcp }) => tcp ?? []);
  return {
    routers: byName(rankTcp(parts.flatMap((part) => part.routers))),
    services: byName(parts.flatMap((part) => part.services)),
    middlewares: byNameOrNone(parts.flatMap((part) => part.middlewares)),
    serversTransports: byNameOrNone(parts.flatMap((part) => part.transports)),
  };
}

function udpParts(fragments: readonly Fragment[]): DynamicConfig['udp'] {
  const parts = fragments.flatMap(({ udp }) => udp ?? []);
  return { routers: byName(parts.flatMap((part) => part.routers)), services: byName(parts.flatMap((part) => part.services)) };
}
