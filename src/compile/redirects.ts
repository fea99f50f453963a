import { shortHash } from '../lib/hash.ts';
import { memoised, once } from '../lib/memo.ts';
import { slug } from '../lib/text.ts';
import { ANY_HOST, ANY_PATH, exactHost, hostKey, NOT_ACME, type RouteMatch } from '../model/match.ts';
import { DEFAULT_OWNER, routeId, type Port } from '../model/names.ts';
import type { Redirect, Route } from '../model/route.ts';
import type { Unranked } from './merge.ts';
import { tlsPort, type CompileOptions } from './options.ts';

/**
 * Adds the redirects from plain http to https: for HinD's routes, or for every route that names no port, which then answers https
 * only. HinD's are those that a HinD tag asks for, be it beside tags of other dialects. A redirect has its route's place among the routes;
 * where another route already answers plain http for it, it stays away.
 */
export function withHttpsRedirects(routes: readonly Unranked[], options: CompileOptions): readonly Unranked[] {
  const port = options.tls ? tlsPort(options.entryPoints) : undefined;
  const plain = plainHttp(options);
  if (port === undefined || plain.length === 0 || options.httpsRedirect === 'never') return routes;
  const redirected = routes.filter((unranked) => asksRedirect(unranked, options));
  if (redirected.length === 0) return routes;
  const moved = new Set(redirected);
  const kept = routes.map((unranked) => (moved.has(unranked) ? onTls(options)(unranked) : unranked));
  const taken = new Set(
    kept.filter(({ route }) => plain.some((name) => route.entryPoints.includes(name))).map(({ route }) => routeKey(route)),
  );
  const twins = redirected.filter(({ route }) => !taken.has(routeKey(route))).map(twinOf(options));
  return [...kept, ...twins];
}

/** Redirects every plain request that no route answers, as HinD does; to be put behind all other routes. */
export function unknownHostRedirect(options: CompileOptions): Route | undefined {
  const port = options.tls ? tlsPort(options.entryPoints) : undefined;
  const plain = plainHttp(options);
  if (!options.redirectUnknownHosts || port === undefined || plain.length === 0) return undefined;
  const match = { host: ANY_HOST, path: ANY_PATH, conditions: [NOT_ACME] };
  return operatorRoute('https', { match, entryPoints: plain, action: { kind: 'redirect', redirect: toHttps(port) } });
}

/** Routes that answer 404 for the reserved hosts, so that no wide route of a tag answers for them. */
export function reservedHostRoutes(routes: readonly Unranked[], options: CompileOptions): readonly Route[] {
  if (options.reservedHosts.length === 0) return [];
  const entryPoints = options.entryPoints
    .filter(({ protocol, tls }) => protocol === 'http' && (options.tls || !tls))
    .map(({ name }) => name)
    .toSorted();
  const served = new Set(routes.flatMap(({ route }) => (route.match.host.kind === 'exact' ? [route.match.host.host] : [])));
  return options.reservedHosts
    .filter((host) => !served.has(host) && entryPoints.length > 0)
    .map((host) => {
      const match = { host: exactHost(host), path: ANY_PATH, conditions: [] };
      return operatorRoute(`reserved ${host}`, { match, entryPoints, action: { kind: 'respond', status: 404, reason: 'reserved' } });
    });
}

function asksRedirect({ route, intent, ofHind = false }: Unranked, { httpsRedirect }: CompileOptions): boolean {
  if (route.protocol !== 'http') return false;
  return ofHind || (httpsRedirect === 'withoutPort' && intent.entryPoints.kind === 'both');
}

const onTls = memoised((unranked: Unranked, options: CompileOptions): Unranked => {
  const plain = plainHttp(options);
  const entryPoints = unranked.route.entryPoints.filter((name) => !plain.includes(name));
  return { ...unranked, route: { ...unranked.route, entryPoints } };
});

const twinOf = memoised(({ route, intent, ofHind }: Unranked, options: CompileOptions): Unranked => {
  const port = tlsPort(options.entryPoints);
  if (port === undefined) throw new RangeError('Cannot redirect to https: no entry point ends TLS');
  const entryPoints = plainHttp(options);
  const match: RouteMatch = { ...route.match, conditions: [...route.match.conditions, NOT_ACME] };
  const id = routeId(`${slug(hostKey(match.host))}-${shortHash([route.owner, 'https', routeKey(route)])}`);
  const pathForm = ofHind ? 'raw' : route.pathForm;
  const twin: Route = {
    ...route,
    id,
    entryPoints,
    match,
    pathForm,
    middlewares: [],
    action: { kind: 'redirect', redirect: toHttps(port) },
  };
  return { route: twin, backends: [], intent: { ...intent, entryPoints: { kind: 'both' } } };
});

function toHttps(port: Port): Redirect {
  const host = [{ kind: 'text', text: 'https://' }, { kind: 'hostname' }] as const;
  const path = { kind: 'path' } as const;
  return { status: 301, otherStatus: 308, to: port === 443 ? [...host, path] : [...host, { kind: 'text', text: `:${port}` }, path] };
}

function operatorRoute(name: string, parts: Pick<Route, 'match' | 'entryPoints' | 'action'>): Route {
  return {
    id: routeId(`${slug(name)}-${shortHash(['operator', name])}`),
    owner: DEFAULT_OWNER,
    unit: `operator ${name}`,
    services: [],
    dialect: 'hind',
    protocol: 'http',
    pathForm: 'raw',
    rank: 0,
    middlewares: [],
    spans: [],
    ...parts,
  };
}

function plainHttp({ entryPoints }: CompileOptions): readonly string[] {
  return entryPoints
    .filter(({ protocol, tls }) => protocol === 'http' && !tls)
    .map(({ name }) => name)
    .toSorted();
}

const routeKey = once(({ owner, match }: Route): string => JSON.stringify([owner, hostKey(match.host), match.path]));
