import { wantedServer } from '../apply/proxy-files.ts';
import type { Env } from '../config/environment.ts';
import type { LoadedConfig } from '../config/load.ts';
import { openLog, type Log } from '../lib/log.ts';
import type { Server } from '../model/rendered.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { proxyOf, resolvePaths } from './paths.ts';
import { assertPolicies } from './policy-check.ts';
import type { Printer } from './print.ts';
import { modulesOf, setUp, type Setup } from './setup.ts';
import { assertOwnDirectory } from './traefik-directory.ts';

/** What every command gets. */
export interface Context {
  readonly env: Env;
  readonly printer: Printer;
  /** Aborts when the user or a supervisor wants the program to end. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** The configuration that the flags of a command name, checked against what the program of its proxy can do. Throws `ConfigError`. */
export async function checkedFor(flags: GlobalFlags, { env }: Pick<Context, 'env'>): Promise<LoadedConfig> {
  const loaded = await withWantedServer(loadFor(flags, { env }), env);
  const { server } = proxyOf(loaded.config);
  const paths = resolvePaths(loaded.config, { env, isRoot: process.getuid?.() === 0 });
  assertOwnDirectory(loaded, { server, paths });
  assertPolicies(loaded, { server, modules: await modulesOf(server, { env, paths }) });
  return loaded;
}

/** The set-up for a command that programs the proxy or says how it would. Throws `ConfigError` for what the proxy cannot do. */
export async function programmingSetUpFor(flags: GlobalFlags, context: Context, options: SetupOptions = {}): Promise<Setup> {
  return usable(await setUpFor(flags, context, options));
}

/** How a command is set up. */
export interface SetupOptions {
  /** A command for people, whose log would disturb its output. */
  readonly quiet?: boolean;
  /** A command that leaves nothing behind on the machine. */
  readonly looksOnly?: boolean;
}

/** The set-up for a command. */
export async function setUpFor(
  flags: GlobalFlags,
  context: Context,
  { quiet = false, looksOnly = false }: SetupOptions = {},
): Promise<Setup> {
  const loaded = await withWantedServer(loadFor(flags, context), context.env);
  const level = quiet && flags.logLevel === undefined && !flags.verbose ? 'error' : loaded.config.logging.level;
  const log: Log = openLog({ level, version: context.version });
  return setUp({ loaded, env: context.env, log, version: context.version, looksOnly });
}

/** The same set-up with what is on the machine now, as the password of Traefik's API. */
export function setUpAgain({ loaded, env, log, version }: Setup): Promise<Setup> {
  return setUp({ loaded, env, log, version });
}

/** The same set-up for the other proxy. Throws `ConfigError` for what that one cannot do. */
export async function setUpOther({ loaded, env, log, version, server }: Setup): Promise<Setup> {
  const other = { ...withServer(loaded, server === 'caddy' ? 'traefik' : 'caddy'), configured: loaded.configured ?? server };
  return usable(await setUp({ loaded: other, env, log, version }));
}

function usable(setup: Setup): Setup {
  const { loaded, server, paths, settings } = setup;
  assertOwnDirectory(loaded, { server, paths });
  assertPolicies(loaded, { server, modules: settings.modules });
  return setup;
}

/** The configuration with the proxy that the last switch chose in the place of the configured one. */
async function withWantedServer(loaded: LoadedConfig, env: Env): Promise<LoadedConfig> {
  const { stateDir } = resolvePaths(loaded.config, { env, isRoot: process.getuid?.() === 0 });
  const { server } = proxyOf(loaded.config);
  const wanted = await wantedServer(stateDir, server);
  return wanted === server ? loaded : { ...withServer(loaded, wanted), configured: server };
}

function withServer(loaded: LoadedConfig, server: Server): LoadedConfig {
  const proxies = loaded.config.proxies.map((proxy) => ({ ...proxy, server }));
  return { ...loaded, config: { ...loaded.config, proxies } };
}
