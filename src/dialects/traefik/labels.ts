import type { ServiceInstance } from '../../model/catalog.ts';
import { tagSpan, type TagSpan } from '../../model/diagnostic.ts';

/** One label. Keys are compared lower-cased; `segments` keep their spelling and place. */
export interface Label {
  readonly key: string;
  readonly segments: readonly { readonly text: string; readonly span: TagSpan }[];
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
    let at = begin + prefix.length + 1;
    const rawKey = tag.slice(at, equals);
    const segments = rawKey
      .trimEnd()
      .split('.')
      .map((text) => {
        const span = tagSpan(instance, index, at, at + text.length);
        at += text.length + 1;
        return { text, span };
      });
    const raw = tag.slice(equals + 1);
    const value = raw.trim();
    const start = equals + 1 + (raw.length - raw.trimStart().length);
    const key = segments.map(({ text }) => text.toLowerCase()).join('.');
    const blanks = { key: rawKey.trimEnd() !== rawKey, value: value !== raw };
    return [{ key, segments, value, valueSpan: tagSpan(instance, index, start, start + value.length), blanks }];
  });
}
