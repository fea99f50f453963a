import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { sleep } from '../lib/async.ts';
import { readTextFile, stageFile } from '../lib/files.ts';
import type { Log } from '../lib/log.ts';
import { systemCode } from '../lib/errors.ts';
import { setAside } from '../lib/set-aside.ts';
import type { RenderedConfig, RenderedFile, Server } from '../model/rendered.ts';
import type { LiveState } from './deployer.ts';
import { runProgram } from './exec.ts';
import type { ListenAddress } from './gate.ts';
import { startOf } from '../lib/process-mark.ts';

/** Everything that it takes to run one proxy. */
export interface ProxyProgram {
  readonly server: Server;
  readonly binary: string;
  /** Where the proxy reads its configuration: the Caddyfile, or Traefik's static file. */
  readonly configFile: string;
  /** What it boots from where there is nothing, or nothing that it would take. */
  readonly boot: RenderedConfig;
  /** The last generation that was applied, newest first. */
  readonly lastGood: readonly RenderedConfig[];
  /** Files that are read at the start only; always written. */
  readonly staticFiles: readonly RenderedFile[];
  /** The environment of the proxy: nothing of ours but this. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it accepts connections of clients over TCP, and where its own endpoint is, as far as that has a port. */
  readonly listens: readonly ListenAddress[];
  readonly endpoint?: ListenAddress;
  /** What it serves. */
  live(signal: AbortSignal): Promise<LiveState>;
  /** Makes it stop accepting while open connections go on. Rejects where it does not do so; `undefined`: TERM does it. */
  readonly retire?: (signal: AbortSignal) => Promise<void>;
}

/** A proxy that runs. */
export interface ProxyProcess {
  readonly server: Server;
  readonly pid: number;
  readonly sinceMs: number;
  /** Its exit code, 128 + n where a signal ended it, once it has ended. */
  readonly ended: Promise<number>;
  readonly hasEnded: () => boolean;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** How often a process that is not our child is looked at. */
const WATCH_MS = 250;

/** Starts the program of a proxy from the files in place. */
export async function spawnProxy(
  { server, binary, configFile, env }: ProxyProgram,
  { output }: { readonly output: 'inherit' | 'ignore' },
): Promise<ProxyProcess> {
  const child = spawn(binary, startArguments(server, configFile), { env, stdio: ['ignore', output, output] });
  let isOver = false;
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`Cannot run ${server}: the system does not start ${binary}`, { cause })));
    child.once('exit', (code, name) => resolve(code ?? (name === 'SIGKILL' ? 137 : 143)));
  }).finally(() => (isOver = true));
  ended.catch(() => undefined);
  await Promise.race([new Promise((resolve) => child.once('spawn', resolve)), ended]);
  return { server, pid: child.pid ?? 0, sinceMs: Date.now(), ended, hasEnded: () => isOver, kill: (signal) => void child.kill(signal) };
}

/** With what the program of a proxy is started: `configFile` is the Caddyfile, or Traefik's static file. */
export function startArguments(server: Server, configFile: string): readonly string[] {
  return server === 'caddy' ? ['run', '--adapter', 'caddyfile', '--config', configFile] : [`--configFile=${configFile}`];
}

/**
 * A proxy that somebody else has started, or a launcher that is gone. How it ended cannot be known: as it was told, else with 1. `sinceMs`:
 * when it was started; default: it is not known, and counts from now.
 */
export function adoptProxy({
  server,
  pid,
  start,
  sinceMs = Date.now(),
}: {
  readonly server: Server;
  readonly pid: number;
  readonly start: string;
  readonly sinceMs?: number;
}): ProxyProcess {
  let [isOver, code] = [false, 1];
  const watch = async (): Promise<number> => {
    while ((await startOf(pid)) === start) await sleep(WATCH_MS);
    isOver = true;
    return code;
  };
  return {
    server,
    pid,
    sinceMs,
    ended: watch(),
    hasEnded: () => isOver,
    kill(signal) {
      if (isOver) return;
      code = signal === 'SIGTERM' ? 143 : 137;
      try {
        process.kill(pid, signal);
      } catch (error) {
        // it has ended since it was looked at
        if (systemCode(error) !== 'ESRCH') throw error;
      }
    },
  };
}

/**
 * Writes what the proxy reads at its start only, as far as it is not there: a full disk must not keep the proxy from starting. What is not
 * ours is set aside.
 */
export async function writeStaticFiles({ staticFiles }: ProxyProgram, { stateDir, log }: WriteOptions): Promise<void> {
  for (const { path, content } of staticFiles) {
    const present = await readTextFile(path).catch(() => undefined);
    if (present !== content)
      await replace(path, { present, content, reason: 'it is not ours, and the proxy starts with our own', stateDir, log });
  }
}

/** Where files are staged, and who is told of those that had to go. */
interface WriteOptions {
  readonly stateDir: string;
  readonly log: Log;
}

/** Makes sure that what the proxy boots from exists and is taken: the files in place, else the last generation, else the boot configuration. */
export async function prepareFiles(
  program: ProxyProgram,
  { stateDir, log, signal }: WriteOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { boot, lastGood, server } = program;
  const present = await filesInPlace(boot);
  if (present && (await isTaken(program, signal))) return;
  for (const config of [...lastGood, boot]) {
    if (signal.aborted) return;
    await write(config, { stateDir, log });
    if (!(await isTaken(program, signal))) continue;
    const event = config === boot ? 'boot_config' : 'boot_from_generation';
    log.warn(
      {
        component: server,
        event,
        reason: present ? 'the files in place are refused' : 'there are none in place',
        files: config.files.map(({ path }) => path),
        options: server === 'caddy' ? ['caddy.file'] : ['traefik.dynamicFile', 'traefik.staticFile'],
      },
      'The proxy boots from files that were written for it; options of the proxy name other places',
    );
    return;
  }
}

async function filesInPlace({ files }: RenderedConfig): Promise<boolean> {
  const contents = await Promise.all(files.map(({ path }) => readTextFile(path)));
  return contents.every((content) => content !== undefined && content.trim() !== '');
}

async function write({ files }: RenderedConfig, { stateDir, log }: WriteOptions): Promise<void> {
  for (const { path, content } of files) {
    await ensureDirectory(dirname(path));
    await replace(path, { present: await readTextFile(path), content, reason: 'it is not ours, and the proxy refuses it', stateDir, log });
  }
}

interface Replacement extends WriteOptions {
  /** What the file holds; undefined where nobody can say. */
  readonly present: string | undefined;
  readonly content: string;
  /** Why what somebody else has written has to go. */
  readonly reason: string;
}

/** Replaces a file. What somebody else has written is set aside and never lost: every file of ours begins with a comment that says so. */
async function replace(path: string, { present = '', content, reason, stateDir, log }: Replacement): Promise<void> {
  // before anything is moved: the disk may be full
  const staged = await stageFile(path, content, { stagingDir: join(stateDir, 'staging') });
  if (present.trim() !== '' && !present.startsWith('# Written by hind-proxy')) await setAside(path, { reason, log });
  await (await staged.place()).onDisk;
}

/**
 * Caddy says whether it would take its file; Traefik has no such question, and refuses only what nobody has verified. Where Caddy says
 * nothing, because it was ended or is slow, nothing speaks against it.
 */
async function isTaken({ server, binary, configFile, env }: ProxyProgram, signal: AbortSignal): Promise<boolean> {
  if (server === 'traefik') return true;
  const run = await runProgram(binary, ['validate', '--adapter', 'caddyfile', '--config', configFile], { env, timeoutMs: 20_000, signal });
  return run.kind === 'failed' || run.code === 0;
}
