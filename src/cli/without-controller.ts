import { clearProxyFiles } from '../apply/proxy-files.ts';
import { openGenerations, type GenerationStore } from '../controller/generations.ts';
import { deadline } from '../lib/abort.ts';
import { setUpAgain } from './context.ts';
import { CommandError } from './errors.ts';
import { appliedGenerations } from './kept-generations.ts';
import { takeLock } from './lock.ts';
import { proxyOf } from './paths.ts';
import { isStillWanted } from './served.ts';
import type { Setup } from './setup.ts';
import { assertStaging, assertWritable } from './state-dir.ts';

/** A controller that is there answers at its admin address; one that ends lets go of its lock within this time. */
const LOCK_MS = 1000;

/**
 * Does with the generations of a set-up what its controller does not do, because none runs; the task gets the set-up with everything made
 * that it takes. Throws `CommandError` where a controller has the state directory and does not answer, and where nothing was ever applied:
 * then nothing is made. `act` says what cannot be done.
 */
export async function withoutController<T>(
  looking: Setup,
  { act, signal }: { readonly act: string; readonly signal: AbortSignal },
  task: (generations: GenerationStore, setup: Setup) => Promise<T>,
): Promise<T> {
  const { config, paths, log } = looking;
  await appliedGenerations(looking, act);
  const setup = await setUpAgain(looking);
  const hint = 'it does not answer, expected it at its admin address; stop it, then try again';
  return alone(setup, { act, hint, signal }, async () =>
    task(await openGenerations(paths.stateDir, { keep: proxyOf(config).apply.keepGenerations, log }), setup),
  );
}

/**
 * Does something while no controller has the state directory of a set-up. Throws `CommandError` where one has it, with `hint`, and where
 * another program has changed the proxy since the set-up was made.
 */
export async function alone<T>(
  setup: Setup,
  { act, hint, signal }: { readonly act: string; readonly hint: string; readonly signal: AbortSignal },
  task: () => Promise<T>,
): Promise<T> {
  const { paths, log } = setup;
  await assertWritable(paths.stateDir);
  await assertStaging(paths.stagingDir);
  const release = await takeLock(paths.stateDir, { signal: deadline(LOCK_MS, signal), onWait: () => undefined });
  if (!release) throw new CommandError(`Cannot ${act}: a controller or another command has ${paths.stateDir}; ${hint}`);
  try {
    await clearProxyFiles(paths.stateDir, log);
    if (!(await isStillWanted(setup)))
      throw new CommandError(`Cannot ${act}: another command changed the proxy meanwhile. hind-proxy status says what runs; try again`);
    return await task();
  } finally {
    await release();
  }
}
