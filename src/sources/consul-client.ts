import Consul from 'consul';
import { Agent, request } from 'undici';
import { causesOf, deadline } from '../lib/abort.ts';
import type { ConsulConnection } from './consul-connection.ts';

/** One answer of Consul that was a 200. */
export interface ConsulAnswer {
  /** Opaque; compared as a number only to see it fall. 0 where it is missing. */
  readonly index: bigint;
  /** False: without a leader, or streamed. */
  readonly knownLeader: boolean;
  /** Rows are missing because the token may not see them. */
  readonly filtered: boolean;
  readonly body: unknown;
}

/** A read that did not end in a 200. `status` 0: no answer. */
export class ConsulError extends Error {
  override readonly name = 'ConsulError';
  readonly status: number;

  constructor(message: string, status: number, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** Reads of one agent. */
export interface ConsulClient {
  /** A read without index: the only one that proves a removal. */
  read(path: string, signal: AbortSignal): Promise<ConsulAnswer>;
  /** Waits until the index passes `index`, at most `waitMs`. */
  block(path: string, options: { readonly index: bigint; readonly waitMs: number; readonly signal: AbortSignal }): Promise<ConsulAnswer>;
  /** Whether the agent answers and knows a leader. */
  hasLeader(signal: AbortSignal): Promise<boolean>;
  /** How many requests of one client the agent holds at once; undefined where it will not say. */
  connectionLimit(): Promise<number | undefined>;
  close(): Promise<void>;
}

const READ_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * A client of one agent. Over TLS all requests share HTTP/2 connections; over plain HTTP each waiting read has its own. Waiting reads
 * have their own deadline, a little more than Consul's jitter; undici's are off, because they are shorter than a wait.
 */
export function createConsulClient(connection: ConsulConnection): ConsulClient {
  const { origin, socketPath, tls, auth } = connection;
  const connect = {
    ...(socketPath !== undefined && { socketPath }),
    rejectUnauthorized: tls.verify,
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
    ...(tls.ca && { ca: [...tls.ca] }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
  const isTls = origin.startsWith('https:');
  const agents = [0, 1].map(
    () => new Agent({ connect, allowH2: isTls, ...(isTls ? { connections: 8, pipelining: 250 } : { pipelining: 1 }) }),
  );
  const [reading, waiting] = agents;
  return {
    read: (path, signal) => get(path, { agent: reading, timeoutMs: READ_MS, signal }),
    block(path, { index, waitMs, signal }) {
      const separator = path.includes('?') ? '&' : '?';
      const timeoutMs = Math.ceil((waitMs * 17) / 16) + 10_000;
      return get(`${path}${separator}index=${index}&wait=${waitMs}ms`, { agent: waiting, timeoutMs, signal });
    },
    hasLeader: async (signal) => (await get('/v1/status/leader', { agent: reading, timeoutMs: 2000, signal })).body !== '',
    connectionLimit: () => connectionLimitOf(connection),
    async close() {
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };

  async function get(
    path: string,
    options: { readonly agent: Agent | undefined; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ConsulAnswer> {
    const { agent, timeoutMs, signal } = options;
    const token = connection.token();
    const headers = {
      accept: 'application/json',
      ...(token && { 'x-consul-token': token.reveal() }),
      ...(auth && { authorization: `Basic ${Buffer.from(auth.reveal()).toString('base64')}` }),
    };
    let status = 0;
    try {
      const answer = await request(`${origin}${path}`, {
        ...(agent && { dispatcher: agent }),
        headers,
        signal: deadline(timeoutMs, signal),
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      status = answer.statusCode;
      const text = await bodyText(answer.body);
      if (status !== 200) throw new ConsulError(`Consul answered ${status}: ${text.slice(0, 200).trim()}`, status);
      const header = (name: string): string => String(answer.headers[name] ?? '');
      return {
        index: /^\d+$/.test(header('x-consul-index')) ? BigInt(header('x-consul-index')) : 0n,
        knownLeader: header('x-consul-knownleader') === 'true',
        filtered: header('x-consul-results-filtered-by-acls') === 'true',
        body: JSON.parse(text) as unknown,
      };
    } catch (error) {
      if (error instanceof ConsulError) throw error;
      throw new ConsulError(`Cannot read ${path} from Consul at ${origin}: ${causesOf(error)}`, status, error);
    }
  }
}

async function bodyText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError(`the answer is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Asked with the `consul` package: a call whose headers do not matter. */
async function connectionLimitOf(connection: ConsulConnection): Promise<number | undefined> {
  const { origin, socketPath, tls } = connection;
  const token = connection.token();
  // `baseUrl` and `socketPath` are read by the package and missing from its types
  const options = {
    baseUrl: new URL(`${origin}/v1`),
    ...(socketPath !== undefined && { socketPath }),
    rejectUnauthorized: tls.verify,
    ...(tls.ca && { ca: [...tls.ca] }),
    defaults: token ? { token: token.reveal() } : {},
  };
  const self: unknown = await new Consul(options).agent.self().catch(() => undefined);
  const limit = propertyOf(propertyOf(self, 'DebugConfig'), 'HTTPMaxConnsPerClient');
  return typeof limit === 'number' ? limit : undefined;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
}
