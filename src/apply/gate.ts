import { join } from 'node:path';
import { runProgram } from './exec.ts';

/** A place where a proxy listens, `host` numeric, `::` for all. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Who gets new connections: of two programs the one that began to listen first, or the other, or whom the kernel chooses. */
export type Receiver = 'old' | 'new' | 'any';

/**
 * Decides which of the programs that listen on the same addresses gets new connections, while one takes the place of another. Without
 * it the kernel shares them as soon as the second listens: Traefik answers 404 until it has read its files (45 to 550 ms), and what
 * waits to be accepted when the first stops listening is lost. Whichever of the two goes, the other gets everything.
 */
export interface Gate {
  /** From now on new connections go to the program that began to listen after the gate was opened. Rejects where that cannot be. */
  hand(): Promise<void>;
  /** Leaves it to the kernel again. */
  end(): Promise<void>;
}

const TIMEOUT_MS = 5000;

/**
 * A gate that leaves all new connections with those who listen now, one on each address. Returns why where it cannot be had: another
 * operating system, no right to the port, a program that does not share it.
 */
export async function openGate(addresses: readonly ListenAddress[]): Promise<Gate | string> {
  const problem = await give('old', addresses);
  if (problem !== undefined) return problem;
  return {
    async hand() {
      const reason = await give('new', addresses);
      if (reason !== undefined) throw new Error(`Cannot hand new connections over: ${reason}`);
    },
    async end() {
      await give('any', addresses);
    },
  };
}

/** Gives new connections to a program; returns why not where that cannot be. */
async function give(receiver: Receiver, addresses: readonly ListenAddress[]): Promise<string | undefined> {
  const program = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'gate-program.ts' : 'gate-program.js');
  const places = addresses.flatMap(({ host, port }) => [host, String(port)]);
  const ended = await runProgram(
    process.execPath,
    ['--experimental-ffi', '--disable-warning=ExperimentalWarning', program, receiver, ...places],
    { env: {}, timeoutMs: TIMEOUT_MS, signal: new AbortController().signal },
  );
  if (ended.kind === 'failed') return `the gate could not be moved: ${ended.reason}`;
  if (ended.code === 0) return undefined;
  return ended.stdout.trim() || `the gate ended with ${ended.code}: ${ended.stderr.trim()}`;
}
