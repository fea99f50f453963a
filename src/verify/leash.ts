import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import type { Writable } from 'node:stream';

/** A program on a leash: it does not outlive this process, however that ends. */
export interface Leashed {
  readonly child: ChildProcess;
  /** To be called once the program has ended: nothing is held, killed or removed any more. */
  readonly release: () => void;
}

/**
 * A shell becomes the program, with its process id. What it leaves in the background reads from a pipe that closes with this process, and
 * then kills the program and removes the directory; a line from us ends it before.
 */
const SCRIPT = `dir=$1
shift
( if read -r _ <&3; then exit; fi; kill -9 $$; cd /; rm -rf "$dir" ) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&-`;

/** Starts a program whose output is read by us, without input. `dir`: its own directory, which goes with it where we are killed. */
export function spawnLeashed(
  file: string,
  args: readonly string[],
  { dir, ...options }: Pick<SpawnOptions, 'env' | 'cwd'> & { readonly dir: string },
): Leashed {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', dir, file, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const leash = child.stdio[3] as Writable;
  // where it was not started, or its end came first
  leash.on('error', () => undefined);
  return { child, release: () => void leash.end('\n') };
}
