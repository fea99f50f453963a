import type { Generation } from '../model/generation.ts';
import type { Server } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { servedServices, massRemoval, type GuardOptions } from '../plan/guard.ts';
import { wholeGenerations, type GenerationMeta, type GenerationStore } from './generations.ts';
import type { ManagedProxy } from './managed-proxy.ts';

/** What a rollback works on. */
export interface RollbackOptions {
  readonly generations: GenerationStore;
  readonly managedProxy: ManagedProxy;
  /** The table that is served now. */
  readonly serving: RoutingTable;
  readonly guard: GuardOptions;
  /** An operator wants the services gone that the generation lacks, however many they are. */
  readonly acceptRemovals: boolean;
}

/** A generation that was put back. `served`: the proxy was read back with it; else it does not run, and boots from it. */
export interface PutBack {
  readonly meta: GenerationMeta;
  readonly table: RoutingTable;
  readonly served: boolean;
  /** Why it is not served. */
  readonly reason?: string;
  /** The proxy that ran until then, where it was the other one. */
  readonly replaced?: Server;
  /** The process id of an `exec-proxy` that was started for it and runs on, where none ran. */
  readonly launcher?: number;
}

/**
 * The generation that a rollback means: the one of that number, or the newest whole one before that which is pinned or served
 * (`current`); damaged ones are passed over. Throws `RangeError` where none is kept.
 */
export async function generationToPutBack(
  generations: GenerationStore,
  id: number | undefined,
  { current = generations.current() ?? 0 }: { readonly current?: number } = {},
): Promise<Generation> {
  const list = generations.list();
  const wanted = list.filter((kept) => (id === undefined ? kept.id < current : kept.id === id));
  for (const kept of wanted) {
    const generation = await generations.read(kept.id);
    if (generation) return generation;
  }
  const whole = await wholeGenerations(generations);
  const damaged = generations.damaged();
  const target = id === undefined ? '' : ` to generation ${id}`;
  if (list.length === 0 && damaged.length === 0) throw new RangeError(`Cannot roll back${target}: nothing was applied yet`);
  const broken = damaged.length === 0 ? '' : ` (damaged on disk: ${damaged.join(', ')})`;
  const kept = whole.map((meta) => meta.id).join(', ') || 'none';
  if (id === undefined)
    throw new RangeError(`Cannot roll back: none before generation ${current} is kept${broken}, expected one of ${kept}`);
  const reason = damaged.includes(id) ? 'it is damaged' : 'it is not kept';
  throw new RangeError(`Cannot roll back${target}: ${reason}, expected one of ${kept}`);
}

/** What a proxy was given last by a program that is gone: the newest on disk, be it damaged, where none is pinned. */
export function lastGiven(generations: GenerationStore): number {
  return generations.pinned() ?? Math.max(0, ...generations.list().map(({ id }) => id), ...generations.damaged());
}

/** Throws where a generation may not be put back without a word of the operator: too many of the services that are served would go. */
export function assertFewRemovals(
  { id, table }: Pick<Generation, 'id' | 'table'>,
  { serving, guard, acceptRemovals }: Pick<RollbackOptions, 'serving' | 'guard' | 'acceptRemovals'>,
): void {
  if (acceptRemovals) return;
  const [served, next] = [servedServices(serving), servedServices(table)];
  const lost = [...served].filter((service) => !next.has(service));
  const reason = massRemoval(lost, { total: served.size, isEmptied: next.size === 0, options: guard });
  if (reason === undefined) return;
  throw new Error(`Cannot roll back to generation ${id}: ${reason}; with --accept-removals (acceptRemovals) it is put back all the same`);
}

/**
 * Puts a generation back and pins it. Where the proxy refuses it, or too many services would go, what was pinned before stays pinned and
 * an error says why.
 */
export async function putBack(generation: Generation, options: RollbackOptions, signal: AbortSignal): Promise<PutBack> {
  const { generations, managedProxy } = options;
  const { id, table, config } = generation;
  assertFewRemovals(generation, options);
  const before = generations.pinned();
  // a crash from here on must not let the catalogs undo it
  await generations.pin(id).catch((error: unknown) => {
    throw new Error(`Cannot roll back to generation ${id}, because it cannot be pinned; what was served is served on`, { cause: error });
  });
  const outcome = await managedProxy.programPinned(config, signal);
  if (outcome.kind === 'rejected' || outcome.kind === 'rolledBack') {
    await (before === undefined ? generations.unpin() : generations.pin(before));
    throw new Error(`Cannot roll back to generation ${id}: ${outcome.reason}`);
  }
  const { table: _table, config: _config, ...kept } = generation;
  const meta = generations.list().find((one) => one.id === id) ?? { ...kept, routes: table.routes.length };
  return { meta, table, served: outcome.kind !== 'failed', ...(outcome.kind === 'failed' && { reason: outcome.reason }) };
}
