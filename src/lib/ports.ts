import { createServer, type Server } from 'node:net';

/** Ports of 127.0.0.1 on which nobody listened a moment ago, all distinct. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(listenOnLoopback));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Has a server listen on a free port of 127.0.0.1. Returns the port. Rejects where it cannot listen. */
export async function listenOnLoopback(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('Cannot tell the port of a server that listens on none');
  return address.port;
}
