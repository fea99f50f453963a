import type { Difference } from './differences.ts';

/** What a change of proxies must not do to requests: `notServed`: they fail now; `notRefused`: they pass, and were refused before. */
export type Harm = 'notServed' | 'notRefused';

/** The harm that two ways to answer a request show by their statuses, whoever causes it; undefined where there is none. */
export function harmOf(differences: readonly Difference[]): Harm | undefined {
  const status = differences.find(({ what }) => what === 'status');
  const [before, after] = [statusesIn(status?.old), statusesIn(status?.new)];
  const isWorse = (limit: number): boolean => before.every((code) => code < limit) && after.some((code) => code >= limit);
  if (isWorse(FAILING) || isWorse(NOT_ANSWERED)) return 'notServed';
  return before.some((code) => REFUSALS.has(code)) && after.length > 0 && after.every((code) => code < NOT_ANSWERED)
    ? 'notRefused'
    : undefined;
}

const NOT_ANSWERED = 400;
const FAILING = 500;
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 407, 429]);

/** The statuses in a text as `tallyDifferences` makes it, which has shares where there are several; without an answer `Infinity`. */
function statusesIn(text = ''): readonly number[] {
  return [...text.matchAll(/(?:^|, )(\d{3}|none)(?= \(|, |$)/g)].map(([, code]) => (code === 'none' ? Infinity : Number(code)));
}
