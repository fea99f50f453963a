import type { Pipeline } from '../controller/pipeline.ts';
import { convertTags } from '../dialects/convert.ts';
import { groupBy } from '../lib/sort.ts';
import type { CatalogSnapshot, ServiceInstance } from '../model/catalog.ts';
import type { DialectName, RoutingTable } from '../model/route.ts';
import type { Context } from './context.ts';
import { conversionTools } from './conversion.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { dialectNamed, serverNamed } from './named.ts';
import { pipelineOf, readRegistered, setUpOf, tableOf, type Registered } from './registered.ts';
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
export interface TagSide extends Pick<Registered, 'snapshots' | 'placeOf'> {
  readonly setup: Setup;
  readonly table: RoutingTable;
  /** How many routes the tags ask for that are no http ones, whether or not an entry point takes them. */
  readonly connections: Connections;
}

/** Routes of each kind that nobody is asked. */
export type Connections = Readonly<Record<'tcp' | 'udp', number>>;

/** The two that are compared, the old one on the proxy of the new one, and what is said of the files of both. */
export interface TagSides extends Pick<Registered, 'unread' | 'guessed' | 'asWritten'> {
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
    [
      flags.oldProxy === undefined ? undefined : serverNamed(flags.oldProxy, '--old-proxy'),
      flags.newProxy === undefined ? undefined : serverNamed(flags.newProxy, '--new-proxy'),
    ].map(async (server) => setUpOf({ ...flags, stateDir }, { server, context })),
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
    unread: [...before.unread, ...(after === before ? [] : after.unread)],
    guessed: [...before.guessed, ...(after === before ? [] : after.guessed)],
    asWritten: (text) => after.asWritten(before.asWritten(text)),
  };
}

function sideOf({ snapshots, placeOf }: Registered, setup: Setup, accept: readonly DialectName[]): TagSide {
  const own = accepting(setup, accept);
  const pipeline = pipelineOf(own);
  return { snapshots, placeOf, setup: own, table: tableOf(pipeline, snapshots), connections: connectionsOf(pipeline.readings(snapshots)) };
}

/** Instances of one service that have the same tag ask for one route. */
function connectionsOf(readings: ReturnType<Pipeline['readings']>): Connections {
  const asked = readings.flatMap(({ intents }) => intents);
  const count = (kind: keyof Connections): number =>
    new Set(
      asked
        .filter(({ protocol }) => protocol === kind)
        .map(({ owner, service, name, spans: [span] }) => [owner, service, name, span?.tag].join('\0')),
    ).size;
  return { tcp: count('tcp'), udp: count('udp') };
}

/** A set-up that reads these dialects only, in this order; all that it reads anyway for an empty list. */
function accepting(setup: Setup, accept: readonly DialectName[]): Setup {
  if (accept.length === 0) return setup;
  return { ...setup, config: { ...setup.config, dialects: { ...setup.config.dialects, accept: [...accept] } } };
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

function dialectsOf(names: string | undefined, flag: string): readonly DialectName[] {
  if (names === undefined) return [];
  return names.split(',').map((name) => dialectNamed(name.trim(), flag));
}
