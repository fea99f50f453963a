import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import { readText } from './tree.ts';

/** One writing of files. */
export interface MigrationRun {
  /** RFC 3339. */
  readonly at: string;
  readonly to: string;
  readonly mode: 'add' | 'replace';
  readonly files: readonly WrittenFile[];
}

/** A file that was written: what it held before, and the hash of what it holds since. */
export interface WrittenFile {
  readonly path: string;
  readonly before: string;
  readonly beforeSha256: string;
  readonly afterSha256: string;
}

const WRITTEN_FILE: z.ZodType<WrittenFile> = z.strictObject({
  path: z.string(),
  before: z.string(),
  beforeSha256: z.string(),
  afterSha256: z.string(),
});
const RUN: z.ZodType<MigrationRun> = z.strictObject({
  at: z.string(),
  to: z.string(),
  mode: z.enum(['add', 'replace']),
  files: z.array(WRITTEN_FILE),
});
const MANIFEST: z.ZodType<{ readonly runs: readonly MigrationRun[] }> = z.strictObject({ version: z.literal(1), runs: z.array(RUN) });

/** All writings that were not taken back, oldest first; none where there is no manifest. Throws `RangeError` for a file that is none. */
export async function readManifest(path: string): Promise<readonly MigrationRun[]> {
  const text = await readTextFile(path);
  if (text === undefined) return [];
  try {
    return MANIFEST.parse(JSON.parse(text)).runs;
  } catch (error) {
    throw new RangeError(`Cannot read ${path}: it is no manifest of migrate write`, { cause: error });
  }
}

/** Keeps the writings; without any the manifest goes. */
export async function writeManifest(path: string, runs: readonly MigrationRun[]): Promise<void> {
  if (runs.length === 0) await rm(path, { force: true });
  else await writeFileAtomic(path, `${JSON.stringify({ version: 1, runs }, null, 2)}\n`);
}

/** What a manifest keeps of a file. */
export function writtenFile(path: string, { before, after }: { readonly before: string; readonly after: string }): WrittenFile {
  return { path: resolve(path), before, beforeSha256: sha256(before), afterSha256: sha256(after) };
}

/** What the files of a writing hold now. */
export interface FilesSince {
  /** Those that hold what it left. */
  readonly written: readonly WrittenFile[];
  /**
   * Those that hold neither that nor, as where it was cut short, what they held before: putting that back would lose what somebody did
   * since.
   */
  readonly changed: readonly WrittenFile[];
}

/** Looks at the files of a writing; one that cannot be read is a changed one. */
export async function filesSince({ files }: MigrationRun): Promise<FilesSince> {
  const hashes = await Promise.all(files.map(async ({ path }) => readText(path).then(sha256, () => undefined)));
  const written = files.filter(({ afterSha256 }, index) => hashes[index] === afterSha256);
  return { written, changed: files.filter((file, index) => !written.includes(file) && hashes[index] !== file.beforeSha256) };
}
