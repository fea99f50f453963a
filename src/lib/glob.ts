import { regexpLiteral } from './quote.ts';

/**
 * A Fabio glob (gobwas/glob without separators) as an anchored regular expression: `*` and `**` anything, `?` one character, `[a-z]`,
 * `[!a]`, `{a,b}`, `\` before a literal character. Undefined where it does not compile.
 */
export function globToRegexp(pattern: string): string | undefined {
  const { text, end } = alternatives(pattern, 0, '');
  return text !== undefined && end === pattern.length ? `^${text}$` : undefined;
}

/** Whether a text holds any character that a glob gives a meaning to. */
export function isGlob(text: string): boolean {
  return /[*?[{\\]/.test(text);
}

interface Part {
  readonly text: string | undefined;
  readonly end: number;
}

const BROKEN: Part = { text: undefined, end: 0 };

/** Reads up to a character of `until` (or the end where there is none). */
function alternatives(pattern: string, from: number, until: string): Part {
  let text = '';
  let at = from;
  while (at < pattern.length && !until.includes(pattern.charAt(at))) {
    const part = next(pattern, at);
    if (part.text === undefined) return BROKEN;
    text += part.text;
    at = part.end;
  }
  return { text, end: at };
}

function next(pattern: string, at: number): Part {
  const char = pattern.charAt(at);
  if (char === '*') return { text: '.*', end: pattern.charAt(at + 1) === '*' ? at + 2 : at + 1 };
  if (char === '?') return { text: '.', end: at + 1 };
  if (char === '[') return characterClass(pattern, at);
  if (char === '{') return choice(pattern, at);
  if (char === '\\') return { text: regexpLiteral(pattern.charAt(at + 1)), end: Math.min(at + 2, pattern.length) };
  return { text: regexpLiteral(char), end: at + 1 };
}

function characterClass(pattern: string, at: number): Part {
  const close = pattern.indexOf(']', at + 1);
  if (close < 0) return BROKEN;
  const inner = pattern.slice(at + 1, close);
  const negated = inner.startsWith('!');
  const characters = negated ? inner.slice(1) : inner;
  // a range as its only content, or a list of characters
  const isRange = characters.charAt(1) === '-';
  if (isRange && (characters.length !== 3 || characters.charAt(0) > characters.charAt(2))) return BROKEN;
  if (!/^[!-Z^-~]+$/.test(characters)) return BROKEN;
  const escape = (text: string): string => text.replace(/[^A-Za-z0-9]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
  const body = isRange ? `${escape(characters.charAt(0))}-${escape(characters.charAt(2))}` : escape(characters);
  return { text: `[${negated ? '^' : ''}${body}]`, end: close + 1 };
}

function choice(pattern: string, at: number): Part {
  const options: string[] = [];
  let from = at + 1;
  for (;;) {
    const { text, end } = alternatives(pattern, from, ',}');
    // the end closes a group that has begun, as in gobwas/glob
    if (text === undefined || (end >= pattern.length && end === at + 1)) return BROKEN;
    options.push(text);
    from = Math.min(end + 1, pattern.length);
    if (pattern.charAt(end) !== ',') return { text: `(?:${options.join('|')})`, end: from };
  }
}
