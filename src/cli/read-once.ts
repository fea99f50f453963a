import type { OnceOptions } from '../controller/controller.ts';
import type { Cycle } from '../controller/cycle.ts';
import { visible } from '../lib/text.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Runtime } from './runtime.ts';

/** A catalog that does not answer a command is given this long to do so after all. */
const FAILED_MS = 2000;
/** A catalog that is silent for so long is told of. */
const SILENT_MS = 1000;

/**
 * What the catalogs of a runtime come to when they are read once, with nothing applied; what of them cannot be read is told. One that does
 * not answer is not waited for long: its saved snapshot takes its place, or with `partly` nothing. Throws `CommandError` where that is not
 * enough; `endOfReading` then ends the command.
 */
export async function readOnce(
  runtime: Runtime,
  { printer, signal }: Pick<Context, 'printer' | 'signal'>,
  { partly = false }: { readonly partly?: boolean } = {},
): Promise<Cycle> {
  return cycleOnce(runtime, { dryRun: true, failedWaitMs: FAILED_MS, partly }, { printer, signal });
}

/** One cycle after the catalogs were waited for, which is told. Throws `CommandError` where too few are known. */
export async function cycleOnce(
  runtime: Runtime,
  options: Omit<OnceOptions, 'onWait'>,
  { printer, signal }: Pick<Context, 'printer' | 'signal'>,
): Promise<Cycle> {
  const startupMs = runtime.setup.config.guards.startupWait;
  const failedMs = Math.min(options.failedWaitMs ?? startupMs, startupMs);
  const onWait = waitTeller(runtime, { startupMs, failedMs, printer });
  const cycle = await runtime.controller.once(signal, { ...options, failedWaitMs: failedMs, onWait });
  if (!cycle) {
    signal.throwIfAborted();
    throw noneAnswered(runtime);
  }
  tellUnread(runtime, printer);
  return cycle;
}

/** Tells of each catalog that is waited for: once that it is silent, once that it fails. */
function waitTeller(
  { controller, sources }: Runtime,
  { startupMs, failedMs, printer }: { readonly startupMs: number; readonly failedMs: number } & Pick<Context, 'printer'>,
): (waitedMs: number) => void {
  const told = new Set<string>();
  const tell = (key: string, what: string, ms: number): void => {
    if (told.has(key)) return;
    told.add(key);
    printer.say(visible(`${what}; waiting up to ${ms / 1000} s for it, Ctrl-C to stop`));
  };
  return (waitedMs) => {
    const states = controller.watcher.states();
    for (const { source, required } of sources) {
      const { synced, problem } = states.get(source.id) ?? { synced: false };
      if (synced || !required) continue;
      if (problem !== undefined) tell(`${source.id} failed`, `${source.id} does not answer (${problem})`, failedMs);
      else if (waitedMs > SILENT_MS) tell(source.id, `${source.id} has not answered yet`, startupMs);
    }
  };
}

/** A catalog that has not answered this command. */
export interface Unanswered {
  readonly name: string;
  /** It was named by the operator. */
  readonly required: boolean;
  readonly problem: string;
  /** When the snapshot was taken that stands in its place; absent where there is none. */
  readonly snapshotAt?: string;
}

/** Those that have not answered. */
export function unansweredOf({ controller, sources, snapshots }: Runtime): readonly Unanswered[] {
  const states = controller.watcher.states();
  return sources.flatMap(({ source, required }): Unanswered[] => {
    const { synced, problem = 'no answer' } = states.get(source.id) ?? { synced: false };
    if (synced) return [];
    const saved = snapshots.all().get(source.id)?.snapshot;
    return [{ name: source.id, required, problem, ...(saved && { snapshotAt: new Date(saved.observedAtMs).toISOString() }) }];
  });
}

function noneAnswered(runtime: Runtime): CommandError {
  const unanswered = unansweredOf(runtime);
  const isNone = unanswered.length === runtime.sources.length;
  const needed = isNone ? unanswered : unanswered.filter(({ required, snapshotAt }) => required && snapshotAt === undefined);
  const problems = visible(needed.map(({ name, problem }) => `${name}: ${problem}`).join('; ')) || 'none is on';
  const what = isNone ? `none answered (${problems})` : `nothing is known of one that did not answer (${problems})`;
  return new CommandError(`Cannot read the catalogs: ${what}. Name one with --consul, --nomad, --file or --config`, EXIT.unreachable);
}

/**
 * Ends a command that has read the catalogs: tells of each named one that did not answer what stands in its place. Returns the exit code of
 * the command, which then is 5 where it would be 0 or 3.
 */
export function endOfReading(runtime: Runtime, printer: Context['printer'], code: number): number {
  const unanswered = unansweredOf(runtime).filter(({ required }) => required);
  for (const { name, snapshotAt } of unanswered) {
    const instead = snapshotAt === undefined ? 'its services are missing above' : `above stands what it said at ${snapshotAt}`;
    printer.say(`${printer.style('yellow', 'warning')} ${visible(`${name} did not answer: ${instead}`)}`);
  }
  return unanswered.length > 0 && (code === EXIT.ok || code === EXIT.differences) ? EXIT.unreachable : code;
}

/** What of the catalogs could not be read, each with its place and reason. */
export function unreadOf({ snapshots }: Runtime): readonly string[] {
  return [...snapshots.all().values()].flatMap(({ snapshot }) => snapshot.faults ?? []);
}

function tellUnread(runtime: Runtime, printer: Context['printer']): void {
  for (const fault of unreadOf(runtime)) printer.say(`${printer.style('red', 'error')} Cannot read the services of ${fault}`);
}
