import { connect, type Socket } from 'node:net';
import { Agent, request } from 'node:http';
import { createHash } from 'node:crypto';
import { sleep } from '../../src/lib/async.ts';
import { until } from './until.ts';

/** What clients of one kind saw. */
export interface LoadFigures {
  readonly sent: number;
  /** Neither the first answer nor that of the one retry was 200. */
  readonly failed: number;
  /** Failed the first time: what a client sees that does not retry. */
  readonly failedOnce: number;
  readonly reasons: ReadonlyMap<string, number>;
}

/** Clients that go on asking until they are stopped or disposed of. */
export interface Load extends AsyncDisposable {
  stop(): Promise<{ readonly fresh: LoadFigures; readonly kept: LoadFigures }>;
}

/**
 * Asks a proxy `perSecond` times a second, one half on new connections and one half on kept ones. What fails is asked once more,
 * at once or `retryAfterMs` later, on a new connection, as clients do that retry idempotent requests.
 */
export function startLoad(
  port: number,
  { host, perSecond, retryAfterMs = 0 }: { readonly host: string; readonly perSecond: number; readonly retryAfterMs?: number },
): Load {
  const kept = new Agent({ keepAlive: true, maxSockets: 8 });
  const figures = { fresh: newFigures(), kept: newFigures() };
  const under: Promise<void>[] = [];
  const over = new AbortController();
  const running = run();
  const stop = async (): Promise<typeof figures> => {
    over.abort();
    await running;
    await Promise.all(under);
    kept.destroy();
    return figures;
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };

  async function run(): Promise<void> {
    const startedAtMs = performance.now();
    for (let count = 0; !over.signal.aborted; count += 1) {
      under.push(one(count % 2 === 0 ? 'fresh' : 'kept'));
      const dueAtMs = startedAtMs + ((count + 1) * 1000) / perSecond;
      await sleep(Math.max(0, dueAtMs - performance.now()));
    }
  }

  async function one(kind: 'fresh' | 'kept'): Promise<void> {
    const seen = figures[kind];
    seen.sent += 1;
    const first = await ask(kind === 'kept' ? kept : undefined);
    if (first === '200') return;
    seen.failedOnce += 1;
    seen.reasons.set(first, (seen.reasons.get(first) ?? 0) + 1);
    if (retryAfterMs > 0) await sleep(retryAfterMs);
    const second = await ask(undefined);
    if (second === '200') return;
    seen.failed += 1;
    seen.reasons.set(`again ${second}`, (seen.reasons.get(`again ${second}`) ?? 0) + 1);
  }

  function ask(agent: Agent | undefined): Promise<string> {
    return new Promise((resolve) => {
      const asked = request(
        { host: '127.0.0.1', port, headers: { host }, agent: agent ?? false, signal: AbortSignal.timeout(10_000) },
        (answer) => {
          answer.resume();
          answer.once('end', () => resolve(String(answer.statusCode)));
          answer.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        },
      );
      asked.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      asked.end();
    });
  }
}

function newFigures(): { sent: number; failed: number; failedOnce: number; reasons: Map<string, number> } {
  return { sent: 0, failed: 0, failedOnce: 0, reasons: new Map() };
}

/** The answer to a handshake of a websocket key (RFC 6455). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** An upgraded connection through a proxy to a backend that sends back what it gets. */
export interface Upgraded {
  /** Sends a text and waits until it comes back; false where the connection is gone. */
  echoes(text: string): Promise<boolean>;
  close(): void;
}

/** Opens one with the handshake of a websocket; frames are not made, both sides speak bytes. */
export async function openUpgraded(port: number, host: string): Promise<Upgraded> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const key = Buffer.alloc(16, 7).toString('base64');
  socket.write(
    `GET /socket HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  await until('an answer to the handshake', () => text.includes('\r\n\r\n'), 5000);
  if (!text.startsWith('HTTP/1.1 101')) throw new Error(`Cannot upgrade: ${text.slice(0, 200)}`);
  return {
    async echoes(sent) {
      if (socket.destroyed || socket.readableEnded) return false;
      socket.write(sent);
      return until('what was sent to come back', () => text.includes(sent), 5000).then(
        () => true,
        () => false,
      );
    },
    close: () => void socket.destroy(),
  };
}
