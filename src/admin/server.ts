import { rm } from 'node:fs/promises';
import { chmodSync } from 'node:fs';
import { connect } from 'node:net';
import type { RequestListener, Server } from 'node:http';
import { dirname } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { messageOf } from '../lib/errors.ts';
import { createServer } from '../lib/http.ts';
import { AdminAddressError } from './address-error.ts';
import type { AdminRoutesOptions } from './routes.ts';

/** Where the admin API listens. */
export interface AdminOptions extends Omit<AdminRoutesOptions, 'hosts' | 'trusted'> {
  /** `host:port` on loopback; absent: no TCP. */
  readonly listen?: string | undefined;
  /** Path of a unix socket; absent: none. */
  readonly socket?: string | undefined;
}

/** The longest path of a socket: the system keeps it with the byte that ends it in 108. */
const MAX_SOCKET_BYTES = 107;
/** How long an answer may take after the end. */
const LAST_ANSWER_MS = 500;

/**
 * Starts the admin API on loopback TCP and a unix socket (0660 in a directory 0750). Throws `AdminAddressError` for any other address; a
 * socket that cannot be made is only a warning. `close` ends both and removes the socket.
 */
export async function startAdmin({ listen, socket, ...routes }: AdminOptions): Promise<{ close(): Promise<void> }> {
  const servers: Server[] = [];
  let made: string | undefined;
  if (listen !== undefined) servers.push(await listenTcp(listen, routes));
  if (socket !== undefined) {
    const opened = await listenSocket(socket, routes).catch((error: unknown) => {
      routes.log.warn(
        { component: 'http', event: 'admin_socket_failed', file: socket, err: { message: messageOf(error) } },
        'Cannot open the admin socket; TCP only. The option admin.socket names another one',
      );
      return undefined;
    });
    if (opened) {
      servers.push(opened);
      made = socket;
    }
  }
  return {
    async close() {
      await Promise.all(servers.map(closeServer));
      // what another program listens on stays
      if (made !== undefined) await rm(made, { force: true });
    },
  };
}

async function listenTcp(listen: string, routes: Omit<AdminRoutesOptions, 'hosts' | 'trusted'>): Promise<Server> {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(listen.slice(colon + 1));
  if (!/^(127(\.\d+){3}|::1|localhost)$/.test(host))
    throw new AdminAddressError(`Cannot open the admin API on "${listen}": expected a loopback address as admin.listen`);
  const hosts = [listen, `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  const server = createServer(listenerOf({ ...routes, hosts, trusted: false }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new AdminAddressError(`Cannot open the admin API on "${listen}": ${error.message}, expected a free port as admin.listen`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  return server;
}

async function listenSocket(path: string, routes: Omit<AdminRoutesOptions, 'hosts' | 'trusted'>): Promise<Server> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_BYTES) throw new Error(`its path has ${bytes} bytes, expected at most ${MAX_SOCKET_BYTES}`);
  await ensureDirectory(dirname(path));
  if (await isListening(path)) throw new Error('another program listens on it');
  await rm(path, { force: true });
  const server = createServer(listenerOf({ ...routes, hosts: [], trusted: true }));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  chmodSync(path, 0o660);
  return server;
}

/** Answers requests; what it takes is loaded with the first one, so that the first configuration need not wait for it. */
function listenerOf(options: AdminRoutesOptions): RequestListener {
  let loading: Promise<RequestListener> | undefined;
  return (request, response) => {
    loading ??= loadListener(options);
    loading.then(
      (answer) => answer(request, response),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  };
}

async function loadListener(options: AdminRoutesOptions): Promise<RequestListener> {
  const [{ getRequestListener }, { adminRoutes }] = await Promise.all([import('@hono/node-server'), import('./routes.ts')]);
  const listener = getRequestListener(adminRoutes(options).fetch);
  return (request, response) => void listener(request, response);
}

async function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const answer = (listening: boolean): void => {
      probe.destroy();
      resolve(listening);
    };
    probe.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // an answer that is under way gets through: that of a switch ends the controller that gives it
  const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWER_MS);
  await closed;
  clearTimeout(cut);
}
