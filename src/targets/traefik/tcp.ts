import { joinHostPort } from '../../lib/host.ts';
import type { Middleware } from '../../model/middleware.ts';
import type { Route } from '../../model/route.ts';
import type { Fragment } from './fragment.ts';
import type { RouteContext } from '../target.ts';
import { duration, named, orNone, type Named } from './named.ts';
import { printRule } from './quote.ts';
import { peerIn, type Rule } from './rule.ts';
import { sniRuleOf } from './sni.ts';
import { servedEntryPoints } from './static.ts';
import type { TcpMiddleware, TcpRouter, TcpService } from './schema.ts';
import { tiersOf, type Tier } from './tiers.ts';
import { tlsOptionsOf } from './tls.ts';
import { tcpTransportOf } from './transports.ts';

/** A service without servers: Traefik closes the connection. */
const CLOSED: Named<TcpService> = { name: 'hind-proxy-closed', value: { loadBalancer: { servers: [] } } };

/** The part of a TCP route. Connections that it refuses or has no instance for are closed, so that no wider route takes them. */
export function tcpFragment(route: Route, { backends, settings }: RouteContext): Fragment {
  const served = new Set(servedEntryPoints(settings).map(({ name }) => name));
  const entryPoints = route.entryPoints.filter((name) => served.has(name));
  if (entryPoints.length === 0) return {};
  const profile = tlsOptionsOf(route, settings);
  const tiers = tiersOf(route, backends);
  const middlewares = route.middlewares.flatMap((middleware) => tcpMiddlewareOf(middleware) ?? []);
  const denied = route.middlewares.flatMap((middleware) => (middleware.kind === 'ipDeny' ? middleware.cidrs : []));
  const routerOf = (when: readonly Rule[], service: string): TcpRouter => ({
    rule: printRule(sniRuleOf(route.match, when)),
    entryPoints,
    service,
    tls: tlsOf(route, profile?.name),
  });
  const refusals = denied.length === 0 ? [] : [{ name: `${route.id}-refuse`, value: routerOf([peerIn(denied)], CLOSED.name) }];
  const main = {
    name: route.id,
    value: {
      ...routerOf([], tiers.length === 0 ? CLOSED.name : route.id),
      middlewares: orNone(middlewares.map(({ name }) => name)),
    },
  };
  return {
    tcp: {
      routers: [...refusals, main],
      services: [...servicesOf(route.id, tiers), ...(denied.length > 0 || tiers.length === 0 ? [CLOSED] : [])],
      middlewares,
      transports: tiers.flatMap(({ backend }) => tcpTransportOf(backend) ?? []),
    },
    ...(profile && { tlsOptions: [profile] }),
  };
}

function tlsOf({ tcpTls, match }: Route, options: string | undefined): TcpRouter['tls'] {
  if (tcpTls === 'passthrough') return { passthrough: true };
  // a server name is only known where there is TLS
  return tcpTls === 'terminate' || match.host.kind !== 'any' ? { options } : undefined;
}

/** What of a middleware there is for connections. */
function tcpMiddlewareOf(middleware: Middleware): Named<TcpMiddleware> | undefined {
  if (middleware.kind === 'ipAllow') return named<TcpMiddleware>('allow', { ipAllowList: { sourceRange: middleware.cidrs } });
  return middleware.kind === 'inFlight' ? named<TcpMiddleware>('in-flight', { inFlightConn: { amount: middleware.amount } }) : undefined;
}

/** One service for each tier, and one that chooses among several. */
function servicesOf(id: string, tiers: readonly Tier[]): readonly Named<TcpService>[] {
  const [only, ...more] = tiers;
  if (!only) return [];
  if (more.length === 0) return [tierService(id, only)];
  const services = tiers.map(({ weight }, index) => ({ name: `${id}-part${index}`, weight }));
  const healthCheck = tiers.every(({ backend }) => backend.healthCheck) ? {} : undefined;
  return [
    { name: id, value: { weighted: { services, healthCheck } } },
    ...tiers.map((tier, index) => tierService(`${id}-part${index}`, tier)),
  ];
}

function tierService(name: string, { backend, endpoints }: Tier): Named<TcpService> {
  const { healthCheck: check } = backend;
  return {
    name,
    value: {
      loadBalancer: {
        servers: endpoints.map((endpoint) => ({ address: joinHostPort(endpoint.address, endpoint.port), tls: endpoint.tls })),
        serversTransport: tcpTransportOf(backend)?.name,
        healthCheck: check && {
          port: check.port,
          send: check.send,
          expect: check.expect,
          interval: duration(check.intervalMs),
          unhealthyInterval: duration(check.unhealthyIntervalMs),
          timeout: duration(check.timeoutMs),
        },
      },
    },
  };
}
