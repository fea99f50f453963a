import { join } from 'node:path';
import type { DamageOptions } from '../lib/set-aside.ts';
import { listOf, number, objectOf, recordOf, text } from '../lib/shape.ts';
import type { Hold } from '../plan/guard.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../plan/plan.ts';
import { readState, writeState } from './state-file.ts';

/** What the plan remembers, kept across restarts: tombstones go on where they were, a held removal stays held. */
export interface PlanMemoryStore {
  readonly current: PlanMemory;
  set(memory: PlanMemory): void;
  save(): Promise<void>;
}

const isSaved = objectOf<PlanMemory>(
  { tombstones: recordOf(number) },
  { hold: objectOf<Hold>({ sinceMs: number, services: listOf(text()), total: number }, {}) },
);

/** The store with what was saved before. */
export async function openPlanMemory(stateDir: string, damage: DamageOptions): Promise<PlanMemoryStore> {
  const path = join(stateDir, 'plan.json');
  let saved = JSON.stringify((await readState(path, isSaved, damage)) ?? EMPTY_MEMORY);
  const store = {
    current: JSON.parse(saved) as PlanMemory,
    set(memory: PlanMemory): void {
      store.current = memory;
    },
    async save(): Promise<void> {
      const text = JSON.stringify(store.current);
      if (text === saved) return;
      await writeState(path, store.current);
      saved = text;
    },
  };
  return store;
}
