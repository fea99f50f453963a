import { groupBy, sortedUnique } from '../../lib/sort.ts';
import type { TagSpan } from '../../model/diagnostic.ts';
import type { Fault } from '../../model/intent.ts';
import type { FieldOf, NamedSection } from './label-table.ts';
import type { Label } from './labels.ts';
import type { Entry, Field } from './read-labels.ts';
import { protective, quarantined, worstFault, type Tell } from './tell.ts';
import type { LabelValue } from './values.ts';

/** One router, service or middleware: its labels behind the name. */
export interface Item<S extends NamedSection = NamedSection> {
  readonly section: S;
  /** As the labels spell it; of several spellings the first in byte order, as in Traefik. */
  readonly name: string;
  /** By lower-cased key, in the order of the tags. Parts that are switched off are not among them. */
  readonly fields: ReadonlyMap<string, Field>;
  /** The first segments of all its keys, lower-cased, but for those that are switched off as a whole. */
  readonly parts: ReadonlySet<string>;
  /** All its labels, those that are switched off among them. */
  readonly labels: readonly Entry[];
  /** Where its labels stand. */
  readonly spans: readonly TagSpan[];
  /** The first of them. */
  readonly span: TagSpan;
  /** What is wrong with its labels. */
  readonly fault?: Fault;
  /** Its rule is among the labels that cannot be read. */
  readonly lostRule?: true;
}

/** The items of a section by lower-cased name, in the order of the tags. */
export function itemsOf<S extends NamedSection>(entries: readonly Entry[], section: S, tell: Tell): ReadonlyMap<string, Item<S>> {
  const own = entries.filter((entry) => entry.section === section);
  if (own.length === 0) return new Map();
  const items = [...groupBy(own, ({ name }) => name.toLowerCase())].flatMap(([key, group]) => {
    const item = itemOf(group, section, tell);
    return item ? [[key, item] as const] : [];
  });
  return new Map(items);
}

function itemOf<S extends NamedSection>(group: readonly Entry[], section: S, tell: Tell): Item<S> | undefined {
  const first = firstSpelled(group);
  if (!first) return undefined;
  const fields = new Map<string, Field>();
  const faults = group.map(({ fault }) => fault);
  for (const { field } of group) {
    const before = field && fields.get(field.path);
    if (field && !before) fields.set(field.path, field);
    if (!field || !before || before.label.value === field.label.value) continue;
    tell('TRAEFIK_NAME_TWICE', `Cannot use "${first.name}": its label "${field.path}" has two values, expected one`, field.label.valueSpan);
    faults.push(section.endsWith('middlewares') ? protective('TRAEFIK_NAME_TWICE') : quarantined('TRAEFIK_NAME_TWICE'));
  }
  const fault = worstFault(faults);
  const spans = group.map(({ label }) => label.valueSpan);
  const off = switchedOff(fields, tell);
  const kept =
    off.length === 0 ? fields : [...fields].filter(([path]) => !off.some((part) => path === part || path.startsWith(`${part}.`)));
  const parts = new Set(group.map(({ path }) => path.split('.')[0] ?? ''));
  return {
    section,
    name: first.name,
    fields: new Map(kept),
    parts: off.length === 0 ? parts : new Set([...parts].filter((part) => !off.includes(part))),
    labels: group,
    spans,
    span: spans[0] ?? first.label.valueSpan,
    ...(fault && { fault }),
    ...(group.some(({ losesRule }) => losesRule) && { lostRule: true }),
  };
}

/** What the labels of an item say, as text: equal for two that say the same. `except`: the key of labels that do not count. */
export function declaredBy({ labels }: Item, except?: string): string {
  const counted = labels.filter(({ path }) => except === undefined || !path.startsWith(`${except}.`));
  return sortedUnique(counted.map(({ path, field, label }) => JSON.stringify([path, field?.part, field?.value ?? label.value]))).join();
}

/** The label that Traefik takes the name from: the first in byte order. */
function firstSpelled(group: readonly Entry[]): Entry | undefined {
  const [first] = group;
  if (group.every(({ name }) => name === first?.name)) return first;
  const spelled = ({ segments }: Label): string => segments.join('.');
  return group.toSorted((a, b) => (spelled(a.label) < spelled(b.label) ? -1 : 1))[0];
}

/** The keys that Traefik takes out, with everything below them: their own label is anything but `true` or empty. */
function switchedOff(fields: ReadonlyMap<string, Field>, tell: Tell): readonly string[] {
  const off = [...fields.values()].filter(({ row, label }) => row[0] === 'switch' && !/^(?:true)?$/i.test(label.value));
  for (const { path, label } of off)
    if (!/^false$/i.test(label.value))
      tell('TRAEFIK_LABEL_INERT', `"${label.value}" takes "${path}" out, as in Traefik`, label.valueSpan, { hint: 'Write true or false' });
  return off.map(({ path }) => path);
}

/** A text, or undefined where the label is missing. */
export function textOf<S extends NamedSection>(item: Item<S> | undefined, key: FieldOf<S, 'string'>): string | undefined {
  const value = valueAt(item, key);
  return typeof value === 'string' ? value : undefined;
}

/** True or false, or undefined where the label is missing or unreadable. */
export function boolOf<S extends NamedSection>(item: Item<S> | undefined, key: FieldOf<S, 'bool'>): boolean | undefined {
  const value = valueAt(item, key);
  return typeof value === 'boolean' ? value : undefined;
}

/** An integer, or the ms of a duration; undefined where the label is missing or unreadable. */
export function numberOf<S extends NamedSection>(item: Item<S> | undefined, key: FieldOf<S, 'integer' | 'duration'>): number | undefined {
  const value = valueAt(item, key);
  return typeof value === 'number' ? value : undefined;
}

/** The items of a list; empty where the label is missing. */
export function listIn<S extends NamedSection>(item: Item<S> | undefined, key: FieldOf<S, 'list'>): readonly string[] {
  const value = valueAt(item, key);
  return typeof value === 'object' ? value : [];
}

/** The fields of a row whose last segment the tag chooses, in the order of the tags. */
export function fieldsUnder<S extends NamedSection>(item: Item<S>, key: FieldOf<S> & `${string}*`): readonly Field[] {
  return [...item.fields.values()].filter((field) => field.key === key);
}

/** The field itself, for its place. */
export function fieldOf<S extends NamedSection>(item: Item<S> | undefined, key: FieldOf<S>): Field | undefined {
  return item?.fields.get(key.toLowerCase());
}

function valueAt(item: Item | undefined, key: string): LabelValue | undefined {
  return item?.fields.get(key.toLowerCase())?.value;
}

/** Whether a label, or one below it, is there and not switched off. */
export function hasPart(item: Item | undefined, part: string): boolean {
  const key = part.toLowerCase();
  return [...(item?.fields.keys() ?? [])].some((path) => path === key || path.startsWith(`${key}.`));
}
