/** Characters as inclusive ranges of code points, in any order. */
export type CharacterSet = readonly (readonly [number, number])[];

const LAST = 0x10ffff;

/** One character. */
export function only(char: string): CharacterSet {
  const code = char.codePointAt(0) ?? 0;
  return [[code, code]];
}

/** The characters from `low` to `high`. */
export function between(low: string, high: string): CharacterSet {
  return [[low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0]];
}

/** Everything that is not in a set. */
export function negated(set: CharacterSet): CharacterSet {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [low, high] of set.toSorted(([a], [b]) => a - b)) {
    if (low > from) gaps.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return from <= LAST ? [...gaps, [from, LAST]] : gaps;
}

/** A set with the other case of each of its ASCII letters, and the two letters beyond ASCII that fold to one (K, ſ). */
export function caseBlind(set: CharacterSet): CharacterSet {
  const other = (from: number, to: number, shift: number): CharacterSet =>
    set.flatMap(([low, high]) => {
      const [first, last] = [Math.max(low, from), Math.min(high, to)];
      return first <= last ? [[first + shift, last + shift] as const] : [];
    });
  const both = [...set, ...other(0x41, 0x5a, 32), ...other(0x61, 0x7a, -32)];
  return [...both, ...(holds(both, 0x6b) ? only('\u212a') : []), ...(holds(both, 0x73) ? only('\u017f') : [])];
}

/** Whether a code point is in a set. */
export function holds(set: CharacterSet, code: number): boolean {
  return set.some(([low, high]) => code >= low && code <= high);
}

const DIGITS = between('0', '9');
const WORD = [...between('a', 'z'), ...between('A', 'Z'), ...DIGITS, ...only('_')];
const SPACE = [...only('\t'), ...only('\n'), ...only('\f'), ...only('\r'), ...only(' ')];

/** What `\d`, `\w`, `\s` and their opposites stand for in Go: ASCII only, and `\s` without the vertical tab. */
export const PERL_CLASSES: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', DIGITS],
  ['D', negated(DIGITS)],
  ['w', WORD],
  ['W', negated(WORD)],
  ['s', SPACE],
  ['S', negated(SPACE)],
]);

/** What `.` stands for: everything but the end of a line. */
export const ANY_CHARACTER: CharacterSet = negated(only('\n'));
