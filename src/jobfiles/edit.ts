import type { SamePlace } from '../lib/patch.ts';
import type { Piece, TagElement, TagList } from './job-file.ts';

/** A replacement of a stretch of a text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What becomes of one element: it stays or goes, and new ones stand behind it. */
export interface ElementChange {
  readonly stays: boolean;
  readonly added: readonly (readonly Piece[])[];
}

/** The text with edits made; they may not overlap. Edits of one place are made in their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const edit of edits.toSorted((left, right) => left.start - right.start)) {
    parts.push(text.slice(from, edit.start), edit.text);
    from = edit.end;
  }
  return [...parts, text.slice(from)].join('');
}

/**
 * Places between edits of a text where more than `lines` lines before and behind stay as they are, in order; each at the beginning of a
 * line. What edits change is not looked at: an edit may put back what it takes away.
 */
export function cutsBetween(text: string, edits: readonly Edit[], lines: number): readonly SamePlace[] {
  const cuts: SamePlace[] = [];
  let from = 0;
  let grown = 0;
  for (const edit of edits.toSorted((left, right) => left.start - right.start)) {
    const before = lineStartBehind(text, { from, to: edit.start, lines });
    if (before !== undefined) cuts.push({ before, after: before + grown });
    from = edit.end;
    grown += edit.text.length - (edit.end - edit.start);
  }
  return cuts;
}

/** The beginning of a line with whole lines enough on both sides of it; undefined where there is none. */
function lineStartBehind(
  text: string,
  { from, to, lines }: { readonly from: number; readonly to: number; readonly lines: number },
): number | undefined {
  let [cut, at] = [undefined as number | undefined, from];
  // the line in which the stretch begins is not whole, nor is that in which it ends
  for (let passed = 1; passed <= 2 * lines + 3; passed += 1) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0 || at > to) return undefined;
    if (passed === lines + 2) cut = at;
  }
  return cut;
}

/** The edits that change a list, `changes[n]` being that of its n-th element. Everything that is no tag keeps its bytes. */
export function editsOf(text: string, list: TagList, changes: readonly ElementChange[]): readonly Edit[] {
  const cells = cellsOf(text, list);
  // where none stands behind the last element, none does afterwards
  const trailingComma = list.layout.trailingComma && cells.at(-1)?.commaEnd !== undefined;
  return cells.flatMap((cell, index) => {
    const change = changes[index];
    if (!change || (change.stays && change.added.length === 0)) return [];
    const isLast = changes.slice(index + 1).every(({ stays, added }) => !stays && added.length === 0);
    if (change.stays) return insertions(cell, { list, added: change.added });
    const before = changes[index - 1];
    const isFirstToGo = before !== undefined && (before.stays || before.added.length > 0);
    const ownsCommaBefore = isLast && list.layout.separator === 'comma' && !trailingComma && before?.stays === true;
    return replacement(text, {
      cell,
      list,
      added: change.added,
      isLast,
      trailingComma,
      ownsCommaBefore,
      ownsBlanksBefore: isLast && isFirstToGo,
    });
  });
}

/** An element with what is around it. */
interface Cell {
  readonly element: TagElement;
  /** Where its comma ends; undefined without one. */
  readonly commaEnd?: number;
  /** Start of its line, and end without the line break. */
  readonly lineStart: number;
  readonly lineEnd: number;
  /** It is the only element of its line. */
  readonly isAlone: boolean;
  /** What stands before it on its line, and what ends lines. */
  readonly indent: string;
  readonly eol: string;
  /** Where the text before it in the list ends: the element before with its comma, or the bracket. */
  readonly from: number;
}

function cellsOf(text: string, list: TagList): readonly Cell[] {
  let from = list.start + (list.layout.separator === 'comma' ? 1 : 0);
  return list.elements.map((element, index) => {
    const next = list.elements[index + 1];
    const commaEnd = list.layout.separator === 'comma' ? commaAfter(text, element.end, next?.start ?? list.end) : undefined;
    const lineStart = text.lastIndexOf('\n', element.start - 1) + 1;
    const found = text.indexOf('\n', element.end);
    const breakAt = found < 0 ? text.length : found;
    const eol = text[breakAt - 1] === '\r' ? '\r\n' : '\n';
    const lineEnd = breakAt - (eol.length - 1);
    const before = text.slice(lineStart, element.start);
    const isLine = before.trim() === '' && (commaEnd ?? 0) <= lineEnd && (next?.start ?? list.end) > lineEnd;
    const isAlone = list.layout.separator === 'dash' || isLine;
    const cell = { element, ...(commaEnd !== undefined && { commaEnd }), lineStart, lineEnd, isAlone, indent: before, eol, from };
    from = commaEnd ?? element.end;
    return cell;
  });
}

/** Where the comma between two places ends; one in a comment is none. */
function commaAfter(text: string, from: number, to: number): number | undefined {
  for (const { 0: found, index } of text.slice(from, to).matchAll(/\/\/.*|#.*|\/\*[\s\S]*?\*\/|,/g)) {
    if (found === ',') return from + index + 1;
  }
  return undefined;
}

function insertions(
  { element, commaEnd, lineEnd, isAlone, indent, eol }: Cell,
  { list, added }: { readonly list: TagList; readonly added: ElementChange['added'] },
): readonly Edit[] {
  const { quote, separator } = list.layout;
  const at = (start: number, text: string): Edit => ({ start, end: start, text });
  if (!isAlone) return [at(element.end, added.map((pieces) => `, ${quote(pieces)}`).join(''))];
  if (separator === 'dash') return [at(lineEnd, added.map((pieces) => `${eol}${indent}${quote(pieces)}`).join(''))];
  const lines = added.map((pieces) => `${eol}${indent}${quote(pieces)}`);
  return commaEnd === undefined
    ? [at(element.end, ','), at(lineEnd, lines.join(','))]
    : [at(lineEnd, lines.map((line) => `${line},`).join(''))];
}

/** What stands in the place of an element that goes. */
interface Replacement {
  readonly cell: Cell;
  readonly list: TagList;
  readonly added: ElementChange['added'];
  /** Nothing stands behind it when all is done. */
  readonly isLast: boolean;
  /** A comma stands behind the last element. */
  readonly trailingComma: boolean;
  /** The comma before it goes too, as none may be left behind the last element. */
  readonly ownsCommaBefore: boolean;
  /** Blanks between it and the element before go too. */
  readonly ownsBlanksBefore: boolean;
}

function replacement(
  text: string,
  { cell, list, added, isLast, trailingComma, ownsCommaBefore, ownsBlanksBefore }: Replacement,
): readonly Edit[] {
  const { element, commaEnd, lineStart, lineEnd, isAlone, indent, eol, from } = cell;
  const { quote, separator } = list.layout;
  const remove = (start: number, end: number): Edit => ({ start, end, text: '' });
  if (added.length > 0) {
    const between = isAlone ? `${separator === 'comma' ? ',' : ''}${eol}${indent}` : ', ';
    const extra = isLast && !trailingComma && commaEnd !== undefined ? [remove(commaEnd - 1, commaEnd)] : [];
    return [{ start: element.start, end: element.end, text: added.map((pieces) => quote(pieces)).join(between) }, ...extra];
  }
  if (separator === 'dash' && text.slice(element.end, lineEnd).trim() !== '') {
    // a comment stays, on a line of its own
    const blanks = /^\s*/.exec(text.slice(element.end))?.[0] ?? '';
    return [remove(lineStart + indent.search(/\S|$/), element.end + blanks.length)];
  }
  const end = commaEnd ?? element.end;
  const comma = ownsCommaBefore ? [remove(from - 1, from)] : [];
  if (isAlone && text.slice(end, lineEnd).trim() === '') {
    const after = text.startsWith('\r\n', lineEnd) ? 2 : lineEnd < text.length ? 1 : 0;
    return [...comma, remove(lineStart, lineEnd + after)];
  }
  const blanks = commaEnd === undefined ? '' : (/^[ \t]*/.exec(text.slice(end, lineEnd))?.[0] ?? '');
  const start = ownsBlanksBefore && /^[ \t]*$/.test(text.slice(from, element.start)) ? from : element.start;
  return [...comma, remove(start, end + blanks.length)];
}
