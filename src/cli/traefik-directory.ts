import { dirname, join, relative, resolve } from 'node:path';
import { ConfigError, type ConfigFault } from '../config/error.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Server } from '../model/rendered.ts';
import type { Paths } from './paths.ts';

/**
 * Throws `ConfigError` where Traefik would read files of ours as routes: it reads all YAML and TOML in the directory of its dynamic file and
 * below, and takes nothing as long as one of them is something else.
 */
export function assertOwnDirectory(loaded: LoadedConfig, { server, paths }: { readonly server: Server; readonly paths: Paths }): void {
  const faults = server === 'traefik' ? strayFiles(loaded, paths) : [];
  if (faults.length > 0) throw new ConfigError(faults, loaded.file);
}

function strayFiles({ config, file, placeOf }: LoadedConfig, { traefikDynamic }: Paths): readonly ConfigFault[] {
  const directory = dirname(traefikDynamic);
  const configFile = file !== undefined && /\.(?:ya?ml|toml)$/.test(file) ? file : undefined;
  const services = config.sources.file ? config.sources.file.path : undefined;
  const stray = [configFile, services]
    .flatMap((path) => (path === undefined ? [] : [resolve(path)]))
    .find((path) => isWithin(directory, path));
  if (stray === undefined) return [];
  const path = ['proxies', '0', 'traefik', 'dynamicFile'];
  const better = join(directory, 'dynamic/hind-proxy.yml');
  const message = `Cannot use ${traefikDynamic}: Traefik reads every file in that directory and below, and ${stray} is there, expected a directory of its own, such as that of ${better}`;
  return [{ key: path.join('.'), message, ...placeOf(path) }];
}

function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith('../');
}
