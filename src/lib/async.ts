import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** Waits `ms`, or less when `signal` aborts. Never rejects: check `signal.aborted` afterwards. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}

/** Full-jitter exponential backoff: a random wait in [0, min(maxMs, baseMs·2^attempt)). `attempt` counts from 0. */
export function fullJitterMs(options: {
  readonly attempt: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
}): number {
  const { attempt, baseMs, maxMs, clock } = options;
  return Math.round(clock.random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}

/** Runs `task` over `items` with at most `limit` in flight. Rejects with the first error after the running ones have ended. */
export async function mapLimited<T, R>(items: readonly T[], limit: number, task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      const index = next;
      next += 1;
      try {
        results[index] = await task(items[index] as T);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}
