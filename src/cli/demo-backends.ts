import { createServer, type Server } from 'node:http';
import { listenOnLoopback } from '../lib/ports.ts';

/** A small program that answers every request with its own name and what it was asked. */
export interface DemoBackend {
  readonly name: string;
  readonly port: number;
}

/** Starts one backend per name on free loopback ports. */
export async function startDemoBackends(
  names: readonly string[],
): Promise<{ readonly backends: readonly DemoBackend[]; close(): Promise<void> }> {
  const servers = await Promise.all(names.map(startBackend));
  return {
    backends: servers.map(({ name, port }) => ({ name, port })),
    async close() {
      await Promise.all(servers.map(({ server }) => closeServer(server)));
    },
  };
}

async function startBackend(name: string): Promise<DemoBackend & { readonly server: Server }> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'x-backend': name });
    response.end(`${name} answers ${request.method ?? ''} ${request.url ?? ''} for ${request.headers.host ?? ''}\n`);
  });
  return { name, port: await listenOnLoopback(server), server };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
