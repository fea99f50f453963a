import type { ListenAddress } from '../apply/gate.ts';
import { noteServed, wantedServer } from '../apply/proxy-files.ts';
import { listenAddress } from '../apply/sockets.ts';
import { EMPTY_TABLE } from '../model/table.ts';
import type { Setup } from './setup.ts';

/** Notes for `exec-proxy` and for people, in `proxy.json`, which generation the proxy of a set-up serves. */
export function servedNoter(setup: Setup): (generation: number) => Promise<void> {
  const { paths, loaded, server } = setup;
  return (generation) => noteServed(paths.stateDir, { server, configured: loaded.configured ?? server, generation, ports: portsOf(setup) });
}

/** Whether a set-up is for the proxy that is wanted now: who had the state directory in the meantime may have changed it. */
export async function isStillWanted({ paths, loaded, server }: Setup): Promise<boolean> {
  return (await wantedServer(paths.stateDir, loaded.configured ?? server)) === server;
}

/** The ports of the entry points of a set-up, ascending. */
export function portsOf({ entryPoints }: Pick<Setup, 'entryPoints'>): readonly number[] {
  return [...new Set(entryPoints.map(({ port }): number => port))].toSorted((a, b) => a - b);
}

/** Where the proxy of a set-up accepts connections of clients over TCP, whatever its table. */
export function listensOf({ server, target, settings }: Setup): readonly ListenAddress[] {
  return target
    .entryPoints(EMPTY_TABLE, settings)
    .filter(({ protocol }) => protocol === 'http' || (protocol === 'tcp' && server === 'traefik'))
    .flatMap(({ address }) => listenAddress(address) ?? []);
}
