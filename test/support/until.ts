import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `condition` gives a truthy value and returns it; fails after `timeoutMs` saying what it waited for and the last error. */
export async function until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 15_000): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let last: unknown = 'no error';
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`Waited ${timeoutMs} ms for: ${what} (last error: ${last instanceof Error ? last.message : String(last)})`);
    await delay(10);
  }
}
