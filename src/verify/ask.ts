import { createHash } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { messageOf, systemCode } from '../lib/errors.ts';
import { splitHost } from '../lib/host.ts';
import { groupBy } from '../lib/sort.ts';
import { headerPairs, type Answer, type Echo } from './answer.ts';
import type { Answering } from './differences.ts';
import { ECHO_HEADER } from './echoes.ts';
import type { AskedRequest } from './request.ts';

/** Where a proxy listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Sends requests on connections that it keeps. */
export interface Asker extends Disposable {
  /** Never rejects for what the proxy does: a request without an answer has status 0. */
  ask(place: Place, request: AskedRequest, signal?: AbortSignal): Promise<Answer>;
}

const ANSWER_MS = 10_000;
/** So long a body is read that does not end, and so much of it: an instance may stream for ever. */
const BODY_MS = 10_000;
const BODY_BYTES = 1_048_576;
/** Headers that belong to one connection, or that say how a body is sent that no request here has. */
const OF_CONNECTION = new Set(['connection', 'content-length', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'expect']);

/**
 * An asker whose certificates are looked at by nobody: the programs of a lab have made them themselves. What a request came to is believed
 * to be told by `ECHO_HEADER` only where programs of ours answer (`echoes`): real instances may send anything.
 */
export function createAsker({ answering }: { readonly answering: Answering }): Asker {
  const agents = {
    plain: new Agent({ keepAlive: true, maxSockets: 32 }),
    tls: new TlsAgent({
      keepAlive: true,
      maxSockets: 32,
      maxFreeSockets: 4,
      rejectUnauthorized: false,
      secureContext: createSecureContext(),
    }),
  };
  return {
    async ask(place, request, signal) {
      try {
        return await send(place, request, { agents, answering, signal });
      } catch (error) {
        if (signal?.aborted || error instanceof TypeError) throw error;
        return { status: 0, headers: [], body: '', failure: failureOf(error) };
      }
    },
    [Symbol.dispose]() {
      agents.plain.destroy();
      agents.tls.destroy();
    },
  };
}

interface Sending {
  readonly agents: { readonly plain: Agent; readonly tls: TlsAgent };
  readonly answering: Answering;
  readonly signal: AbortSignal | undefined;
  /** On a connection that nobody has used before. */
  readonly fresh?: true;
}

function send(place: Place, request: AskedRequest, sending: Sending): Promise<Answer> {
  const { path, method, from } = request;
  const options: RequestOptions = {
    host: place.host,
    port: place.port,
    path,
    method,
    setHost: false,
    headers: headersOf(request),
    agent: sending.fresh ? false : place.tls ? sending.agents.tls : sending.agents.plain,
    timeout: ANSWER_MS,
    ...(sending.signal && { signal: sending.signal }),
    ...(from !== '127.0.0.1' && { localAddress: from }),
  };
  return new Promise((resolve, reject) => {
    const asked = place.tls
      ? httpsRequest({ ...options, servername: serverNameOf(request), rejectUnauthorized: false })
      : httpRequest(options);
    asked.once('response', (response) => void received(response, sending.answering).then(resolve, reject));
    asked.once('error', (error: NodeJS.ErrnoException) => {
      // the proxy may close a kept connection while a request is on its way
      const isStale = asked.reusedSocket && error.code === 'ECONNRESET' && !sending.fresh;
      if (isStale) send(place, request, { ...sending, fresh: true }).then(resolve, reject);
      else reject(error);
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    const switched = (response: IncomingMessage, socket: Duplex): void => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: [], body: '' });
    };
    asked.once('upgrade', switched).once('connect', switched);
    asked.end();
  });
}

function headersOf({ host, headers }: AskedRequest): Record<string, string | string[]> {
  const sent = headers.filter(({ name }) => !OF_CONNECTION.has(name.toLowerCase()));
  const listed = [...groupBy(sent, ({ name }) => name)].map(([name, list]) => [name, list.map(({ value }) => value)] as const);
  return { ...Object.fromEntries(listed), host };
}

function serverNameOf({ host, sni }: AskedRequest): string {
  const name = (sni ?? splitHost(host).name).replace(/\.$/, '');
  return /^[A-Za-z0-9_.-]+$/.test(name) && !/^[\d.]+$/.test(name) ? name : '';
}

async function received(response: IncomingMessage, answering: Answering): Promise<Answer> {
  const body = await bodyOf(response);
  const { rawHeaders, statusCode = 0 } = response;
  const headers = headerPairs(rawHeaders);
  const echo = answering === 'echoes' ? headers.find(([name]) => name === ECHO_HEADER)?.[1] : undefined;
  return {
    status: statusCode,
    headers: headers.filter(([name]) => name !== ECHO_HEADER),
    body,
    ...(echo !== undefined && { echo: JSON.parse(Buffer.from(echo, 'base64url').toString()) as Echo }),
  };
}

/** The hash of the first MiB of a body; `unending` where it goes on for longer than 10 s. */
async function bodyOf(response: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  let [bytes, isLate] = [0, false];
  const late = setTimeout(() => {
    isLate = true;
    response.destroy();
  }, BODY_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      hash.update(chunk.subarray(0, BODY_BYTES - bytes));
      bytes += chunk.length;
      if (bytes >= BODY_BYTES) break;
    }
  } catch (error) {
    if (!isLate) throw error;
  } finally {
    clearTimeout(late);
  }
  return isLate ? 'unending' : hash.digest('hex');
}

function failureOf(error: unknown): string {
  return systemCode(error) || messageOf(error);
}
