import type { Clock } from './clock.ts';

/** Something that may happen often for a moment, and seldom in the long run. */
export interface Bucket {
  /** Takes one of what is in it. Returns how many ms to wait before going on: 0 while it is not empty. */
  take(): number;
}

/** A full bucket of `burst`, which fills at `perSecond`. */
export function createBucket(options: {
  readonly burst: number;
  readonly perSecond: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Bucket {
  const { burst, perSecond, clock } = options;
  let [tokens, atMs] = [burst, clock.monotonicMs()];
  return {
    take() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - atMs) * perSecond) / 1000) - 1;
      atMs = nowMs;
      return tokens >= 0 ? 0 : Math.ceil((-tokens * 1000) / perSecond);
    },
  };
}
