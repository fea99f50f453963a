import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { ECHO_HEADER, type Echo } from './echoes.ts';
import type { Asked } from './requests.ts';

/** Where a proxy listens. */
export interface ProxyPorts {
  readonly web: number;
  readonly websecure: number;
}

/** What came back. Status 0: the connection was closed without an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly echo?: Echo;
}

/** The header by which a request is found in logs. */
export const ASK_HEADER = 'x-ask';

/** A client with connections that it keeps. */
export interface Client {
  /** `id` goes with the request; `from` replaces its source address. */
  ask(ports: ProxyPorts, asked: Asked, options: { readonly id: string; readonly from?: string }): Promise<Answer>;
  close(): void;
}

/** The headers of a request, with the client's own that it does not set. */
export function sentHeaders({ headers }: Asked): Asked['headers'] {
  return headers.some(([name]) => name.toLowerCase() === 'user-agent') ? headers : [['User-Agent', 'Test/1'], ...headers];
}

/** A client that trusts every certificate. */
export function createClient(): Client {
  const plain = new Agent({ keepAlive: true });
  const secure = new TlsAgent({ keepAlive: true, rejectUnauthorized: false });
  return {
    ask: ({ web, websecure }, asked, { id, from = asked.from }) => {
      const name = asked.host.replace(/\.?(:\d*)?$/, '').toLowerCase();
      const body = asked.body ?? '';
      const options = {
        host: '127.0.0.1',
        port: asked.tls ? websecure : web,
        path: asked.path,
        method: asked.method,
        setHost: false,
        headers: [
          ['Host', asked.host],
          [ASK_HEADER, id],
          ...sentHeaders(asked),
          ...(body === '' ? [] : [['Content-Length', `${body.length}`]]),
        ].flat(),
        localAddress: from,
        signal: AbortSignal.timeout(10_000),
      };
      return new Promise((resolve) => {
        const sent = asked.tls
          ? httpsRequest({ ...options, agent: secure, ...(/^[a-z0-9_.-]+$/.test(name) && { servername: name }) })
          : httpRequest({ ...options, agent: plain });
        sent.once('response', (response) => {
          const { statusCode = 0, headers } = response;
          const text = headers[ECHO_HEADER];
          const echo = typeof text === 'string' ? (JSON.parse(Buffer.from(text, 'base64').toString()) as Echo) : undefined;
          response.resume();
          response.once('end', () => resolve({ status: statusCode, headers, ...(echo && { echo }) }));
          response.once('error', () => resolve({ status: 0, headers: {} }));
        });
        sent.once('error', () => resolve({ status: 0, headers: {} }));
        sent.end(body);
      });
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
