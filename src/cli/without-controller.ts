import { clearProxyFiles } from '../apply/proxy-files.ts';
import { openGenerations, type GenerationStore } from '../controller/generations.ts';
import { deadline } from '../lib/abort.ts';
import { CommandError } from './errors.ts';
import { takeLock } from './lock.ts';
import { proxyOf } from './paths.ts';
import type { Setup } from './setup.ts';
import { assertStaging, assertWritable } from './state-dir.ts';

/** Says that a state directory holds nothing that could be served, which most often is another one than the controller's. */
export function nothingApplied(act: string, stateDir: string): string {
  return `Cannot ${act}: nothing was applied yet by a controller with the state directory ${stateDir}. Where it has another one, name its configuration with --config (or HIND_PROXY_CONFIG), or the directory with --state-dir`;
}

/** A controller that is there answers at its admin address; one that ends lets go of its lock within this time. */
const LOCK_MS = 1000;

/**
 * Does with the generations of a set-up what its controller does not do, because none runs. Throws `CommandError` where one has the state
 * directory and does not answer; `act` says what cannot be done then.
 */
export async function withoutController<T>(
  { config, paths, log }: Setup,
  { act, signal }: { readonly act: string; readonly signal: AbortSignal },
  task: (generations: GenerationStore) => Promise<T>,
): Promise<T> {
  await assertWritable(paths.stateDir);
  await assertStaging(paths.stagingDir);
  const release = await takeLock(paths.stateDir, { signal: deadline(LOCK_MS, signal), onWait: () => undefined });
  if (!release)
    throw new CommandError(
      `Cannot ${act}: a controller has ${paths.stateDir} and does not answer, expected it at its admin address; stop it, then try again`,
    );
  try {
    await clearProxyFiles(paths.stateDir, log);
    return await task(await openGenerations(paths.stateDir, { keep: proxyOf(config).apply.keepGenerations, log }));
  } finally {
    await release();
  }
}
