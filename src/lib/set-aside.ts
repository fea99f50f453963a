import { rename } from 'node:fs/promises';
import { systemCode } from './errors.ts';
import { FileSizeError, readTextFile } from './files.ts';
import type { Log } from './log.ts';

/** What happens with files of ours that cannot be used. */
export interface DamageOptions {
  /** Who only looks moves nothing: the file may be another program's that runs, or its last trace. */
  readonly looksOnly?: boolean;
  readonly log: Log;
}

/** What stands in the place of a file cannot be read, however often one tries: a directory, a loop of links, a file of somebody else. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['EISDIR', 'ELOOP', 'ENOTDIR', 'EACCES', 'EPERM', 'ENAMETOOLONG', 'ENXIO']);

/** Whether an error says so, or that what stands there is too large to be ours. */
export function isUnreadable(error: unknown): error is Error {
  return error instanceof FileSizeError || UNREADABLE.has(systemCode(error));
}

/**
 * The text of a file of ours; undefined where there is none. What cannot be read is set aside, so that a new file finds its place, and
 * never stops anything. Errors that may pass, as of too many open files, are thrown.
 */
export async function readOrSetAside(path: string, options: DamageOptions): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await setAside(path, { ...options, reason: error.message });
    return undefined;
  }
}

/**
 * Gives what stands in a place the name `PATH.corrupt-TIME`, with one line in the log; where that is refused, or one only looks, it is
 * passed over.
 */
export async function setAside(
  path: string,
  { reason, looksOnly = false, log }: DamageOptions & { readonly reason: string },
): Promise<void> {
  const told = { component: 'state', event: 'state_file_damaged', file: path, reason };
  if (looksOnly) return log.warn(told, PASSED_OVER);
  const aside = `${path}.corrupt-${Date.now()}`;
  try {
    await rename(path, aside);
    log.warn({ ...told, kept: aside }, 'A file that cannot be used is set aside');
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    log.warn({ ...told, err: { message: error.message } }, PASSED_OVER);
  }
}

const PASSED_OVER = 'A file that cannot be used is passed over';
