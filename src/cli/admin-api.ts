import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_DIR_HEADER, stateDirHeader } from '../admin/state-dir-header.ts';
import { readTextFile } from '../lib/files.ts';
import { messageOf, systemCode } from '../lib/errors.ts';
import { Agent, request } from '../lib/undici.ts';
import { CommandError, EXIT, withHint } from './errors.ts';
import type { Setup } from './setup.ts';
import { asOwnerOf, userText } from './user.ts';

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
/** The controller is that of another state directory. */
const MISDIRECTED = 421;
/** It wants the token. */
const UNAUTHORIZED = 401;

/** Where a controller may listen. */
type Place = { readonly socketPath: string } | { readonly listen: string };

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number | undefined;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The API of the controller that this configuration describes: over its socket where one answers, else over TCP with the token. Several
 * controllers may have one place for their sockets: where the configuration names a state directory, that of another one does not count.
 * `answerMs`: how long an answer may take where a call names no other time.
 */
export function adminApi({ paths, config, loaded }: Setup, { answerMs = ANSWER_MS }: { readonly answerMs?: number } = {}): AdminApi {
  const { socket, stateDir } = paths;
  const { listen } = config.admin;
  const places: readonly Place[] = [
    ...(socket !== undefined && existsSync(socket) ? [{ socketPath: socket }] : []),
    ...(listen ? [{ listen }] : []),
  ];
  return {
    get: async (path) => bodyOf(await call({ method: 'GET', path })),
    async post(path, body, timeoutMs) {
      const answer = await call({ method: 'POST', path, body, timeoutMs });
      if (answer?.status === UNAUTHORIZED) throw new CommandError(await unauthorised(stateDir));
      return bodyOf(answer);
    },
    probe: (path) => call({ method: 'GET', path }),
  };

  async function call(asked: Call): Promise<Answer | undefined> {
    let isDenied = false;
    for (const place of places) {
      const answer = await callAt(place, asked);
      if (answer === 'denied') isDenied = true;
      else if (answer && answer.status !== MISDIRECTED) return answer;
    }
    if (isDenied) throw new CommandError(await denied(socket ?? stateDir));
    return undefined;
  }

  /** `denied`: the system does not let this user ask. */
  async function callAt(place: Place, { method, path, body, timeoutMs = answerMs }: Call): Promise<Answer | 'denied' | undefined> {
    const dispatcher = new Agent('listen' in place ? {} : { connect: place });
    const token = (await readTextFile(join(stateDir, 'admin.token')).catch(() => undefined))?.trim();
    const origin = 'listen' in place ? `http://${place.listen}` : 'http://localhost';
    try {
      const answer = await request(`${origin}${path}`, {
        method,
        dispatcher,
        // the deadline is one for the whole answer
        headersTimeout: 0,
        bodyTimeout: 0,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(loaded.origins.has('stateDir') && { [STATE_DIR_HEADER]: stateDirHeader(await realpath(stateDir).catch(() => stateDir)) }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, body: await answer.body.json() };
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
      if (code === 'EACCES' || code === 'EPERM') return 'denied';
      if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
        throw new CommandError(unanswered(method, `went away before it answered (${messageOf(error)})`));
      if (error instanceof Error && error.name === 'TimeoutError')
        throw new CommandError(unanswered(method, `did not answer within ${timeoutMs / 1000} s`));
      if (error instanceof SyntaxError)
        throw new CommandError(
          `Cannot ask the controller: what answers at ${'listen' in place ? place.listen : place.socketPath} is another program, or no JSON came back`,
        );
      throw error;
    } finally {
      await dispatcher.destroy();
    }
  }
}

/** Says that only the admin socket would answer, and this user may not use it. */
async function denied(socket: string): Promise<string> {
  return `Cannot ask the controller: this user (${userText()}) may not use its socket ${socket}. ${await asOwnerOf(socket)}, or add this user to the group of the socket`;
}

/** Says why a controller takes no orders from here: who may give them is known by the socket, or by the token. */
async function unauthorised(stateDir: string): Promise<string> {
  const file = join(stateDir, 'admin.token');
  const code = await readTextFile(file).then(() => undefined, systemCode);
  if (code === 'EACCES' || code === 'EPERM')
    return `Cannot tell the controller what to do: this user (${userText()}) may neither use its socket nor read its token ${file}. ${await asOwnerOf(stateDir)}`;
  return `Cannot tell the controller what to do: it does not take what ${file} holds, so it has another state directory. Name its configuration with --config (or HIND_PROXY_CONFIG), or its directory with --state-dir`;
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
