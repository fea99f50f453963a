import { rename } from 'node:fs/promises';
import { systemCode } from './errors.ts';
import { readTextFile } from './files.ts';
import type { Log } from './log.ts';

/** What stands in the place of a file cannot be read, however often one tries: a directory, a loop of links, a file of somebody else. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['EISDIR', 'ELOOP', 'ENOTDIR', 'EACCES', 'EPERM', 'ENAMETOOLONG', 'ENXIO']);

/** Whether an error says so. */
export function isUnreadable(error: unknown): error is Error {
  return UNREADABLE.has(systemCode(error));
}

/**
 * The text of a file of ours; undefined where there is none. What cannot be read is set aside, so that a new file finds its place, and
 * never stops anything. Errors that may pass, as of too many open files, are thrown.
 */
export async function readOrSetAside(path: string, log: Log): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await setAside(path, { reason: error.message, log });
    return undefined;
  }
}

/** Gives what stands in a place the name `PATH.corrupt-TIME`, with one line in the log; where even that is refused, it is passed over. */
export async function setAside(path: string, { reason, log }: { readonly reason: string; readonly log: Log }): Promise<void> {
  const aside = `${path}.corrupt-${Date.now()}`;
  const told = { component: 'state', event: 'state_file_damaged', file: path, reason };
  try {
    await rename(path, aside);
    log.warn({ ...told, kept: aside }, 'A state file is damaged; it is set aside');
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    log.warn({ ...told, err: { message: error.message } }, 'A state file is damaged; it is passed over');
  }
}
