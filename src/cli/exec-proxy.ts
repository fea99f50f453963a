import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { retireCaddy } from '../apply/caddy-retire.ts';
import { runLauncher } from '../apply/launcher.ts';
import { clearProxyFiles } from '../apply/proxy-files.ts';
import type { ProxyProgram } from '../apply/proxy-process.ts';
import { listenAddress } from '../apply/sockets.ts';
import { openGenerations } from '../controller/generations.ts';
import type { Server } from '../model/rendered.ts';
import { setUpAgain, setUpFor, setUpOther, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { LAUNCHER, takeLock } from './lock.ts';
import { proxyOf, startFileOf } from './paths.ts';
import { proxyBinary } from './proxy-binary.ts';
import { createDeployer } from './runtime.ts';
import { isStillWanted, listensOf } from './served.ts';
import type { Setup } from './setup.ts';
import { assertProxyFiles, assertStaging, assertWritable, makeStateDir } from './state-dir.ts';

/**
 * Runs the proxy that the configuration names, as its parent, until it ends. SIGHUP, with which `run` reads its configuration anew, changes
 * nothing, unless it says that the terminal was closed: then proxy and parent end. Returns the exit code of the proxy.
 */
export async function execProxy(flags: GlobalFlags, context: Context): Promise<number> {
  const setup = await setUpFor(flags, context).catch(async (error: unknown) => {
    // what is missing could not be made: why is said in our words
    await makeStateDir(flags, context);
    throw error;
  });
  const closed = new AbortController();
  const onTerminal = isatty(0);
  const onHangUp = (): void => {
    if (onTerminal) closed.abort();
    else setup.log.info({ component: 'launcher', event: 'hang_up' }, 'SIGHUP changes nothing here: the proxy serves on; TERM ends it');
  };
  process.on('SIGHUP', onHangUp);
  try {
    const signal = AbortSignal.any([context.signal, closed.signal]);
    return await launchProxy(setup, { setUpAnew: () => setUpFor(flags, context), signal });
  } finally {
    process.off('SIGHUP', onHangUp);
  }
}

/** How the proxy of a set-up is started. */
export interface LaunchOptions {
  /** The set-up as it is after another `exec-proxy` has ended. */
  readonly setUpAnew: () => Promise<Setup>;
  /** What becomes of the proxy's own output. Default: it is ours. */
  readonly output?: 'inherit' | 'ignore';
  readonly signal: AbortSignal;
}

/** Starts the proxy of a set-up from its last good configuration; while another does so for this state directory, it waits. */
export async function launchProxy(setup: Setup, { setUpAnew, output = 'inherit', signal }: LaunchOptions): Promise<number> {
  const { paths, log } = setup;
  const unwritable = await assertWritable(paths.stateDir)
    .then(() => assertStaging(paths.stagingDir))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  // what is in place may be all that it takes
  if (unwritable !== undefined && !(unwritable instanceof CommandError && existsSync(paths.stateDir))) throw unwritable;
  if (unwritable)
    log.error(
      { component: 'launcher', event: 'state_dir_unwritable', err: { message: unwritable.message } },
      'Cannot write what runs; the proxy is run all the same',
    );
  let hasWaited = false;
  const onWait = (): void => {
    hasWaited = true;
    log.warn(
      { component: 'launcher', event: 'standby', stateDir: paths.stateDir },
      'Another exec-proxy has this state directory; waiting for its end',
    );
  };
  const release = await takeLock(paths.stateDir, { role: LAUNCHER, signal, onWait });
  if (!release) return EXIT.ok;
  try {
    await clearProxyFiles(paths.stateDir, log);
    // who had it before may have changed the proxy
    const isOld = hasWaited || !(await isStillWanted(setup));
    return await launchAlone(isOld ? await setUpAnew() : setup, signal, output);
  } catch (error) {
    throw unwritable && error instanceof Error && 'syscall' in error ? unwritable : error;
  } finally {
    await release();
  }
}

async function launchAlone(setup: Setup, signal: AbortSignal, output: 'inherit' | 'ignore'): Promise<number> {
  const { server, paths, log } = setup;
  await assertProxyFiles(setup);
  const programOf = (wanted: Server): Promise<ProxyProgram> => programFor(setup, wanted);
  return runLauncher({ server, programOf, stateDir: paths.stateDir, output, log }, signal);
}

/** Everything that it takes to run a proxy of a set-up, which may be the other one. */
async function programFor(first: Setup, server: Server): Promise<ProxyProgram> {
  const setup = await (server === first.server ? setUpAgain(first) : setUpOther(first));
  const { config, env, paths, target, settings, log } = setup;
  const binary = proxyBinary({ server, env });
  const generations = await openGenerations(paths.stateDir, { keep: proxyOf(config).apply.keepGenerations, looksOnly: true, log });
  const own = generations.list().filter((meta) => meta.server === server);
  const wanted = own.find(({ id }) => id === generations.pinned()) ?? own[0];
  const lastGood = wanted && (await generations.read(wanted.id));
  const { caddy, traefik } = proxyOf(config);
  const endpoint = listenAddress((server === 'caddy' ? caddy.admin : traefik.api).replace(/^http:\/\//, '').replace(/\/.*$/, ''));
  const deployer = createDeployer(setup);
  return {
    server,
    binary,
    configFile: startFileOf(server, paths),
    boot: target.renderBoot(settings),
    lastGood: lastGood ? [lastGood.config] : [],
    staticFiles: target.renderStatic(settings),
    env: proxyEnvironment(env),
    listens: listensOf(setup),
    ...(endpoint && { endpoint }),
    live: (signal) => deployer.live(signal),
    ...(server === 'caddy' && { retire: (signal) => retireCaddy(caddy.admin, signal) }),
  };
}

/** What a proxy may know of our environment: no token, no secret. */
function proxyEnvironment(env: Setup['env']): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'TZ', 'GOMAXPROCS', 'GOMEMLIMIT', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
