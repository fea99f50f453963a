import type { WatchedSource } from '../controller/watcher.ts';
import { createFileSource } from '../sources/file.ts';
import { createStaticSource } from '../sources/static.ts';
import type { Setup } from './runtime.ts';

/** The catalogs of a set-up. Those that the operator named are required; with none named Consul and Nomad are tried. */
export function createSources({ config, loaded, log }: Setup): readonly WatchedSource[] {
  const { sources, services } = config;
  void loaded;
  const list: WatchedSource[] = [];
  if (sources.file) list.push({ source: createFileSource({ path: sources.file.path, pollMs: sources.file.poll, log }), required: true });
  if (services.length > 0) list.push({ source: createStaticSource(services), required: true });
  return list;
}
