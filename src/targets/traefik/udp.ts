import { joinHostPort } from '../../lib/host.ts';
import type { Route } from '../../model/route.ts';
import type { Fragment } from './fragment.ts';
import type { RouteContext } from '../target.ts';
import type { Named } from './named.ts';
import type { UdpService } from './schema.ts';
import { servedEntryPoints } from './static.ts';
import { tiersOf, type Tier } from './tiers.ts';

/** The part of a UDP route; none where it has no instance: nobody then answers. */
export function udpFragment(route: Route, { backends, settings }: RouteContext): Fragment {
  const served = new Set(servedEntryPoints(settings).map(({ name }) => name));
  const entryPoints = route.entryPoints.filter((name) => served.has(name));
  const tiers = tiersOf(route, backends);
  if (entryPoints.length === 0 || tiers.length === 0) return {};
  return {
    udp: { routers: [{ name: route.id, value: { entryPoints, service: route.id } }], services: servicesOf(route.id, tiers) },
  };
}

/** One service for each tier, and one that chooses among several. */
function servicesOf(id: string, tiers: readonly Tier[]): readonly Named<UdpService>[] {
  const [only, ...more] = tiers;
  if (!only) return [];
  if (more.length === 0) return [tierService(id, only)];
  const services = tiers.map(({ weight }, index) => ({ name: `${id}-part${index}`, weight }));
  return [{ name: id, value: { weighted: { services } } }, ...tiers.map((tier, index) => tierService(`${id}-part${index}`, tier))];
}

function tierService(name: string, { endpoints }: Tier): Named<UdpService> {
  return {
    name,
    value: { loadBalancer: { servers: endpoints.map((endpoint) => ({ address: joinHostPort(endpoint.address, endpoint.port) })) } },
  };
}
