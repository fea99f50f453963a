import { fork } from 'node:child_process';
import { join } from 'node:path';
import { messageOf } from '../lib/errors.ts';

/** A place where a proxy listens, `host` numeric, `::` for all. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What the program of a gate is told, and answers. */
export type GateOrder = { readonly kind: 'hold'; readonly addresses: readonly ListenAddress[] } | { readonly kind: 'hand' | 'end' };
export type GateAnswer = { readonly kind: 'done' } | { readonly kind: 'unable'; readonly reason: string; readonly address?: string };

/**
 * Decides which of the programs that listen on the same addresses gets new connections, while one takes the place of another. Without
 * it the kernel shares them as soon as the second listens: Traefik answers 404 until it has read its files (45 to 550 ms), and what
 * waits to be accepted when the first stops listening is lost.
 */
export interface Gate {
  /** From now on new connections go to the program that began to listen after the gate was opened. */
  hand(): Promise<void>;
  /** Leaves it to the kernel again. */
  end(): Promise<void>;
}

const ANSWER_MS = 5000;

/**
 * A gate that leaves all new connections with those who listen now, one on each address. Returns why where it cannot be had: another
 * operating system, no right to the port, a program that does not share it.
 */
export async function openGate(addresses: readonly ListenAddress[]): Promise<Gate | string> {
  const program = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'gate-program.ts' : 'gate-program.js');
  const child = fork(program, [], {
    execArgv: ['--experimental-ffi', '--disable-warning=ExperimentalWarning'],
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = new Promise<GateAnswer>((resolve) => {
    child.once('error', (error) => resolve({ kind: 'unable', reason: messageOf(error) }));
    child.once('exit', (code, name) => resolve({ kind: 'unable', reason: `the gate ended with ${code ?? name ?? 'nothing'}` }));
  });
  const order = async (what: GateOrder): Promise<GateAnswer> => {
    const late = new Promise<GateAnswer>((resolve) => {
      setTimeout(() => resolve({ kind: 'unable', reason: `the gate did not answer within ${ANSWER_MS} ms` }), ANSWER_MS).unref();
    });
    const answer = new Promise<GateAnswer>((resolve) => child.once('message', (message) => resolve(message as GateAnswer)));
    if (child.connected) child.send(what);
    return Promise.race([answer, ended, late]);
  };
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await ended;
  };
  const first = await order({ kind: 'hold', addresses });
  if (first.kind === 'unable') {
    await close();
    return `${first.address === undefined ? '' : `${first.address}: `}${first.reason}`;
  }
  return {
    async hand() {
      const answer = await order({ kind: 'hand' });
      if (answer.kind === 'unable') throw new Error(`Cannot hand new connections over: ${answer.reason}`);
    },
    async end() {
      await order({ kind: 'end' });
      await close();
    },
  };
}
