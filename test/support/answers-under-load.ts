import { Agent as PlainAgent, request as askPlain } from 'node:http';
import { Agent as TlsAgent, request as askTls } from 'node:https';
import { sleep } from '../../src/lib/async.ts';

/** A request, and the one answer that is right. */
export interface RightAnswer {
  readonly host: string;
  readonly path: string;
  readonly status: number;
  /** The instances that may answer, and the path that they must get: those of `startEcho`. */
  readonly from?: readonly string[];
  readonly seenPath?: string;
  readonly location?: string;
}

/** What clients saw. */
export interface SeenAnswers {
  readonly sent: number;
  /** Connections that broke before an answer and were tried once more, as clients do with requests that change nothing. */
  readonly triedAgain: number;
  /** One text for each answer that was not the right one, and for each request that broke twice. */
  readonly wrong: readonly string[];
  /** How often each instance answered. */
  readonly answers: ReadonlyMap<string, number>;
}

/** Clients that go on asking until they are stopped. */
export interface AnswersUnderLoad {
  /** What was seen so far. */
  seen(): SeenAnswers;
  stop(): Promise<SeenAnswers>;
}

interface Got {
  readonly status: number;
  readonly body: string;
  readonly location?: string;
}

/**
 * Asks one after the other of `expected`, `perSecond` requests a second, in turn over http and TLS, on new connections and on kept ones.
 * Only a connection that breaks is tried again: an answer, whatever it says, counts.
 */
export function startAnswersUnderLoad(
  ports: { readonly web: number; readonly websecure: number },
  expected: readonly RightAnswer[],
  perSecond: number,
): AnswersUnderLoad {
  const kept = { plain: new PlainAgent({ keepAlive: true, maxSockets: 8 }), tls: new TlsAgent({ keepAlive: true, maxSockets: 8 }) };
  const figures = { sent: 0, triedAgain: 0, wrong: [] as string[], answers: new Map<string, number>() };
  const under = new Set<Promise<void>>();
  const over = new AbortController();
  const running = run();
  return {
    seen: () => figures,
    async stop() {
      over.abort();
      await running;
      await Promise.all(under);
      kept.plain.destroy();
      kept.tls.destroy();
      return figures;
    },
  };

  async function run(): Promise<void> {
    const startedAtMs = performance.now();
    for (let count = 0; !over.signal.aborted; count += 1) {
      const right = expected[count % expected.length];
      const turn = Math.floor(count / expected.length);
      if (right) {
        const asked = one(right, { tls: turn % 4 === 3, keep: turn % 2 === 1 }).finally(() => under.delete(asked));
        under.add(asked);
      }
      await sleep(Math.max(0, startedAtMs + ((count + 1) * 1000) / perSecond - performance.now()));
    }
  }

  async function one(right: RightAnswer, how: { readonly tls: boolean; readonly keep: boolean }): Promise<void> {
    figures.sent += 1;
    const what = `${how.tls ? 'https' : 'http'}://${right.host}${right.path}`;
    const got = await get(right, how).catch(() => {
      figures.triedAgain += 1;
      return get(right, { ...how, keep: false }).catch((error: unknown) => String(error));
    });
    const fault = typeof got === 'string' ? got : faultOf(got, right);
    if (fault !== undefined) figures.wrong.push(`${new Date().toISOString()} ${what}: ${fault}`);
    else if (typeof got !== 'string' && right.from) {
      const name = got.body.split(' ', 1)[0] ?? '';
      figures.answers.set(name, (figures.answers.get(name) ?? 0) + 1);
    }
  }

  function get({ host, path }: RightAnswer, { tls, keep }: { readonly tls: boolean; readonly keep: boolean }): Promise<Got> {
    const { promise, resolve, reject } = Promise.withResolvers<Got>();
    const common = { host: '127.0.0.1', path, headers: { host }, signal: AbortSignal.timeout(10_000) };
    const asked = tls
      ? askTls({ ...common, port: ports.websecure, agent: keep ? kept.tls : false, servername: host, rejectUnauthorized: false })
      : askPlain({ ...common, port: ports.web, agent: keep ? kept.plain : false });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => (body += part));
      answer.once('error', reject);
      answer.once('end', () => {
        const { location } = answer.headers;
        resolve({ status: answer.statusCode ?? 0, body, ...(location !== undefined && { location }) });
      });
    });
    asked.end();
    return promise;
  }
}

/** Says in what an answer is not the right one; undefined for the right one. */
function faultOf({ status, body, location }: Got, right: RightAnswer): string | undefined {
  if (status !== right.status) return `status ${status}, expected ${right.status}`;
  if (location !== right.location) return `Location ${String(location)}, expected ${String(right.location)}`;
  if (!right.from) return undefined;
  const texts = right.from.map((name) => `${name} GET ${right.seenPath ?? right.path} ${right.host}`);
  return texts.includes(body) ? undefined : `"${body.slice(0, 200)}", expected ${texts.join(' or ')}`;
}
