import { access, constants, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { systemCode } from '../lib/errors.ts';
import { FileSizeError, readTextFile, removeLeftovers, stageFile } from '../lib/files.ts';
import type { Server } from '../model/rendered.ts';
import type { Context } from './context.ts';
import { CommandError } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { resolvePaths, type Paths } from './paths.ts';
import type { Setup } from './setup.ts';
import { asOwnerOf, userText } from './user.ts';

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'it is on a filesystem that is mounted read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a file stands in its place or in that of a directory above it',
  EEXIST: 'a file stands in its place',
  ELOOP: 'a link in its path leads to itself',
  ENAMETOOLONG: 'its path is too long',
  ENOENT: 'no directory can be made there',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk is full for this user',
};

/** Makes the state directory of a configuration. Throws `CommandError` where nothing can be written there, with what to do. */
export async function makeStateDir(flags: GlobalFlags, { env }: Pick<Context, 'env'>): Promise<void> {
  await assertWritable(resolvePaths(loadFor(flags, { env }).config, { env, isRoot: process.getuid?.() === 0 }).stateDir);
}

/** The same for a directory. */
export async function assertWritable(stateDir: string): Promise<void> {
  try {
    await ensureDirectory(stateDir);
    const probe = await stageFile(join(stateDir, 'probe'), '');
    await probe.discard();
  } catch (error) {
    throw new CommandError(
      `Cannot use the state directory ${stateDir}: ${reasonOf(error)}, expected one where hind-proxy can write. Make it writable, or name another one with --state-dir or HIND_PROXY_STATEDIR; a proxy that runs serves on meanwhile`,
    );
  }
}

/**
 * Throws `CommandError` where this user may not read what a controller has left in a state directory, so that it does not look as if there
 * were nothing; `act` says what cannot be done.
 */
export async function assertReadable(stateDir: string, act: string): Promise<void> {
  const generations = join(stateDir, 'generations');
  const names = await readdir(generations).catch(() => []);
  const paths = [generations, ...names.map((name) => join(generations, name, 'meta.json'))];
  const codes = await Promise.all(paths.map((path) => access(path, constants.R_OK).then(() => undefined, systemCode)));
  const code = codes.find((found) => found === 'EACCES' || found === 'EPERM');
  if (code === undefined) return;
  throw new CommandError(
    `Cannot ${act}: this user (${userText()}) may not read the state directory ${stateDir} (${code}). ${await asOwnerOf(stateDir)}, or name another directory with --state-dir`,
  );
}

/**
 * Makes the directory in which files are written before they get their place, without what programs that were killed have left there and
 * above. Throws `CommandError` where something else stands there.
 */
export async function assertStaging(stagingDir: string): Promise<void> {
  try {
    await ensureDirectory(stagingDir);
    for (const dir of [stagingDir, dirname(stagingDir)]) await removeLeftovers(dir);
  } catch (error) {
    throw new CommandError(
      `Cannot use ${stagingDir}: ${reasonOf(error)}, expected a directory of hind-proxy's own. Move away what stands there: the directory is made anew; a proxy that runs serves on meanwhile`,
    );
  }
}

/** Throws `CommandError` where a file of the proxy can neither be read nor replaced: a directory stands in its place, or a link to itself. */
export async function assertProxyFiles({ server, paths }: Pick<Setup, 'server' | 'paths'>): Promise<void> {
  const files = FILES[server](paths);
  for (const [key, path] of Object.entries(files)) {
    const reason = await readTextFile(path).then(() => undefined, unusable);
    if (reason !== undefined)
      throw new CommandError(
        `Cannot use ${path} as a file of the proxy: ${reason}, expected a file or nothing. Move away what stands there, or name another file with ${key} of the proxy in the configuration`,
      );
  }
}

/** Why what stands in the place of a file of the proxy can never become one; undefined for what may pass, or is told by who needs the file. */
function unusable(error: unknown): string | undefined {
  if (error instanceof FileSizeError) return `it holds more than ${error.maxBytes / 1024 / 1024} MiB`;
  const code = systemCode(error);
  if (code === 'EISDIR') return 'a directory stands in its place (EISDIR)';
  return code === 'ELOOP' ? 'a link in its path leads to itself (ELOOP)' : undefined;
}

/** The files of a proxy, by the key that names them. */
const FILES: Readonly<Record<Server, (paths: Paths) => Readonly<Record<string, string>>>> = {
  caddy: ({ caddyfile }) => ({ 'caddy.file': caddyfile }),
  traefik: ({ traefikStatic, traefikDynamic }) => ({ 'traefik.staticFile': traefikStatic, 'traefik.dynamicFile': traefikDynamic }),
};

/** Why nothing can be written somewhere. Throws what has another cause. */
function reasonOf(error: unknown): string {
  const code = systemCode(error) ?? '';
  const reason = REASONS[code];
  if (reason === undefined) throw error;
  return `${reason} (${code})`;
}
