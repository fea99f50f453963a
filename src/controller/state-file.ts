import { rename } from 'node:fs/promises';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';

/** Writes a value so that a torn or damaged file is noticed: the first line is the SHA-256 of the rest. */
export async function writeState(path: string, value: unknown): Promise<void> {
  const body = JSON.stringify(value);
  await writeFileAtomic(path, `${sha256(body)}\n${body}\n`, { mode: 0o600 });
}

/** The value of a state file; undefined where there is none. A damaged one is set aside as `.corrupt` and never fatal. */
export async function readState(path: string, log: Log): Promise<unknown> {
  const text = await readTextFile(path);
  if (text === undefined) return undefined;
  const end = text.indexOf('\n');
  const body = text.slice(end + 1, -1);
  if (end === 64 && sha256(body) === text.slice(0, end)) return JSON.parse(body) as unknown;
  const keptAs = `${path}.corrupt-${Date.now()}`;
  await rename(path, keptAs);
  log.warn({ component: 'state', event: 'state_file_damaged', file: path, kept: keptAs }, 'A state file is damaged; it is set aside');
  return undefined;
}
