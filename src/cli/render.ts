import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, basename } from 'node:path';
import { diagnosticView } from '../controller/views.ts';
import type { Cycle } from '../controller/cycle.ts';
import { usableBinary } from '../lib/binaries.ts';
import { messageOf } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { unifiedPatch } from '../lib/patch.ts';
import { describeMatch } from '../model/describe.ts';
import { redactedText } from '../model/redact.ts';
import type { RenderedFile } from '../model/rendered.ts';
import { programmingSetUpFor, type Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { GlobalFlags } from './flags.ts';
import { serverNamed } from './named.ts';
import { tellPinned } from './kept-generations.ts';
import { formatDiagnostic } from './print.ts';
import { endOfReading, readOnce, unansweredOf, unreadOf } from './read-once.ts';
import { createDeployer, openRuntime, type Runtime } from './runtime.ts';
import { assertProxyFiles, assertReadable } from './state-dir.ts';
import { targetOf } from './targets.ts';

/** What `render`, `plan` and `validate` take. */
export interface RenderFlags extends GlobalFlags {
  readonly target?: string;
  readonly static?: boolean;
  readonly out?: string;
  readonly rendered?: boolean;
  readonly json?: boolean;
}

/** Prints or writes what would be applied. */
export async function render(flags: RenderFlags, context: Context): Promise<number> {
  const { runtime, cycle } = await planned(flags, context);
  const { settings, server } = runtime.setup;
  const target = await targetOf(flags.target === undefined ? server : serverNamed(flags.target, '--target'));
  const { value, diagnostics } = target.render(cycle.change.serving, settings);
  for (const diagnostic of diagnostics) context.printer.say(formatDiagnostic(diagnostic, context.printer));
  const files: readonly RenderedFile[] = [...value.files, ...(flags.static ? target.renderStatic(settings) : [])];
  if (flags.out === undefined || flags.out === '-') for (const { content } of files) context.printer.out(content.trimEnd());
  else {
    for (const { path, content } of files) {
      await writeFileAtomic(join(flags.out, basename(path)), content).catch((error: unknown) => {
        throw new CommandError(`Cannot write to --out ${flags.out}: ${messageOf(error)}, expected a directory`);
      });
      context.printer.say(`wrote ${join(flags.out, basename(path))}`);
    }
  }
  return endOfReading(runtime, context.printer, EXIT.ok);
}

/** Prints what would change, per route; exit 3 where something would. */
export async function plan(flags: RenderFlags, context: Context): Promise<number> {
  const { runtime, cycle } = await planned(flags, context);
  // what is served now stands there
  await assertReadable(runtime.setup.paths.stateDir, 'plan');
  const { printer } = context;
  const { created, updated, removed, unchanged, held, verdict } = cycle.change;
  if (flags.json) {
    const ids = (routes: readonly { readonly id: string }[]): readonly string[] => routes.map(({ id }) => id);
    printer.json({
      verdict,
      created: ids(created),
      updated: updated.map(({ after }) => after.id),
      removed: ids(removed),
      unchanged,
      held: held.map(({ route, state, reason }) => ({ id: route.id, state, reason })),
      unanswered: unansweredOf(runtime).filter(({ required }) => required),
    });
  } else {
    for (const route of created) printer.out(printer.style('green', `+ ${describeMatch(route)}`));
    for (const { after } of updated) printer.out(printer.style('yellow', `~ ${describeMatch(after)}`));
    for (const route of removed) printer.out(printer.style('red', `- ${describeMatch(route)}`));
    for (const { route, state, reason } of held) printer.out(`  ${describeMatch(route)} is ${state}: ${reason}`);
    if (verdict.kind === 'hold') printer.out(`removals are held: ${verdict.reason}`);
    printer.out(`${created.length} to create, ${updated.length} to change, ${removed.length} to remove, ${unchanged} unchanged`);
  }
  tellPinned(runtime.generations, printer);
  if (flags.rendered) await printByteDiff(runtime, cycle, context);
  return endOfReading(runtime, printer, created.length + updated.length + removed.length === 0 ? EXIT.ok : EXIT.differences);
}

/** Checks configuration, tags and, with `--rendered`, what the real proxy says of the result. All faults at once. */
export async function validate(flags: RenderFlags, context: Context): Promise<number> {
  const { runtime, cycle } = await planned(flags, context, { partly: true });
  const { printer } = context;
  const say = (line: string): void => (flags.json ? printer.say(line) : printer.out(line));
  const faults = cycle.diagnostics.filter(({ severity }) => severity !== 'info');
  if (flags.json) printer.json(cycle.diagnostics.map(diagnosticView));
  else for (const diagnostic of faults) printer.out(formatDiagnostic(diagnostic, printer));
  let accepted = true;
  if (flags.rendered) {
    const { value } = runtime.setup.target.render(cycle.change.serving, runtime.setup.settings);
    await using dir = await mkdtempDisposable(join(tmpdir(), 'hind-proxy-check-'));
    const { setup } = runtime;
    usableBinary(setup.server, setup.env);
    const deployer = createDeployer({ ...setup, paths: { ...setup.paths, stagingDir: dir.path } });
    const outcome = await deployer.check(value, context.signal);
    accepted = outcome.kind !== 'refused';
    say(outcome.kind === 'accepted' ? `${runtime.setup.server} accepts the result` : `${runtime.setup.server}: ${outcome.reason}`);
  }
  const wrong = faults.filter(({ severity }) => severity === 'error').length;
  const errors = wrong + unreadOf(runtime).length;
  say(`${cycle.change.serving.routes.length} routes, ${errors} errors, ${faults.length - wrong} warnings`);
  return endOfReading(runtime, printer, accepted ? (errors > 0 ? EXIT.failed : EXIT.ok) : EXIT.refused);
}

/** `partly`: also without the services of a catalog that does not answer and was never read; what would be applied is not known then. */
async function planned(
  flags: RenderFlags,
  context: Context,
  { partly = false }: { readonly partly?: boolean } = {},
): Promise<{ readonly runtime: Runtime; readonly cycle: Cycle }> {
  // files that somebody will use name a certificate and a password that have to be there
  const looksOnly = !flags.static && (flags.out === undefined || flags.out === '-');
  const setup = await programmingSetUpFor(flags, context, { quiet: true, looksOnly });
  const runtime = await openRuntime(setup, { looksOnly: true });
  return { runtime, cycle: await readOnce(runtime, context, { partly }) };
}

async function printByteDiff({ setup, deployer }: Runtime, { change }: Cycle, { printer }: Context): Promise<void> {
  await assertProxyFiles(setup);
  const disk = await deployer.disk();
  const contents = disk.kind === 'absent' ? new Map<string, string>() : disk.contents;
  const { value } = setup.target.render(change.serving, setup.settings);
  const names = { before: 'served', after: 'planned' };
  for (const { path, content } of value.files)
    printer.out(redactedText(unifiedPatch(path, { before: contents.get(path) ?? '', after: content }, { names })));
}
