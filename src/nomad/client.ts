import type { z } from 'zod';
import { Agent, request } from '../lib/undici.ts';
import type { NomadConnection } from './connection.ts';
import { NomadError } from './error.ts';
import { readEvents, type StreamMessage, type StreamPatience } from './events.ts';
import {
  allocationJob,
  jobPlan,
  registrations,
  serviceList,
  type AllocationJob,
  type JobPlan,
  type NamespaceServices,
  type Registration,
} from './types.ts';

/** One answer that was a 200. */
export interface NomadAnswer<T> {
  /** The index of the table, over all namespaces; 0: the caller may read none of them, or the header is missing. */
  readonly index: bigint;
  readonly knownLeader: boolean;
  readonly body: T;
}

/** Which events a stream carries. */
export interface EventOptions {
  /** `*` is every namespace that exists now: later ones never arrive. */
  readonly namespace: string;
  /** 0 replays what is kept; n sends n again; an index older than what is kept starts there without a word. */
  readonly index: bigint;
  readonly patience?: Partial<StreamPatience>;
  readonly signal: AbortSignal;
}

/** Typed requests to one agent. Every one throws `NomadError` unless its answer is a 200 in the expected shape. */
export interface Nomad {
  readonly services: {
    /** `/v1/services`, in random order. Without any rights `*` gives an empty list with index 0, a named namespace a 403. */
    list(namespace: string, signal: AbortSignal): Promise<NomadAnswer<readonly NamespaceServices[]>>;
    /** `/v1/service/:name`; `*` as namespace always gives an empty list, and is refused here with a `RangeError`. */
    get(name: string, namespace: string, signal: AbortSignal): Promise<NomadAnswer<readonly Registration[]>>;
  };
  readonly jobs: {
    /** `/v1/job/:id` as the agent wrote it: numbers in it may be larger than a number of JavaScript. */
    read(id: string, namespace: string, signal: AbortSignal): Promise<string>;
    /** What would become of the allocations if a job were registered so; nothing is. `job` is its JSON. Needs the right submit-job. */
    plan(job: { readonly id: string; readonly namespace: string; readonly json: string }, signal: AbortSignal): Promise<JobPlan>;
    /** The JSON of a job in HCL. */
    parse(hcl: string, signal: AbortSignal): Promise<string>;
    /** The job of an allocation, by its id. */
    ofAllocation(id: string, signal: AbortSignal): Promise<AllocationJob>;
  };
  /** The events about services. Ends with the stream. */
  events(options: EventOptions): AsyncIterable<StreamMessage>;
  /** Whether the agent answers and knows a leader. */
  hasLeader(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** What a request has beside its path. `put`: the JSON of its body; absent: it is a GET. */
interface Query {
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly put?: string;
}

const READ_MS = 10_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const PATIENCE: StreamPatience = { openMs: 2000, silenceMs: 40_000 };

/**
 * A client of one agent over HTTP/1.1. It never waits in a read (`index` with `wait`): a waiting read that its reader gives up keeps one
 * of the agent's 100 connections until its wait ends, and event streams do not count.
 */
export function createNomad(connection: NomadConnection): Nomad {
  const { origin, socketPath, tls, region } = connection;
  const agent = new Agent({
    pipelining: 1,
    connect: {
      ...(socketPath !== undefined && { socketPath }),
      rejectUnauthorized: tls.verify,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      ...(tls.ca && { ca: [...tls.ca] }),
      ...(tls.cert !== undefined && { cert: tls.cert }),
      ...(tls.key !== undefined && { key: tls.key }),
      ...(tls.serverName !== undefined && { servername: tls.serverName }),
    },
  });
  return {
    services: {
      list: (namespace, signal) => read('/v1/services', { query: { namespace }, shape: serviceList, signal }),
      get(name, namespace, signal) {
        if (namespace === '*') throw new RangeError('Cannot read a service of every namespace: expected the name of one');
        return read(`/v1/service/${encodeURIComponent(name)}`, { query: { namespace }, shape: registrations, signal });
      },
    },
    jobs: {
      async read(id, namespace, signal) {
        return (await send(`/v1/job/${encodeURIComponent(id)}`, { query: { namespace }, timeoutMs: READ_MS, signal })).text;
      },
      async plan({ id, namespace, json }, signal) {
        const body = `{"Job":${json},"Diff":false}`;
        const path = `/v1/job/${encodeURIComponent(id)}/plan`;
        return (await read(path, { query: { namespace }, shape: jobPlan, signal, put: body })).body;
      },
      async parse(hcl, signal) {
        const put = JSON.stringify({ JobHCL: hcl, Canonicalize: true });
        return (await send('/v1/jobs/parse', { query: {}, timeoutMs: READ_MS, signal, put })).text;
      },
      async ofAllocation(id, signal) {
        return (await read(`/v1/allocation/${encodeURIComponent(id)}`, { query: {}, shape: allocationJob, signal })).body;
      },
    },
    events,
    async hasLeader(signal) {
      const { text } = await send('/v1/status/leader', { query: {}, timeoutMs: 6000, signal });
      return text !== '' && text !== '""';
    },
    close: () => agent.destroy(),
  };

  async function read<T>(path: string, options: Query & { readonly shape: z.ZodType<T> }): Promise<NomadAnswer<T>> {
    const { shape, ...query } = options;
    const { text, header } = await send(path, { ...query, timeoutMs: READ_MS });
    const index = header('x-nomad-index');
    try {
      return {
        index: /^\d+$/.test(index) ? BigInt(index) : 0n,
        knownLeader: header('x-nomad-knownleader') === 'true',
        body: shape.parse(JSON.parse(text)),
      };
    } catch (error) {
      throw new NomadError(`Cannot read ${path} from Nomad: the answer has another shape`, { failure: 'body', status: 200, cause: error });
    }
  }

  async function send(
    path: string,
    options: Query & { readonly timeoutMs: number },
  ): Promise<{ readonly text: string; readonly header: (name: string) => string }> {
    const { timeoutMs, signal, ...query } = options;
    const answer = await open(path, { ...query, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    const text = await bodyText(answer.body).catch((error: unknown) => {
      throw new NomadError(`Cannot read ${path} from Nomad: ${causesOf(error)}`, {
        failure: 'body',
        status: answer.statusCode,
        cause: error,
      });
    });
    if (answer.statusCode !== 200) throw refusal(path, answer.statusCode, text);
    return { text, header: (name) => String(answer.headers[name] ?? '') };
  }

  async function* events({ namespace, index, patience, signal }: EventOptions): AsyncGenerator<StreamMessage> {
    const path = '/v1/event/stream';
    const closing = new AbortController();
    const { openMs, silenceMs } = { ...PATIENCE, ...patience };
    const tooLate = setTimeout(() => closing.abort(), openMs + READ_MS);
    try {
      const until = AbortSignal.any([signal, closing.signal]);
      const answer = await open(path, { query: { topic: 'Service', namespace, index: String(index) }, signal: until });
      clearTimeout(tooLate);
      if (answer.statusCode !== 200) throw refusal(path, answer.statusCode, await bodyText(answer.body));
      yield* readEvents(answer.body, { openMs, silenceMs });
    } catch (error) {
      if (error instanceof NomadError) throw error;
      throw new NomadError(`Cannot read the event stream of Nomad: ${causesOf(error)}`, { failure: 'connection', cause: error });
    } finally {
      clearTimeout(tooLate);
      closing.abort();
    }
  }

  async function open(path: string, options: Query) {
    const query = new URLSearchParams({ ...options.query, ...(region !== undefined && { region }) }).toString();
    const [token, basicAuth] = [connection.token(), connection.basicAuth()];
    try {
      return await request(`${origin}${path}${query === '' ? '' : `?${query}`}`, {
        dispatcher: agent,
        ...(options.put !== undefined && { method: 'PUT', body: options.put }),
        headers: {
          accept: 'application/json',
          ...(token && { 'x-nomad-token': token }),
          ...(basicAuth && { authorization: `Basic ${Buffer.from(basicAuth).toString('base64')}` }),
        },
        signal: options.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    } catch (error) {
      throw new NomadError(`Cannot read ${path} from Nomad at ${socketPath ?? origin}: ${causesOf(error)}`, {
        failure: 'connection',
        cause: error,
      });
    }
  }
}

function refusal(path: string, status: number, text: string): NomadError {
  return new NomadError(`Cannot read ${path} from Nomad: it answered ${status} ${JSON.stringify(text.slice(0, 200).trim())}`, {
    failure: 'status',
    status,
  });
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

function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${causesOf(error.cause)}`;
}
