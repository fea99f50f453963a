import { globToRegexp } from '../../../lib/glob.ts';

/** A pattern of Fabio for a regular expression, and whether it means just the same. */
export interface FoundGlob {
  readonly pattern: string;
  readonly exact: boolean;
}

/**
 * The pattern that matches what an expression matches. An expression of the form that `globToRegexp` makes, in its words or with `.+`, is
 * met exactly; one label (`[^.]+`) only by `*`, which spans dots. Undefined: no pattern is near.
 */
export function globOf(regexp: string): FoundGlob | undefined {
  if (!regexp.startsWith('^') || !regexp.endsWith('$')) return undefined;
  const inner = regexp.slice(1, -1);
  const { pattern, end } = sequence(inner, 0);
  if (pattern === undefined || end < inner.length) return undefined;
  const widened = pattern.replaceAll(LABEL, '*');
  const again = globToRegexp(widened);
  return again === undefined ? undefined : { pattern: widened, exact: pattern === widened && again === `^${spelledOut(inner)}$` };
}

/** Stands for one label while a pattern is put together; no tag holds it. */
const LABEL = '\u0000';

interface Part {
  readonly pattern: string | undefined;
  readonly end: number;
}

const NONE: Part = { pattern: undefined, end: 0 };

/** Reads up to a `|` or `)`, or the end. */
function sequence(text: string, from: number): Part {
  let pattern = '';
  let at = from;
  while (at < text.length && !/[|)]/.test(text.charAt(at))) {
    const part = text.startsWith('(?:', at) ? choice(text, at + 3) : piece(text, at);
    if (part.pattern === undefined || /[*+?{]/.test(text.charAt(part.end))) return NONE;
    pattern += part.pattern;
    at = part.end;
  }
  return { pattern, end: at };
}

function choice(text: string, from: number): Part {
  const options: string[] = [];
  let at = from;
  for (;;) {
    const { pattern, end } = sequence(text, at);
    if (pattern === undefined || end >= text.length) return NONE;
    options.push(pattern);
    at = end + 1;
    if (text.charAt(end) === ')') return { pattern: `{${options.join(',')}}`, end: at };
  }
}

const PIECES: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/\.\*/y, () => '*'],
  [/\.\+/y, () => '?*'],
  [/\[\^\.\][+*]/y, () => LABEL],
  [/\./y, () => '?'],
  [/\[\^?(?:[A-Za-z0-9-]|\\x[0-9a-f]{2})+\]/y, (text) => unhexed(text.replace('[^', '[!'), (char) => char)],
  [/\\x[0-9a-f]{2}/y, (text) => unhexed(text, literal)],
  [/\\[.*+?^$()[\]\\|]/y, (text) => literal(text.slice(1))],
  [/[A-Za-z0-9_/~-]/y, literal],
];

function piece(text: string, at: number): Part {
  for (const [start, spell] of PIECES) {
    start.lastIndex = at;
    const found = start.exec(text)?.[0];
    if (found !== undefined) return { pattern: spell(found), end: at + found.length };
  }
  return NONE;
}

function unhexed(text: string, spell: (char: string) => string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_all, hex: string) => spell(String.fromCharCode(Number.parseInt(hex, 16))));
}

function literal(char: string): string {
  return /[*?[\]{}\\,]/.test(char) ? `\\${char}` : char;
}

/** `.+` in the words of `globToRegexp`. */
function spelledOut(text: string): string {
  return text.replace(/(?<!\\)\.\+/g, '..*');
}
