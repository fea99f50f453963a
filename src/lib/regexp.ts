const MAX_LENGTH = 256;
const MAX_REPEAT = 1000;

interface Reading {
  readonly end: number;
  /** Whether the part holds a quantifier: such a part must not be repeated again. */
  readonly repeats: boolean;
  readonly problem?: string;
}

/**
 * Why a regular expression is outside the subset that Go's RE2 reads alike in both proxies and that costs little: at most 256 printable
 * characters, groups `( )` and `(?: )`, classes, `\d \w \s \b` and escaped punctuation, repeats of at most 1000, none nested in
 * another. Undefined where it is inside. The pattern is parsed, never run.
 */
export function regexpProblem(pattern: string): string | undefined {
  if (pattern.length > MAX_LENGTH) return `it has ${pattern.length} characters, expected at most ${MAX_LENGTH}`;
  if (!/^[\x20-\x7e]*$/.test(pattern)) return 'it holds a character outside printable ASCII';
  const read = sequence(pattern, 0);
  if (read.problem !== undefined) return read.problem;
  return read.end < pattern.length ? 'a `)` closes no group' : undefined;
}

const broken = (problem: string): Reading => ({ end: 0, repeats: false, problem });

function sequence(pattern: string, from: number): Reading {
  let at = from;
  let repeats = false;
  while (at < pattern.length && pattern.charAt(at) !== ')') {
    if (pattern.charAt(at) === '|') {
      at += 1;
      continue;
    }
    const part = atom(pattern, at);
    if (part.problem !== undefined) return part;
    const repeat = quantifier(pattern, part.end);
    if (repeat.problem !== undefined) return repeat;
    if (part.repeats && repeat.repeats) return broken('a repeat stands inside another repeat');
    repeats = repeats || part.repeats || repeat.repeats;
    at = repeat.end;
  }
  return { end: at, repeats };
}

function atom(pattern: string, at: number): Reading {
  const char = pattern.charAt(at);
  if (char === '(') return group(pattern, at);
  if (char === '[') return characterClass(pattern, at);
  if (char === '\\') return escape(pattern, at);
  if (/[*+?{}\]]/.test(char)) return broken(`"${char}" stands where nothing can be repeated`);
  return { end: at + 1, repeats: false };
}

function group(pattern: string, at: number): Reading {
  if (pattern.startsWith('(?', at) && !pattern.startsWith('(?:', at)) return broken('only groups `( )` and `(?: )` are allowed');
  const inner = sequence(pattern, at + (pattern.startsWith('(?:', at) ? 3 : 1));
  if (inner.problem !== undefined) return inner;
  return pattern.charAt(inner.end) === ')' ? { end: inner.end + 1, repeats: inner.repeats } : broken('a group is not closed');
}

function escape(pattern: string, at: number): Reading {
  return /[dDwWsSbB.*+?^$()[\]{}\\|/@:_~-]/.test(pattern.charAt(at + 1)) && !pattern.startsWith('\\_', at)
    ? { end: at + 2, repeats: false }
    : broken(`the escape "${pattern.slice(at, at + 2)}" is not allowed`);
}

function characterClass(pattern: string, at: number): Reading {
  const body = /^\[\^?((?:\\[dDwWsS.*+?^$()[\]{}\\|/-]|[^\\[\]])+)\]/.exec(pattern.slice(at));
  if (!body) return broken('a character class cannot be read');
  for (const [, low, high] of (body[1] ?? '').replace(/\\./g, '').matchAll(/(.)-(.)/g))
    if ((low ?? '') > (high ?? '')) return broken('a range in a character class runs backwards');
  return { end: at + body[0].length, repeats: false };
}

function quantifier(pattern: string, at: number): Reading {
  const found = /^(?:[*+?]|\{(\d{1,5})(,(\d{0,5}))?\})\??/.exec(pattern.slice(at));
  if (!found) return { end: at, repeats: false };
  const [low, high] = [Number(found[1] ?? 0), Number(found[3] || (found[1] ?? 0))];
  if (low > MAX_REPEAT || high > MAX_REPEAT || high < low) return broken(`a repeat is out of range, expected at most ${MAX_REPEAT}`);
  const end = at + found[0].length;
  return /[*+?{]/.test(pattern.charAt(end)) ? broken('a repeat follows another repeat') : { end, repeats: !found[0].startsWith('?') };
}
