import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTextFile } from '../lib/files.ts';
import { messageOf, systemCode } from '../lib/errors.ts';
import { Agent, request } from '../lib/undici.ts';
import { CommandError, EXIT, withHint } from './errors.ts';
import type { Setup } from './setup.ts';

/** Calls to the admin API of a running controller. */
export interface AdminApi {
  /** The JSON of a GET; undefined where no controller runs. Each throws `CommandError` where it goes away before it has answered. */
  get(path: string): Promise<unknown>;
  /** The JSON of a POST. Throws `CommandError` where the controller refuses; undefined where none runs. */
  post(path: string, body: unknown, timeoutMs?: number): Promise<unknown>;
  /** Status and body of a GET as they are; undefined where no controller runs. */
  probe(path: string): Promise<{ readonly status: number; readonly body: unknown } | undefined>;
}

/** How long an answer may take as a whole. */
const ANSWER_MS = 30_000;

/**
 * The API of the controller that this configuration describes: over its socket where there is one, else over TCP with the token.
 * `answerMs`: how long an answer may take where a call names no other time.
 */
export function adminApi({ paths, config }: Setup, { answerMs = ANSWER_MS }: { readonly answerMs?: number } = {}): AdminApi {
  const socketPath = paths.socket !== undefined && existsSync(paths.socket) ? paths.socket : undefined;
  const { listen } = config.admin;
  return {
    get: async (path) => bodyOf(await call({ method: 'GET', path })),
    post: async (path, body, timeoutMs) => bodyOf(await call({ method: 'POST', path, body, timeoutMs })),
    probe: (path) => call({ method: 'GET', path }),
  };

  async function call({
    method,
    path,
    body,
    timeoutMs = answerMs,
  }: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly body?: unknown;
    readonly timeoutMs?: number | undefined;
  }): Promise<{ readonly status: number; readonly body: unknown } | undefined> {
    if (socketPath === undefined && !listen) return undefined;
    const dispatcher = new Agent(socketPath === undefined ? {} : { connect: { socketPath } });
    const token = (await readTextFile(join(paths.stateDir, 'admin.token')).catch(() => undefined))?.trim();
    const origin = socketPath === undefined ? `http://${listen ?? ''}` : 'http://localhost';
    try {
      const answer = await request(`${origin}${path}`, {
        method,
        dispatcher,
        // the deadline is one for the whole answer
        headersTimeout: 0,
        bodyTimeout: 0,
        signal: AbortSignal.timeout(timeoutMs),
        headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, body: await answer.body.json() };
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
      if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
        throw new CommandError(unanswered(method, `went away before it answered (${messageOf(error)})`));
      if (error instanceof Error && error.name === 'TimeoutError')
        throw new CommandError(unanswered(method, `did not answer within ${timeoutMs / 1000} s`));
      if (error instanceof SyntaxError)
        throw new CommandError(
          `Cannot ask the controller: what answers at ${socketPath ?? listen} is another program, or no JSON came back`,
        );
      throw error;
    } finally {
      await dispatcher.destroy();
    }
  }
}

/** What is said where the controller does not answer: a question can be asked again, of what was to be changed nobody knows how it ended. */
function unanswered(method: 'GET' | 'POST', reason: string): string {
  if (method === 'POST') return `Cannot say how it ended: the controller ${reason}. hind-proxy status says what runs now`;
  return `Cannot ask the controller: it ${reason}. Ask again; its log says what it does`;
}

function bodyOf(answer: { readonly status: number; readonly body: unknown } | undefined): unknown {
  if (!answer || answer.status < 300) return answer?.body;
  const { error } = answer.body as { readonly error?: { readonly code: string; readonly message: string; readonly hint?: string } };
  throw new CommandError(
    withHint(error?.message ?? `The controller answered ${answer.status}`, error?.hint),
    error?.code === 'SWITCH_REFUSED' ? EXIT.refused : EXIT.failed,
  );
}
