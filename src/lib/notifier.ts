/** Wakes one waiter: any number of notifications before it waits count as one. */
export interface Notifier {
  notify(): void;
  /** Waits for a notification, for `ms`, or for `signal`, whichever is first. A notification that came before counts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** A notifier without a notification. */
export function createNotifier(): Notifier {
  let isNotified = false;
  let wake: (() => void) | undefined;
  return {
    notify() {
      isNotified = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!isNotified && !signal.aborted) await new Promise<void>((resolve) => listen(ms, signal, resolve));
      isNotified = false;
    },
  };

  function listen(ms: number, signal: AbortSignal, resolve: () => void): void {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      wake = undefined;
      resolve();
    };
    const timer = setTimeout(done, Math.min(Math.max(0, ms), 2 ** 31 - 1));
    signal.addEventListener('abort', done, { once: true });
    wake = done;
  }
}
