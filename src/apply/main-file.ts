import { readTextFile } from '../lib/files.ts';
import { digest } from '../model/names.ts';
import type { RenderedConfig, RenderedFile } from '../model/rendered.ts';
import type { DiskState } from './deployer.ts';

/** The file that a configuration consists of. Throws `RangeError` where it has none. */
export function mainFile({ files }: RenderedConfig): RenderedFile {
  const [file] = files;
  if (!file) throw new RangeError('Cannot apply a configuration without files');
  return file;
}

/** What stands at the place of that file; the comment with the digest tells ours from others, which the targets write at its top. */
export async function readDiskState(path: string): Promise<DiskState> {
  const content = await readTextFile(path);
  if (content === undefined) return { kind: 'absent' };
  const contents = new Map([[path, content]]);
  const marker = /^# hind-proxy table ([0-9a-f]{64})$/m.exec(content)?.[1];
  return marker === undefined ? { kind: 'foreign', contents } : { kind: 'ours', digest: digest(marker), contents };
}
