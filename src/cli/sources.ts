import { systemClock } from '../lib/clock.ts';
import type { WatchedSource } from '../controller/watcher.ts';
import { createStaticSource } from '../sources/static.ts';
import { createDialects } from './dialects.ts';
import type { Setup } from './setup.ts';

/**
 * The catalogs of a set-up. Those that the operator named are required; with none named Consul and Nomad are tried. Only what is on is
 * loaded.
 */
export async function createSources(setup: Setup): Promise<readonly WatchedSource[]> {
  const { config, loaded, env, log } = setup;
  const { sources, services } = config;
  const list: WatchedSource[] = [];
  const named = loaded.named.size > 0 || services.length > 0;
  const isOn = (name: 'consul' | 'nomad'): boolean => sources[name] !== false && (loaded.named.has(name) || !named);
  const isRoutingTag = routingTagTest(setup);
  if (isOn('consul')) {
    const { consulConnection } = await import('../sources/consul-connection.ts');
    const { createConsulSource } = await import('../sources/consul.ts');
    const { address, tokenFile, datacenter, resync = 30_000 } = sources.consul || {};
    const connection = consulConnection(env, { address, tokenFile });
    const source = createConsulSource({ connection, datacenter, isRoutingTag, resyncMs: resync, clock: systemClock, log });
    list.push({ source, required: loaded.named.has('consul'), primary: sources.primary === 'consul' });
  }
  if (isOn('nomad')) {
    const { nomadConnection } = await import('../nomad/connection.ts');
    const { createNomadSource } = await import('../sources/nomad.ts');
    const { address, tokenFile, namespaces, resync = 30_000 } = sources.nomad || {};
    const connection = nomadConnection(env, { address, tokenFile });
    const source = createNomadSource({ connection, namespaces, isRoutingTag, resyncMs: resync, clock: systemClock, log });
    list.push({ source, required: loaded.named.has('nomad'), primary: sources.primary === 'nomad' });
  }
  if (sources.file) {
    const { createFileSource } = await import('../sources/file.ts');
    list.push({ source: createFileSource({ path: sources.file.path, pollMs: sources.file.poll, log }), required: true });
  }
  if (services.length > 0) list.push({ source: createStaticSource(services), required: true });
  return list;
}

/** What tells whether a tag makes its service worth reading: it routes, or was meant to. */
function routingTagTest(setup: Setup): (tag: string) => boolean {
  if (setup.config.dialects.traefik.exposedByDefault) return () => true;
  const dialects = createDialects(setup);
  return (tag) => dialects.some((dialect) => dialect.recognises(tag) || dialect.misspelt?.(tag) !== undefined);
}
