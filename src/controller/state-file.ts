import { writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import type { Log } from '../lib/log.ts';
import { readOrSetAside, setAside } from '../lib/set-aside.ts';

/** Writes a value so that a torn or damaged file is noticed: the first line is the SHA-256 of the rest. */
export async function writeState(path: string, value: unknown): Promise<void> {
  const body = JSON.stringify(value);
  await writeFileAtomic(path, `${sha256(body)}\n${body}\n`, { mode: 0o600 });
}

/** The value of a state file; undefined where there is none. A damaged or unreadable one is set aside as `.corrupt` and never fatal. */
export async function readState(path: string, log: Log): Promise<unknown> {
  const text = await readOrSetAside(path, log);
  if (text === undefined) return undefined;
  const end = text.indexOf('\n');
  const body = text.slice(end + 1, -1);
  if (end === 64 && sha256(body) === text.slice(0, end)) return JSON.parse(body) as unknown;
  await setAside(path, { reason: 'its checksum is wrong', log });
  return undefined;
}
