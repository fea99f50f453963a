import { sleep } from '../lib/async.ts';
import type { LiveState } from './deployer.ts';

/** A proxy that is waited for. */
export interface UntilShownOptions {
  /** Asks it what it serves. */
  readonly live: (signal: AbortSignal) => Promise<LiveState>;
  /** Nothing is to be waited for any more. */
  readonly isOver?: () => boolean;
  readonly pollMs: number;
}

/** Waits until a proxy shows this digest. Returns what it shows in its place when `isOver` says so or `signal` aborts, else undefined. */
export async function untilShown(
  digest: string,
  { live, isOver = () => false, pollMs }: UntilShownOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  let last = 'it does not answer';
  while (!signal.aborted && !isOver()) {
    const state = await live(signal);
    if (state.kind === 'ours' && state.digest === digest) return undefined;
    last = state.kind === 'down' ? state.reason : 'it serves another configuration';
    await sleep(pollMs, signal);
  }
  return last;
}
