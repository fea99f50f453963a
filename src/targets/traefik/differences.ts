import { backendIdsOf, type Route } from '../../model/route.ts';
import type { RouteContext } from '../target.ts';

/** In what a route differs by its values from what was asked. */
export function differencesOf(route: Route, { backends }: Pick<RouteContext, 'backends'>): readonly string[] {
  const pools = backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
  const shared = pools.filter(({ endpoints }) => endpoints.length > 1);
  if (route.protocol !== 'http') {
    const other = shared.find(({ loadBalancing }) => loadBalancing !== 'random' && loadBalancing !== 'roundRobin');
    return other ? [`Cannot choose among instances by ${other.loadBalancing}: Traefik shares connections by weighted round robin`] : [];
  }
  const blind = shared.some(
    ({ loadBalancing, endpoints }) =>
      (loadBalancing === 'leastConnections' || loadBalancing === 'powerOfTwo') && new Set(endpoints.map(({ weight }) => weight)).size > 1,
  );
  return blind && route.dialect !== 'traefik' ? ['Traefik pays no heed to weights where it chooses the less busy of two instances'] : [];
}
