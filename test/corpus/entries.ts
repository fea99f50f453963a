import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tags that a public job file or a bug report gives one service. */
export interface CorpusEntry {
  /** Its number, from 1, and `canary` where the tags are those of a canary. */
  readonly name: string;
  readonly source: string;
  readonly note?: string;
  readonly tags: readonly string[];
}

interface Item {
  readonly source: string;
  readonly where?: string;
  readonly note?: string;
  readonly tags: readonly string[];
  readonly canary_tags?: readonly string[];
}

/** Every list of tags of `real-tags.json`; those of canaries are lists of their own. */
export const CORPUS: readonly CorpusEntry[] = itemsOf(join(import.meta.dirname, 'real-tags.json')).flatMap(
  ({ source, where, note, tags, canary_tags: canary }, index) => {
    const about = [where, note].filter((text) => text !== undefined).join('; ');
    const entry = { name: String(index + 1), source, ...(about !== '' && { note: about }), tags };
    return canary ? [entry, { ...entry, name: `${index + 1} canary`, tags: canary }] : [entry];
  },
);

function itemsOf(path: string): readonly Item[] {
  return JSON.parse(readFileSync(path, 'utf8')) as readonly Item[];
}
