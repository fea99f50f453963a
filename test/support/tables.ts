import type { Middleware } from '../../src/model/middleware.ts';
import { backendId, ownerId, routeId, serviceName, sourceId } from '../../src/model/names.ts';
import { PLAIN_POOL, type Backend } from '../../src/model/pool.ts';
import type { Route, RouteAction, RoutingTable, SplitPart } from '../../src/model/route.ts';
import { createTable } from '../../src/model/table.ts';
import { matchOf, port } from './intents.ts';

/** A route of both entry points; with a number as its action it forwards to that loopback port. */
export function routeOf(id: string, host: string, path: string, overrides: Partial<Route> = {}): Route {
  return {
    id: routeId(id),
    owner: ownerId('default'),
    unit: `default ${host}`,
    services: [serviceName(id)],
    dialect: 'fabio',
    protocol: 'http',
    entryPoints: ['web', 'websecure'],
    match: matchOf(host, path),
    pathForm: 'clean',
    rank: 0,
    middlewares: [],
    action: { kind: 'respond', status: 503, reason: 'unhealthy' },
    spans: [],
    ...overrides,
  };
}

/** A pool of these loopback ports under an id. */
export function poolOf(id: string, ports: readonly number[], overrides: Partial<Backend> = {}): Backend {
  return {
    id: backendId(id),
    endpoints: ports.map((number) => ({ address: '127.0.0.1', port: port(number), protocol: 'http', weight: 1 })),
    ...PLAIN_POOL,
    ...overrides,
  };
}

/** Forwards to a pool. */
export function to(id: string): RouteAction {
  return { kind: 'forward', backend: backendId(id) };
}

/** A table of routes in this order. */
export function tableOf(routes: readonly Route[], ...backends: readonly Backend[]): RoutingTable {
  return createTable(routes, new Map(backends.map((backend) => [backend.id, backend])));
}

/** A route of shares under the host that is its id; a part without a pool redirects. */
export function splitRoute(
  id: string,
  parts: readonly { readonly weight: number; readonly backend?: string; readonly middlewares?: readonly Middleware[] }[],
  overrides: Partial<Route> = {},
): Route {
  const part = ({ weight, backend, middlewares = [] }: (typeof parts)[number]): SplitPart => ({
    weight,
    middlewares,
    action:
      backend === undefined
        ? { kind: 'redirect', redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://y.io' }, { kind: 'path' }] } }
        : { kind: 'forward', backend: backendId(backend) },
  });
  return routeOf(id, id, '/', { action: { kind: 'split', parts: parts.map(part) }, ...overrides });
}

/** A table of services by name, each with a host, one port and one tag. */
export function tableFor(services: Readonly<Record<string, { readonly port: number; readonly tag: string }>>): RoutingTable {
  const entries = Object.entries(services);
  const routes = entries.map(([name, { tag }]) => {
    const span = {
      source: sourceId('consul'),
      owner: ownerId('default'),
      service: serviceName(name),
      instance: name,
      tagIndex: 0,
      tag,
      start: 0,
      end: 1,
    };
    return routeOf(name, `${name}.test`, '/', { action: to(name), spans: [span] });
  });
  return tableOf(routes, ...entries.map(([name, { port }]) => poolOf(name, [port])));
}

/** The same, each service with a tag of its own name. */
export function plainTable(...names: readonly string[]): RoutingTable {
  return tableFor(Object.fromEntries(names.map((name, index) => [name, { port: 8000 + index, tag: `urlprefix-${name}.test/` }])));
}
