import { openScope, type Scope } from '../lib/scope.ts';

/** Which services have a waiting read of their own: all, or those that changed last where the agent holds fewer connections. */
export interface Watches {
  /** Watches services of `names`, the last ones first, and no others; many begin one after the other. */
  follow(names: readonly string[]): void;
  /** A service is new or changed: it is watched from now on, the one that changed longest ago may no longer be. */
  prefer(name: string): void;
  /** The agent refused a connection: a tenth of the watches end. Several refusals within a second are one. */
  shrink(): void;
  /** Some more may be tried, up to the limit. */
  grow(): void;
  /** Services that are not watched. */
  unwatched(): readonly string[];
}

/** Waiting reads begin some at a time, or the first configuration would wait for all of them: 1,000 within a second, more within two. */
const STEP = { ms: 20, atLeast: 20, of: 100 } as const;

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
  let later: Promise<void> | undefined;

  return {
    follow(wanted) {
      names = wanted;
      const present = new Set(wanted);
      for (const name of running.keys()) if (!present.has(name)) stop(name);
      fill();
    },
    prefer(name) {
      const own = running.get(name);
      if (names.length <= budget) {
        if (!own) start(name);
      } else if (own) {
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
    for (const name of nextOnes()) start(name);
    later ??= fillLater().finally(() => (later = undefined));
  }

  async function fillLater(): Promise<void> {
    while (nextOnes().length > 0) {
      await scope.sleep(STEP.ms);
      if (scope.isOver) return;
      for (const name of nextOnes()) start(name);
    }
  }

  function nextOnes(): readonly string[] {
    const count = Math.min(budget - running.size, Math.max(STEP.atLeast, Math.ceil(names.length / STEP.of)));
    return count <= 0 ? [] : names.filter((name) => !running.has(name)).slice(-count);
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
