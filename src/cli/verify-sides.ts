import { createPipeline } from '../controller/pipeline.ts';
import { convertTags } from '../dialects/convert.ts';
import { groupBy } from '../lib/sort.ts';
import type { CatalogSnapshot, ServiceInstance } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import { DIALECTS, type DialectName, type RoutingTable } from '../model/route.ts';
import { SERVERS, type Server } from '../model/rendered.ts';
import { programmingSetUpFor, type Context } from './context.ts';
import { conversionTools, dialectNamed } from './conversion.ts';
import { createDialects } from './dialects.ts';
import { CommandError, EXIT } from './errors.ts';
import { instancesOfFiles, type FileInstances } from './file-instances.ts';
import type { GlobalFlags } from './flags.ts';
import { compileOptions, openRuntime } from './runtime.ts';
import type { Setup } from './setup.ts';

/** What says which two tables are compared. */
export interface SideFlags extends GlobalFlags {
  readonly old?: readonly string[];
  readonly new?: readonly string[];
  readonly to?: string;
  readonly oldProxy?: string;
  readonly newProxy?: string;
  readonly oldDialects?: string;
  readonly newDialects?: string;
}

/** One of the two that are compared: what is registered, and how a proxy is set up to serve it. */
export interface TagSide {
  readonly setup: Setup;
  readonly snapshots: readonly CatalogSnapshot[];
  readonly table: RoutingTable;
  readonly placeOf: FileInstances['placeOf'];
}

/** The two that are compared, and the old one on the proxy of the new one. */
export interface TagSides {
  readonly old: TagSide;
  readonly new: TagSide;
  /** The same as `old` where the proxies are the same. */
  readonly oldOnNew: TagSide;
}

/** Reads what is to be compared. `stateDir` is a directory of this command's own. Throws `CommandError` where nothing could differ. */
export async function readSides(
  paths: readonly string[],
  flags: SideFlags,
  { context, stateDir, needsDifference }: { readonly context: Context; readonly stateDir: string; readonly needsDifference: boolean },
): Promise<TagSides> {
  if (paths.length > 0 && (flags.old || flags.new))
    throw new CommandError('Cannot use paths together with --old and --new: paths are both sides', EXIT.usage);
  if (Boolean(flags.old) !== Boolean(flags.new)) throw new CommandError('Cannot use --old and --new alone: both are needed', EXIT.usage);
  if (flags.to !== undefined && flags.new) throw new CommandError('Cannot use --to and --new together', EXIT.usage);
  const [oldSetup, newSetup] = await Promise.all(
    [flags.oldProxy, flags.newProxy].map(async (proxy) => setUpOf({ ...flags, stateDir }, { server: serverNamed(proxy), context })),
  );
  if (!oldSetup || !newSetup) throw new TypeError('two set-ups were asked for');
  const [oldAccept, newAccept] = [dialectsOf(flags.oldDialects, '--old-dialects'), dialectsOf(flags.newDialects, '--new-dialects')];
  const isSame = !flags.old && flags.to === undefined && oldSetup.server === newSetup.server && oldAccept.join() === newAccept.join();
  if (isSame && needsDifference)
    throw new CommandError(
      'Cannot compare: both sides are the same, expected --to DIALECT, --new-proxy, --old-dialects and --new-dialects, or --old PATH… --new PATH…',
      EXIT.usage,
    );
  const before = await readRegistered(flags.old ?? paths, { setup: oldSetup, context });
  const after = flags.new ? await readRegistered(flags.new, { setup: newSetup, context }) : before;
  const to = flags.to === undefined ? undefined : dialectNamed(flags.to, '--to');
  const converted = to === undefined ? after : { ...after, snapshots: after.snapshots.map((one) => convertedTo(to, one, newSetup)) };
  const old = sideOf(before, oldSetup, oldAccept);
  return {
    old,
    new: sideOf(converted, newSetup, newAccept),
    oldOnNew: oldSetup.server === newSetup.server ? old : sideOf(before, newSetup, oldAccept),
  };
}

type Registered = Pick<TagSide, 'snapshots' | 'placeOf'>;

/** The set-up of a side, with TLS where a configuration does not speak of it: what is off would not be compared. */
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
    const { instances, placeOf } = await instancesOfFiles(paths);
    return { snapshots: [{ source: sourceId('file'), revision: '0', observedAtMs: 0, local: true, instances }], placeOf };
  }
  const runtime = await openRuntime(setup, { adopt: false });
  const cycle = await runtime.controller.once(context.signal, { dryRun: true });
  if (!cycle)
    throw new CommandError('Cannot read the catalogs: none answered (hind-proxy config show prints where it looked)', EXIT.unreachable);
  return { snapshots: [...runtime.snapshots.all().values()].map(({ snapshot }) => snapshot), placeOf: () => undefined };
}

function sideOf({ snapshots, placeOf }: Registered, setup: Setup, accept: readonly DialectName[]): TagSide {
  const own = accepting(setup, accept);
  return { setup: own, snapshots, placeOf, table: tableMaker(own)(snapshots) };
}

/** A set-up that reads these dialects only, in this order; all that it reads anyway for an empty list. */
function accepting(setup: Setup, accept: readonly DialectName[]): Setup {
  if (accept.length === 0) return setup;
  return { ...setup, config: { ...setup.config, dialects: { ...setup.config.dialects, accept: [...accept] } } };
}

/** What makes tables of snapshots as a set-up says; what tags say is remembered from one to the next. */
export function tableMaker(setup: Setup): (snapshots: readonly CatalogSnapshot[]) => RoutingTable {
  const { primary, merge } = setup.config.sources;
  const pipeline = createPipeline({ dialects: createDialects(setup), compile: compileOptions(setup), primary: sourceId(primary), merge });
  return (snapshots) => pipeline.compile(snapshots, new Map()).value.table;
}

/** What the catalog would say after `migrate write --replace`. Instances of one service with equal tags are converted once. */
function convertedTo(to: DialectName, snapshot: CatalogSnapshot, { config }: Setup): CatalogSnapshot {
  const tools = conversionTools(config, { to });
  const groups = groupBy(snapshot.instances, ({ owner, service, port, tags }) => JSON.stringify([owner, service, port, tags]));
  const tags = new Map<ServiceInstance, readonly string[]>();
  for (const group of groups.values()) {
    const [first] = group;
    if (!first) continue;
    const { value } = convertTags(first, tools(first));
    for (const instance of group) tags.set(instance, value.tags);
  }
  return { ...snapshot, instances: snapshot.instances.map((instance) => ({ ...instance, tags: tags.get(instance) ?? instance.tags })) };
}

function serverNamed(name: string | undefined): Server | undefined {
  if (name === undefined) return undefined;
  const server = SERVERS.find((candidate) => candidate === name.toLowerCase());
  if (!server) throw new CommandError(`Cannot verify "${name}": expected ${SERVERS.join(' or ')}`, EXIT.usage);
  return server;
}

function dialectsOf(names: string | undefined, flag: string): readonly DialectName[] {
  if (names === undefined) return [];
  return names.split(',').map((name) => {
    const found = DIALECTS.find((dialect) => dialect === name.trim());
    if (!found) throw new CommandError(`Cannot use ${flag} "${names}": expected a list of ${DIALECTS.join(', ')}`, EXIT.usage);
    return found;
  });
}
