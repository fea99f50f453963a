import { writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import { readOrSetAside, setAside, type DamageOptions } from '../lib/set-aside.ts';
import type { Shape } from '../lib/shape.ts';

/** Writes a value so that a torn or damaged file is noticed: the first line is the SHA-256 of the rest. */
export async function writeState(path: string, value: unknown): Promise<void> {
  const body = JSON.stringify(value);
  await writeFileAtomic(path, `${sha256(body)}\n${body}\n`, { mode: 0o600 });
}

/**
 * The value of a state file; undefined where there is none. One that is damaged, cannot be read, or has another shape, as another version
 * of this program may have written it, is set aside as `.corrupt` and never fatal.
 */
export async function readState<T>(path: string, shape: Shape<T>, options: DamageOptions): Promise<T | undefined> {
  const text = await readOrSetAside(path, options);
  if (text === undefined) return undefined;
  const end = text.indexOf('\n');
  const body = text.slice(end + 1, -1);
  const isWhole = end === 64 && sha256(body) === text.slice(0, end);
  const value = isWhole ? parse(body) : undefined;
  if (value !== undefined && shape(value)) return value;
  const reason = isWhole ? 'this version of hind-proxy knows no such content' : 'its checksum is wrong';
  await setAside(path, { ...options, reason });
  return undefined;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
