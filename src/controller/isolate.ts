import type { Clock } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import { digest } from '../model/names.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import type { ManagedProxy } from './managed-proxy.ts';
import { unitsNewTo, withUnitsOf } from './units.ts';

/** Trials end after this time as soon as one culprit is found; what else is wrong is found when the rest is given. */
const LATE_MS = 60_000;

/**
 * The outcome with the units that the proxy refuses, where it has refused a table without a word on which part of it: those that are not
 * as in the table that is served are tried. What is found good on the way is served at once.
 */
export async function withCulprits<T extends { readonly kind: string }>(
  outcome: T | ApplyOutcome,
  {
    serving,
    table,
    render,
    managedProxy,
    clock,
    signal,
  }: {
    readonly serving: RoutingTable;
    readonly table: RoutingTable;
    readonly render: (table: RoutingTable) => RenderedConfig;
    readonly managedProxy: Pick<ManagedProxy, 'tryOut'>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<T | ApplyOutcome> {
  if (!isUnexplained(outcome)) return outcome;
  const suspects = unitsNewTo(serving, table);
  const lateAtMs = clock.monotonicMs() + LATE_MS;
  const takes: IsolateOptions['takes'] = (units, { patient }) => {
    const wanted = new Set(units);
    const trial = withUnitsOf(serving, table, new Set(suspects.filter((unit) => !wanted.has(unit))));
    // the proxy may show the digest of what it has although it takes nothing any more
    const marked = units.length > 0 ? trial : { ...trial, digest: digest(sha256(`${trial.digest} at ${clock.nowMs()}`)) };
    return managedProxy.tryOut(render(marked), { patient, signal });
  };
  const units = await isolate(suspects, { takes, isLate: () => clock.monotonicMs() > lateAtMs, signal });
  return units === undefined ? outcome : { kind: 'rejected', reason: outcome.reason, units };
}

/** Who finds out what of a configuration a proxy does not take. */
export interface IsolateOptions {
  /** Whether the proxy takes what it serves with these suspects as they are wanted. `patient`: its word counts, however slow it is. */
  readonly takes: (units: readonly string[], options: { readonly patient: boolean }) => Promise<boolean>;
  /** Whether enough time went by; then what is found is returned. */
  readonly isLate: () => boolean;
  readonly signal: AbortSignal;
}

/** Whether a proxy refused a configuration without a word on which part of it. */
function isUnexplained(
  outcome: { readonly kind: string } | ApplyOutcome,
): outcome is Extract<ApplyOutcome, { kind: 'rejected' | 'rolledBack' }> {
  if (!('reason' in outcome)) return false;
  return outcome.kind === 'rolledBack' || (outcome.kind === 'rejected' && outcome.units.length === 0 && (outcome.ports ?? []).length === 0);
}

/**
 * Which of the suspects the proxy refuses, one of them at least: by halves, `k·log2(n)` trials for `k` of `n`, in which those that are
 * found good stay served. Undefined where it does not take what it has without them either: then it is not a matter of one part.
 */
export async function isolate(
  suspects: readonly string[],
  { takes, isLate, signal }: IsolateOptions,
): Promise<readonly string[] | undefined> {
  if (suspects.length === 0 || !(await takes([], { patient: true }))) return undefined;
  if (suspects.length === 1) return suspects;
  let good: readonly string[] = [];
  const culprits: string[] = [];
  await search(suspects);
  return signal.aborted || culprits.length === 0 ? undefined : culprits;

  /** Of a list that is refused together with the good ones. */
  async function search(list: readonly string[]): Promise<void> {
    if (signal.aborted || (culprits.length > 0 && isLate())) return;
    if (list.length === 1) {
      // what was slow on the way only must not be blamed
      if (!(await isGood(list, true))) culprits.push(...list);
      return;
    }
    const middle = Math.ceil(list.length / 2);
    const [first, second] = [list.slice(0, middle), list.slice(middle)];
    const isFirstGood = await isGood(first, false);
    if (!isFirstGood) await search(first);
    if (isFirstGood || !(await isGood(second, false))) await search(second);
  }

  async function isGood(list: readonly string[], patient: boolean): Promise<boolean> {
    const isTaken = await takes([...good, ...list], { patient });
    if (isTaken) good = [...good, ...list];
    return isTaken;
  }
}
