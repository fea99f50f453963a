import { messageOf, systemCode } from '../lib/errors.ts';
import type { JobFile } from './job-file.ts';
import { formOf, readJobFile } from './read.ts';
import { readText } from './tree.ts';

/** A file's text, and what of it is about tags. */
export interface LoadedFile {
  readonly text: string;
  readonly file: JobFile;
}

/** Reads a file. One that cannot be opened, or is no text, is an empty one with that fault: it costs no other. */
export async function loadJobFile(path: string): Promise<LoadedFile> {
  try {
    const text = await readText(path);
    return { text, file: await readJobFile(text, formOf(path) ?? 'hcl') };
  } catch (error) {
    const isRefused = systemCode(error) !== undefined;
    if (!isRefused && !(error instanceof RangeError)) throw error;
    const fault = isRefused
      ? ({ code: 'FILE_UNREADABLE', message: `Cannot open the file: ${messageOf(error)}`, start: 0 } as const)
      : ({ code: 'FILE_SYNTAX', message: messageOf(error), start: 0 } as const);
    return { text: '', file: { lists: [], faults: [fault] } };
  }
}
