import type { Env } from '../config/environment.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { openLog, type Log } from '../lib/log.ts';
import { configFromFlags, type GlobalFlags } from './flags.ts';
import { proxyOf, resolvePaths } from './paths.ts';
import { assertPolicies } from './policy-check.ts';
import type { Printer } from './print.ts';
import { modulesOf, setUp, type Setup } from './setup.ts';

/** What every command gets. */
export interface Context {
  readonly env: Env;
  readonly printer: Printer;
  /** Aborts when the user or a supervisor wants the program to end. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** The configuration that the flags of a command name. Throws `ConfigError`. */
export function loadFor(flags: GlobalFlags, { env }: Pick<Context, 'env'>): LoadedConfig {
  return loadConfig({ file: flags.config, env, flags: configFromFlags(flags) });
}

/** The same, checked against what the program of its proxy can do. Throws `ConfigError`. */
export async function checkedFor(flags: GlobalFlags, { env }: Pick<Context, 'env'>): Promise<LoadedConfig> {
  const loaded = loadFor(flags, { env });
  const { server } = proxyOf(loaded.config);
  const paths = resolvePaths(loaded.config, { env, isRoot: process.getuid?.() === 0 });
  assertPolicies(loaded, { server, modules: await modulesOf(server, { env, paths }) });
  return loaded;
}

/** The set-up for a command that programs the proxy or says how it would. Throws `ConfigError` for what the proxy cannot do. */
export async function programmingSetUpFor(
  flags: GlobalFlags,
  context: Context,
  options: { readonly quiet?: boolean } = {},
): Promise<Setup> {
  const setup = await setUpFor(flags, context, options);
  assertPolicies(setup.loaded, { server: setup.server, modules: setup.settings.modules });
  return setup;
}

/** The set-up for a command. `quiet`: a command for people, whose log would disturb its output. */
export async function setUpFor(flags: GlobalFlags, context: Context, { quiet = false }: { readonly quiet?: boolean } = {}): Promise<Setup> {
  const loaded = loadFor(flags, context);
  const level = quiet && flags.logLevel === undefined && !flags.verbose ? 'error' : loaded.config.logging.level;
  const log: Log = openLog({ level, version: context.version });
  return setUp({ loaded, env: context.env, log, version: context.version });
}
