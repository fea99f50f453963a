import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { LAUNCHER, isLocked } from './lock.ts';
import type { GlobalFlags } from './flags.ts';
import type { Setup } from './setup.ts';

/**
 * Starts `exec-proxy` as a program of its own that outlives this one, unless one runs for this state directory. Its output goes to
 * `<stateDir>/exec-proxy.log`. Returns the process id of what was started, undefined where one ran.
 */
export async function startLauncher({ paths, env }: Setup, flags: GlobalFlags): Promise<number | undefined> {
  await ensureDirectory(paths.stateDir);
  if (await isLocked(paths.stateDir, LAUNCHER)) return undefined;
  const given = [
    ['--config', flags.config],
    ['--consul', flags.consul],
    ['--nomad', flags.nomad],
    ['--file', flags.file],
    ['--proxy', flags.proxy],
    ['--state-dir', flags.stateDir],
  ] as const;
  const args = given.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const output = await open(join(paths.stateDir, 'exec-proxy.log'), 'a', 0o640);
  try {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../start.js'), 'exec-proxy', ...args], {
      env: { ...env },
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    return child.pid;
  } finally {
    await output.close();
  }
}

/** Says that what was started for a command runs on, and how to end it. */
export function launcherText(pid: number, server: string): string {
  return `exec-proxy was started for this and runs on in the background with ${server} (process ${pid}); kill ${pid} ends both`;
}
