import { createServer, type Server } from 'node:net';
import { claimName } from './claim.ts';

/** Ports of 127.0.0.1 that are given to nobody else who asks here until they are disposed of. */
export interface ReservedPorts extends AsyncDisposable {
  readonly ports: readonly number[];
}

/**
 * Reserves ports of 127.0.0.1 on which nobody listens, all distinct. What is reserved is known to all processes of the machine (Linux;
 * elsewhere nobody knows): two programs that share ports (`SO_REUSEPORT`, as Caddy does) would get each other's requests, with no error.
 */
export async function reservePorts(count: number): Promise<ReservedPorts> {
  await using reserving = new AsyncDisposableStack();
  const ports: number[] = [];
  while (ports.length < count) {
    const { port, mark } = await findPort();
    if (!mark) continue;
    reserving.defer(() => closed(mark));
    ports.push(port);
  }
  const reserved = reserving.move();
  return { ports, [Symbol.asyncDispose]: () => reserved.disposeAsync() };
}

/** Has a server listen on a free port of 127.0.0.1. Returns the port. Rejects where it cannot listen. */
export async function listenOnLoopback(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('Cannot tell the port of a server that listens on none');
  return address.port;
}

/** `mark`: what shows others that the port is reserved; undefined where another one has it reserved. */
async function findPort(): Promise<{ readonly port: number; readonly mark: Server | undefined }> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  try {
    return { port, mark: await markPort(port) };
  } finally {
    await closed(server);
  }
}

async function markPort(port: number): Promise<Server | undefined> {
  if (process.platform !== 'linux') return createServer();
  return (await claimName(`hind-proxy-port-${port}`))?.unref();
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
