import { shortHash } from '../../../lib/hash.ts';
import { slug } from '../../../lib/text.ts';
import type { NamedSection } from '../label-table.ts';

/** One label of an item: its key behind the name, and its value. */
export type FieldText = readonly [field: string, value: string];

/** One router, service or middleware that is to be printed. */
export interface Part {
  readonly section: NamedSection;
  readonly name: string;
  readonly fields: readonly FieldText[];
}

/** A part named by the service, its kind and its content: equal parts have equal names. */
export function namedPart(
  section: NamedSection,
  fields: readonly FieldText[],
  { service, kind }: { readonly service: string; readonly kind: string },
): Part {
  const hash = shortHash(fields.flat()).slice(0, 8);
  return { section, name: [slug(service), kind, hash].filter((piece) => piece !== '').join('-'), fields };
}

/** The tags of a part. */
export function tagsOf({ section, name, fields }: Part, prefix: string): readonly string[] {
  return fields.map(([field, value]) => `${prefix}.${section}.${name}.${field}=${value}`);
}

/** Whether the key of a label would be cut where the text in it has a dot. */
export function isLost([field]: FieldText): boolean {
  return /\.headers\.[^.]*\./.test(field);
}
