import type { Conversion } from '../dialects/convert.ts';
import type { DiagnosticCode, Severity } from '../model/codes.ts';
import { diagnose, type Diagnosed, type Diagnostic } from '../model/diagnostic.ts';
import type { DialectName } from '../model/route.ts';
import { applyEdits, editsOf, type Edit, type ElementChange } from './edit.ts';
import { guessesHost, handWorkIn } from './filled-in.ts';
import { positionsIn, rawText, type JobFile, type Piece, type Position, type TagList } from './job-file.ts';

/** The tags of one service in another dialect. */
export type Convert = (service: ServiceTags) => Diagnosed<Conversion>;

/** What a conversion is made of. */
export interface ServiceTags {
  readonly service?: string;
  readonly port?: number;
  readonly tags: readonly string[];
}

/** `add`: new tags stand beside the old ones. `replace`: in their place. */
export type RewriteMode = 'add' | 'replace';

/** Something about one place of a file, with what to do about it. */
export interface Finding {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly hint?: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** Where in the file, for people; absent: the file as a whole. */
  readonly place?: string;
  readonly tag?: string;
  /** Something stays as it is for it, until somebody changes it by hand. */
  readonly byHand?: true;
}

/** What became of one tag. `byHand`: a routing tag that stays because it cannot be said or read here. */
export interface TagChange {
  readonly place: string;
  readonly tag: string;
  readonly kind: 'converted' | 'own' | 'byHand' | 'foreign';
  readonly written: readonly string[];
  /** It stays, and all that it says is said already by tags of the new dialect beside it. */
  readonly present?: true;
  readonly line: number;
}

/** A file with its tags in another dialect. */
export interface Rewritten {
  readonly text: string;
  /** What was changed in the text that was given. */
  readonly edits: readonly Edit[];
  readonly changes: readonly TagChange[];
  readonly findings: readonly Finding[];
}

/** The text of a file with the tags of each of its lists converted. Nothing but tags changes; converting the result changes nothing. */
export function rewriteFile(
  text: string,
  file: JobFile,
  { mode, convert }: { readonly mode: RewriteMode; readonly convert: Convert },
): Rewritten {
  const positionOf = positionsIn(text);
  const lists = file.lists.map((list) => rewriteList(list, { mode, convert, positionOf }));
  const faults = file.faults.map(({ code, message, start }): Finding => {
    const { severity, hint } = diagnose(code, message);
    return { code, severity, message, ...(hint !== undefined && { hint }), ...positionOf(start), byHand: true };
  });
  const edits = lists.flatMap((result) => editsOf(text, result.list, result.edits));
  return {
    text: applyEdits(text, edits),
    edits,
    changes: lists.flatMap(({ changes }) => changes),
    findings: [...faults, ...lists.flatMap(({ findings }) => findings)].toSorted(
      (left, right) => left.line - right.line || left.column - right.column,
    ),
  };
}

interface ListResult {
  readonly list: TagList;
  readonly edits: readonly ElementChange[];
  readonly changes: readonly TagChange[];
  readonly findings: readonly Finding[];
}

function rewriteList(
  list: TagList,
  {
    mode,
    convert,
    positionOf,
  }: { readonly mode: RewriteMode; readonly convert: Convert; readonly positionOf: (offset: number) => Position },
): ListResult {
  const holes = createHoles(list);
  const names = list.elements.map(({ pieces }) => holes.filled(pieces));
  // what is in the wanted dialect already stays as it is, whatever it says
  const dialectOf = (index: number): DialectName | undefined => {
    const [step] = convert({ tags: [names[index] ?? ''] }).value.steps;
    return step?.kind === 'own' ? undefined : step?.dialect;
  };
  const withheld = handWorkIn(list.elements, { dialectOf, unknownCounts: true });
  // what is withheld is a tag of nobody: a routing tag without its prefix
  const tags = names.map((tag, index) => (withheld.has(index) ? `withheld ${index}` : tag));
  const service = list.service && serviceNameOf(holes.filled(list.service));
  const { value, diagnostics } = convert({ ...(service && { service }), ...(list.port !== undefined && { port: list.port }), tags });
  const { fresh, unsafe } = freshTags(value, { tags, holes });
  for (const index of unsafe)
    withheld.set(index, { code: 'FILE_INTERPOLATION', reason: 'its value would become part of a regular expression' });
  const at = (index: number): Position => positionOf(list.elements[index]?.start ?? list.start);
  const isConverted = (index: number): boolean => value.steps[index]?.kind === 'converted' && !unsafe.has(index);
  const edits = list.elements.map((_, index): ElementChange => {
    const added = (fresh.get(index) ?? []).map((tag) => holes.restored(tag));
    return { stays: mode === 'add' || !isConverted(index), added };
  });
  const isComplete = edits.every(({ added }) => added.length === 0);
  // one for which nothing is written repeats others, and is said when they are
  const isPresent = ({ written }: Conversion['steps'][number]): boolean =>
    written.length === 0 ? isComplete : written.every((tag) => tags.includes(tag));
  const changes = list.elements.map((element, index): TagChange => {
    const step = value.steps[index];
    const kind = step?.kind ?? 'foreign';
    return {
      place: list.place,
      tag: rawText(element.pieces),
      kind: isConverted(index) ? 'converted' : kind === 'kept' || kind === 'converted' || withheld.has(index) ? 'byHand' : kind,
      written: edits[index]?.added.map((pieces) => rawText(pieces)) ?? [],
      ...(mode === 'add' && isConverted(index) && step && isPresent(step) && { present: true }),
      line: at(index).line,
    };
  });
  const findingOf = ({ code, severity, message, hint }: Diagnostic, index?: number): Finding => {
    const change = index === undefined ? undefined : changes[index];
    return {
      code,
      severity,
      message: holes.shown(message),
      ...(hint !== undefined && { hint: holes.shown(hint) }),
      ...at(index ?? 0),
      place: list.place,
      ...(change && { tag: change.tag }),
      ...(change?.kind === 'byHand' && { byHand: true }),
    };
  };
  const guess = diagnose('FILE_HOST_GUESSED', 'The host is taken as one exact host: it is filled in later');
  const findings = [
    ...[...withheld].map(([index, { code, reason }]) => findingOf(diagnose(code, `Cannot convert the tag: ${reason}`), index)),
    ...list.elements.flatMap((element, index) =>
      isConverted(index) && guessesHost(element, value.steps[index]?.dialect) ? [findingOf(guess, index)] : [],
    ),
    ...diagnostics.filter(({ severity }) => severity !== 'info').map((diagnostic) => findingOf(diagnostic, diagnostic.span?.tagIndex)),
  ];
  return { list, edits, changes, findings };
}

/**
 * The new tags behind each element, in order, without those that the list has; and the elements whose holes would come into a regular
 * expression, where an unknown value means something else.
 */
function freshTags(
  { steps }: Conversion,
  { tags, holes }: { readonly tags: readonly string[]; readonly holes: Holes },
): { readonly fresh: ReadonlyMap<number, readonly string[]>; readonly unsafe: ReadonlySet<number> } {
  const converted = steps.flatMap(({ kind, written }, index) => (kind === 'converted' ? [{ index, written }] : []));
  const isUnsafe = (tag: string): boolean => holes.has(tag) && /regex/i.test(tag);
  const unsafe = new Set(converted.filter(({ written }) => written.some(isUnsafe)).map(({ index }) => index));
  const seen = new Set(tags);
  const fresh = new Map<number, readonly string[]>();
  for (const { index, written } of converted.filter((one) => !unsafe.has(one.index))) {
    fresh.set(
      index,
      written.filter((tag) => !seen.has(tag)),
    );
    for (const tag of written) seen.add(tag);
  }
  return { fresh, unsafe };
}

/**
 * The name of a service as names of routers are made of it. What is filled in later is a part of it: one file is deployed under many names,
 * and no two of them may declare the same router.
 */
function serviceNameOf(filled: string): string | undefined {
  const name = filled.replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return name === '' ? undefined : name;
}

/** Holes of a list under names that are legal in hosts, paths and names, and the way back. */
interface Holes {
  filled(pieces: readonly Piece[]): string;
  has(text: string): boolean;
  restored(text: string): readonly Piece[];
  /** A text for people. */
  shown(text: string): string;
}

function createHoles({ service = [], elements }: TagList): Holes {
  // those of the name first: it comes to stand in tags, which must not change the numbers of the others
  const pieces = [...service, ...elements.flatMap((element) => element.pieces)];
  const raws = [...new Set(pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.raw])))];
  const all = rawText(pieces);
  let mark = 'zhole';
  while (all.toLowerCase().includes(mark)) mark += 'z';
  const pattern = new RegExp(`${mark}(\\d+)q`, 'gi');
  const rawOf = (digits: string): string => raws[Number(digits)] ?? '';
  return {
    filled: (pieces) => pieces.map((piece) => (typeof piece === 'string' ? piece : `${mark}${raws.indexOf(piece.raw)}q`)).join(''),
    has: (text) => text.search(pattern) >= 0,
    restored(text) {
      const pieces: Piece[] = [];
      let from = 0;
      for (const { 0: found, 1: digits = '', index } of text.matchAll(pattern)) {
        if (index > from) pieces.push(text.slice(from, index));
        pieces.push({ raw: rawOf(digits) });
        from = index + found.length;
      }
      return from < text.length || pieces.length === 0 ? [...pieces, text.slice(from)] : pieces;
    },
    shown: (text) => text.replaceAll(pattern, (_, digits: string) => rawOf(digits)),
  };
}
