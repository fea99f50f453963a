import { expand } from './regexp/expand.ts';
import { parseRegexp } from './regexp/parse.ts';
import { programOf } from './regexp/program.ts';
import { run, type Slots } from './regexp/run.ts';
import { samplesOf } from './regexp/samples.ts';

/** Where a regular expression matched. */
export interface RegexpMatch {
  readonly start: number;
  readonly end: number;
  /** The whole match, then each group; undefined where a group took no part. */
  readonly groups: readonly (string | undefined)[];
}

/** A regular expression that runs in time linear in its text, with Go's results. */
export interface Regexp {
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The leftmost match; undefined where there is none. */
  match(text: string): RegexpMatch | undefined;
  /** The text with every match replaced, as Go's `ReplaceAllString` does it. */
  replaceAll(text: string, replacement: string): string;
}

/**
 * Why a regular expression is outside the subset that Go's RE2 reads alike in both proxies and that costs little: at most 256 printable
 * characters, groups `( )` and `(?: )`, classes, `\d \w \s \b` and escaped punctuation, repeats of at most 1000, none nested in
 * another, 4000 steps in all. Undefined where it is inside. The pattern is parsed, never run.
 */
export function regexpProblem(pattern: string): string | undefined {
  const parsed = parseRegexp(pattern, 'safe');
  return parsed.kind === 'problem' ? parsed.problem : undefined;
}

/**
 * A matcher for a pattern of the safe subset or one that we made (`globToRegexp`, `regexpLiteral`, with `(?i)` before it). JavaScript's
 * own engine never runs a pattern of a tag: it would need exponential time for some. Throws `RangeError` for any other pattern.
 */
export function compileRegexp(pattern: string): Regexp {
  const known = compiled.get(pattern);
  if (known) return known;
  const regexp = compileAnew(pattern);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(pattern, regexp);
  return regexp;
}

/** Some texts that a pattern of the same kind matches, as far as they are easily made, the shortest first; the same for the same pattern. */
export function regexpSamples(pattern: string): readonly string[] {
  const parsed = parseRegexp(pattern, 'own');
  if (parsed.kind === 'problem') throw new RangeError(`Cannot make texts for the regular expression "${pattern}": ${parsed.problem}`);
  const regexp = compileRegexp(pattern);
  return samplesOf(parsed.node).filter((text) => regexp.test(text));
}

/** Patterns of a table are run for every request that is evaluated. */
const compiled = new Map<string, Regexp>();
const MAX_COMPILED = 4096;

function compileAnew(pattern: string): Regexp {
  const parsed = parseRegexp(pattern, 'own');
  if (parsed.kind === 'problem') throw new RangeError(`Cannot run the regular expression "${pattern}": ${parsed.problem}`);
  const program = programOf(parsed.node);
  const groupsOf = (text: string, slots: Slots): readonly (string | undefined)[] =>
    Array.from({ length: parsed.groups + 1 }, (_, index) => {
      const [start = -1, end = -1] = [slots[index * 2], slots[index * 2 + 1]];
      return start < 0 || end < 0 ? undefined : text.slice(start, end);
    });

  return {
    test: (text) => run(program, text, 0) !== undefined,
    match(text) {
      const slots = run(program, text, 0);
      return slots && { start: slots[0] ?? 0, end: slots[1] ?? 0, groups: groupsOf(text, slots) };
    },
    replaceAll(text, replacement) {
      let [result, lastEnd, from] = ['', 0, 0];
      for (let slots = run(program, text, from); slots; slots = from <= text.length ? run(program, text, from) : undefined) {
        const [start = 0, end = 0] = slots;
        const groups = groupsOf(text, slots);
        result += text.slice(lastEnd, start);
        // an empty match right behind another one is none
        if (end > lastEnd || start === 0) result += expand(replacement, (index) => groups[index] ?? '');
        lastEnd = end;
        from = Math.max(end, from + 1);
      }
      return result + text.slice(lastEnd);
    },
  };
}
