import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visible } from '../lib/text.ts';
import { describeMatch } from '../model/describe.ts';
import { redactedTag } from '../model/redact.ts';
import type { Context } from './context.ts';
import { createDialects } from './dialects.ts';
import { EXIT } from './errors.ts';
import type { TagPlace } from './file-instances.ts';
import type { GlobalFlags } from './flags.ts';
import { dialectNamed } from './named.ts';
import { pipelineOf, readRegistered, setUpOf, tableOf, type Registered } from './registered.ts';
import { exitCodeFor, unreadCount, unreadText } from './unread.ts';
import { removableTags, type StayReason, type TagUnit } from './removable-tags.ts';

/** What `migrate finish` takes. */
export interface FinishFlags extends GlobalFlags {
  readonly to?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** One tag that may go or has to stay, with its places. */
interface TagView {
  readonly service: string;
  readonly owner: string;
  readonly dialect: string;
  readonly tag: string;
  readonly places: readonly (Partial<TagPlace> & { readonly instance: string })[];
  readonly reason?: string;
}

/**
 * Lists the tags of other dialects that nothing needs any more, and those that are still needed; exit 4 under `--strict` where any is, and
 * as `unread.ts` says where something could not be looked at.
 */
export async function migrateFinish(paths: readonly string[], flags: FinishFlags, context: Context): Promise<number> {
  const { printer } = context;
  const to = dialectNamed(flags.to, '--to');
  await using dir = await mkdtempDisposable(join(tmpdir(), 'hind-proxy-finish-'));
  const setup = await setUpOf({ ...flags, stateDir: dir.path }, { server: undefined, context });
  const { snapshots, placeOf, unread } = await readRegistered(paths, { setup, context });
  const pipeline = pipelineOf(setup);
  const instances = snapshots.flatMap((snapshot) => snapshot.instances);
  const { removable, staying } = removableTags(instances, {
    to,
    dialects: createDialects(setup),
    tableOf: (left) =>
      tableOf(
        pipeline,
        snapshots.map((snapshot) => ({ ...snapshot, instances: left.filter(({ source }) => source === snapshot.source) })),
      ),
  });
  const gone = removable.flatMap((unit) => viewsOf(unit, placeOf));
  const kept = staying.flatMap((unit) => viewsOf(unit, placeOf, reasonText(unit.reason)));
  const counts = { removable: gone.length, staying: kept.length, unread: unread.length };
  for (const line of unreadText(unread)) printer.say(line);
  if (flags.json) printer.json({ to, complete: unread.length === 0, counts, removable: gone, staying: kept, unread });
  else {
    for (const view of gone) for (const line of linesOf(view)) printer.out(line);
    // what goes only together is told once
    for (const [first, ...rest] of staying.map((unit) => viewsOf(unit, placeOf, reasonText(unit.reason))))
      if (first) for (const line of linesOf(first, rest.length)) printer.out(`${printer.style('yellow', 'stays')} ${line}`);
    printer.out(`tags that are safe to remove: ${gone.length}; that are still needed: ${kept.length}${unreadCount(unread)}`);
    if (gone.length > 0) printer.say(howToRemove(paths, to));
  }
  return exitCodeFor(unread, flags.strict && kept.length > 0 ? EXIT.losses : EXIT.ok);
}

/** What to do with the tags that are listed. */
function howToRemove(paths: readonly string[], to: string): string {
  if (paths.length === 0)
    return 'Take them out of the job files or service files that register them, and deploy those; with the paths of the files this command names the lines';
  const files = paths.join(' ');
  return `To take them out: hind-proxy migrate write ${files} --to ${to} --replace, or by hand; then deploy the files. migrate plan with --replace --diff shows the change before`;
}

function viewsOf({ service, owner, dialect, tags, spans }: TagUnit, placeOf: Registered['placeOf'], reason?: string): readonly TagView[] {
  return tags.map((tag) => ({
    service,
    owner,
    dialect,
    tag: redactedTag(tag),
    places: spans.filter((span) => span.tag === tag).map((span) => ({ instance: span.instance, ...placeOf(span) })),
    ...(reason !== undefined && { reason }),
  }));
}

function reasonText(reason: StayReason): string {
  if (reason.kind === 'unread') return 'nothing that it asks for is served (hind-proxy validate says why), so no other tag says it';
  const [first, ...rest] = reason.routes;
  return `${first ? describeMatch(first) : 'a route'}${rest.length > 0 ? ` and ${rest.length} more routes` : ''} would be answered in another way`;
}

/** One line for each place in a file; one for all instances of a catalog. `more`: how many tags of the same service it stands for. */
function linesOf({ service, tag, places, reason }: TagView, more = 0): readonly string[] {
  const rest = reason === undefined ? '' : `: ${reason}`;
  const files = [
    ...new Set(places.flatMap(({ file, line }) => (file === undefined ? [] : [line === undefined ? file : `${file}:${line}`]))),
  ];
  const text = visible(`${service} ${tag}${more === 0 ? '' : ` and ${more} more labels`}${rest}`);
  return files.length === 0 ? [text] : files.map((file) => `${visible(file)}: ${text}`);
}
