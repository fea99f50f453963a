import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { RecordedExchange } from './recordings.ts';
import { until } from './until.ts';

/** An agent that says what it is told to: recorded answers, when the test wants. */
export interface PuppetConsul {
  readonly address: string;
  /** Reads without index so far, by path. */
  readonly reads: readonly string[];
  /** What reads of a path without index are answered with from now on. */
  say(path: string, answer: RecordedExchange): void;
  /** Answers the waiting read of a path, once there is one. */
  ring(path: string, answer: RecordedExchange): Promise<void>;
  /** The index and wait of the read that waits on a path, once there is one. */
  waits(path: string): Promise<URLSearchParams>;
}

/** Starts a puppet on a free port; it ends with the test. Its leader is known until it is told otherwise. */
export async function startPuppetConsul(t: TestContext): Promise<PuppetConsul> {
  const answers = new Map<string, RecordedExchange>();
  const waiting = new Map<string, { readonly response: ServerResponse; readonly query: URLSearchParams }>();
  const reads: string[] = [];
  const server = createServer((request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://consul');
    if (query.has('index')) return void waiting.set(path, { response, query });
    reads.push(path);
    const answer = answers.get(path);
    if (answer) return send(response, answer);
    response.writeHead(path === '/v1/status/leader' ? 200 : 404);
    return response.end(path === '/v1/status/leader' ? '"127.0.0.1:8300"' : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const isWaiting = (path: string) => {
    const read = waiting.get(path);
    return read && !read.response.destroyed ? read : undefined;
  };
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reads,
    say: (path, answer) => void answers.set(path, answer),
    async ring(path, answer) {
      const { response } = await until(`a read that waits on ${path}`, () => isWaiting(path));
      waiting.delete(path);
      send(response, answer);
    },
    waits: async (path) => (await until(`a read that waits on ${path}`, () => isWaiting(path))).query,
  };
}

/** Sends a recorded answer, with its headers but for those that say how it was carried. */
export function send(response: ServerResponse, { status, headers, body }: RecordedExchange): void {
  const kept = Object.entries(headers ?? {}).filter(
    ([name]) => !/^(content-length|transfer-encoding|connection|content-encoding)$/i.test(name),
  );
  response.writeHead(status, Object.fromEntries(kept));
  response.end(status === 200 ? JSON.stringify(body) : String(body));
}
