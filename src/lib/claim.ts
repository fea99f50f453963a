import { createServer, type Server } from 'node:net';
import { systemCode } from './errors.ts';

/**
 * Claims a name among all programs of the machine (Linux): an abstract unix socket, which goes with its holder however that ends. Undefined
 * where another one has it; rejects with the error of the system where names cannot be claimed.
 */
export async function claimName(name: string): Promise<Server | undefined> {
  const server = createServer((connection) => connection.destroy());
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(`\0${name}`, resolve));
    return server;
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
}
