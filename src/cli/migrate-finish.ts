import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { counted, visible } from '../lib/text.ts';
import { describeMatch } from '../model/describe.ts';
import { redactedTag } from '../model/redact.ts';
import type { Context } from './context.ts';
import { createDialects } from './dialects.ts';
import { EXIT } from './errors.ts';
import { placeText, type TagPlace } from './file-instances.ts';
import type { GlobalFlags } from './flags.ts';
import { dialectNamed } from './named.ts';
import { pipelineOf, readRegistered, setUpOf, tableOf, type Registered } from './registered.ts';
import { exitCodeFor, guessedText, unreadCount, unreadText } from './unread.ts';
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
  /** What is said of it holds only where its host, which is filled in later, is one exact host. */
  readonly guessed?: 'FILE_HOST_GUESSED';
  readonly reason?: string;
}

/**
 * Lists the tags of other dialects that nothing needs any more, and those that are still needed; exit 4 under `--strict` where any is or a
 * host was guessed, and as `unread.ts` says where something could not be looked at.
 */
export async function migrateFinish(paths: readonly string[], flags: FinishFlags, context: Context): Promise<number> {
  const { printer } = context;
  const to = dialectNamed(flags.to, '--to');
  await using dir = await mkdtempDisposable(join(tmpdir(), 'hind-proxy-finish-'));
  const setup = await setUpOf({ ...flags, stateDir: dir.path }, { server: undefined, context });
  const { snapshots, placeOf, asWritten, unread, guessed } = await readRegistered(paths, { setup, context });
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
  const isGuessed = ({ file, line, tag }: Partial<TagPlace> & { readonly tag: string }): boolean =>
    guessed.some((one) => one.file === file && one.line === line && one.tag === tag);
  const viewsOf = viewer({ placeOf, asWritten, isGuessed });
  const gone = removable.flatMap((unit) => viewsOf(unit));
  const kept = staying.flatMap((unit) => viewsOf(unit, reasonText(unit.reason)));
  const counts = { removable: gone.length, staying: kept.length, unread: unread.length };
  for (const line of [...unreadText(unread), ...guessedText(guessed)]) printer.say(line);
  if (flags.json) printer.json({ to, complete: unread.length === 0, counts, removable: gone, staying: kept, unread, guessed });
  else {
    for (const view of gone) for (const line of linesOf(view)) printer.out(line);
    // what goes only together is told once
    for (const [first, ...rest] of staying.map((unit) => viewsOf(unit, reasonText(unit.reason))))
      if (first) for (const line of linesOf(first, rest.length)) printer.out(`${printer.style('yellow', 'stays')} ${line}`);
    printer.out(`tags that are safe to remove: ${gone.length}; that are still needed: ${kept.length}${unreadCount(unread)}`);
    if (gone.length > 0) printer.say(howToRemove(paths, to));
  }
  return exitCodeFor(unread, flags.strict && kept.length + guessed.length > 0 ? EXIT.losses : EXIT.ok);
}

/** What to do with the tags that are listed. */
function howToRemove(paths: readonly string[], to: string): string {
  if (paths.length === 0)
    return 'Take them out of the job files or service files that register them, and deploy those; with the paths of the files this command names the lines';
  const files = paths.join(' ');
  return `To take them out: hind-proxy migrate write ${files} --to ${to} --replace, or by hand; then deploy the files. migrate plan with --replace --diff shows the change before`;
}

/** What makes views of the tags of a unit, all texts as the files have them. */
function viewer({
  placeOf,
  asWritten,
  isGuessed,
}: Pick<Registered, 'placeOf' | 'asWritten'> & {
  readonly isGuessed: (place: Partial<TagPlace> & { readonly tag: string }) => boolean;
}): (unit: TagUnit, reason?: string) => readonly TagView[] {
  return ({ service, owner, dialect, tags, spans }, reason) =>
    tags.map((tag) => {
      const shown = asWritten(redactedTag(tag));
      const places = spans.filter((span) => span.tag === tag).map((span) => ({ instance: span.instance, ...placeOf(span) }));
      return {
        service: asWritten(service),
        owner,
        dialect,
        tag: shown,
        places,
        ...(places.some((place) => isGuessed({ ...place, tag: shown })) && { guessed: 'FILE_HOST_GUESSED' as const }),
        ...(reason !== undefined && { reason: asWritten(reason) }),
      };
    });
}

function reasonText(reason: StayReason): string {
  if (reason.kind === 'unread') return 'nothing that it asks for is served (hind-proxy validate says why), so no other tag says it';
  const [first, ...rest] = reason.routes;
  return `${first ? describeMatch(first) : 'a route'}${rest.length > 0 ? ` and ${counted(rest.length, 'more route')}` : ''} would be answered in another way`;
}

/** One line for each place in a file; one for all instances of a catalog. `more`: how many tags of the same service it stands for. */
function linesOf({ service, tag, places, guessed, reason }: TagView, more = 0): readonly string[] {
  const rest =
    reason !== undefined ? `: ${reason}` : guessed === undefined ? '' : ': if its host, which is filled in later, is one exact host';
  const files = [...new Set(places.map(placeText))].filter((place) => place !== '');
  const text = visible(`${service} ${tag}${more === 0 ? '' : ` and ${counted(more, 'more label')}`}${rest}`);
  return files.length === 0 ? [text] : files.map((file) => `${visible(file)}: ${text}`);
}
