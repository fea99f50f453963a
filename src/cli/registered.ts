import { createPipeline, type Pipeline } from '../controller/pipeline.ts';
import type { CatalogSnapshot } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import type { Server } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { programmingSetUpFor, type Context } from './context.ts';
import { createDialects } from './dialects.ts';
import { instancesOfFiles, type FileInstances } from './file-instances.ts';
import type { GlobalFlags } from './flags.ts';
import { readOnce } from './read-once.ts';
import { compileOptions, openRuntime } from './runtime.ts';
import type { Setup } from './setup.ts';

/** What files or catalogs say that services register. */
export interface Registered extends Omit<FileInstances, 'instances'> {
  readonly snapshots: readonly CatalogSnapshot[];
}

/** A set-up to compare tables by, with TLS where a configuration does not speak of it: what is off would not be compared. */
export async function setUpOf(
  flags: GlobalFlags,
  { server, context }: { readonly server: Server | undefined; readonly context: Context },
): Promise<Setup> {
  const setup = await programmingSetUpFor({ ...flags, ...(server && { proxy: server }) }, context, { quiet: true });
  if (setup.loaded.origins.has('tls')) return setup;
  const tls = { ...setup.config.tls, mode: 'internal' } as const;
  return { ...setup, config: { ...setup.config, tls }, settings: { ...setup.settings, tls } };
}

/** The services of files, or where there are none of the catalogs. Throws `CommandError` where none answers. */
export async function readRegistered(
  paths: readonly string[],
  { setup, context }: { readonly setup: Setup; readonly context: Context },
): Promise<Registered> {
  if (paths.length > 0) {
    const { instances, ...rest } = await instancesOfFiles(paths, createDialects(setup));
    return { ...rest, snapshots: [{ source: sourceId('file'), revision: '0', observedAtMs: 0, local: true, instances }] };
  }
  const runtime = await openRuntime(setup, { looksOnly: true });
  await readOnce(runtime, context);
  return {
    snapshots: [...runtime.snapshots.all().values()].map(({ snapshot }) => snapshot),
    placeOf: () => undefined,
    asWritten: (text) => text,
    unread: [],
    guessed: [],
  };
}

/** What compiles snapshots as a set-up says; what tags say is remembered from one to the next. */
export function pipelineOf(setup: Setup): Pipeline {
  const { primary, merge } = setup.config.sources;
  return createPipeline({ dialects: createDialects(setup), compile: compileOptions(setup), primary: sourceId(primary), merge });
}

/** The table of snapshots. */
export function tableOf(pipeline: Pipeline, snapshots: readonly CatalogSnapshot[]): RoutingTable {
  return pipeline.compile(snapshots, new Map()).value.table;
}
