import { changeWanted, runningServer } from '../apply/proxy-files.ts';
import type { SwitchView } from '../controller/views.ts';
import type { Server } from '../model/rendered.ts';
import { setUpOther } from './context.ts';
import { howToStart } from './how-to-start.ts';
import { createDeployer } from './runtime.ts';
import { pinnedOf, switchProxy, type SwitchOrder } from './switch-proxy.ts';
import { SwitchError } from './switch-stages.ts';

/**
 * Makes a proxy the one that runs, whichever `exec-proxy` runs now: that may be another one than the set-up of the order is for, where the
 * two were started for different proxies. Throws `SwitchError` where a stage fails; then the old one serves on.
 */
export async function switchFrom(order: SwitchOrder, to: Server): Promise<SwitchView> {
  const { setup, generations, onSwitched, signal } = order;
  const { stateDir } = setup.paths;
  const runs = (await runningServer(stateDir)) ?? setup.server;
  if (runs !== to && runs === setup.server) return switchProxy(order);
  const note = `exec-proxy was started for ${runs} and the controller for ${setup.server}: start both for ${to} from now on (PROXY_SERVER, --proxy, server in the configuration)`;
  if (runs !== to) return { ...(await switchProxy({ ...order, setup: await setUpOther(setup) })), note };
  const already: SwitchView = {
    from: to,
    to,
    generation: generations.current() ?? 0,
    requests: 0,
    differences: 0,
    stages: [],
    ...pinnedOf(generations),
  };
  if (to !== setup.server) {
    const configured = setup.loaded.configured ?? setup.server;
    await changeWanted(stateDir, (before) => ({ ...before, server: to, configured }));
    onSwitched?.();
    return { ...already, note };
  }
  const live = await createDeployer(setup).live(signal);
  if (live.kind !== 'down') return already;
  throw new SwitchError('start', {
    to,
    reason: `it is the one that is wanted already, and does not answer (${live.reason})`,
    left: 'nothing was changed',
    hint: howToStart(setup),
  });
}
