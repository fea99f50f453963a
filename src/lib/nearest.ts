import { distance } from 'fastest-levenshtein';

/** The candidate that was probably meant by a mistyped word: at most two edits away, three for long words; undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = word.length > 8 ? 3 : 2;
  const alike = candidates.filter(({ length }) => Math.abs(length - word.length) <= limit);
  const [best] = alike.map((candidate) => ({ candidate, edits: distance(word, candidate) })).toSorted((a, b) => a.edits - b.edits);
  return best && best.edits <= Math.min(limit, word.length - 1) ? best.candidate : undefined;
}

/** Whether a word is another one but for a slip: one letter wrong, missing or too much, or two that have changed places. */
export function isSlip(word: string, meant: string): boolean {
  const edits = distance(word, meant);
  const letters = (text: string): string => text.split('').toSorted().join('');
  return edits <= 1 || (edits === 2 && letters(word) === letters(meant));
}

/** Up to `count` candidates that look most like a word, the likest first; those that differ in more than a third of it are left out. */
export function nearestFew(word: string, candidates: readonly string[], count: number): readonly string[] {
  return candidates
    .filter(({ length }) => Math.abs(length - word.length) <= word.length / 3)
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .filter(({ edits }) => edits <= word.length / 3)
    .toSorted((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
