import type { SwitchStage } from '../controller/views.ts';
import { messageOf } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { redactedText } from '../model/redact.ts';
import type { Server } from '../model/rendered.ts';
import { CommandError, EXIT, withHint } from './errors.ts';

/** The switch ended at a stage. `left`: how things are now; by default the proxy of before serves on. */
export class SwitchError extends Error {
  override readonly name = 'SwitchError';
  readonly stage: SwitchStage;
  /** What to do; the lines before the last say more of the reason. */
  readonly hint: string;
  /** Whether the other proxy was asked and does not do what is wanted; else the switch could not be made. */
  readonly code: 'SWITCH_REFUSED' | 'SWITCH_FAILED';

  constructor(
    stage: SwitchStage,
    {
      to,
      reason,
      hint,
      left = 'the proxy of before serves on',
      isRefusal = stage === 'check',
    }: {
      readonly to: string;
      readonly reason: string;
      readonly hint: string;
      readonly left?: string;
      readonly isRefusal?: boolean;
    },
  ) {
    super(`Cannot switch to ${to} (stage ${stage}): ${reason}; ${left}`);
    this.stage = stage;
    this.hint = hint;
    this.code = isRefusal ? 'SWITCH_REFUSED' : 'SWITCH_FAILED';
  }
}

/** Throws the `SwitchError` of a failed switch as the end of a command, and what else was thrown as it is. */
export function endCommand(error: unknown): never {
  if (!(error instanceof SwitchError)) throw error;
  throw new CommandError(withHint(error.message, error.hint), error.code === 'SWITCH_REFUSED' ? EXIT.refused : EXIT.failed);
}

/** What to do where a stage fails. */
export const HINTS: Readonly<Record<SwitchStage, string>> = {
  render: 'Correct what is named, then switch again',
  check: 'hind-proxy render --target shows what is refused; hind-proxy capabilities shows what each proxy can do',
  verify: 'Look at what the new proxy says, then switch again',
  ports: 'Give the proxies addresses that nobody else has, then switch again',
  files: 'Make the files and the program of the new proxy usable, then switch again',
  start: 'Look at the log of exec-proxy and of the new proxy, then switch again',
};

/** The stages of one switch. */
export interface Stages {
  /** Does the work of a stage. What it fails with is thrown as a `SwitchError` of that stage. */
  run<T>(stage: SwitchStage, task: () => Promise<T>): Promise<T>;
  /** What each has taken, in order; one that was tried anew all together. */
  times(): readonly { readonly stage: SwitchStage; readonly ms: number }[];
}

/** The stages of a switch to a proxy, none of which has begun. */
export function createStages(to: Server): Stages {
  const times = new Map<SwitchStage, number>();
  return {
    async run(stage, task) {
      const startedAtMs = performance.now();
      try {
        return await task();
      } catch (error) {
        if (error instanceof SwitchError || error instanceof TypeError) throw error;
        throw new SwitchError(stage, { to, reason: reasonOf(error), hint: HINTS[stage] });
      } finally {
        times.set(stage, (times.get(stage) ?? 0) + performance.now() - startedAtMs);
      }
    },
    times: () => [...times].map(([stage, ms]) => ({ stage, ms: Math.round(ms) })),
  };
}

/** What went wrong in one line; of what a proxy has said only that in which it speaks of an error. */
function reasonOf(error: unknown): string {
  const [first = '', ...others] = messageOf(error).replaceAll(COLOURS, '').split('\n');
  const detail = others.findLast((line) => /\berr(or)?\b/i.test(line));
  return redactedText(visible(detail === undefined ? first : `${first}: ${detail.slice(0, 300)}`));
}

// oxlint-disable-next-line no-control-regex -- escapes that colour a terminal are what is looked for
const COLOURS = /\x1b\[[0-9;]*m/g;
