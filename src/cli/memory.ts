import { setFlagsFromString } from 'node:v8';

/** Commands that go on until they are told to end. */
const STAYING: ReadonlySet<string | undefined> = new Set(['run', 'exec-proxy', 'demo']);

/**
 * Lets a command that stays running use little memory: with 1,000 services 60 MB less for the one flag, 15 MB less for the other. Returns
 * whether it does: a command that ends would take a fifth longer, and goes without. Flags alone mean `run`.
 */
export function saveMemory([command]: readonly string[]): boolean {
  const stays = STAYING.has(command) || command?.startsWith('-') === true;
  if (stays) for (const flag of ['--semi-space-growth-factor=1', '--optimize-for-size']) setFlagsFromString(flag);
  return stays;
}
