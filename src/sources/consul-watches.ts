import { openScope, type Scope } from '../lib/scope.ts';

/** Which services have a waiting read of their own: all, or those that changed last where the agent holds fewer connections. */
export interface Watches {
  /** Watches services of `names`, the last ones first, and no others. */
  follow(names: readonly string[]): void;
  /** A service changed: it is watched from now on, the one that changed longest ago may no longer be. */
  prefer(name: string): void;
  /** The agent refused a connection: a tenth of the watches end. Several refusals within a second are one. */
  shrink(): void;
  /** Some more may be tried, up to the limit. */
  grow(): void;
  /** Services that are not watched. */
  unwatched(): readonly string[];
}

/** No watches yet; `watch` is run for each service until its scope ends, and does not reject. */
export function createWatches(options: {
  readonly limit: number;
  readonly scope: Scope;
  readonly watch: (name: string, scope: Scope) => Promise<void>;
  readonly monotonicMs: () => number;
}): Watches {
  const { limit, scope, watch, monotonicMs } = options;
  /** The one that changed longest ago is the first. */
  const running = new Map<string, Scope>();
  let names: readonly string[] = [];
  let budget = limit;
  let shrunkAtMs = Number.NEGATIVE_INFINITY;

  return {
    follow(wanted) {
      names = wanted;
      const present = new Set(wanted);
      for (const name of running.keys()) if (!present.has(name)) stop(name);
      fill();
    },
    prefer(name) {
      if (names.length <= budget) return;
      const own = running.get(name);
      if (own) {
        running.delete(name);
        running.set(name, own);
      } else {
        keepTo(budget - 1);
        start(name);
      }
    },
    shrink() {
      if (monotonicMs() - shrunkAtMs < 1000) return;
      shrunkAtMs = monotonicMs();
      budget = Math.max(1, Math.floor(Math.min(budget, running.size) * 0.9));
      keepTo(budget);
    },
    grow() {
      budget = Math.min(limit, Math.ceil(budget * 1.05));
      fill();
    },
    unwatched: () => names.filter((name) => !running.has(name)),
  };

  function fill(): void {
    const room = Math.max(0, budget - running.size);
    const waiting = names.filter((name) => !running.has(name));
    for (const name of waiting.slice(Math.max(0, waiting.length - room))) start(name);
  }

  function start(name: string): void {
    const own = openScope(scope);
    running.set(name, own);
    void watch(name, own);
  }

  function stop(name: string): void {
    running.get(name)?.end();
    running.delete(name);
  }

  function keepTo(count: number): void {
    for (const name of [...running.keys()].slice(0, Math.max(0, running.size - count))) stop(name);
  }
}
