import { nearest } from '../../lib/nearest.ts';
import { LABELS, type LabelRow, type NamedSection, type Section } from './label-table.ts';

/** One row of the table with its key as the table writes it. */
export interface FoundRow {
  readonly key: string;
  readonly row: LabelRow;
}

const INDEX: ReadonlyMap<Section, ReadonlyMap<string, FoundRow>> = new Map(
  sections().map((section) => [section, new Map(rowsOf(section).map((found) => [found.key.toLowerCase(), found]))]),
);

/** Every section of the table, in its order. */
export function sections(): readonly Section[] {
  return Object.keys(LABELS).filter(isSection);
}

/** The rows of a section, in their order. */
export function rowsOf(section: Section): readonly FoundRow[] {
  const rows: Readonly<Record<string, LabelRow>> = LABELS[section];
  return Object.entries(rows).map(([key, row]) => ({ key, row }));
}

/** The section that a label belongs to by the beginning of its lower-cased key. */
export interface FoundSection {
  readonly section: NamedSection;
  /** The label says it in other letters, but probably means it. */
  readonly mistyped: boolean;
}

/** The section of a lower-cased key; undefined for `general` and for strangers. */
export function findSection(key: string): FoundSection | undefined {
  const dot = key.indexOf('.', key.indexOf('.') + 1);
  const beginning = dot < 0 ? key : key.slice(0, dot);
  const exact = NAMED.get(beginning);
  if (exact) return { section: exact, mistyped: false };
  if (!/^(?:http|tcp|udp)\./.test(beginning)) return undefined;
  const section = NAMED.get(nearest(beginning, [...NAMED.keys()]) ?? '');
  return section && { section, mistyped: true };
}

const NAMED: ReadonlyMap<string, NamedSection> = new Map(
  sections().flatMap((section) => (section === 'general' ? [] : [[section, section] as const])),
);

/** The row of a lower-cased key (behind the name, where the section has names); undefined where there is none. */
export function findRow(section: Section, key: string): FoundRow | undefined {
  const rows = INDEX.get(section);
  const known = rows?.get(key);
  if (known) return known;
  const plain = key.replace(/\[\d+\](?=\.|$)/g, '[n]');
  const last = plain.lastIndexOf('.');
  const found = rows?.get(plain) ?? (last < 0 ? undefined : rows?.get(`${plain.slice(0, last)}.*`));
  if (found) return found;
  const segments = plain.split('.');
  return segments.map((_, end) => rows?.get(`${segments.slice(0, end).join('.')}.**`)).find((row) => row !== undefined);
}

/** The row that was probably meant by a key that is none: the same without its beginning, or one mistyped in at most a few letters. */
export function suggestRow(section: Section, key: string): FoundRow | undefined {
  const candidates = rowsOf(section).filter(({ key: known }) => !/[*[]/.test(known));
  const ending = candidates.find(({ key: known }) => known.toLowerCase().endsWith(`.${key}`));
  if (ending) return ending;
  const near = nearest(
    key,
    candidates.map(({ key: known }) => known.toLowerCase()),
  );
  return near === undefined ? undefined : INDEX.get(section)?.get(near);
}

/** The types of a section's middlewares: the first segments of its keys, lower-cased. */
export function typesOf(section: Section): readonly string[] {
  return [...new Set(rowsOf(section).map(({ key }) => key.split('.')[0]?.toLowerCase() ?? ''))];
}

/** Whether a type of middleware does nothing but protect, or is none that is known. */
export function isGuard(section: Section, type: string): boolean {
  const rows = rowsOf(section).filter(({ key }) => key.split('.')[0]?.toLowerCase() === type);
  return rows.every(({ row: [, use] }) => use === 'guard' || use === 'refused');
}

function isSection(text: string): text is Section {
  return Object.hasOwn(LABELS, text);
}
