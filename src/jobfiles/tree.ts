import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { removeLeftovers, writeFileAtomic } from '../lib/files.ts';
import { compareText } from '../lib/sort.ts';
import { formOf } from './read.ts';

const PASSED_OVER = new Set(['node_modules', 'vendor']);

/** The files under paths whose names say that they may hold tags, in order; a path that is a file is taken whatever its name. */
export async function filesUnder(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map(async (path) => ((await stat(path)).isDirectory() ? filesOf(path) : [path])));
  return [...new Set(found.flat())].toSorted(compareText);
}

async function filesOf(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<readonly string[]> => {
      if (entry.name.startsWith('.') || PASSED_OVER.has(entry.name)) return [];
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return filesOf(path);
      return entry.isFile() && formOf(path) !== undefined ? [path] : [];
    }),
  );
  return found.flat();
}

/** The text of a file, a byte order mark included. Throws `RangeError` where it is no UTF-8. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new RangeError(`Cannot read ${path}: it is no UTF-8`, { cause: error });
  }
}

/** Writes the text of a file that is there: its permission bits and its owner stay, a link to it too. */
export async function replaceText(path: string, text: string): Promise<void> {
  const target = await realpath(path);
  const { mode, uid, gid } = await stat(target);
  await writeFileAtomic(target, text, { mode: mode & 0o777, owner: { uid, gid } });
}

/** Removes what programs that were killed while they replaced files have left beside them: what would have become these files. Of one that runs nothing is touched. */
export async function removeStaged(paths: readonly string[]): Promise<void> {
  const targets = await Promise.all(paths.map((path) => realpath(path).catch(() => resolve(path))));
  for (const dir of new Set(targets.map((path) => dirname(path)))) await removeLeftovers(dir);
}
