import type { Backend, Endpoint, LoadBalancing, Transport } from '../../model/pool.ts';
import type { JsonObject } from './json.ts';
import { named, type Named } from './middlewares.ts';

/** A service without servers: Traefik answers 503. */
export const UNAVAILABLE: Named = { name: 'hind-proxy-unavailable', value: { loadBalancer: { servers: [] } } };

/** An HTTP pool. Servers of weight 0 get nothing and are left out. */
export function serviceOf(backend: Backend): Named {
  const { id, endpoints, loadBalancing, upstreamHost } = backend;
  const serving = endpoints.filter(({ weight }) => weight > 0);
  const weighted = serving.some(({ weight }) => weight !== 1);
  const strategy = STRATEGIES[loadBalancing];
  const transport = transportOf(backend);
  const servers = serving.map((endpoint) => ({
    url: `${endpoint.protocol}://${authority(endpoint)}`,
    ...(weighted && { weight: endpoint.weight }),
  }));
  return {
    name: id,
    value: {
      loadBalancer: {
        servers,
        ...(strategy !== 'wrr' && { strategy }),
        ...(upstreamHost.kind === 'endpoint' && { passHostHeader: false }),
        ...(transport && { serversTransport: transport.name }),
      },
    },
  };
}

/** A TCP pool. */
export function tcpServiceOf({ id, endpoints }: Backend): Named {
  const servers = endpoints.filter(({ weight }) => weight > 0).map((endpoint) => ({ address: authority(endpoint) }));
  return { name: id, value: { loadBalancer: { servers } } };
}

/** How a pool's instances are spoken to, where it differs from Traefik's own way. */
export function transportOf({ transport, endpoints }: Backend): Named | undefined {
  const value = transportValue(transport);
  return endpoints.some(({ protocol }) => protocol === 'https') && Object.keys(value).length > 0 ? named('transport', value) : undefined;
}

const STRATEGIES: Readonly<Record<LoadBalancing, 'wrr' | 'p2c' | 'hrw'>> = {
  random: 'wrr',
  roundRobin: 'wrr',
  leastConnections: 'p2c',
  ipHash: 'hrw',
  powerOfTwo: 'p2c',
  leastTime: 'wrr',
};

function transportValue({ serverName, skipVerify }: Transport): JsonObject {
  return { ...(serverName !== undefined && { serverName }), ...(skipVerify && { insecureSkipVerify: true }) };
}

function authority({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
