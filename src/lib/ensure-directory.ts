import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/** Makes a directory and those above it, as far as they are not there (mode 0750). Rejects with the error of the system. */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    // each by itself: in some places (/proc) Node makes parents without end
    await ensureDirectory(dirname(path));
    await mkdir(path, { mode: 0o750 }).catch((late: unknown) => {
      // somebody else may have made it meanwhile
      if (systemCode(late) !== 'EEXIST') throw late;
    });
  }
}
