import type { Route } from '../../model/route.ts';
import { servedEntryPoints } from './static.ts';
import type { RenderSettings } from '../target.ts';

/**
 * The routes without HTTP ones where a TCP route takes every TLS connection of their host: Traefik would ask the HTTP ones first
 * (traefik/traefik:pkg/server/router/tcp/router.go ServeTCP).
 */
export function withoutTakenHosts(routes: readonly Route[], settings: RenderSettings): readonly Route[] {
  const secured = new Set(servedEntryPoints(settings).flatMap(({ name, protocol, tls }) => (protocol === 'http' && tls ? [name] : [])));
  const taken = new Map<string, Set<string>>();
  for (const { protocol, match, entryPoints } of routes) {
    if (protocol !== 'tcp' || match.host.kind !== 'exact') continue;
    const names = taken.get(match.host.host) ?? new Set();
    for (const name of entryPoints) if (secured.has(name)) names.add(name);
    taken.set(match.host.host, names);
  }
  if (taken.size === 0) return routes;
  return routes.map((route) => {
    const names = route.protocol === 'http' && route.match.host.kind === 'exact' ? taken.get(route.match.host.host) : undefined;
    return names ? { ...route, entryPoints: route.entryPoints.filter((name) => !names.has(name)) } : route;
  });
}
