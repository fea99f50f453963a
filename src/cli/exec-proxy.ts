import { runLauncher } from '../apply/launcher.ts';
import { openGenerations } from '../controller/generations.ts';
import { findBinary } from '../lib/binaries.ts';
import { setUpFor, type Context } from './context.ts';
import { CommandError } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { proxyOf } from './paths.ts';
import type { Setup } from './setup.ts';

/** Runs the proxy that the configuration names, as its parent, until it ends. Returns its exit code. */
export async function execProxy(flags: GlobalFlags, context: Context): Promise<number> {
  return launchProxy(await setUpFor(flags, context), context.signal);
}

/** Starts the proxy of a set-up from its last good configuration. */
export async function launchProxy(setup: Setup, signal: AbortSignal, output: 'inherit' | 'ignore' = 'inherit'): Promise<number> {
  const { config, env, paths, server, target, settings, log } = setup;
  const binary = findBinary(server, env);
  if (binary === undefined)
    throw new CommandError(
      `Cannot run ${server}: no such program, expected it on PATH or in ${server.toUpperCase()}_BIN (node scripts/servers.ts installs it)`,
    );
  const generations = await openGenerations(paths.stateDir, { keep: proxyOf(config).apply.keepGenerations, log });
  const [last] = generations.list().filter((meta) => meta.server === server);
  const lastGood = last ? await generations.read(generations.pinned() ?? last.id) : undefined;
  return runLauncher(
    {
      server,
      binary,
      stateDir: paths.stateDir,
      configFile: server === 'caddy' ? paths.caddyfile : paths.traefikStatic,
      boot: target.renderBoot(settings),
      lastGood: lastGood ? [lastGood.config] : [],
      staticFiles: target.renderStatic(settings),
      env: proxyEnvironment(env),
      output,
      log,
    },
    signal,
  );
}

/** What a proxy may know of our environment: no token, no secret. */
function proxyEnvironment(env: Setup['env']): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'TZ', 'GOMAXPROCS', 'GOMEMLIMIT', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
