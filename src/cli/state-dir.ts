import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../lib/errors.ts';
import { stageFile } from '../lib/files.ts';
import type { Context } from './context.ts';
import { CommandError } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { resolvePaths } from './paths.ts';

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'it is on a filesystem that is mounted read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a file stands in its place or in that of a directory above it',
  EEXIST: 'a file stands in its place',
  ELOOP: 'a link in its path leads to itself',
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
    await mkdir(stateDir, { recursive: true, mode: 0o750 });
    const probe = await stageFile(join(stateDir, 'probe'), '');
    await probe.discard();
  } catch (error) {
    const code = systemCode(error) ?? '';
    const reason = REASONS[code];
    if (reason === undefined) throw error;
    throw new CommandError(
      `Cannot use the state directory ${stateDir}: ${reason} (${code}), expected one where hind-proxy can write. Make it writable, or name another one with --state-dir or HIND_PROXY_STATEDIR; a proxy that runs serves on meanwhile`,
    );
  }
}
