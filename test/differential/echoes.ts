import { readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Server, type Socket } from 'node:net';
import { freePorts, whenEnded, type Ending } from '../support/process.ts';
import type { CertificateFiles } from '../../src/targets/target.ts';
import type { EchoPorts } from './generator.ts';

/** What an instance received. */
export interface Echo {
  /** `address:port` that it was reached at. */
  readonly instance: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
}

/** Programs that answer with what they received, on many loopback addresses and the same few ports. */
export interface Echoes {
  readonly ports: EchoPorts;
  /** Has an address answered on every port. */
  listen(address: string): Promise<void>;
}

/** The header that carries what an instance received, as JSON in Base64. */
export const ECHO_HEADER = 'x-echo';
const BODY = 'what an instance says, '.repeat(80);

/** Opens no address yet; all end with `t`. */
export async function startEchoes(t: Ending, { cert, key }: CertificateFiles): Promise<Echoes> {
  const [http = 0, other = 0, https = 0, h2c = 0] = await freePorts(4);
  const plain = createHttp(answer);
  const secure = createHttps({ cert: readFileSync(cert), key: readFileSync(key) }, answer);
  const second = createHttp2((received, response) => answer(received, response));
  // a proxy must not send a request into a connection that is being closed: one that has a body it would not send again
  for (const one of [plain, secure]) one.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  const opened = new Map<string, Promise<void>>();
  const servers: Server[] = [];
  whenEnded(t, async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  });
  const open = (address: string, port: number, to: { emit(event: 'connection', socket: Socket): boolean }): Promise<void> =>
    new Promise((resolve, reject) => {
      const server = createTcp((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        to.emit('connection', socket);
      });
      servers.push(server);
      server.once('error', reject).listen(port, address, resolve);
    });
  return {
    ports: { http, other, https, h2c },
    async listen(address) {
      const known = opened.get(address);
      if (known) return known;
      const all = Promise.all([
        open(address, http, plain),
        open(address, other, plain),
        open(address, https, secure),
        open(address, h2c, second),
      ]);
      const done = all.then(() => undefined);
      opened.set(address, done);
      return done;
    },
  };
}

type Received = IncomingMessage | Http2ServerRequest;

/** What answers have in http/1 and http/2. */
interface Responding {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** Answers with `?status=`, and with headers that middlewares may change. */
function answer(received: Received, response: Responding): void {
  let bodyBytes = 0;
  received.on('data', (data: Buffer) => (bodyBytes += data.length));
  received.on('end', () => {
    response.statusCode = Number(/[?&]status=(\d{3})/.exec(received.url ?? '')?.[1] ?? 200);
    response.setHeader(ECHO_HEADER, Buffer.from(JSON.stringify(echoOf(received, bodyBytes))).toString('base64'));
    response.setHeader('x-backend-version', '1.0');
    response.setHeader('x-backend', 'yes');
    response.setHeader('vary', 'Accept-Language');
    response.setHeader('content-type', 'text/plain');
    response.end(received.method === 'HEAD' ? '' : BODY);
  });
}

function echoOf(received: Received, bodyBytes: number): Echo {
  const { socket, headers, method = '', url = '' } = received;
  const host = headers.host ?? headers[':authority'] ?? '';
  return {
    instance: `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`,
    method,
    path: url,
    host: String(host),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')])),
    bodyBytes,
  };
}
