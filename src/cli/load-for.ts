import { loadConfig, type LoadedConfig } from '../config/load.ts';
import type { Context } from './context.ts';
import { configFromFlags, type GlobalFlags } from './flags.ts';

/** The configuration that the flags of a command name, or `HIND_PROXY_CONFIG`. Throws `ConfigError`. */
export function loadFor(flags: GlobalFlags, { env }: Pick<Context, 'env'>): LoadedConfig {
  return loadConfig({ file: flags.config ?? (env['HIND_PROXY_CONFIG'] || undefined), env, flags: configFromFlags(flags) });
}
