import { changeWanted } from '../apply/proxy-files.ts';
import type { SwitchView } from '../controller/views.ts';
import type { Server } from '../model/rendered.ts';
import { howToStart } from './how-to-start.ts';
import { createDeployer } from './runtime.ts';
import { configuredOf, setUpRunning } from './served.ts';
import { pinnedOf, switchProxy, type SwitchOrder } from './switch-proxy.ts';
import { SwitchError } from './switch-stages.ts';

/**
 * Makes a proxy the one that runs, whichever `exec-proxy` runs now: that may be another one than the set-up of the order is for, where the
 * two were started for different proxies. Throws `SwitchError` where a stage fails; then the old one serves on.
 */
export async function switchFrom(order: SwitchOrder, to: Server): Promise<SwitchView> {
  const { setup, generations, signal } = order;
  const running = await setUpRunning(setup);
  const note = `exec-proxy was started for ${running.server} and the controller for ${setup.server}: start both for ${to} from now on (PROXY_SERVER, --proxy, server in the configuration)`;
  const odd = running === setup ? {} : { note };
  if (running.server !== to) return { ...(await switchProxy({ ...order, setup: running })), ...odd };
  const already: SwitchView = {
    from: to,
    to,
    generation: generations.current() ?? 0,
    requests: 0,
    differences: 0,
    stages: [],
    ...pinnedOf(generations),
    ...odd,
  };
  if (running !== setup) {
    await follow(order, to);
    return already;
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

/** Has the controller of an order go on with the proxy that runs. */
export async function follow({ setup, onSwitched }: Pick<SwitchOrder, 'setup' | 'onSwitched'>, server: Server): Promise<void> {
  const configured = configuredOf(setup);
  await changeWanted(setup.paths.stateDir, (before) => ({ ...before, server, configured }));
  onSwitched?.();
}
