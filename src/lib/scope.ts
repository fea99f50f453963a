import { setTimeout as delay } from 'node:timers/promises';

/**
 * Work that ends together. Thousands may wait for its end: each is told on its own and forgotten in O(1), where the listeners of one
 * signal are a list that every new one is compared with.
 */
export interface Scope {
  readonly isOver: boolean;
  end(): void;
  /** Calls `fn` at the end, at once where it has ended. Returns what takes that back. */
  onEnd(fn: () => void): () => void;
  /** A controller of its own for each caller, which aborts with the end; `release` forgets it. */
  abortable(): { readonly controller: AbortController; readonly release: () => void };
  /** Waits `ms`, or until the end. Never rejects: check `isOver` afterwards. */
  sleep(ms: number): Promise<void>;
}

/** A scope that ends with the one it is in, or before. */
export function openScope(outer?: Pick<Scope, 'onEnd'>): Scope {
  const waiting = new Set<() => void>();
  let isOver = false;
  let leave: () => unknown = () => undefined;
  const scope: Scope = {
    get isOver() {
      return isOver;
    },
    end() {
      if (isOver) return;
      isOver = true;
      leave();
      for (const fn of waiting) fn();
      waiting.clear();
    },
    onEnd(fn) {
      if (isOver) fn();
      else waiting.add(fn);
      return () => waiting.delete(fn);
    },
    abortable() {
      const controller = new AbortController();
      return { controller, release: scope.onEnd(() => controller.abort()) };
    },
    async sleep(ms) {
      const { controller, release } = scope.abortable();
      await delay(ms, undefined, { signal: controller.signal }).catch(() => undefined);
      release();
    },
  };
  if (outer) leave = outer.onEnd(() => scope.end());
  return scope;
}

/** The scope of whoever holds `signal`. */
export function scopeOf(signal: AbortSignal): Scope {
  const scope = openScope();
  if (signal.aborted) scope.end();
  else signal.addEventListener('abort', () => scope.end(), { once: true });
  return scope;
}
