import { Agent, request } from 'undici';
import { deadline } from '../lib/abort.ts';

/** An answer of a proxy's own API. */
export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
  readonly etag?: string;
}

/** Calls to one API over TCP or a unix socket; each ends by its deadline. They reject where nothing answers. */
export interface AdminClient {
  call(
    method: 'GET' | 'POST',
    path: string,
    options: {
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<AdminAnswer>;
  close(): Promise<void>;
}

/**
 * A client for `http://host:port` or `unix//path`. Connections are kept for `keepAliveMs`; not at all by default, because Caddy replaces
 * its admin listener at every load.
 */
export function createAdminClient(address: string, { keepAliveMs }: { readonly keepAliveMs?: number } = {}): AdminClient {
  const socketPath = /^unix\/(\/.+)$/.exec(address)?.[1];
  const kept = keepAliveMs === undefined ? { pipelining: 0, keepAliveTimeout: 1 } : { pipelining: 1, keepAliveTimeout: keepAliveMs };
  const agent = new Agent({ ...kept, ...(socketPath !== undefined && { connect: { socketPath } }) });
  const origin = socketPath === undefined ? address.replace(/\/$/, '') : 'http://127.0.0.1';
  return {
    async call(method, path, { timeoutMs, signal, body, headers = {} }) {
      const answer = await request(`${origin}${path}`, {
        method,
        dispatcher: agent,
        signal: deadline(timeoutMs, signal),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body }),
      });
      const { etag } = answer.headers;
      return { status: answer.statusCode, body: await answer.body.text(), ...(typeof etag === 'string' && { etag }) };
    },
    close: () => agent.close(),
  };
}
