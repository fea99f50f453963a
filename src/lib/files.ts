import { constants } from 'node:fs';
import { link, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { ensureDirectory } from './ensure-directory.ts';
import { systemCode } from './errors.ts';
import { hasEnded, processMark } from './process-mark.ts';

/** Larger than any file of ours: catalogs answer with 64 MiB at most, and what is kept of three of them is the largest. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** What is no file, as a device, has no size that could be known before. */
const MAX_STREAM_BYTES = 1024 * 1024;

/** A file that holds more than is read of one. */
export class FileSizeError extends RangeError {
  override readonly name = 'FileSizeError';
  readonly maxBytes: number;

  constructor(path: string, maxBytes: number) {
    super(`Cannot read '${path}': it holds more than ${maxBytes / 1024 / 1024} MiB, expected less`);
    this.maxBytes = maxBytes;
  }
}

/**
 * The content of a text file, or undefined where there is none. Throws `FileSizeError` for more than `maxBytes` (default 256 MiB), and for a
 * device that gives more than 1 MiB, before it takes memory; other errors are thrown as they are.
 */
export async function readTextFile(
  path: string,
  { maxBytes = MAX_FILE_BYTES }: { readonly maxBytes?: number } = {},
): Promise<string | undefined> {
  try {
    // a pipe in the place of a file would be waited for without end
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (found.isFile() && found.size > maxBytes) throw new FileSizeError(path, maxBytes);
      const boundBytes = found.isFile() ? maxBytes : Math.min(maxBytes, MAX_STREAM_BYTES);
      return await readAtMost(file, { path, boundBytes, sizeBytes: found.size });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw withPath(error, path);
  }
}

/** Reads to the end, which may be farther than the size of before where somebody writes. */
async function readAtMost(
  file: FileHandle,
  { path, boundBytes, sizeBytes }: { readonly path: string; readonly boundBytes: number; readonly sizeBytes: number },
): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, sizeBytes + 1 - total));
    const { bytesRead } = await file.read(chunk, 0, chunk.length);
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
    total += bytesRead;
    if (total > boundBytes) throw new FileSizeError(path, boundBytes);
    chunks.push(chunk.subarray(0, bytesRead));
  }
}

const CHUNK_BYTES = 16 * 1024;

/** What `writeFileAtomic` needs to know beside path and content. */
export interface AtomicWriteOptions {
  /** Permission bits of the new file. */
  readonly mode?: number;
  /** Whose the new file is, as far as this user may give it away. Default: this user's. */
  readonly owner?: FileOwner;
  /**
   * Where the temporary file lives, outside any directory a program watches. Default: beside the file. On another filesystem or mount it
   * serves nothing, and the file is staged beside its place under a hidden name, which no proxy reads.
   */
  readonly stagingDir?: string;
}

/** User and group of a file. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A file that is whole on disk and not in its place yet. */
export interface StagedFile {
  /** Puts it there by a rename: a reader sees it when this has resolved, a crash spares it when `onDisk` has. */
  place(): Promise<{ readonly onDisk: Promise<void> }>;
  discard(): Promise<void>;
}

/**
 * Replaces a file so that a reader sees the old or the new content, never a part, and a crash leaves one of the two:
 * exclusive temporary file, fsync, rename, fsync of the directory. A link at `path` is replaced, not followed.
 */
export async function writeFileAtomic(path: string, content: string, options: AtomicWriteOptions = {}): Promise<void> {
  const staged = await stageFile(path, content, options);
  await (await staged.place()).onDisk;
}

/**
 * Makes a file that is not there yet, whole from its first moment; what another program has put there meanwhile stays. `mode`: its permission
 * bits.
 */
export async function createFileAtomic(path: string, content: string, { mode }: { readonly mode: number }): Promise<void> {
  const staged = await writeStaged(path, content, { mode });
  try {
    await link(staged, path);
  } catch (error) {
    // not every filesystem has links: there the last one wins
    if (systemCode(error) !== 'EEXIST') await rename(staged, path);
  } finally {
    await rm(staged, { force: true });
  }
}

/** The first half of `writeFileAtomic`, for a content that is not to be in place before something else has happened. */
export async function stageFile(path: string, content: string, options: AtomicWriteOptions = {}): Promise<StagedFile> {
  const { stagingDir = dirname(path) } = options;
  const staged = await writeStaged(path, content, options);
  const discard = (): Promise<void> => rm(staged, { force: true });
  return {
    discard,
    async place() {
      try {
        await rename(staged, path);
      } catch (error) {
        await discard();
        if (systemCode(error) === 'EXDEV' && stagingDir !== dirname(path)) {
          const { stagingDir: _other, ...rest } = options;
          return (await stageFile(path, content, rest)).place();
        }
        throw error;
      }
      return { onDisk: open(dirname(path), constants.O_RDONLY).then((opened) => withFile(opened, (directory) => directory.sync())) };
    },
  };
}

/** Writes the temporary file for `path` to disk; returns its own path. */
async function writeStaged(path: string, content: string, options: AtomicWriteOptions): Promise<string> {
  const { mode = 0o640, stagingDir = dirname(path) } = options;
  await ensureDirectory(stagingDir);
  await ensureDirectory(dirname(path));
  const staged = join(stagingDir, `.${await processMark()}-${randomBytes(8).toString('hex')}.staged`);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await withFile(await open(staged, flags, mode), async (file) => {
      // takes bits away, so before them
      if (options.owner) await giveTo(file, options.owner);
      // whatever the umask is
      if (options.mode !== undefined) await file.chmod(mode);
      await file.writeFile(content, 'utf8');
      await file.sync();
    });
    return staged;
  } catch (error) {
    await rm(staged, { force: true });
    // nobody knows the name of the temporary file
    if (error instanceof Error) error.message = error.message.replace(`'${staged}'`, `'${path}' (a new file in '${stagingDir}')`);
    throw withPath(error, path);
  }
}

/** Gives a file to its owner; where that is refused to its group at least, of which this user may be one. */
async function giveTo(file: FileHandle, { uid, gid }: FileOwner): Promise<void> {
  for (const user of [uid, -1]) {
    try {
      return await file.chown(user, gid);
    } catch (error) {
      if (!REFUSALS.has(systemCode(error))) throw error;
    }
  }
}

/** A user may not give away what is not all his, a container does not know the other one, or a filesystem (NFS, CIFS, FUSE) has no owners. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Removes what programs have left in a directory that were killed before they could put it in its place. What a program writes that runs
 * stays, and what one writes of which this machine does not know, for a day.
 */
export async function removeLeftovers(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  for (const name of names) {
    const staged = STAGED.exec(name);
    if (!staged) continue;
    const path = join(dir, name);
    const isLeft = (staged[1] !== undefined && (await hasEnded(staged[1]))) || (await isOlderThan(path, LEFT_MS));
    if (isLeft) await rm(path, { force: true }).catch(() => undefined);
  }
}

/** The name of a file that is to be renamed into its place, with the mark of who writes it. */
const STAGED = /^\.(?:([0-9a-f]{8}-\d+-\d+)-)?[0-9a-f]{16}\.staged$/;
/** Longer than it takes to write any file, by far. */
const LEFT_MS = 86_400_000;

async function isOlderThan(path: string, ageMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > ageMs;
}

/** An error of the system says in its last words of which file it speaks, where that is open already too. */
function withPath(error: unknown, path: string): unknown {
  if (error instanceof Error && 'syscall' in error && !('path' in error)) error.message += ` '${path}'`;
  return error;
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
