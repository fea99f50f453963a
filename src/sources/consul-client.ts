import { causesOf } from '../lib/errors.ts';
import type { Scope } from '../lib/scope.ts';
import { Agent, buildConnector, request, type Connector } from '../lib/undici.ts';
import { socketOptions, type ConsulConnection } from './consul-connection.ts';
import { connectionLimitOf } from './consul-limit.ts';

/** One answer of Consul that was a 200. */
export interface ConsulAnswer {
  /** Opaque; compared as a number only to see it fall. 0 where it is missing. */
  readonly index: bigint;
  /** False: without a leader, or streamed. */
  readonly knownLeader: boolean;
  /** Rows are missing because the token may not see them. Never said to who has no token, nor by a streamed answer. */
  readonly filtered: boolean;
  /** Nobody asked with a token, and without one nothing may be seen: what is missing is not even marked. */
  readonly blind: boolean;
  readonly body: unknown;
}

/**
 * Whose fault it is that a read gave nothing: of the agent and its servers, which a probe sees come back; of the token; of too many
 * connections; or of the request, which no waiting heals.
 */
export type ConsulFault = 'agent' | 'token' | 'limit' | 'request';

/** A read that gave nothing. */
export class ConsulError extends Error {
  override readonly name = 'ConsulError';
  readonly fault: ConsulFault;
  /** What the agent asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { readonly fault: ConsulFault; readonly retryAfterMs?: number | undefined; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.fault = options.fault;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Reads of one agent. All end with their scope, and throw `ConsulError` where there is no 200. */
export interface ConsulClient {
  /** A read without index: the only one that proves a removal. `isConsistent`: asks the leader, once it is ready. */
  read(path: string, scope: Scope, options?: { readonly isConsistent?: boolean }): Promise<ConsulAnswer>;
  /** Waits until the index passes `index`, at most `waitMs`. */
  block(path: string, options: { readonly index: bigint; readonly waitMs: number; readonly scope: Scope }): Promise<ConsulAnswer>;
  /** Whether the agent answers and knows a leader. What refuses this question may still answer others, and counts as an answer. */
  hasLeader(scope: Scope): Promise<boolean>;
  /**
   * How many connections of one client the agent holds at once: a guess where it does not say, infinite where requests share them.
   * Waiting reads that begin afterwards keep within it; those that wait now end.
   */
  connectionLimit(scope: Scope): Promise<number>;
  close(): Promise<void>;
}

/** Connections for reads that do not wait, over plain HTTP. */
const READ_CONNECTIONS = 16;
/** How long a connection for reads is kept without one. */
const IDLE_MS = 60_000;
/** Connections that no waiting read of a service may have: those, one for list, probe and limit each, and some for other programs here. */
export const RESERVED_CONNECTIONS: number = READ_CONNECTIONS + 14;
const UNKNOWN_LIMIT = 150;
const READ_MS = 10_000;
const PROBE_MS = 2000;
/** From the headers to the end of the body. */
const BODY_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Consul allows 250 on one HTTP/2 connection. */
const STREAMS = 200;

/**
 * A client of one agent. Over TLS requests share HTTP/2 connections, where the other side speaks it; else each waiting read has its own.
 * Each request has a deadline; that of a waiting read is a little more than Consul's jitter.
 */
export function createConsulClient(
  connection: ConsulConnection,
  { datacenter, readMs = READ_MS }: { readonly datacenter?: string | undefined; readonly readMs?: number } = {},
): ConsulClient {
  const { origin, socketPath, auth, namespace, partition } = connection;
  const isTls = origin.startsWith('https:');
  let isMultiplexed = false;
  // a connection that does not come about takes no longer than a read that gets no answer
  const connector = buildConnector({ ...socketOptions(connection), allowH2: isTls, timeout: readMs });
  const connect: Connector = (options, callback) =>
    connector(options, (...outcome) => {
      const [, socket] = outcome;
      if (socket && 'alpnProtocol' in socket) isMultiplexed = socket.alpnProtocol === 'h2';
      callback(...outcome);
    });
  const common = { connect, allowH2: isTls, h2Options: { maxConcurrentStreams: STREAMS } };
  // a change is confirmed over a connection that is there already
  const reading = new Agent({ ...common, connections: READ_CONNECTIONS, keepAliveTimeout: IDLE_MS });
  let waiting = new Agent(common);
  // reads that hang, as without a leader, must not keep the question for one back
  const probing = new Agent({ ...common, connections: 1 });
  const place = { ...(datacenter !== undefined && { dc: datacenter }) };
  const tenancy = queryOf({ ...place, ...(namespace !== undefined && { ns: namespace }), ...(partition !== undefined && { partition }) });

  const client: ConsulClient = {
    async read(path, scope, { isConsistent = false } = {}) {
      const query = [tenancy, isConsistent ? 'consistent' : ''];
      return answerOf(await get(withQuery(path, query), { agent: reading, timeoutMs: readMs, scope }));
    },
    async block(path, { index, waitMs, scope }) {
      const query = [tenancy, `index=${index}`, `wait=${waitMs}ms`];
      const timeoutMs = Math.ceil((waitMs * 17) / 16) + readMs;
      return answerOf(await get(withQuery(path, query), { agent: waiting, timeoutMs, scope }));
    },
    async hasLeader(scope) {
      try {
        const { text } = await get(withQuery('/v1/status/leader', [queryOf(place)]), {
          agent: probing,
          timeoutMs: Math.min(readMs, PROBE_MS),
          scope,
        });
        return text.trim() !== '""';
      } catch (error) {
        return error instanceof ConsulError && error.fault !== 'agent';
      }
    },
    async connectionLimit(scope) {
      // any answer shows whether requests share a connection
      if (isTls) await client.hasLeader(scope);
      const limit = isMultiplexed ? Number.POSITIVE_INFINITY : ((await connectionLimitOf(connection, scope)) ?? UNKNOWN_LIMIT);
      if (scope.isOver) return limit;
      await waiting.destroy();
      // a read that begins before another's connection is free again would open one more
      waiting = new Agent({ ...common, ...(Number.isFinite(limit) && { connections: Math.max(2, limit - RESERVED_CONNECTIONS + 1) }) });
      return limit;
    },
    async close() {
      await Promise.all([reading, waiting, probing].map((agent) => agent.destroy()));
    },
  };
  return client;

  async function get(
    path: string,
    { agent, timeoutMs, scope }: { readonly agent: Agent; readonly timeoutMs: number; readonly scope: Scope },
  ): Promise<RawAnswer> {
    const token = connection.token();
    const { controller, release } = scope.abortable();
    const late = setTimeout(() => controller.abort(new Error(`no whole answer within ${timeoutMs + BODY_MS} ms`)), timeoutMs + BODY_MS);
    try {
      const answer = await request(`${origin}${path}`, {
        dispatcher: agent,
        headers: {
          accept: 'application/json',
          ...(token && { 'x-consul-token': token.reveal() }),
          ...(auth && { authorization: `Basic ${Buffer.from(auth.reveal()).toString('base64')}` }),
        },
        signal: controller.signal,
        // a deadline of undici's own gives up the whole connection where nobody is there any more
        headersTimeout: timeoutMs,
        bodyTimeout: 0,
      });
      const text = await bodyText(answer.body);
      const header = (name: string): string => String(answer.headers[name] ?? '');
      if (answer.statusCode !== 200) throw refusal(path, { status: answer.statusCode, text, retryAfter: header('retry-after') });
      return { path, text, header, hasToken: token !== undefined };
    } catch (error) {
      if (error instanceof ConsulError) throw error;
      const message = `Cannot read ${path} from Consul at ${socketPath ?? origin}: ${causesOf(error)}`;
      throw new ConsulError(message, { fault: 'agent', cause: error });
    } finally {
      clearTimeout(late);
      release();
    }
  }
}

interface RawAnswer {
  readonly path: string;
  readonly text: string;
  readonly header: (name: string) => string;
  readonly hasToken: boolean;
}

function answerOf({ path, text, header, hasToken }: RawAnswer): ConsulAnswer {
  const index = header('x-consul-index');
  try {
    return {
      index: /^\d+$/.test(index) ? BigInt(index) : 0n,
      knownLeader: header('x-consul-knownleader') === 'true',
      filtered: header('x-consul-results-filtered-by-acls') === 'true',
      blind: !hasToken && header('x-consul-default-acl-policy') === 'deny',
      body: JSON.parse(text) as unknown,
    };
  } catch (cause) {
    throw new ConsulError(`Cannot read ${path} from Consul: the answer is no JSON`, { fault: 'request', cause });
  }
}

function refusal(
  path: string,
  { status, text, retryAfter }: { readonly status: number; readonly text: string; readonly retryAfter: string },
): ConsulError {
  const said = JSON.stringify(text.slice(0, 200).trim());
  const retryAfterMs = /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
  return new ConsulError(`Cannot read ${path} from Consul: it answered ${status} ${said}`, { fault: faultOf(status, text), retryAfterMs });
}

function faultOf(status: number, text: string): ConsulFault {
  if (status === 429) return 'limit';
  if (status === 401 || status === 403) return 'token';
  // a filter that cannot be read is a 500
  return status >= 500 && !/boolean expression|evaluator/i.test(text) ? 'agent' : 'request';
}

function queryOf(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString();
}

function withQuery(path: string, parts: readonly string[]): string {
  const query = parts.filter((part) => part !== '').join('&');
  return query === '' ? path : `${path}?${query}`;
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
