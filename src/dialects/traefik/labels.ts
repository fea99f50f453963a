import type { ServiceInstance } from '../../model/catalog.ts';
import { tagSpan, type TagSpan } from '../../model/diagnostic.ts';

/** One label. Keys are compared lower-cased; `segments` keep their spelling and place. */
export interface Label {
  readonly key: string;
  readonly segments: readonly { readonly text: string; readonly span: TagSpan }[];
  readonly value: string;
  readonly valueSpan: TagSpan;
}

/** The labels among the tags of an instance: prefix, `.` and a `=`, cut at the first. Blanks around key and value do not count. */
export function lexLabels(instance: ServiceInstance, prefix: string): readonly Label[] {
  return instance.tags.flatMap((tag, index) => {
    const equals = tag.indexOf('=');
    const begin = tag.length - tag.trimStart().length;
    if (equals < 0 || !tag.slice(begin, equals).toLowerCase().startsWith(`${prefix.toLowerCase()}.`)) return [];
    let at = begin + prefix.length + 1;
    const segments = tag
      .slice(at, equals)
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
    return [{ key, segments, value, valueSpan: tagSpan(instance, index, start, start + value.length) }];
  });
}

/** The labels of one router, service or middleware, by the rest of their key behind the name. */
export interface Item {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Label>;
  /** Two labels of the item have one key and different values. */
  readonly twice?: Label;
}

/** The items of one kind (`http.routers`, …) by lower-cased name, in the order of the tags. */
export function itemsOf(labels: readonly Label[], root: string): ReadonlyMap<string, Item> {
  const items = new Map<string, Item>();
  for (const label of labels) {
    if (!label.key.startsWith(`${root}.`)) continue;
    const [, , name, ...rest] = label.key.split('.');
    if (!name || name.includes('@')) continue;
    const item = items.get(name);
    const field = rest.join('.');
    const before = item?.fields.get(field);
    const twice = item?.twice ?? (before && before.value !== label.value ? label : undefined);
    items.set(name, { name, fields: new Map([...(item?.fields ?? []), [field, before ?? label]]), ...(twice && { twice }) });
  }
  return items;
}
