import { causesOf } from '../lib/errors.ts';
import { SilenceError } from './admin-client.ts';
import type { LiveState } from './deployer.ts';

/** What a call that was rejected says of a proxy. */
export type DownState = Required<Extract<LiveState, { kind: 'down' }>>;

/** A proxy to which a call was rejected. */
export function downOf(error: unknown): DownState {
  const isSilent = error instanceof SilenceError;
  return { kind: 'down', reason: isSilent ? error.message : causesOf(error), isSilent };
}
