import { lastGiven } from '../controller/rollback.ts';
import type { SwitchView } from '../controller/views.ts';
import type { Server } from '../model/rendered.ts';
import { adminApi } from './admin-api.ts';
import { setUpFor, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { pinnedText } from './kept-generations.ts';
import { serverNamed } from './named.ts';
import type { Setup } from './setup.ts';
import { launcherText } from './start-launcher.ts';
import { switchFrom } from './switch-from.ts';
import { endCommand } from './switch-stages.ts';
import { withoutController } from './without-controller.ts';

/** What `switch` takes. */
export interface SwitchFlags extends GlobalFlags {
  readonly json?: boolean;
  readonly acceptDifferences?: boolean;
}

/** Verifying a large table takes minutes. */
const SWITCH_MS = 600_000;

/** Changes the running proxy without losing requests: by the running controller where there is one, else with the last generation. */
export async function switchTo(name: string | undefined, flags: SwitchFlags, context: Context): Promise<number> {
  const { printer, signal } = context;
  const server = serverNamed(name, 'server');
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const acceptDifferences = flags.acceptDifferences ?? false;
  const body = { server, acceptDifferences };
  const view = ((await adminApi(setup).post('/v1/switch', body, SWITCH_MS)) ??
    (await fromDisk(setup, { flags, to: server, acceptDifferences, signal }))) as SwitchView;
  if (flags.json) printer.json(view);
  else printer.say(switchText(view));
  return EXIT.ok;
}

function switchText({ from, to, generation, requests, differences, losses, stages, pinned, note, gate, launcher }: SwitchView): string {
  return [
    ...stages.map(({ stage, ms }) => `${stage.padEnd(8)} ${ms} ms`),
    from === to
      ? `${to} runs already`
      : `${to} runs in the place of ${from}: generation ${generation}, ${requests} requests compared, ${differences} answered otherwise${lossesText(losses)}`,
    ...(pinned === undefined ? [] : [pinnedText(pinned)]),
    ...(note === undefined ? [] : [note]),
    ...(gate === undefined ? [] : [`New connections were shared before ${to} was ready, because ${gate}`]),
    ...(launcher === undefined ? [] : [launcherText(launcher, to)]),
  ].join('\n');
}

function lossesText(losses = 0): string {
  return losses === 0 ? '' : `, ${losses} ${losses === 1 ? 'route' : 'routes'} not served any more`;
}

function fromDisk(
  looking: Setup,
  {
    flags,
    to,
    acceptDifferences,
    signal,
  }: { readonly flags: GlobalFlags; readonly to: Server; readonly acceptDifferences: boolean; readonly signal: AbortSignal },
): Promise<SwitchView> {
  return withoutController(looking, { act: 'switch', signal }, async (generations, setup) => {
    const current = generations.current();
    const served = current === undefined ? undefined : await generations.read(current);
    const last = lastGiven(generations);
    // from an older one routes would go that nothing is compared for
    if (!served || (served.id !== last && !acceptDifferences))
      throw new CommandError(
        `Cannot switch: generation ${last}, which was given last, cannot be read in ${setup.paths.stateDir}. hind-proxy run gives what the catalogs say, hind-proxy rollback an earlier one; then switch`,
      );
    const order = { setup, flags, generations, serving: () => served.table, acceptDifferences, signal };
    return switchFrom(order, to).catch(endCommand);
  });
}
