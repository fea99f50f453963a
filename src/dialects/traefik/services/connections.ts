import type { PoolOptions } from '../../../model/pool.ts';
import type { Context } from '../context.ts';
import { boolOf, fieldOf, hasPart, numberOf, type Item } from '../items.ts';
import { readTcpHealthCheck } from './health.ts';
import { CONNECTION_POOL, portOf, readService, transportOf, type ServiceReading, type ServiceTools } from './reading.ts';

/** Reads a TCP service (traefik/traefik:pkg/server/service/tcp/service.go). */
export function readTcpService(item: Item<'tcp.services'>, context: Context): ServiceReading {
  return readService(item, context, (tools) => {
    const transport = transportOf(fieldOf(item, 'loadBalancer.serversTransport'), tools);
    return {
      protocol: 'tcp',
      endpoint: { address: context.instance.address, port: portOf(fieldOf(item, 'loadBalancer.server.port'), tools) },
      pool: poolOf(item, tools),
      ...(boolOf(item, 'loadBalancer.server.tls') && { tls: true }),
      ...(transport && { transport }),
    };
  });
}

/** Reads a UDP service. */
export function readUdpService(item: Item<'udp.services'>, context: Context): ServiceReading {
  return readService(item, context, (tools) => ({
    protocol: 'udp',
    endpoint: { address: context.instance.address, port: portOf(fieldOf(item, 'loadBalancer.server.port'), tools) },
    pool: CONNECTION_POOL,
  }));
}

function poolOf(item: Item<'tcp.services'>, tools: ServiceTools): PoolOptions {
  const healthCheck = readTcpHealthCheck(item, tools);
  const proxyProtocol = hasPart(item, 'loadBalancer.proxyProtocol') ? proxyProtocolOf(item, tools) : undefined;
  const terminationDelayMs = numberOf(item, 'loadBalancer.terminationDelay');
  return {
    ...CONNECTION_POOL,
    ...(healthCheck && { healthCheck }),
    ...(proxyProtocol && { proxyProtocol }),
    ...(terminationDelayMs !== undefined && { terminationDelayMs }),
  };
}

/** The version of the PROXY line; 2 where none is said. */
function proxyProtocolOf(item: Item<'tcp.services'>, { bad }: ServiceTools): 1 | 2 {
  const field = fieldOf(item, 'loadBalancer.proxyProtocol.version');
  const version = numberOf(item, 'loadBalancer.proxyProtocol.version') ?? 2;
  if (version !== 1 && version !== 2 && field) bad(field, '1 or 2');
  return version === 1 ? 1 : 2;
}
