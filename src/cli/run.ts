import { realpath } from 'node:fs/promises';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { startAdmin } from '../admin/server.ts';
import { clearProxyFiles, runningServer } from '../apply/proxy-files.ts';
import { ensureAdminToken } from '../admin/auth.ts';
import type { Metrics } from '../admin/metrics.ts';
import type { Cycle, CycleObserver } from '../controller/cycle.ts';
import { messageOf } from '../lib/errors.ts';
import { checkedFor, programmingSetUpFor, type Context } from './context.ts';
import { CommandError, EXIT, withHint } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { howToStart } from './how-to-start.ts';
import { tellPinned } from './kept-generations.ts';
import { takeLock } from './lock.ts';
import { formatDiagnostic } from './print.ts';
import { proxyOf } from './paths.ts';
import { cycleOnce, endOfReading, readOnce } from './read-once.ts';
import { makeDirectories, openRuntime } from './runtime.ts';
import { fittedBy } from './scene.ts';
import { isStillWanted } from './served.ts';
import type { Setup } from './setup.ts';
import { assertReadable, makeStateDir } from './state-dir.ts';
import { troubleTeller } from './tell-troubles.ts';
import { controllerViews } from './views.ts';
import { alone } from './without-controller.ts';

/** What `run` and `apply` take. */
export interface RunFlags extends GlobalFlags {
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly adopt?: boolean;
}

/**
 * Watches the catalogs and programs the proxy until it is told to end. A changed configuration is taken up on SIGHUP; a wrong one keeps the
 * old.
 */
export async function run(flags: RunFlags, context: Context): Promise<number> {
  if (flags.once || flags.dryRun) return runOnce(flags, context);
  await makeStateDir(flags, context);
  while (!context.signal.aborted) {
    const setup = await programmingSetUpFor(flags, context);
    const reload = new AbortController();
    const readAnew = async (): Promise<void> => {
      try {
        await checkedFor(flags, context);
        setup.log.info({ component: 'config', event: 'config_reload' }, 'The configuration is read anew');
        reload.abort();
      } catch (error) {
        setup.log.error(
          { component: 'config', event: 'config_invalid', err: { message: messageOf(error) } },
          'The new configuration is wrong; the old one stays',
        );
      }
    };
    const onHangUp = (): void => void readAnew();
    process.on('SIGHUP', onHangUp);
    try {
      const signal = AbortSignal.any([context.signal, reload.signal]);
      // after a switch the configuration is read anew: it is for the other proxy then
      await runAlone(setup, { adopt: flags.adopt ?? false, flags, onSwitched: () => reload.abort(), signal });
    } finally {
      process.off('SIGHUP', onHangUp);
    }
  }
  return EXIT.ok;
}

/**
 * A controller that has its state directory to itself; a second one waits until the first has ended. Returns at once where what it was set
 * up for may have changed meanwhile.
 */
async function runAlone(setup: Setup, options: ControllerRunOptions): Promise<void> {
  const { log, paths } = setup;
  await ensureDirectory(paths.stateDir);
  let hasWaited = false;
  const onWait = (): void => {
    hasWaited = true;
    log.warn(
      { component: 'controller', event: 'standby', stateDir: paths.stateDir },
      'Another controller has this state directory; waiting for its end',
    );
  };
  const release = await takeLock(paths.stateDir, { signal: options.signal, onWait });
  if (!release) return;
  try {
    await clearProxyFiles(paths.stateDir, log);
    if (hasWaited || !(await isStillWanted(setup))) return;
    await runController(setup, options);
  } finally {
    await release();
  }
}

/** How one controller is run. */
interface ControllerRunOptions {
  readonly adopt: boolean;
  /** Flags with which `exec-proxy` is started where none runs. */
  readonly flags: GlobalFlags;
  /** Called when the other proxy runs. */
  readonly onSwitched: () => void;
  readonly signal: AbortSignal;
}

/** One controller with its admin listener, until `signal` aborts. */
export async function runController(
  setup: Setup,
  { adopt, flags, onSwitched, signal, onReady }: ControllerRunOptions & { readonly onReady?: (cycle: Cycle) => void },
): Promise<void> {
  const { config, paths, log, version, server } = setup;
  const proxy = proxyOf(config);
  let loading: Promise<Metrics> | undefined;
  const metrics = (): Promise<Metrics> => (loading ??= loadMetrics({ proxy: proxy.name, server, version }));
  const tellTroubles = troubleTeller({ log, proxy: proxy.name });
  const observer: CycleObserver = {
    cycle(cycle) {
      const { change, diagnostics, outcome, times, propagationMs } = cycle;
      const isServed = outcome.kind === 'applied' || outcome.kind === 'unchanged';
      tellTroubles({ diagnostics, held: change.held, ...(isServed && { fitted: fittedBy(setup)(change.serving) }) });
      const states = new Map<string, number>([['active', change.serving.routes.length - change.held.length]]);
      for (const { state } of change.held) states.set(state, (states.get(state) ?? 0) + 1);
      const heldRoutes = states.get('held') ?? 0;
      const figures = {
        outcome: outcome.kind,
        applyMs: times.applyMs,
        compileMs: times.compileMs,
        diagnostics,
        routes: states,
        heldRoutes,
      };
      metrics()
        .then((known) => known.cycle({ ...figures, ...(propagationMs !== undefined && { propagationMs }) }))
        .catch((error: unknown) =>
          log.error({ component: 'admin', event: 'metrics_failed', err: { message: messageOf(error) } }, 'Cannot count a cycle'),
        );
      onReady?.(cycle);
    },
  };
  await makeDirectories(setup);
  const runtime = await openRuntime(setup, { adopt, observer });
  const token = await ensureAdminToken(paths.stateDir, log);
  const views = controllerViews({ ...runtime, proxy: proxy.name, server, version, flags, onSwitched, signal });
  const admin = await startAdmin({
    ...(config.admin.listen !== null && { listen: config.admin.listen }),
    socket: paths.socket,
    views,
    metrics,
    token,
    stateDir: await realpath(paths.stateDir),
    log,
  });
  try {
    log.info({ component: 'controller', event: 'started', proxy: proxy.name, server, stateDir: paths.stateDir }, 'hind-proxy runs');
    await runtime.controller.run(signal);
  } finally {
    await admin.close();
    log.info({ component: 'controller', event: 'stopped' }, 'hind-proxy has ended; the proxy keeps running');
  }
}

/** Loaded after the first cycle, which need not wait for it. */
async function loadMetrics(labels: { readonly proxy: string; readonly server: string; readonly version: string }): Promise<Metrics> {
  const { createMetrics } = await import('../admin/metrics.ts');
  return createMetrics(labels);
}

async function runOnce(flags: RunFlags, context: Context): Promise<number> {
  const looksOnly = flags.dryRun ?? false;
  if (!looksOnly) await makeStateDir(flags, context);
  const setup = await programmingSetUpFor(flags, context, { quiet: true, looksOnly });
  if (looksOnly) {
    await assertReadable(setup.paths.stateDir, 'say what would change');
    return applyOnce(setup, { flags, context });
  }
  const act = 'apply';
  const hint = 'it follows the catalogs by itself, and hind-proxy status says what it serves; where it does not answer, stop it';
  return alone(setup, { act, hint, signal: context.signal }, async () => {
    await makeDirectories(setup);
    return applyOnce(setup, { flags, context });
  });
}

/** One cycle, and what it has come to. */
async function applyOnce(setup: Setup, { flags, context }: { readonly flags: RunFlags; readonly context: Context }): Promise<number> {
  const { printer } = context;
  const looksOnly = flags.dryRun ?? false;
  const runtime = await openRuntime(setup, { adopt: flags.adopt ?? false, looksOnly });
  const cycle = await (looksOnly ? readOnce(runtime, context) : cycleOnce(runtime, { dryRun: false }, context));
  const { change, diagnostics, outcome, times } = cycle;
  for (const diagnostic of diagnostics.filter(({ severity }) => severity !== 'info')) printer.say(formatDiagnostic(diagnostic, printer));
  const counts = `${change.created.length} created, ${change.updated.length} changed, ${change.removed.length} removed, ${change.unchanged} unchanged`;
  printer.out(`compiled in ${times.compileMs.toFixed(1)} ms, rendered in ${times.renderMs.toFixed(1)} ms: ${counts}`);
  tellPinned(runtime.generations, printer);
  if (looksOnly) return endOfReading(runtime, printer, change.verdict.kind === 'nothing' ? EXIT.ok : EXIT.differences);
  const { up, silent, problem, foreignKept } = runtime.controller.managedProxy.state;
  if (foreignKept !== undefined)
    printer.say(`The proxy had a configuration that is not ours: it is kept as generation 0 in ${foreignKept}`);
  if (outcome.kind === 'rejected' || outcome.kind === 'rolledBack')
    throw new CommandError(`The proxy refused the configuration: ${outcome.reason}`, EXIT.refused);
  if (outcome.kind === 'failed')
    throw new CommandError(withHint(outcome.reason, outcome.isDown || silent ? howToStart(setup, { silent }) : undefined), EXIT.failed);
  if (outcome.kind === 'pinned' && problem !== undefined) {
    const isDown = !up && (await runningServer(setup.paths.stateDir)) === undefined;
    throw new CommandError(
      withHint(`Cannot serve the pinned generation: ${problem}`, isDown ? howToStart(setup, { silent }) : undefined),
      EXIT.failed,
    );
  }
  printer.out(`${outcome.kind === 'pinned' ? 'The pinned generation is served, checked' : outcome.kind} in ${times.applyMs.toFixed(1)} ms`);
  return endOfReading(runtime, printer, EXIT.ok);
}
