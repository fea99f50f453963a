/** A bell for one listener: any number of rings before it listens count as one (a mailbox of size one, newest wins). */
export interface Bell {
  ring(): void;
  /** Waits for a ring, for `ms`, or for `signal`, whichever is first; true when it rang. A ring that came before counts. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>;
}

/** A bell that has not rung. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) await new Promise<void>((resolve) => listen(ms, signal, resolve));
      const heard = rung;
      rung = false;
      return heard;
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
