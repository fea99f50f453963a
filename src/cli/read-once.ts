import type { Cycle } from '../controller/cycle.ts';
import { visible } from '../lib/text.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Runtime } from './runtime.ts';

/**
 * What the catalogs of a runtime come to when they are read once, with nothing applied; what of them cannot be read is told. Throws
 * `CommandError` where none answers.
 */
export async function readOnce(runtime: Runtime, { printer, signal }: Pick<Context, 'printer' | 'signal'>): Promise<Cycle> {
  const cycle = await runtime.controller.once(signal, { dryRun: true });
  if (cycle) {
    tellUnread(runtime, printer);
    return cycle;
  }
  throw noneAnswered(runtime);
}

/** The end of a command for which no catalog answered: each with its problem, and what names another one. */
export function noneAnswered({ controller, sources }: Runtime): CommandError {
  const states = controller.watcher.states();
  const problems = sources.map(({ source }) => `${source.id}: ${states.get(source.id)?.problem ?? 'no answer'}`);
  return new CommandError(
    `Cannot read the catalogs: none answered (${visible(problems.join('; ')) || 'none is on'}). Name one with --consul, --nomad, --file or --config`,
    EXIT.unreachable,
  );
}

/** What of the catalogs could not be read, each with its place and reason. */
export function unreadOf({ snapshots }: Runtime): readonly string[] {
  return [...snapshots.all().values()].flatMap(({ snapshot }) => snapshot.faults ?? []);
}

/** Tells of each as an error. */
export function tellUnread(runtime: Runtime, printer: Context['printer']): void {
  for (const fault of unreadOf(runtime)) printer.say(`${printer.style('red', 'error')} Cannot read the services of ${fault}`);
}
