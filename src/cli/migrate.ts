import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { cutsBetween } from '../jobfiles/edit.ts';
import { messageOf, systemCode } from '../lib/errors.ts';
import { shortHash } from '../lib/hash.ts';
import { counted } from '../lib/text.ts';
import { filesSince, readManifest, writeManifest, writtenFile, type MigrationRun } from '../jobfiles/manifest.ts';
import { isUnread } from '../jobfiles/job-file.ts';
import { loadJobFile } from '../jobfiles/load.ts';
import { rewriteFile, type RewriteMode } from '../jobfiles/rewrite.ts';
import { filesUnder, MANIFEST_NAME, readText, removeStaged, replaceText } from '../jobfiles/tree.ts';
import type { Context } from './context.ts';
import { createConverter } from './conversion.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { takeLock } from './lock.ts';
import type { PlannedJob } from './migrate-live.ts';
import { countsOf, jsonReport, markdownReport, skippedView, textReport, type MigratedFile, type Report } from './migrate-report.ts';
import { dialectNamed } from './named.ts';

/** What the `migrate` commands take. */
export interface MigrateFlags extends GlobalFlags {
  readonly to?: string;
  readonly from?: string;
  readonly add?: boolean;
  readonly replace?: boolean;
  readonly diff?: boolean;
  readonly format?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly manifest?: string;
}

/** Prints what `write` would change, and what is left for hand work. Writes nothing. */
export async function migratePlan(paths: readonly string[], flags: MigrateFlags, context: Context): Promise<number> {
  if (flags.diff && (flags.json || flags.format !== undefined))
    throw new CommandError('Cannot use --diff together with --json or --format: it prints a patch', EXIT.usage);
  const report = await migrated(paths, flags, context);
  const { printer } = context;
  const changed = report.files.filter(isChanged);
  const live = flags.nomad === undefined ? undefined : await import('./migrate-live.ts');
  const jobs = (await live?.plannedFiles(changed, flags, context)) ?? [];
  if (flags.diff) {
    await printDifferences(changed, context);
    // what a difference does not show must not go unsaid
    for (const line of textReport(report, printer)) printer.say(line);
  } else print(report, { flags, context, jobs });
  if (!flags.json && flags.format !== 'json') for (const line of live?.plannedText(jobs) ?? []) printer.say(line);
  if (jobs.some(({ outcome }) => outcome.kind === 'failed')) return EXIT.failed;
  return exitCodeOf(report, flags);
}

/** Writes the files, after keeping what they held in the manifest. Who writes with the same manifest comes one after the other. */
export function migrateWrite(paths: readonly string[], flags: MigrateFlags, context: Context): Promise<number> {
  return exclusively(flags, context, (manifest) => written(paths, { manifest, flags, context }));
}

async function written(
  paths: readonly string[],
  { manifest, flags, context }: { readonly manifest: string; readonly flags: MigrateFlags; readonly context: Context },
): Promise<number> {
  const report = await migrated(paths, flags, context);
  const changed = report.files.filter(isChanged);
  if (changed.length > 0) {
    const run: MigrationRun = {
      at: new Date().toISOString(),
      to: report.to,
      mode: report.mode,
      files: changed.map(({ path, before, text }) => writtenFile(path, { before, after: text })),
    };
    const before = await runsIn(manifest);
    await removeStaged([manifest, ...changed.map(({ path }) => path)]);
    // kept first: whatever happens next, there is a way back
    await writeManifest(manifest, [...before, run]).catch((error: unknown) => {
      throw new CommandError(`Cannot write the manifest: ${messageOf(error)}; no file was changed`);
    });
    await replaceAll(changed, {
      done: 'written',
      next: `hind-proxy migrate revert puts them back (${manifest}), and another write goes on`,
      // nothing to put back
      onNone: () => writeManifest(manifest, before),
    });
    context.printer.say(`${counted(changed.length, 'file')} written; hind-proxy migrate revert puts them back (${manifest})`);
  }
  print(report, { flags, context, jobs: [] });
  return exitCodeOf(report, flags);
}

/** Puts the files of the last `write` back. Refuses where one was changed since. */
export function migrateRevert(flags: MigrateFlags, context: Context): Promise<number> {
  return exclusively(flags, context, (manifest) => reverted(manifest, flags, context));
}

/** Two that change one manifest at the same time would each lose what the other has kept there. */
async function exclusively(
  flags: MigrateFlags,
  { printer, signal }: Context,
  task: (manifest: string) => Promise<number>,
): Promise<number> {
  const manifest = resolve(flags.manifest ?? MANIFEST_NAME);
  const dir = dirname(manifest);
  const isThere = await stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere)
    throw new CommandError(`Cannot use the manifest ${manifest}: ${dir} is no directory, expected one that is there`, EXIT.usage);
  const onWait = (): void => printer.say(`Another migration writes with ${manifest}; waiting for its end`);
  const release = await takeLock(dir, { role: `migration-${shortHash([basename(manifest)])}`, signal, onWait });
  if (!release) throw new CommandError('Cannot migrate: it was told to end before it began; no file was changed');
  try {
    return await task(manifest);
  } finally {
    await release();
  }
}

async function reverted(manifest: string, flags: MigrateFlags, { printer }: Context): Promise<number> {
  const runs = await runsIn(manifest);
  const last = runs.at(-1);
  if (!last) throw new CommandError(`Cannot revert: ${manifest} does not exist, expected the manifest of migrate write`, EXIT.usage);
  const { written: left, changed } = await filesSince(last);
  if (changed.length > 0)
    throw new CommandError(
      `Cannot revert, these files were changed since they were written:\n${changed.map(({ path }) => `  ${path}`).join('\n')}`,
    );
  await removeStaged([manifest, ...last.files.map(({ path }) => path)]);
  const former = left.map(({ path, before }) => ({ path, text: before }));
  await replaceAll(former, { done: 'put back', next: 'give the command again when it can write: it goes on' });
  await writeManifest(manifest, runs.slice(0, -1));
  if (flags.json) printer.json({ reverted: last.files.map(({ path }) => path) });
  else printer.out(`files as they were before ${last.at}: ${last.files.length}`);
  return EXIT.ok;
}

async function runsIn(manifest: string): Promise<readonly MigrationRun[]> {
  return readManifest(manifest).catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error;
    throw new CommandError(`Cannot read the manifest ${manifest}: ${messageOf(error)}`);
  });
}

/** Writes files one after the other. Throws `CommandError` where one cannot be written, with how far it came and what to do then. */
async function replaceAll(
  files: readonly { readonly path: string; readonly text: string }[],
  { done, next, onNone }: { readonly done: string; readonly next: string; readonly onNone?: () => Promise<void> },
): Promise<void> {
  for (const [index, { path, text }] of files.entries())
    await replaceText(path, text).catch(async (error: unknown) => {
      const why = `Cannot write a file: ${messageOf(error)}; `;
      const isNone = index === 0 && onNone !== undefined && (await readText(path).catch(() => text)) !== text;
      if (isNone) await onNone();
      throw new CommandError(`${why}${isNone ? 'no file was changed' : `${index} of ${files.length} files are ${done}; ${next}`}`);
    });
}

async function migrated(paths: readonly string[], flags: MigrateFlags, context: Context): Promise<Report> {
  if (paths.length === 0)
    throw new CommandError(
      'Cannot migrate: no path is given, expected files or directories; --from consul or --from nomad plans for a live catalog',
      EXIT.usage,
    );
  if (flags.from !== undefined) throw new CommandError('Cannot use paths together with --from', EXIT.usage);
  if (flags.add && flags.replace) throw new CommandError('Cannot use --add and --replace together', EXIT.usage);
  if (flags.format !== undefined && !['text', 'md', 'json'].includes(flags.format))
    throw new CommandError(`Cannot use --format "${flags.format}": expected text, md or json`, EXIT.usage);
  const to = dialectNamed(flags.to, '--to');
  const mode: RewriteMode = flags.replace ? 'replace' : 'add';
  const { config } = loadFor(flags, context);
  const convert = createConverter(config, { to });
  const found = await filesUnder(paths).catch((error: unknown) => {
    throw new CommandError(`Cannot read ${paths.join(', ')}: ${messageOf(error)}`, EXIT.usage);
  });
  const files: MigratedFile[] = [];
  let toldAtMs = performance.now();
  for (const path of found.files) {
    const { text: before, file } = await loadJobFile(path);
    files.push({ path, before, ...rewriteFile(before, file, { mode, convert }) });
    if (performance.now() - toldAtMs < 2000) continue;
    toldAtMs = performance.now();
    context.printer.say(`${files.length} of ${found.files.length} files read`);
  }
  return { to, mode, files, skipped: found.skipped.map(skippedView) };
}

async function printDifferences(changed: readonly MigratedFile[], { printer }: Context): Promise<void> {
  const { PATCH_CONTEXT, unifiedPatch } = await import('../lib/patch.ts');
  for (const { path, before, text, edits } of changed)
    printer.out(unifiedPatch(path, { before, after: text }, { cuts: cutsBetween(before, edits, PATCH_CONTEXT) }));
}

function isChanged({ before, text }: MigratedFile): boolean {
  return before !== text;
}

function print(
  report: Report,
  { flags, context: { printer }, jobs }: { readonly flags: MigrateFlags; readonly context: Context; readonly jobs: readonly PlannedJob[] },
): void {
  const format = flags.json ? 'json' : (flags.format ?? 'text');
  if (format === 'json') printer.json({ ...jsonReport(report), ...(flags.nomad !== undefined && { jobs }) });
  else if (format === 'md') printer.out(markdownReport(report));
  else for (const line of textReport(report, printer)) printer.out(line);
}

function exitCodeOf(report: Report, flags: MigrateFlags): number {
  if ([...report.skipped, ...report.files.flatMap(({ findings }) => findings)].some(isUnread)) return EXIT.failed;
  const { byHand, lossy, guessed } = countsOf(report);
  return flags.strict && byHand + lossy + guessed > 0 ? EXIT.losses : EXIT.ok;
}
