import { join } from 'node:path';
import type { DamageOptions } from '../lib/set-aside.ts';
import { listOf, number, objectOf, pairOf, text } from '../lib/shape.ts';
import type { OwnerId } from '../model/names.ts';
import { readState, writeState } from './state-file.ts';

/** Who holds which host, remembered across redeploys and restarts. */
export interface ClaimStore {
  all(): ReadonlyMap<string, OwnerId>;
  /** Notes who holds what now; a claim that nobody has used for the time to live is forgotten. */
  update(holders: ReadonlyMap<string, OwnerId>, nowMs: number): void;
  save(): Promise<void>;
}

interface Claim {
  readonly owner: OwnerId;
  readonly seenAtMs: number;
}

const isSaved = listOf(pairOf(text(), objectOf<Claim>({ owner: text<OwnerId>(), seenAtMs: number }, {})));

/** The store with the claims of before. A claim without instances is released after `ttlMs`. */
export async function openClaims(stateDir: string, { ttlMs, ...damage }: DamageOptions & { readonly ttlMs: number }): Promise<ClaimStore> {
  const path = join(stateDir, 'claims.json');
  const claims = new Map<string, Claim>(await readState(path, isSaved, damage));
  // the last use is written a few times per time to live, not at every cycle
  let savedAt = new Map([...claims].map(([key, { seenAtMs }]) => [key, seenAtMs]));
  let unsaved = false;
  return {
    all: () => new Map([...claims].map(([key, { owner }]) => [key, owner])),
    update(holders, nowMs) {
      for (const [key, owner] of holders) {
        const saved = savedAt.get(key);
        unsaved ||= claims.get(key)?.owner !== owner || saved === undefined || nowMs - saved >= ttlMs / 24;
        claims.set(key, { owner, seenAtMs: nowMs });
      }
      for (const [key, { seenAtMs }] of claims) if (nowMs - seenAtMs > ttlMs) unsaved = claims.delete(key) || unsaved;
    },
    async save() {
      if (!unsaved) return;
      unsaved = false;
      savedAt = new Map([...claims].map(([key, { seenAtMs }]) => [key, seenAtMs]));
      await writeState(path, [...claims]);
    },
  };
}
