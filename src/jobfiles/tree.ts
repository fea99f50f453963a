import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { messageOf, systemCode } from '../lib/errors.ts';
import { removeLeftovers, writeFileAtomic } from '../lib/files.ts';
import { compareBy, compareText } from '../lib/sort.ts';
import { formOf } from './read.ts';

/** The usual name of the file in which `migrate write` keeps what files held. */
export const MANIFEST_NAME = 'hind-proxy-migration.json';

const PASSED_OVER = new Set(['node_modules', 'vendor', MANIFEST_NAME]);

/** What was found under paths. */
export interface FoundFiles {
  /** In order, each file once. */
  readonly files: readonly string[];
  /** What may hold tags too, and was not gone into. */
  readonly skipped: readonly SkippedPath[];
}

/** A path of which nothing is read, and why. */
export interface SkippedPath {
  readonly path: string;
  readonly code: 'FILE_UNREADABLE' | 'FILE_LINK';
  readonly message: string;
}

/**
 * The files under paths whose names say that they may hold tags; a path that is a file is taken whatever its name, and where it is a link
 * what it leads to. Links in directories are followed to files that are under the paths too. State directories of ours are passed over.
 */
export async function filesUnder(paths: readonly string[]): Promise<FoundFiles> {
  const tree: Tree = { files: [], links: [], directories: new Set(), skipped: [] };
  await Promise.all(paths.map(async (path) => ((await stat(path)).isDirectory() ? walk(path, tree) : tree.files.push(path))));
  const followed = await followLinks(tree, await Promise.all(paths.map((path) => realpath(path))));
  const found = [...tree.files, ...followed.files].toSorted(compareText);
  const files = new Map<string, string>();
  for (const [index, target] of (await Promise.all(found.map((path) => realpath(path)))).entries())
    if (!files.has(target)) files.set(target, found[index] ?? target);
  return {
    files: [...files.values()],
    skipped: [...tree.skipped, ...followed.skipped].toSorted(compareBy((left, right) => compareText(left.path, right.path))),
  };
}

/** What was found so far. */
interface Tree {
  readonly files: string[];
  readonly links: string[];
  /** By their real paths. */
  readonly directories: Set<string>;
  readonly skipped: SkippedPath[];
}

async function walk(dir: string, tree: Tree): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error;
    tree.skipped.push({ path: dir, code: 'FILE_UNREADABLE', message: `Cannot open the directory: ${messageOf(error)}` });
    return [];
  });
  if (isStateDir(new Set(entries.map(({ name }) => name)))) return;
  tree.directories.add(await realpath(dir));
  const seen = entries.filter(({ name }) => !name.startsWith('.') && !PASSED_OVER.has(name));
  await Promise.all(
    seen.map(async (entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) await walk(path, tree);
      else if (entry.isSymbolicLink()) tree.links.push(path);
      else if (entry.isFile() && formOf(path) !== undefined) tree.files.push(path);
    }),
  );
}

/** Whether a directory holds what a controller of ours keeps: tags in it are what catalogs said. */
function isStateDir(names: ReadonlySet<string>): boolean {
  return names.has('snapshot.json') && ['claims.json', 'generations', 'admin.token', 'proxy.json'].some((name) => names.has(name));
}

/** A link to what is read anyway, or could hold no tags, is none. */
async function followLinks({ files, links, directories }: Tree, roots: readonly string[]): Promise<FoundFiles> {
  const known = new Set(await Promise.all(files.map((path) => realpath(path))));
  const followed: string[] = [];
  const skipped: SkippedPath[] = [];
  for (const path of links.toSorted(compareText)) {
    const mayHoldTags = formOf(path) !== undefined;
    try {
      const target = await realpath(path);
      const led = await stat(target);
      if (led.isDirectory() ? directories.has(target) : known.has(target) || !mayHoldTags || !led.isFile()) continue;
      const isUnder = roots.some((root) => target.startsWith(root.endsWith(sep) ? root : `${root}${sep}`));
      if (led.isFile() && isUnder) {
        known.add(target);
        followed.push(path);
      } else {
        const why = isUnder ? 'a directory that is passed over' : 'which is not under the paths given';
        skipped.push({ path, code: 'FILE_LINK', message: `Cannot follow the link: it leads to ${target}, ${why}` });
      }
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      if (mayHoldTags) skipped.push({ path, code: 'FILE_LINK', message: `Cannot follow the link: ${messageOf(error)}` });
    }
  }
  return { files: followed, skipped };
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

/**
 * Removes what programs that were killed while they replaced files have left beside them: what would have become these files. Of one that
 * runs nothing is touched.
 */
export async function removeStaged(paths: readonly string[]): Promise<void> {
  const targets = await Promise.all(paths.map((path) => realpath(path).catch(() => resolve(path))));
  for (const dir of new Set(targets.map((path) => dirname(path)))) await removeLeftovers(dir);
}
