import type { Answer } from '../client.ts';
import type { Asked } from '../requests.ts';

/** What of an answer must be the same, as text. */
export type Facts = Readonly<Record<FactName, string>>;

/** In what answers are compared. */
export const FACTS = ['status', 'location', 'instance', 'path', 'host', 'method', 'prefix', 'authenticate', 'authorization'] as const;
export type FactName = (typeof FACTS)[number];

/**
 * The facts of an answer. Equal in spirit is enough (shared/vectors/README.md): any failure of an instance is one, and so is any way to say
 * that nothing is routed.
 */
export function factsOf({ headers: sent }: Pick<Asked, 'headers'>, { status, headers, echo }: Answer): Facts {
  const location = headers.location ?? '';
  const isUnrouted = !echo && location === '' && [0, 400, 404, 421].includes(status);
  const isFailure = !echo && status >= 500;
  return {
    status: isUnrouted ? 'no route' : isFailure ? 'failure' : `${status}`,
    location,
    instance: echo?.instance ?? '',
    path: echo?.path ?? '',
    host: echo?.host.replace(echo.instance, 'instance') ?? '',
    method: echo?.method ?? '',
    prefix: echo?.headers['x-forwarded-prefix'] ?? '',
    // the realm is the operator's, and Fabio asks nobody again whose password is wrong
    authenticate: sent.some(([name]) => name === 'Authorization') ? '' : (headers['www-authenticate'] ?? '').replace(/ .*/, ''),
    authorization: echo?.headers['authorization'] ?? '',
  };
}

/** How often each answer came. */
export type Tally = ReadonlyMap<string, { readonly facts: Facts; readonly share: number }>;

/** The answers to one request, counted. */
export function tallyOf(asked: Pick<Asked, 'headers'>, answers: readonly Answer[]): Tally {
  const tally = new Map<string, { facts: Facts; share: number }>();
  for (const answer of answers) {
    const facts = factsOf(asked, answer);
    const key = JSON.stringify(facts);
    tally.set(key, { facts, share: (tally.get(key)?.share ?? 0) + 1 / answers.length });
  }
  return tally;
}

/** A tally in which some facts are told in another way. */
export function retold(tally: Tally, change: (facts: Facts) => Facts): Tally {
  const changed = new Map<string, { facts: Facts; share: number }>();
  for (const { facts, share } of tally.values()) {
    const told = change(facts);
    const key = JSON.stringify(told);
    changed.set(key, { facts: told, share: share + (changed.get(key)?.share ?? 0) });
  }
  return changed;
}

/** In what two sides differ. */
export interface FabioDifference {
  readonly what: FactName | 'shares';
  readonly fabio: string;
  readonly ours: string;
}

/** Shares of 150 requests differ by chance by no more. */
const TOLERANCE = 0.16;

/** The differences of the answers of Fabio and ours; of several answers to one request, those of their shares. */
export function differencesOf(fabio: Tally, ours: Tally): readonly FabioDifference[] {
  const [first, other] = [[...fabio.values()], [...ours.values()]];
  const [one, two] = [first[0], other[0]];
  if (one && two && first.length === 1 && other.length === 1)
    return FACTS.flatMap((what) => (one.facts[what] === two.facts[what] ? [] : [{ what, fabio: one.facts[what], ours: two.facts[what] }]));
  const keys = new Set([...fabio.keys(), ...ours.keys()]);
  const isSame = [...keys].every((key) => Math.abs((fabio.get(key)?.share ?? 0) - (ours.get(key)?.share ?? 0)) <= TOLERANCE);
  return isSame ? [] : [{ what: 'shares', fabio: sharesText(fabio), ours: sharesText(ours) }];
}

function sharesText(tally: Tally): string {
  return [...tally.values()]
    .map(({ facts, share }) => `${share.toFixed(2)} ${FACTS.flatMap((what) => (facts[what] === '' ? [] : [facts[what]])).join(' ')}`)
    .toSorted()
    .join(' | ');
}
