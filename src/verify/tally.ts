import { compareText, sortedUnique } from '../lib/sort.ts';
import { partDifferences, type Difference } from './differences.ts';

/** Answers by their parts, and how often each came. */
export interface Tally {
  readonly total: number;
  readonly answers: readonly Counted[];
}

interface Counted {
  readonly parts: ReadonlyMap<string, string>;
  readonly count: number;
}

/** Standard deviations that two shares may lie apart: by chance once in 150,000 comparisons. */
const DEVIATIONS = 4.5;

/** Counts the parts of answers. */
export function tallyOf(parts: readonly ReadonlyMap<string, string>[]): Tally {
  return joined({ total: 0, answers: [] }, { total: parts.length, answers: parts.map((one) => ({ parts: one, count: 1 })) });
}

/** The answers of two tallies as one. */
export function joined(one: Tally, other: Tally): Tally {
  const counted = new Map<string, Counted>();
  for (const { parts, count } of [...one.answers, ...other.answers]) {
    const key = JSON.stringify([...parts].map(String).toSorted(compareText));
    counted.set(key, { parts, count: (counted.get(key)?.count ?? 0) + count });
  }
  return { total: one.total + other.total, answers: [...counted.values()] };
}

/** Whether every answer was the same. */
export function isUniform({ answers }: Tally): boolean {
  return answers.length <= 1;
}

/**
 * In what two tallies differ. Where each side answers in one way only, in the parts of these; else in the shares of what each part
 * was, as far as they lie further apart than chance makes likely.
 */
export function tallyDifferences(old: Tally, fresh: Tally): readonly Difference[] {
  if (isUniform(old) && isUniform(fresh)) return concise(partDifferences(old.answers[0]?.parts ?? NONE, fresh.answers[0]?.parts ?? NONE));
  const names = new Set([...old.answers, ...fresh.answers].flatMap(({ parts }) => [...parts.keys()]));
  const found = sortedUnique(names).flatMap((what): readonly Difference[] => {
    const [before, after] = [countsOf(old, what), countsOf(fresh, what)];
    const values = [...new Set([...before.keys(), ...after.keys()])];
    const apart = values.some((value) => isApart([before.get(value) ?? 0, old.total], [after.get(value) ?? 0, fresh.total]));
    return apart ? [{ what, old: sharesText(before, old.total), new: sharesText(after, fresh.total) }] : [];
  });
  return concise(found);
}

/** What one of two answers alone has follows from its status. */
const WITH_STATUS = new Set(['status', 'location', 'asks for']);

function concise(found: readonly Difference[]): readonly Difference[] {
  return found.some(({ what }) => what === 'status') ? found.filter(({ what }) => WITH_STATUS.has(what)) : found;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** How often a part was each of its values; `-` where it was not there. */
function countsOf({ answers }: Tally, what: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { parts, count } of answers) {
    const value = parts.get(what) ?? '-';
    counts.set(value, (counts.get(value) ?? 0) + count);
  }
  return counts;
}

function isApart([old, oldTotal]: readonly [number, number], [fresh, freshTotal]: readonly [number, number]): boolean {
  const mean = (old + fresh) / (oldTotal + freshTotal);
  const deviation = Math.sqrt(mean * (1 - mean) * (1 / oldTotal + 1 / freshTotal));
  return Math.abs(old / oldTotal - fresh / freshTotal) > DEVIATIONS * deviation + 1e-9;
}

function sharesText(counts: ReadonlyMap<string, number>, total: number): string {
  if (counts.size === 1) return [...counts.keys()].join('');
  return [...counts]
    .toSorted(([left], [right]) => compareText(left, right))
    .map(([value, count]) => `${value} (${Math.round((100 * count) / total)} %)`)
    .join(', ');
}
