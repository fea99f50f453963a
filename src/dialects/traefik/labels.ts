import type { ServiceInstance } from '../../model/catalog.ts';
import { tagSpan, type TagSpan } from '../../model/diagnostic.ts';

/** One label. Keys are compared lower-cased; `segments` keep their spelling. */
export interface Label {
  readonly key: string;
  readonly segments: readonly string[];
  /** Where the key begins in the tag. */
  readonly keyStart: number;
  readonly value: string;
  readonly valueSpan: TagSpan;
  /** Blanks stood between key and `=`, or around the value. */
  readonly blanks: { readonly key: boolean; readonly value: boolean };
}

/** The labels among the tags of an instance: prefix, `.` and a `=`, cut at the first. Blanks around key and value do not count. */
export function lexLabels(instance: ServiceInstance, prefix: string): readonly Label[] {
  return instance.tags.flatMap((tag, index) => {
    const equals = tag.indexOf('=');
    const begin = tag.length - tag.trimStart().length;
    if (equals < 0 || !tag.startsWith(`${prefix}.`, begin)) return [];
    const keyStart = begin + prefix.length + 1;
    const rawKey = tag.slice(keyStart, equals);
    const key = rawKey.trimEnd();
    const raw = tag.slice(equals + 1);
    const value = raw.trim();
    const start = equals + 1 + (raw.length - raw.trimStart().length);
    const blanks = { key: key.length < rawKey.length, value: value.length < raw.length };
    const valueSpan = tagSpan(instance, index, start, start + value.length);
    return [{ key: key.toLowerCase(), segments: key.split('.'), keyStart, value, valueSpan, blanks }];
  });
}

/** The place of one segment of a label's key; of its value where there is no such segment. Negative: from the end. */
export function segmentSpan({ segments, keyStart, valueSpan }: Label, index: number): TagSpan {
  const at = index < 0 ? segments.length + index : index;
  const segment = segments[at];
  if (segment === undefined) return valueSpan;
  const start = segments.slice(0, at).reduce((sum, { length }) => sum + length + 1, keyStart);
  return { ...valueSpan, start, end: start + segment.length };
}
