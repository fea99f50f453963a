import { instancesOf } from '../compile/sources.ts';
import type { ControllerState } from '../controller/controller.ts';
import type { Scene, SceneProxy } from '../controller/scene.ts';
import { memoised } from '../lib/memo.ts';
import { sourceId } from '../model/names.ts';
import { DIALECTS, type RoutingTable } from '../model/route.ts';
import { fitTable } from '../targets/fit.ts';
import { createDialect } from './dialects.ts';
import { proxyOf } from './paths.ts';
import { compileOptions, type Runtime } from './runtime.ts';
import type { Setup } from './setup.ts';

/** What is known now: of a running controller, or of catalogs that were read once (`watched: false`). */
export function sceneOf(runtime: Runtime, { state, watched }: { readonly state: ControllerState; readonly watched: boolean }): Scene {
  const { setup, snapshots, pipeline } = runtime;
  const { config, target, settings, server } = setup;
  const read = [...snapshots.all().values()].map(({ snapshot }) => snapshot);
  const dialects = DIALECTS.map((name) => createDialect(name, config));
  const merge = { primary: sourceId(config.sources.primary), merge: config.sources.merge };
  return {
    serving: state.serving,
    fitted: fittedBy(setup)(state.serving),
    context: { proxy: target.reading(settings), trustedProxies: settings.trustedProxies },
    entryPoints: target.entryPoints(state.serving, settings),
    held: state.held,
    diagnostics: state.diagnostics,
    known: instancesOf(read, { ...merge, merge: 'union' }),
    counted: instancesOf(read, merge),
    readings: pipeline.readings(read),
    dialectOf: (tag) => dialects.find((dialect) => dialect.recognises(tag))?.name,
    options: compileOptions(setup),
    proxy: { name: proxyOf(config).name, server, ...(watched ? proxyState(runtime) : { state: 'unknown' }) },
  };
}

function proxyState({ controller, generations }: Runtime): Omit<SceneProxy, 'name' | 'server'> {
  const { verified, generation, problem } = controller.managedProxy.state;
  const pinned = generations.pinned();
  return {
    state: verified ? 'verified' : 'unverified',
    ...(generation !== undefined && { generation }),
    ...(pinned !== undefined && { pinned }),
    ...(problem !== undefined && { problem }),
  };
}

/** The table fitted to the proxy of a set-up, made once for each table that is served. */
export const fittedBy: (setup: Setup) => (table: RoutingTable) => RoutingTable = memoised(
  (table: RoutingTable, { target, settings }: Setup): RoutingTable => fitTable(target, table, settings).value,
);
