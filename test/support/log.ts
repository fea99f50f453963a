import type { Log } from '../../src/lib/log.ts';

/** A log that remembers its warnings and errors: their fields, in order. */
export function rememberingLog(): Log & { readonly told: readonly Record<string, unknown>[] } {
  const told: Record<string, unknown>[] = [];
  const remember = (fields: object): void => void told.push({ ...fields });
  const log = { told, debug() {}, info() {}, warn: remember, error: remember, child: () => log };
  return log;
}
