import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { findBinary, type BinaryName } from '../../src/lib/binaries.ts';

/** The ports of each test file that runs at the same time: below those that the kernel gives away, so that nobody takes one unasked. */
const PORTS = { first: 10_000, each: 5000, workers: 4 } as const;
const firstPort = PORTS.first + PORTS.each * ((Number(process.env['NODE_TEST_WORKER_ID'] ?? 1) - 1) % PORTS.workers);
let portsGiven = randomInt(PORTS.each);

/** Ports of loopback that are free, and that no other test file of the same run is given. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried += 1) {
    if (tried === PORTS.each) throw new Error(`Cannot find ${count} free ports from ${firstPort} on`);
    const port = firstPort + (portsGiven % PORTS.each);
    portsGiven += 1;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A child of a test: ended by its own id when the test ends. */
export interface Running {
  readonly child: ChildProcess;
  /** Everything it printed so far, both streams. */
  output(): string;
  /** Exit code or signal, once it has ended. */
  readonly ended: Promise<number | string>;
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

/** Where something can be said that must happen when a test ends. */
export interface Ending {
  after(fn: () => Promise<void>): void;
}

const endings = new WeakMap<Ending, (() => Promise<void>)[]>();

/** Does something when the test ends: what was begun last ends first, and nothing keeps the rest from ending. */
export function whenEnded(t: Ending, fn: () => Promise<void>): void {
  const known = endings.get(t);
  if (known) {
    known.push(fn);
    return;
  }
  const stack = [fn];
  endings.set(t, stack);
  t.after(async () => {
    const failures: unknown[] = [];
    for (const end of stack.toReversed()) await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  });
}

/** Starts a program and stops it (TERM, after 10 s KILL) when the test ends. The environment is exactly `env` plus PATH and HOME. */
export function startProcess(
  t: Ending,
  file: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Record<string, string>;
    /** The id of the user who runs it, if not ours. */
    readonly uid?: number;
    /** Output goes to this file: a program may then open its /dev/fd/1, which it may not on Node's pipes. */
    readonly logFile?: string;
  } = {},
): Running {
  const { cwd, env = {}, uid, logFile } = options;
  const inherited = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' };
  const output = logFile === undefined ? 'pipe' : openSync(logFile, 'a');
  const child = spawn(file, args, { cwd, uid, env: { ...inherited, ...env }, stdio: ['ignore', output, output] });
  if (typeof output === 'number') closeSync(output);
  let text = '';
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (text += data.toString()));
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return ended;
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const result = await ended;
    clearTimeout(killer);
    return result;
  };
  whenEnded(t, async () => {
    await stop();
  });
  return { child, output: () => (logFile === undefined ? text : readFileSync(logFile, 'utf8')), ended, stop };
}

/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** An empty directory that goes when the test ends. */
export async function tempDir(t: Ending): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hind-proxy-'));
  whenEnded(t, () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return path;
}

/** Programs that every CI run must have. */
const REQUIRED: readonly BinaryName[] = ['caddy', 'traefik', 'consul', 'supervisord'];

/**
 * The path of a real server, or undefined after the test was marked as skipped with a reason. With CI=true the four that are
 * required make the test fail instead.
 */
export function needServer(t: TestContext, name: BinaryName): string | undefined {
  const path = findBinary(name, process.env);
  if (path) return path;
  if (process.env['CI'] === 'true' && REQUIRED.includes(name))
    throw new Error(`Cannot test: needs ${name} (see README), and CI=true allows no skip`);
  t.skip(`SKIPPED: needs ${name} (see README)`);
  return undefined;
}
