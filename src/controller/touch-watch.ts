import type { Deployer } from '../apply/deployer.ts';
import type { Clock } from '../lib/clock.ts';

/** Notices that somebody else has changed what a proxy serves and has left our marker in it. */
export interface TouchWatch {
  /** The proxy was given something: what it serves next is ours. */
  begin(signal: AbortSignal): void;
  /** Whether it serves something else than when it was asked before. Asks so seldom that it costs the proxy about a hundredth of its time. */
  isTouched(signal: AbortSignal): Promise<boolean>;
}

/** So many times as long as an answer takes is waited for the next one. */
const PAUSE_FACTOR = 100;

/** A watch over the proxy of a deployer. */
export function createTouchWatch({ deployer, clock }: { readonly deployer: Deployer; readonly clock: Clock }): TouchWatch {
  let known: string | undefined;
  let begun = 0;
  let dueAtMs = 0;
  return {
    begin(signal) {
      known = undefined;
      begun += 1;
      void isTouched(signal);
    },
    isTouched,
  };

  async function isTouched(signal: AbortSignal): Promise<boolean> {
    const askedAtMs = clock.monotonicMs();
    if (askedAtMs < dueAtMs) return false;
    const asked = begun;
    dueAtMs = Number.POSITIVE_INFINITY;
    const now = await deployer.fingerprint(signal);
    const answeredAtMs = clock.monotonicMs();
    dueAtMs = answeredAtMs + PAUSE_FACTOR * (answeredAtMs - askedAtMs);
    // what was asked before the proxy was given something says nothing of that
    if (now === undefined || asked !== begun) return false;
    const before = known;
    known = now;
    return before !== undefined && before !== now;
  }
}
