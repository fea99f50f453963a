import type { Env } from '../config/environment.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { openLog, type Log } from '../lib/log.ts';
import { configFromFlags, type GlobalFlags } from './flags.ts';
import type { Printer } from './print.ts';
import { setUp, type Setup } from './runtime.ts';

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

/** The set-up for a command. `quiet`: a command for people, whose log would disturb its output. */
export async function setUpFor(flags: GlobalFlags, context: Context, { quiet = false }: { readonly quiet?: boolean } = {}): Promise<Setup> {
  const loaded = loadFor(flags, context);
  const level = quiet && flags.logLevel === undefined && !flags.verbose ? 'error' : loaded.config.logging.level;
  const log: Log = openLog({ level, version: context.version });
  return setUp({ loaded, env: context.env, log, version: context.version });
}
