import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { whenEnded } from './process.ts';

/** A TCP relay on loopback, between a client and a server that a test may not stop. */
export interface Relay {
  readonly port: number;
  /** Connections that are open now. */
  connections(): number;
  /** Ends every connection and takes no more. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** What is open goes silent and stays open, as when a network drops packets; new connections work. */
  stall(): void;
}

interface Ending {
  after(fn: () => Promise<void>): void;
}

/** Starts a relay to a port on 127.0.0.1; it ends with the test. */
export async function startRelay(t: Ending, to: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    client.pipe(upstream).pipe(client);
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  whenEnded(t, cut);
  return {
    port,
    connections: () => pairs.size,
    cut,
    mend: () => listen(port),
    stall() {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.pause();
        upstream.pause();
      }
    },
  };
}
