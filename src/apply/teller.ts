import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { writeProxyState, type ProxyStateFile, type SwitchOutcome } from './proxy-files.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { startOf } from '../lib/process-mark.ts';

/** Tells in `proxy-state.json` what runs. A disk that is full must not end the proxy: it is written as soon as that can be done. */
export interface Teller {
  readonly isListening: () => boolean;
  tell(running: ProxyProcess): Promise<void>;
  /** The running proxy answers. */
  tellListening(running: ProxyProcess): Promise<void>;
  /** Another one was started beside it, which must not outlive us unknown: somebody else would share its addresses with it. */
  tellBeside(running: ProxyProcess, started: ProxyProcess): Promise<void>;
  /** It took the place of `from`, which goes on beside it until it is forgotten. */
  tellChange(running: ProxyProcess, change: { readonly from: ProxyProcess; readonly outcome: SwitchOutcome }): Promise<void>;
  /** What was asked for has ended, and it serves. */
  tellEnd(running: ProxyProcess, outcome: SwitchOutcome): Promise<void>;
  /** What could not be written, or was forgotten, is written now, if it is time to try. */
  tellAgain(running: ProxyProcess): Promise<void>;
  /** It has ended; `tellAgain` tells so. */
  forget(beside: ProxyProcess): void;
}

/** How often it is tried to write what runs where the disk does not let us. */
const TELL_MS = 1000;

/** `outcome`: how the last switch ended, as it was told before. */
export function createTeller({
  stateDir,
  log,
  outcome: answered,
}: {
  readonly stateDir: string;
  readonly log: Log;
  readonly outcome?: SwitchOutcome;
}): Teller {
  let [isListening, outcome] = [false, answered];
  let untoldAtMs: number | undefined;
  let isForgotten = false;
  const beside = new Set<ProxyProcess>();
  return {
    isListening: () => isListening,
    tell,
    tellListening(running) {
      isListening = true;
      return tell(running);
    },
    tellBeside(running, started) {
      beside.add(started);
      return tell(running);
    },
    tellChange(running, { from, outcome: ended }) {
      beside.delete(running);
      beside.add(from);
      isListening = true;
      return tellEnd(running, ended);
    },
    tellEnd,
    async tellAgain(running) {
      if (untoldAtMs === undefined ? isForgotten : performance.now() - untoldAtMs > TELL_MS) await tell(running);
    },
    forget(process) {
      beside.delete(process);
      isForgotten = true;
    },
  };

  async function tellEnd(running: ProxyProcess, ended: SwitchOutcome): Promise<void> {
    if (ended.kind === 'failed')
      log.error(
        { component: 'launcher', event: 'switch_failed', stage: ended.stage, reason: ended.reason },
        'The switch failed; the proxy of before serves on',
      );
    outcome = ended;
    await tell(running);
  }

  async function tell(running: ProxyProcess): Promise<void> {
    isForgotten = false;
    for (const other of beside) if (other.hasEnded()) beside.delete(other);
    try {
      await writeProxyState(stateDir, await stateOf(running));
      untoldAtMs = undefined;
    } catch (error) {
      if (untoldAtMs === undefined)
        log.error(
          { component: 'launcher', event: 'state_write_failed', err: { message: messageOf(error) } },
          'Cannot write which proxy runs; the proxy runs on, and it is tried again',
        );
      untoldAtMs = performance.now();
    }
  }

  async function stateOf({ pid, server, sinceMs }: ProxyProcess): Promise<ProxyStateFile> {
    const start = await startOf(pid);
    const others = await Promise.all(
      [...beside].map(async (other) => ({ server: other.server, pid: other.pid, start: await startOf(other.pid) })),
    );
    const known = others.flatMap((other) => (other.start === undefined ? [] : [{ ...other, start: other.start }]));
    return {
      launcher: process.pid,
      pid,
      server,
      since: new Date(sinceMs).toISOString(),
      ...(start !== undefined && { start }),
      listening: isListening,
      ...(known.length > 0 && { beside: known }),
      ...(outcome && { outcome }),
    };
  }
}
