import type { IncomingMessage } from 'node:http';
import { deadline } from '../lib/abort.ts';
import { Agent, request } from '../lib/http.ts';

/** An answer of a proxy's own API. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
  readonly etag?: string;
}

/** Something is connected to and says nothing: a program that was stopped or is stuck. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';

  constructor(ms: number, cause: unknown) {
    super(`no answer within ${ms / 1000} s`, { cause });
  }
}

/** Calls to one API over TCP or a unix socket. They reject where nothing answers, with `SilenceError` where that takes until the deadline. */
export interface AdminClient {
  call(method: 'GET' | 'POST', path: string, options: AdminCallOptions): Promise<AdminAnswer>;
  /** Ends the connections that are kept. */
  close(): void;
}

/** How one call is made. */
export interface AdminCallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A `POST` that changes nothing: it is made again where a kept connection was closed meanwhile, as a `GET` is. */
  readonly isQuestion?: boolean;
  /** Only how it is answered counts: the body is read away, and empty in the answer. */
  readonly withoutBody?: boolean;
}

/**
 * A client for `http://host:port` or `unix//path`. A connection is kept where `keepAlive` says so; not by default, because Caddy replaces
 * its admin listener at every load, and closes what is connected to the old one.
 */
export function createAdminClient(address: string, { keepAlive = false }: { readonly keepAlive?: boolean } = {}): AdminClient {
  const socketPath = /^unix\/(\/.+)$/.exec(address)?.[1];
  const { hostname, port, host } = new URL(socketPath === undefined ? address : 'http://127.0.0.1');
  const where = socketPath === undefined ? { host: hostname.replace(/^\[|\]$/g, ''), port } : { socketPath };
  const agent = new Agent({ keepAlive });
  return { call, close: () => agent.destroy() };

  async function call(method: 'GET' | 'POST', path: string, options: AdminCallOptions): Promise<AdminAnswer> {
    const { timeoutMs, signal, body, headers = {}, isQuestion = method === 'GET' } = options;
    const type = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const ending = deadline(timeoutMs, signal);
    return new Promise((resolve, reject) => {
      const asked = request({
        ...where,
        method,
        path,
        agent,
        signal: ending,
        headers: { host, ...type, ...headers },
      });
      asked.once('response', (answer) => {
        answerOf(answer, options).then(resolve, reject);
      });
      asked.once('error', (error: NodeJS.ErrnoException) => {
        // the other side may close a kept connection at the moment when it is used again
        const isStale = asked.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE') && isQuestion;
        if (isStale) call(method, path, options).then(resolve, reject);
        else reject(ending.aborted && !signal.aborted ? new SilenceError(timeoutMs, error) : error);
      });
      asked.end(body);
    });
  }
}

async function answerOf(answer: IncomingMessage, { withoutBody = false }: AdminCallOptions): Promise<AdminAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) if (!withoutBody) chunks.push(chunk);
  const { etag } = answer.headers;
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8'), ...(etag !== undefined && { etag }) };
}
