import { openGenerations, type GenerationStore } from '../controller/generations.ts';
import { CommandError, EXIT } from './errors.ts';
import { proxyOf } from './paths.ts';
import type { Printer } from './print.ts';
import type { Setup } from './setup.ts';
import { assertReadable } from './state-dir.ts';

/** The generations of a state directory, to look at. Throws `CommandError` where this user may not read them; `act` says what cannot be done. */
export async function keptGenerations({ config, paths: { stateDir }, log }: Setup, act: string): Promise<GenerationStore> {
  await assertReadable(stateDir, act);
  return openGenerations(stateDir, { keep: proxyOf(config).apply.keepGenerations, looksOnly: true, log });
}

/** The same for who needs one, be it damaged. Throws `CommandError` where there is none: most often the controller has another directory. */
export async function appliedGenerations(setup: Setup, act: string): Promise<GenerationStore> {
  const store = await keptGenerations(setup, act);
  if (store.list().length + store.damaged().length > 0) return store;
  throw new CommandError(
    `Cannot ${act}: nothing was applied yet by a controller with the state directory ${setup.paths.stateDir}. Start hind-proxy run first; where it has another one, name its configuration with --config (or HIND_PROXY_CONFIG), or the directory with --state-dir`,
    EXIT.usage,
  );
}

/** Says that the catalogs are not followed, and how they would be. */
export function pinnedText(id: number): string {
  return `Generation ${id} is pinned, so the catalogs are not followed; hind-proxy unpin follows them again`;
}

/** Tells it beside what the catalogs would come to, where a generation is pinned. */
export function tellPinned(generations: GenerationStore, printer: Printer): void {
  const pinned = generations.pinned();
  if (pinned !== undefined) printer.say(pinnedText(pinned));
}
