import { noteServed } from '../apply/proxy-files.ts';
import type { Setup } from './setup.ts';

/** Notes for `exec-proxy` and for people, in `proxy.json`, which generation the proxy of a set-up serves. */
export function servedNoter(setup: Setup): (generation: number) => Promise<void> {
  const { paths, loaded, server } = setup;
  return (generation) => noteServed(paths.stateDir, { server, configured: loaded.configured ?? server, generation, ports: portsOf(setup) });
}

/** The ports of the entry points of a set-up, ascending. */
export function portsOf({ entryPoints }: Pick<Setup, 'entryPoints'>): readonly number[] {
  return [...new Set(entryPoints.map(({ port }): number => port))].toSorted((a, b) => a - b);
}
