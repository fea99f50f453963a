import { groupBy } from '../lib/sort.ts';
import type { TagSpan } from '../model/diagnostic.ts';
import type { RouteIntent } from '../model/intent.ts';

/** One tag that a formatter wrote, and where what it says was read. */
export interface WrittenTag {
  readonly tag: string;
  readonly spans: readonly TagSpan[];
}

/** What became of intents that were to be written as tags. */
export interface Written {
  /** Each tag once. */
  readonly tags: readonly WrittenTag[];
  /** Where the intents stand of which nothing is written; each is reported. */
  readonly unsaid: readonly TagSpan[];
}

/** The tags of all intents, each once, in order of first appearance, and the intents without one. */
export function writtenOf(all: readonly WrittenTag[], unsaid: readonly Pick<RouteIntent, 'spans'>[]): Written {
  const tags = [...groupBy(all, ({ tag }) => tag)].map(([tag, same]) => ({ tag, spans: same.flatMap(({ spans }) => spans) }));
  return { tags, unsaid: unsaid.flatMap(({ spans }) => spans) };
}
