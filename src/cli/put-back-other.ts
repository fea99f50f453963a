import { assertFewRemovals, type PutBack } from '../controller/rollback.ts';
import type { Generation } from '../model/generation.ts';
import type { GuardOptions } from '../plan/guard.ts';
import { switchProxy, type SwitchOrder } from './switch-proxy.ts';

/**
 * Puts a generation of the other proxy back: that proxy takes the place of the running one, with the files that it had then, and the
 * generation is pinned. Rejects with a sentence where that fails.
 */
export async function putBackOther(
  generation: Generation,
  {
    order,
    guard,
    acceptRemovals,
  }: { readonly order: Omit<SwitchOrder, 'generation'>; readonly guard: GuardOptions; readonly acceptRemovals: boolean },
): Promise<PutBack> {
  const { id, table, config } = generation;
  assertFewRemovals(generation, { serving: order.serving(), guard, acceptRemovals });
  const { launcher } = await switchProxy({ ...order, generation: { id, config, table } });
  const meta = order.generations.list().find((one) => one.id === id);
  if (!meta) throw new RangeError(`Cannot roll back to generation ${id}: it is not kept any more`);
  return { meta, table, served: true, ...(launcher !== undefined && { launcher }) };
}
