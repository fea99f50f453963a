import type { CompileOptions } from '../../src/compile/options.ts';
import { instancesOf } from '../../src/compile/sources.ts';
import { createPipeline } from '../../src/controller/pipeline.ts';
import type { Scene, SceneProxy } from '../../src/controller/scene.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { HeldRoute } from '../../src/model/change.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import { sourceId } from '../../src/model/names.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { fitTable } from '../../src/targets/fit.ts';
import { SETTINGS as BASE } from './settings.ts';
import { CASE_DIALECTS, ENTRY_POINTS, OPTIONS, port } from './intents.ts';

const POINTS: readonly EntryPoint[] = [...ENTRY_POINTS, { name: 'mysql', address: ':3306', port: port(3306), protocol: 'tcp', tls: false }];
const SETTINGS = { ...BASE, entryPoints: POINTS };

/** A scene of a Caddy that serves what these instances ask for. */
export function sceneOf(
  instances: readonly ServiceInstance[],
  {
    held = [],
    options = {},
    proxy = {},
  }: { readonly held?: readonly HeldRoute[]; readonly options?: Partial<CompileOptions>; readonly proxy?: Partial<SceneProxy> } = {},
): Scene {
  const compile: CompileOptions = { ...OPTIONS, entryPoints: POINTS, ...options };
  const merge = { primary: sourceId('nomad'), merge: 'primary-wins' } as const;
  const pipeline = createPipeline({ dialects: CASE_DIALECTS.filter(({ name }) => compile.accept.includes(name)), compile, ...merge });
  const sources = [...new Set(instances.map(({ source }) => source))];
  const snapshots = sources.map((source) => ({
    source,
    revision: '0',
    observedAtMs: 0,
    local: true,
    instances: instances.filter((instance) => instance.source === source),
  }));
  const { value, diagnostics } = pipeline.compile(snapshots, new Map());
  return {
    serving: value.table,
    fitted: fitTable(caddyTarget, value.table, SETTINGS).value,
    context: { proxy: caddyTarget.reading(SETTINGS), trustedProxies: [] },
    entryPoints: POINTS,
    held,
    diagnostics: [...diagnostics, ...caddyTarget.render(value.table, SETTINGS).diagnostics],
    known: instancesOf(snapshots, { ...merge, merge: 'union' }),
    counted: instancesOf(snapshots, merge),
    readings: pipeline.readings(snapshots),
    dialectOf: (tag) => CASE_DIALECTS.find((dialect) => dialect.recognises(tag))?.name,
    options: compile,
    proxy: { name: 'edge', server: 'caddy', state: 'verified', generation: 7, ...proxy },
  };
}
