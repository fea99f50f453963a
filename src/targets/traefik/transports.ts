import type { Backend, Transport } from '../../model/pool.ts';
import { duration, named, type Named } from './named.ts';
import type { ServersTransport, TcpServersTransport } from './schema.ts';

/** How an HTTP pool's instances are spoken to, where it differs from Traefik's own way. */
export function transportOf({ transport, endpoints }: Backend): Named<ServersTransport> | undefined {
  const { dialTimeoutMs, responseTimeoutMs, idleTimeoutMs } = transport;
  const timed = dialTimeoutMs ?? responseTimeoutMs ?? idleTimeoutMs;
  const secured = endpoints.some(({ protocol }) => protocol === 'https') ? tlsOf(transport) : undefined;
  if (timed === undefined && !secured) return undefined;
  const forwardingTimeouts = {
    dialTimeout: duration(dialTimeoutMs),
    responseHeaderTimeout: duration(responseTimeoutMs),
    idleConnTimeout: duration(idleTimeoutMs),
  };
  return named('transport', { ...secured, forwardingTimeouts: timed === undefined ? undefined : forwardingTimeouts });
}

/** The same for a TCP pool. */
export function tcpTransportOf({
  transport,
  endpoints,
  proxyProtocol,
  terminationDelayMs,
}: Backend): Named<TcpServersTransport> | undefined {
  const tls = endpoints.some((endpoint) => endpoint.tls) ? tlsOf(transport) : undefined;
  if ((transport.dialTimeoutMs ?? proxyProtocol ?? terminationDelayMs) === undefined && !tls) return undefined;
  return named('transport', {
    dialTimeout: duration(transport.dialTimeoutMs),
    terminationDelay: duration(terminationDelayMs),
    proxyProtocol: proxyProtocol && { version: proxyProtocol },
    tls,
  });
}

/** Undefined where certificates are checked as usual. */
function tlsOf({ serverName, skipVerify, rootCas }: Transport): TcpServersTransport['tls'] {
  if (serverName === undefined && !skipVerify && rootCas === undefined) return undefined;
  return { serverName, insecureSkipVerify: skipVerify || undefined, rootCAs: rootCas };
}
