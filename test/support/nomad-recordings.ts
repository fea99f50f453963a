import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeEvent } from './fake-nomad.ts';
import { recordingsIn, recordingsOf, stepsOf, type RecordedStep as Step } from './recordings.ts';

export type { RecordedExchange } from './recordings.ts';

/** One step of a recording of Nomad. */
export interface RecordedStep extends Step {
  readonly streams?: readonly {
    readonly name?: string;
    readonly file?: string;
    readonly request?: { readonly query: string; readonly headers: Readonly<Record<string, string>> };
    readonly lines?: unknown;
  }[];
}

/** One line of a recorded stream: `{}` or a transaction. */
export interface RecordedLine {
  readonly Index?: number;
  readonly Events?: readonly FakeEvent[];
}

/** Where the recordings of real Nomad answers are; undefined where this machine has none. */
export const RECORDINGS: string | undefined = recordingsOf('nomad');

/** The names of all recordings. */
export function recordingNames(): readonly string[] {
  return recordingsIn(RECORDINGS);
}

/** The steps of a `.json` recording. */
export function recordedSteps(name: string): readonly RecordedStep[] {
  return stepsOf(RECORDINGS, name);
}

/** The lines of a `.ndjson` recording. */
export function recordedLines(name: string): readonly RecordedLine[] {
  const lines = readFileSync(join(RECORDINGS ?? '', name), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RecordedLine);
}
