import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BinaryName } from '../../src/lib/binaries.ts';
import { sleep } from '../../src/lib/async.ts';
import { startProcess, tempDir, type Running } from '../../test/support/process.ts';

/** What a measurement runs in: programs, directories, progress. Everything that it started ends with it, by its id, the last first. */
export interface Lab {
  readonly paths: ReadonlyMap<BinaryName, string>;
  /** Aborts when the user wants the run to end. */
  readonly signal: AbortSignal;
  /** A line of progress. */
  tell(line: string): void;
  /** Remembers what is to be done at the end. */
  after(fn: () => Promise<void>): void;
  /** A new empty directory. */
  dir(name: string): Promise<string>;
  start(file: string, args: readonly string[], env?: Record<string, string>): Running;
  close(): Promise<void>;
}

/** A lab with nothing in it. */
export function openLab({ paths, signal, tell }: Pick<Lab, 'paths' | 'signal' | 'tell'>): Lab {
  const ends: (() => Promise<void>)[] = [];
  const after = (fn: () => Promise<void>): void => void ends.push(fn);
  let root: Promise<string> | undefined;
  return {
    paths,
    signal,
    tell,
    after,
    async dir(name) {
      const path = join(await (root ??= tempDir({ after })), name);
      await mkdir(path, { recursive: true });
      return path;
    },
    start: (file, args, env) => startProcess({ after }, file, args, env ? { env } : {}),
    async close() {
      for (let end = ends.pop(); end; end = ends.pop()) await end();
    },
  };
}

/** Waits until `condition` holds; returns how long that took in ms. Throws after `timeoutMs`, or when the lab is to end. */
export async function waitFor(
  what: string,
  condition: () => Promise<boolean> | boolean,
  { signal, timeoutMs = 60_000, everyMs = 10 }: { readonly signal: AbortSignal; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<number> {
  const startedAtMs = performance.now();
  for (;;) {
    signal.throwIfAborted();
    if (await condition()) return performance.now() - startedAtMs;
    if (performance.now() - startedAtMs > timeoutMs) throw new Error(`Cannot wait for ${what}: it is not so after ${timeoutMs} ms`);
    await sleep(everyMs, signal);
  }
}
