import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Agent, request } from 'undici';

/** A program that answers with its name; closed when the test ends. */
export interface EchoBackend {
  readonly name: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a backend that answers every request with `name method path host`. */
export async function startEcho(t: TestContext, name: string): Promise<EchoBackend> {
  const server = createServer((incoming, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'x-backend': name });
    response.end(`${name} ${incoming.method ?? ''} ${incoming.url ?? ''} ${incoming.headers.host ?? ''}`);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closeServer(server));
  t.after(close);
  return { name, port, close };
}

/** What a proxy answered. */
export interface Answer {
  readonly status: number;
  /** The backend that answered, where one did. */
  readonly backend?: string;
  readonly body: string;
  readonly location?: string;
  readonly retryAfter?: string;
}

/** One request to a proxy on loopback, on a connection of its own. Status 0: it could not be sent. */
export async function ask(
  port: number,
  options: { readonly host: string; readonly path?: string; readonly method?: 'GET' | 'POST' | 'HEAD'; readonly tls?: boolean },
): Promise<Answer> {
  const { host, path = '/', method = 'GET', tls = false } = options;
  const agent = new Agent({ pipelining: 0, connect: { rejectUnauthorized: false, servername: host.replace(/:\d+$/, '') } });
  try {
    const answer = await request(`${tls ? 'https' : 'http'}://127.0.0.1:${port}${path}`, {
      method,
      headers: { host },
      dispatcher: agent,
      headersTimeout: 5000,
      bodyTimeout: 5000,
    });
    const { 'x-backend': backend, location, 'retry-after': retryAfter } = answer.headers;
    return {
      status: answer.statusCode,
      body: await answer.body.text(),
      ...(typeof backend === 'string' && { backend }),
      ...(typeof location === 'string' && { location }),
      ...(typeof retryAfter === 'string' && { retryAfter }),
    };
  } catch (error) {
    return { status: 0, body: String(error) };
  } finally {
    await agent.destroy();
  }
}

/** The backends that answer among `count` requests, sorted. */
export async function answering(port: number, host: string, count = 24): Promise<readonly string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(port, { host })));
  return [...new Set(answers.map(({ backend, status }) => backend ?? String(status)))].toSorted();
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
