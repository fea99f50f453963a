import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sleep } from '../lib/async.ts';
import { claimName } from '../lib/claim.ts';
import { shortHash } from '../lib/hash.ts';

/** The role of the parent of the proxy: it has a lock of its own. */
export const LAUNCHER = 'launcher';

/** How a lock is waited for. */
export interface LockOptions {
  readonly signal: AbortSignal;
  readonly onWait: () => void;
  /** Each has a lock of its own; default: that of the controller. */
  readonly role?: string;
  readonly retryMs?: number;
}

/**
 * Takes the lock of a state directory, so that only one controller writes there; it goes with its holder however that ends. While another
 * holds it `onWait` is told once and it is tried again, every `retryMs` (500), until `signal` aborts. Returns how to release it; undefined
 * where it was not taken.
 */
export async function takeLock(
  stateDir: string,
  { signal, onWait, role = '', retryMs = 500 }: LockOptions,
): Promise<(() => Promise<void>) | undefined> {
  const name = await nameOf(stateDir, role);
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const server = await claimName(name);
    if (server) return () => new Promise((resolve) => server.close(() => resolve()));
    if (attempt === 0) onWait();
    await sleep(retryMs, signal);
  }
  return undefined;
}

/** Whether somebody has the lock of a role now. */
export async function isLocked(stateDir: string, role: string): Promise<boolean> {
  const server = await claimName(await nameOf(stateDir, role));
  if (!server) return true;
  await new Promise((resolve) => server.close(resolve));
  return false;
}

async function nameOf(stateDir: string, role: string): Promise<string> {
  return `hind-proxy-${shortHash([await realpath(stateDir).catch(() => resolve(stateDir))])}${role && `-${role}`}`;
}
