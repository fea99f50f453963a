import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import type { Log } from '../lib/log.ts';
import type { RenderedConfig, RenderedFile, Server } from '../model/rendered.ts';
import { runProgram } from './exec.ts';

/** What the parent of a proxy needs. */
export interface LauncherOptions {
  readonly server: Server;
  readonly binary: string;
  readonly stateDir: string;
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
  /** What becomes of the proxy's own output: ours, or nothing. */
  readonly output: 'inherit' | 'ignore';
  readonly log: Log;
}

/**
 * Runs a proxy as a child until it ends or `signal` aborts, from the files in place where it takes them, else from the last good
 * generation, else from the boot configuration. Returns its exit code; 128 + n where a signal ended it.
 */
export async function runLauncher(options: LauncherOptions, signal: AbortSignal): Promise<number> {
  const { server, binary, stateDir, configFile, env, log } = options;
  const stagingDir = join(stateDir, 'staging');
  for (const file of options.staticFiles) await writeFileAtomic(file.path, file.content, { stagingDir });
  await prepareFiles(options, stagingDir, signal);
  if (signal.aborted) return 0;
  const args = server === 'caddy' ? ['run', '--adapter', 'caddyfile', '--config', configFile] : [`--configFile=${configFile}`];
  const child = spawn(binary, args, { env, stdio: ['ignore', options.output, options.output] });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => resolve(code ?? (name === 'SIGKILL' ? 137 : 143)));
  });
  await writeFileAtomic(
    join(stateDir, 'proxy-state.json'),
    `${JSON.stringify({ launcher: process.pid, pid: child.pid, server, since: new Date().toISOString() })}\n`,
    { stagingDir },
  );
  log.info({ component: server, event: 'proxy_started', pid: child.pid, file: configFile }, 'The proxy runs');
  try {
    const code = await ended;
    return signal.aborted && code === 143 ? 0 : code;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Makes sure that what the proxy boots from exists and is taken. */
async function prepareFiles(options: LauncherOptions, stagingDir: string, signal: AbortSignal): Promise<void> {
  const { boot, lastGood, log, server } = options;
  const present = await filesInPlace(boot);
  if (present && (await isTaken(options, signal))) return;
  for (const config of [...lastGood, boot]) {
    await write(config, stagingDir);
    if (!(await isTaken(options, signal))) continue;
    const event = config === boot ? 'boot_config' : 'boot_from_generation';
    log.warn(
      { component: server, event, reason: present ? 'the files in place are refused' : 'there are none in place' },
      'The proxy boots from other files',
    );
    return;
  }
}

async function filesInPlace({ files }: RenderedConfig): Promise<boolean> {
  const contents = await Promise.all(files.map(({ path }) => readTextFile(path)));
  return contents.every((content) => content !== undefined && content.trim() !== '');
}

async function write({ files }: RenderedConfig, stagingDir: string): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await writeFileAtomic(path, content, { stagingDir });
  }
}

/** Caddy says whether it would take its file; Traefik has no such question, and refuses only what nobody has verified. */
async function isTaken({ server, binary, configFile, env }: LauncherOptions, signal: AbortSignal): Promise<boolean> {
  if (server === 'traefik') return true;
  const run = await runProgram(binary, ['validate', '--adapter', 'caddyfile', '--config', configFile], { env, timeoutMs: 20_000, signal });
  return run.kind === 'exited' && run.code === 0;
}
