import { connect } from 'node:net';
import { instanceKey, type ServiceInstance } from '../model/catalog.ts';
import { sleep } from '../lib/async.ts';

/** Keeps instances that do not listen yet from being used. */
export interface Readiness {
  /**
   * The same instances; those that refuse connections are `critical` until they accept one. Instances of the first call are taken as
   * listening until they refuse, because what runs must not be taken out by our start. Instances that are left out are forgotten.
   */
  sift(instances: readonly ServiceInstance[]): readonly ServiceInstance[];
  close(): void;
}

const CONNECT_MS = 1000;
/** Pauses between connects grow to 1 s. */
const PAUSES_MS = [50, 100, 200, 400] as const;
const LONGEST_PAUSE_MS = 1000;
const IN_FLIGHT = 64;
/** Nothing listens there: other failures say nothing about the instance, only about the way to it. */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET']);

/**
 * A gate for catalogs that list an instance before it listens. Each new address and port is connected to, without a byte sent, until it
 * accepts. `onChange` is called when the answer of `sift` would differ.
 */
export function createReadiness({ onChange }: { readonly onChange: () => void }): Readiness {
  const known = new Map<string, { isReady: boolean; readonly stop: AbortController }>();
  const queue: (() => void)[] = [];
  let inFlight = 0;
  let isFirst = true;

  return {
    sift(instances) {
      const keys = new Set(instances.map(keyOf));
      for (const [key, { stop }] of known) {
        if (keys.has(key)) continue;
        stop.abort();
        known.delete(key);
      }
      for (const instance of instances) if (!known.has(keyOf(instance))) watch(instance);
      isFirst = false;
      return instances.map((instance) => (known.get(keyOf(instance))?.isReady ? instance : { ...instance, health: 'critical' }));
    },
    close() {
      for (const { stop } of known.values()) stop.abort();
      known.clear();
    },
  };

  function watch(instance: ServiceInstance): void {
    const state = { isReady: isFirst, stop: new AbortController() };
    known.set(keyOf(instance), state);
    const { signal } = state.stop;
    const follow = async (): Promise<void> => {
      for (let attempt = 0; !signal.aborted; attempt += 1) {
        const accepts = await withinLimit(() => listens(instance, signal));
        if (signal.aborted) return;
        if (accepts !== state.isReady) {
          state.isReady = accepts;
          onChange();
        }
        if (accepts) return;
        await sleep(PAUSES_MS[attempt] ?? LONGEST_PAUSE_MS, signal);
      }
    };
    void follow();
  }

  async function withinLimit<T>(task: () => Promise<T>): Promise<T> {
    if (inFlight >= IN_FLIGHT) await new Promise<void>((resolve) => queue.push(resolve));
    inFlight += 1;
    try {
      return await task();
    } finally {
      inFlight -= 1;
      queue.shift()?.();
    }
  }
}

/** Whether a connection is not refused. */
async function listens({ address, port }: ServiceInstance, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (accepts: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(accepts);
    };
    const abort = (): void => end(false);
    const timer = setTimeout(() => end(true), CONNECT_MS);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(!REFUSALS.has(error.code ?? '')));
  });
}

function keyOf(instance: ServiceInstance): string {
  return [instanceKey(instance), instance.address, instance.port].join('\u0000');
}
