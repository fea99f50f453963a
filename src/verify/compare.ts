import { mapLimited } from '../lib/async.ts';
import type { Answer } from './answer.ts';
import { partsOf, type Answering, type Difference } from './differences.ts';
import type { AskedRequest } from './request.ts';
import { isUniform, joined, tallyDifferences, tallyOf, type Tally } from './tally.ts';

/** One of the two that are compared. */
export interface Side {
  ask(request: AskedRequest, signal?: AbortSignal): Promise<Answer>;
}

/** The two that are compared. */
export interface Sides {
  readonly old: Side;
  readonly new: Side;
}

/** A request that two sides answer in different ways. */
export interface Differing<R extends AskedRequest> {
  readonly request: R;
  readonly differences: readonly Difference[];
}

/** How requests are compared. */
export interface CompareOptions<R extends AskedRequest> {
  /** Default: `echoes`. */
  readonly answering?: Answering;
  /** How often each side is asked a request that several instances share; 0 (default): once, until a difference shows. */
  readonly timesOf?: (request: R) => number;
  /** `address:port` of instances any of which may answer a request on either side: which of them did says nothing. Default: none. */
  readonly sharedBy?: (request: R) => ReadonlySet<string>;
  /** Gets the number of requests that are done, after each. */
  readonly onProgress?: (done: number) => void;
  readonly signal: AbortSignal;
}

/** How many requests are under way to each side. */
const AT_ONCE = 12;
/** How many of them are the same one: each has a connection of its own, for a name of its own. */
const SAME_AT_ONCE = 3;
/** How often a difference is looked at again before it is believed; one in the instance, which chance may have chosen, more often. */
const AGAIN = 3;
const AGAIN_FOR_INSTANCE = 20;
/** How often a request is asked where several instances turn out to answer. */
const USUAL_TIMES = { echoes: 100, programs: 20 } as const satisfies Record<Answering, number>;

/**
 * Asks both sides the same requests. What differs is asked again, so that a difference that is reported was seen each time; where several
 * instances share the requests, their shares are compared. In the order of the requests. Rejects where `signal` aborts.
 */
export async function compareSides<R extends AskedRequest>(
  requests: readonly R[],
  sides: Sides,
  options: CompareOptions<R>,
): Promise<readonly Differing<R>[]> {
  let done = 0;
  const told = await mapLimited(requests, AT_ONCE, async (request) => {
    const found = await differencesOf(request, sides, options);
    done += 1;
    options.onProgress?.(done);
    return { request, differences: found };
  });
  return told.filter((one) => one.differences.length > 0);
}

const NOBODY: ReadonlySet<string> = new Set();

function isChance([first, ...rest]: readonly Difference[], shared: ReadonlySet<string>): boolean {
  return rest.length === 0 && first?.what === 'instance' && shared.has(first.old ?? '') && shared.has(first.new ?? '');
}

async function differencesOf<R extends AskedRequest>(
  request: R,
  sides: Sides,
  { answering = 'echoes', timesOf = () => 0, sharedBy = () => NOBODY, signal }: CompareOptions<R>,
): Promise<readonly Difference[]> {
  const times = timesOf(request);
  if (times > 0) return tallyDifferences(...(await askBoth(times)));
  const first = await askBoth(1);
  const seen = tallyDifferences(...first);
  if (seen.length === 0 || isChance(seen, sharedBy(request))) return [];
  const again = await askBoth(seen.some(({ what }) => what === 'instance') ? AGAIN_FOR_INSTANCE : AGAIN);
  const [old, fresh] = [joined(first[0], again[0]), joined(first[1], again[1])];
  return isUniform(old) && isUniform(fresh) ? tallyDifferences(old, fresh) : tallyDifferences(...(await askBoth(USUAL_TIMES[answering])));

  async function askBoth(count: number): Promise<readonly [Tally, Tally]> {
    return Promise.all([askedOf(sides.old, count), askedOf(sides.new, count)]);
  }

  async function askedOf(side: Side, count: number): Promise<Tally> {
    const answers = await mapLimited(Array.from({ length: count }), SAME_AT_ONCE, () => side.ask(request, signal));
    return tallyOf(answers.map((answer) => partsOf(answer, answering)));
  }
}
