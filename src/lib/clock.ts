/** Time and randomness, passed in wherever a decision depends on them, so that tests can hold them still. */
export interface Clock {
  /** Wall time in epoch ms, for output and records. */
  nowMs(): number;
  /** Monotonic time in ms, for ages and deadlines. */
  monotonicMs(): number;
  /** A number in [0, 1). */
  random(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
};
