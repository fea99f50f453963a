import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { runProgram } from './exec.ts';

/** What one program was found to have, as it is remembered. */
interface Remembered {
  readonly program: string;
  readonly modules: readonly string[];
}

/**
 * The modules of a Caddy program beyond its stock build, as it lists them; none where it cannot be asked. The answer is kept in
 * `cacheFile` (where its directory is there) until the program is another one; `looksOnly`: it is only looked at.
 */
export async function addedModules(
  binary: string | undefined,
  { cacheFile, looksOnly = false, signal }: { readonly cacheFile: string; readonly looksOnly?: boolean; readonly signal: AbortSignal },
): Promise<ReadonlySet<string>> {
  const program = binary === undefined ? undefined : await identityOf(binary);
  if (binary === undefined || program === undefined) return new Set();
  const known = rememberedIn(await readTextFile(cacheFile).catch(() => undefined));
  if (known?.program === program) return new Set(known.modules);
  const run = await runProgram(binary, ['list-modules', '--skip-standard'], {
    env: { HOME: dirname(cacheFile) },
    timeoutMs: 10_000,
    signal,
  });
  if (run.kind === 'failed' || run.code !== 0) return new Set();
  const modules = run.stdout.split('\n').flatMap((line) => /^([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)(?:\s|$)/.exec(line)?.[1] ?? []);
  const text = `${JSON.stringify({ program, modules } satisfies Remembered)}\n`;
  // a cache that cannot be written costs the next command 80 ms, nothing else
  if (!looksOnly && existsSync(dirname(cacheFile))) await writeFileAtomic(cacheFile, text, { mode: 0o600 }).catch(() => undefined);
  return new Set(modules);
}

/** Equal for one program as long as nobody replaces it; undefined where there is none. */
async function identityOf(binary: string): Promise<string | undefined> {
  const found = await stat(binary).catch(() => undefined);
  return found && [binary, found.ino, found.size, found.mtimeMs].join(' ');
}

function rememberedIn(text: string | undefined): Remembered | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const { program, modules } = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
    const isList = Array.isArray(modules) && modules.every((module) => typeof module === 'string');
    return typeof program === 'string' && isList ? { program, modules } : undefined;
  } catch {
    return undefined;
  }
}
