import { dirname } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { readWanted } from '../apply/proxy-files.ts';
import { untilShown } from '../apply/until-shown.ts';
import type { GenerationStore } from '../controller/generations.ts';
import { createManagedProxy } from '../controller/managed-proxy.ts';
import { generationToPutBack, lastGiven, putBack } from '../controller/rollback.ts';
import type { RollbackView } from '../controller/views.ts';
import { deadline } from '../lib/abort.ts';
import { systemClock } from '../lib/clock.ts';
import { EMPTY_TABLE } from '../model/table.ts';
import { adminApi } from './admin-api.ts';
import { setUpAgain, setUpFor, setUpOther, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { howToStart } from './how-to-start.ts';
import { proxyOf } from './paths.ts';
import { putBackOther } from './put-back-other.ts';
import { createDeployer, guardOptions } from './runtime.ts';
import { knownSecrets } from './secrets.ts';
import { servedNoter, setUpRunning } from './served.ts';
import type { Setup } from './setup.ts';
import { launcherText, startLauncher } from './start-launcher.ts';
import { endCommand } from './switch-stages.ts';
import { rollbackView } from './views.ts';
import { withoutController } from './without-controller.ts';

/** What `rollback` takes. */
export interface RollbackFlags extends GlobalFlags {
  readonly json?: boolean;
  readonly acceptRemovals?: boolean;
  readonly start?: boolean;
}

/**
 * Puts a generation back and pins it until `unpin`: by the running controller where there is one, else from disk, which needs neither
 * controller nor catalogs. Ends with 1 where the proxy does not serve it in the end.
 */
export async function rollback(id: string | undefined, flags: RollbackFlags, context: Context): Promise<number> {
  const startedAtMs = performance.now();
  const number = id === undefined ? undefined : Number(id);
  if (number !== undefined && !Number.isInteger(number))
    throw new CommandError(`Cannot roll back to "${id ?? ''}": expected the number of a generation`, EXIT.usage);
  const setup = await setUpFor(flags, context, { quiet: true, looksOnly: true });
  const acceptRemovals = flags.acceptRemovals ?? false;
  const body = { ...(number !== undefined && { generation: number }), acceptRemovals };
  const answer = (await adminApi(setup).post('/v1/rollback', body)) as RollbackView | undefined;
  const done = answer ?? (await fromDisk(setup, { id: number, acceptRemovals, flags, signal: context.signal }));
  const launcher = done.served || !flags.start || proxyOf(setup.config).start !== 'auto' ? undefined : await startLauncher(setup, flags);
  const served = done.served || (await comesUp(await (done.server === setup.server ? setUpAgain : setUpOther)(setup), done, context));
  const view: RollbackView = { ...done, served, ...(launcher !== undefined && { launcher }) };
  if (flags.json) context.printer.json(view);
  else if (view.damaged) context.printer.say(`Passed over, because damaged on disk: generation ${view.damaged.join(', ')}`);
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(2);
  if (view.launcher !== undefined && !flags.json) context.printer.say(launcherText(view.launcher, view.server));
  if (!served) throw new CommandError(notServed(setup, view));
  if (!flags.json)
    context.printer.say(
      `Generation ${done.id} is served again (read back from ${done.server} after ${seconds} s)${inPlaceOf(done)} and pinned; hind-proxy unpin follows the catalogs again`,
    );
  return EXIT.ok;
}

function inPlaceOf({ server, replaced }: RollbackView): string {
  return replaced === undefined ? '' : `, ${server} in the place of ${replaced},`;
}

async function fromDisk(
  looking: Setup,
  {
    id,
    acceptRemovals,
    flags,
    signal,
  }: { readonly id: number | undefined; readonly acceptRemovals: boolean; readonly flags: GlobalFlags; readonly signal: AbortSignal },
): Promise<RollbackView> {
  return withoutController(looking, { act: 'roll back', signal }, async (generations, own) => {
    const setup = await setUpRunning(own);
    const { config, paths, log, version, server } = setup;
    const proxy = proxyOf(config);
    await ensureDirectory(dirname(server === 'caddy' ? paths.caddyfile : paths.traefikDynamic));
    const wanted = id ?? (await cutShort(generations, paths.stateDir));
    const generation = await generationToPutBack(generations, wanted, { current: lastGiven(generations) });
    const current = generations.current();
    const serving = (current === undefined ? undefined : await generations.read(current))?.table ?? EMPTY_TABLE;
    const guard = guardOptions(config);
    if (generation.server !== server) {
      const order = { setup, flags, generations, serving: () => serving, acceptDifferences: false, signal };
      const done = await putBackOther(generation, { order, guard, acceptRemovals }).catch(endCommand);
      return rollbackView(done, generations);
    }
    const managedProxy = createManagedProxy({
      proxy: proxy.name,
      render: (table) => setup.target.render(table, setup.settings).value,
      version,
      deployer: createDeployer(setup),
      generations,
      foreign: 'adopt',
      secrets: await knownSecrets(setup),
      onServed: servedNoter(setup),
      clock: systemClock,
      log,
    });
    const done = await putBack(generation, { generations, managedProxy, serving, guard, acceptRemovals }, signal);
    return rollbackView(done, generations);
  });
}

/** The generation that a rollback has pinned which was killed before the proxy had it, where there is one: it is still the one that is meant. */
async function cutShort(generations: GenerationStore, stateDir: string): Promise<number | undefined> {
  const pinned = generations.pinned();
  const served = (await readWanted(stateDir))?.generation;
  if (pinned === undefined || served === undefined || served === pinned) return undefined;
  return (await generations.read(pinned))?.id;
}

/** Whether a proxy that did not run when its files were put back serves them now, started by its parent or, with `--start`, by us. */
async function comesUp(setup: Setup, { digest }: RollbackView, { signal }: Pick<Context, 'signal'>): Promise<boolean> {
  const { config } = setup;
  const deployer = createDeployer(setup);
  const waiting = deadline(proxyOf(config).apply.verifyTimeout, signal);
  return (await untilShown(digest, { live: (looking) => deployer.live(looking), pollMs: 50 }, waiting)) === undefined;
}

function notServed({ config }: Setup, { id, server, reason }: RollbackView): string {
  return `Generation ${id} is in place and pinned, and ${server} does not serve it: ${reason ?? 'it does not answer with it'}. ${howToStart({ config, server })}`;
}
