import { assertFewRemovals, type PutBack } from '../controller/rollback.ts';
import type { Generation } from '../model/generation.ts';
import type { GuardOptions } from '../plan/guard.ts';
import { setUpRunning } from './served.ts';
import { follow } from './switch-from.ts';
import { switchProxy, type SwitchOrder } from './switch-proxy.ts';

/**
 * Puts a generation back that is not of the proxy which the set-up of the order is for, or while another one runs: its proxy takes the place
 * of the running one, with the files that it had then, and the generation is pinned. Where its proxy runs already, the controller goes on
 * with that one, and gives it the generation: then it is not served yet. Rejects with a sentence where that fails.
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
  const setup = await setUpRunning(order.setup);
  const meta = order.generations.list().find((one) => one.id === id);
  if (!meta) throw new RangeError(`Cannot roll back to generation ${id}: it is not kept any more`);
  if (generation.server === setup.server) {
    await order.generations.pin(id);
    await follow(order, setup.server);
    return { meta, table, served: false };
  }
  const { from, launcher } = await switchProxy({ ...order, setup, generation: { id, config, table } });
  return { meta, table, served: true, replaced: from, ...(launcher !== undefined && { launcher }) };
}
