import { createServer as createPlain, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest } from 'node:http2';
import { createServer as createTls } from 'node:https';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { ensureDefaultCertificate } from '../apply/certificates.ts';
import { joinHostPort } from '../lib/host.ts';
import { listenOnLoopback } from '../lib/ports.ts';
import { parsePort, type Hostname, type Port } from '../model/names.ts';
import type { Backend, Endpoint, Transport } from '../model/pool.ts';
import type { RoutingTable } from '../model/route.ts';
import { createTable } from '../model/table.ts';
import { headerPairs, type Echo } from './answer.ts';

/** The header in which a program says what it got: base64url of the JSON of an `Echo`. */
export const ECHO_HEADER = 'x-hind-proxy-echo';

/** Programs on loopback that stand for instances and answer with what they got. */
export interface Echoes extends AsyncDisposable {
  /**
   * The table with a program in the place of every instance. An instance that is spoken to in the same way has the same program in every
   * table. Nobody asks for its health. Instances of tcp and udp pools become a port where nobody listens.
   */
  standIn(table: RoutingTable): Promise<RoutingTable>;
}

/** The name in the certificates of ours. */
const OWN_NAME = 'hind-proxy.invalid' as Hostname;
const NOBODY = { address: '127.0.0.1', port: parsePort(9) as Port };
const BODY = 'hind-proxy\n';
/** Long enough for a proxy to compress it. */
const LONG_BODY = BODY.repeat(256);

/** Makes ready to start programs; `dir` is where their certificates are made. They end when it is disposed of. */
export async function openEchoes(dir: string): Promise<Echoes> {
  const trusted = await ensureDefaultCertificate(join(dir, 'trusted'));
  const strange = await ensureDefaultCertificate(join(dir, 'strange'));
  const places = new Map<string, Promise<Port>>();
  const servers: { readonly server: Server; readonly end: () => void }[] = [];

  return {
    async standIn(table) {
      const backends = await Promise.all(table.backends.map(placed));
      return createTable(table.routes, new Map(backends.map((backend) => [backend.id, backend])));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        servers.map(
          ({ server, end }) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              end();
            }),
        ),
      );
    },
  };

  async function placed({ healthCheck: _asked, passiveHealthCheck: _passive, ...backend }: Backend): Promise<Backend> {
    const { transport } = backend;
    const endpoints = await Promise.all(backend.endpoints.map((endpoint) => standInFor(endpoint, transport)));
    const isTls = backend.endpoints.some(({ protocol }) => protocol === 'https');
    return { ...backend, endpoints, ...(isTls && !transport.skipVerify && { transport: trusting(transport) }) };
  }

  /** A proxy that looks at certificates accepts ours, and only ours. */
  function trusting(transport: Transport): Transport {
    return { ...transport, serverName: OWN_NAME, rootCas: [trusted.cert] };
  }

  async function standInFor(endpoint: Endpoint, transport: Transport): Promise<Endpoint> {
    const { address, port, protocol } = endpoint;
    if (protocol === 'tcp' || protocol === 'udp') return { ...endpoint, ...NOBODY };
    const instance = joinHostPort(address, port);
    const spoken = protocol === 'https' ? spokenTls(transport) : protocol;
    const key = `${instance} ${spoken}`;
    const place = places.get(key) ?? start({ instance, protocol: spoken, kind: protocol, isTrusted: !transport.skipVerify });
    places.set(key, place);
    return { ...endpoint, address: '127.0.0.1', port: await place };
  }

  async function start({
    kind,
    isTrusted,
    ...told
  }: {
    readonly instance: string;
    readonly protocol: string;
    readonly kind: 'http' | 'https' | 'h2c';
    readonly isTrusted: boolean;
  }): Promise<Port> {
    const { cert, key } = isTrusted ? trusted : strange;
    const open = new Set<{ destroy(): void }>();
    let own = '';
    const headerOf = (received: IncomingMessage | Http2ServerRequest): string =>
      Buffer.from(JSON.stringify(echoOf(received, { ...told, own }))).toString('base64url');
    const listener: RequestListener = (received, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', [ECHO_HEADER]: headerOf(received) });
      response.end(bodyFor(received));
    };
    const server: Server =
      kind === 'h2c'
        ? createHttp2((received, response) => {
            response.writeHead(200, { 'content-type': 'text/plain', [ECHO_HEADER]: headerOf(received) });
            response.end(bodyFor(received));
          })
        : kind === 'https'
          ? createTls({ cert: await readFile(cert), key: await readFile(key) }, listener)
          : createPlain(listener);
    server.on('connection', (socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
    servers.push({ server, end: () => open.forEach((socket) => socket.destroy()) });
    const port = await listenOnLoopback(server);
    own = `127.0.0.1:${port}`;
    return port as Port;
  }
}

function bodyFor({ headers }: IncomingMessage | Http2ServerRequest): string {
  return headers['accept-encoding'] === undefined ? BODY : LONG_BODY;
}

function spokenTls({ skipVerify, serverName }: Transport): string {
  return skipVerify ? 'https unverified' : serverName === undefined ? 'https' : `https as ${serverName}`;
}

function echoOf(
  { url = '', method = '', headers, rawHeaders }: IncomingMessage | Http2ServerRequest,
  { own, ...told }: { readonly instance: string; readonly protocol: string; readonly own: string },
): Echo {
  const authority = headers[':authority'];
  const host = headers.host ?? (typeof authority === 'string' ? authority : '');
  return {
    ...told,
    method,
    path: url,
    host: host === own ? told.instance : host,
    headers: headerPairs(rawHeaders).filter(([name]) => name !== 'host' && !name.startsWith(':')),
  };
}
