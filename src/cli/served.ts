import type { ListenAddress } from '../apply/gate.ts';
import { noteServed, runningServer, wantedServer } from '../apply/proxy-files.ts';
import { listenAddress } from '../apply/sockets.ts';
import type { Server } from '../model/rendered.ts';
import { EMPTY_TABLE } from '../model/table.ts';
import { setUpOther } from './context.ts';
import type { Setup } from './setup.ts';

/** The proxy that the configuration of a set-up names, whatever a switch has chosen since. */
export function configuredOf({ loaded, server }: Pick<Setup, 'loaded' | 'server'>): Server {
  return loaded.configured ?? server;
}

/** The set-up of the proxy that `exec-proxy` runs, which may be another one than a set-up is for; that one where none runs. */
export async function setUpRunning(setup: Setup): Promise<Setup> {
  const runs = await runningServer(setup.paths.stateDir);
  return runs === undefined || runs === setup.server ? setup : setUpOther(setup);
}

/** Notes for `exec-proxy` and for people, in `proxy.json`, which generation the proxy of a set-up serves. */
export function servedNoter(setup: Setup): (generation: number) => Promise<void> {
  const { paths, server } = setup;
  return (generation) => noteServed(paths.stateDir, { server, configured: configuredOf(setup), generation, ports: portsOf(setup) });
}

/** Whether a set-up is for the proxy that is wanted now: who had the state directory in the meantime may have changed it. */
export async function isStillWanted(setup: Setup): Promise<boolean> {
  return (await wantedServer(setup.paths.stateDir, configuredOf(setup))) === setup.server;
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
