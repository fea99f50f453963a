/** When changes are let through. All times in ms of one monotonic clock. */
export interface HoldoffOptions {
  /** Silence that ends a burst. */
  readonly quietMs: number;
  /** The longest a change waits for silence; also the silence after which a change goes at once. */
  readonly maxWaitMs: number;
  /** The sustained rate a proxy bears, or the fixed gap between applies that replaces it. */
  readonly pace:
    | { readonly kind: 'bucket'; readonly perSecond: number; readonly burst: number }
    | { readonly kind: 'gap'; readonly ms: number };
}

/** What the holdoff remembers. */
export interface HoldoffState {
  /** The last change that came before the pending ones; far past at the start. */
  readonly previousChangeAtMs: number;
  /** First and last of the changes that wait; absent: none. */
  readonly pending?: { readonly firstAtMs: number; readonly lastAtMs: number };
  readonly lastApply?: { readonly endedAtMs: number; readonly durationMs: number };
  /** Applies that the bucket allows now, as of `tokensAtMs`. */
  readonly tokens: number;
  readonly tokensAtMs: number;
}

/** Before anything happened: the first change goes at once. */
export function idleHoldoff({ pace }: HoldoffOptions): HoldoffState {
  const tokens = pace.kind === 'bucket' ? pace.burst : 0;
  return { previousChangeAtMs: Number.NEGATIVE_INFINITY, tokens, tokensAtMs: Number.NEGATIVE_INFINITY };
}

/** The state after a change came in. */
export function withChange(state: HoldoffState, nowMs: number): HoldoffState {
  return { ...state, pending: { firstAtMs: state.pending?.firstAtMs ?? nowMs, lastAtMs: nowMs } };
}

/** The state after a cycle took the pending changes up. */
export function withoutPending(state: HoldoffState): HoldoffState {
  const { pending, ...rest } = state;
  return pending ? { ...rest, previousChangeAtMs: pending.lastAtMs } : state;
}

/** The state after the proxy was given a configuration. */
export function withApply(
  state: HoldoffState,
  apply: { readonly endedAtMs: number; readonly durationMs: number },
  options: HoldoffOptions,
): HoldoffState {
  const tokens = Math.max(0, tokensAt(state, apply.endedAtMs, options) - 1);
  return { ...state, lastApply: apply, tokens, tokensAtMs: apply.endedAtMs };
}

/** How long the first change after a silence may wait for a second: a part of an apply's time, at least and at most these ms. */
const LEADING_WAIT = { share: 0.1, minMs: 16, maxMs: 50 } as const;

/**
 * When the pending changes may go: almost at once after a silence of `maxWaitMs`, else after `quietMs` of silence but never later than
 * `maxWaitMs`. Almost: the first change waits for a second for a tenth of the last apply's time and 16 ms at least, because a replaced
 * instance is two changes some milliseconds apart (registered, deregistered), and what is one apply is served sooner than what is two. Not
 * before three times the last apply's duration has passed since it, nor before the pace allows it. The second apply after a rest needs no
 * such gap. Infinity where nothing is pending.
 */
export function dueAtMs(state: HoldoffState, options: HoldoffOptions): number {
  const { pending, previousChangeAtMs, lastApply } = state;
  if (!pending) return Number.POSITIVE_INFINITY;
  const { firstAtMs, lastAtMs } = pending;
  const isLeading = firstAtMs - previousChangeAtMs >= options.maxWaitMs;
  const settled = isLeading ? leadingAtMs(state, options) : Math.min(lastAtMs + options.quietMs, firstAtMs + options.maxWaitMs);
  const afterApply = lastApply && !isSecondOfBurst(state, options) ? lastApply.endedAtMs + 3 * lastApply.durationMs : settled;
  return Math.max(settled, afterApply, paceAtMs(state, options));
}

/** When the first change after a silence may go: a second one has come, or it has waited for one long enough. */
function leadingAtMs({ pending, lastApply }: HoldoffState, { maxWaitMs }: HoldoffOptions): number {
  if (!pending) return Number.POSITIVE_INFINITY;
  const { firstAtMs, lastAtMs } = pending;
  if (!lastApply) return firstAtMs;
  const patienceMs = Math.min(maxWaitMs, LEADING_WAIT.maxMs, Math.max(LEADING_WAIT.minMs, lastApply.durationMs * LEADING_WAIT.share));
  return lastAtMs > firstAtMs ? Math.min(lastAtMs, firstAtMs + patienceMs) : firstAtMs + patienceMs;
}

/** The bucket was full before the last apply. */
function isSecondOfBurst({ tokens }: HoldoffState, { pace }: HoldoffOptions): boolean {
  return pace.kind === 'bucket' && tokens >= pace.burst - 1;
}

function paceAtMs(state: HoldoffState, options: HoldoffOptions): number {
  const { pace } = options;
  if (!state.lastApply) return Number.NEGATIVE_INFINITY;
  if (pace.kind === 'gap') return state.lastApply.endedAtMs + pace.ms;
  return state.tokens >= 1 ? Number.NEGATIVE_INFINITY : state.tokensAtMs + ((1 - state.tokens) * 1000) / pace.perSecond;
}

function tokensAt({ tokens, tokensAtMs }: HoldoffState, nowMs: number, { pace }: HoldoffOptions): number {
  if (pace.kind === 'gap') return 0;
  if (tokensAtMs === Number.NEGATIVE_INFINITY) return pace.burst;
  return Math.min(pace.burst, tokens + ((nowMs - tokensAtMs) * pace.perSecond) / 1000);
}
