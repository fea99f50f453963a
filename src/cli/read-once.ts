import type { Cycle } from '../controller/cycle.ts';
import { visible } from '../lib/text.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Runtime } from './runtime.ts';

/**
 * What the catalogs of a runtime come to when they are read once, with nothing applied. Throws `CommandError` where none answers: each
 * with its problem, and what names another one.
 */
export async function readOnce({ controller, sources }: Runtime, signal: AbortSignal): Promise<Cycle> {
  const cycle = await controller.once(signal, { dryRun: true });
  if (cycle) return cycle;
  const states = controller.watcher.states();
  const problems = sources.map(({ source }) => `${source.id}: ${states.get(source.id)?.problem ?? 'no answer'}`);
  throw new CommandError(
    `Cannot read the catalogs: none answered (${visible(problems.join('; ')) || 'none is on'}). Name one with --consul, --nomad, --file or --config`,
    EXIT.unreachable,
  );
}
