import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeEvent } from './fake-nomad.ts';

/** One request of a recording with its answer. */
export interface RecordedExchange {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly body: unknown;
  readonly note?: string;
}

/** One step of a recording. */
export interface RecordedStep {
  readonly do: string;
  readonly exchanges: readonly RecordedExchange[];
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

/** Where the recordings of real Nomad answers are; undefined where this machine has none. `RECORDINGS_DIR` names another place. */
export const RECORDINGS: string | undefined = [process.env['RECORDINGS_DIR'] ?? '', join(import.meta.dirname, '../../../shared/recordings')]
  .map((directory) => join(directory, 'nomad'))
  .find((directory) => existsSync(join(directory, '01-shapes.json')));

/** The names of all recordings. */
export function recordingNames(): readonly string[] {
  return RECORDINGS === undefined ? [] : readdirSync(RECORDINGS).toSorted();
}

/** The steps of a `.json` recording. */
export function recordedSteps(name: string): readonly RecordedStep[] {
  return (JSON.parse(readFileSync(join(RECORDINGS ?? '', name), 'utf8')) as { readonly steps: readonly RecordedStep[] }).steps;
}

/** The lines of a `.ndjson` recording. */
export function recordedLines(name: string): readonly RecordedLine[] {
  const lines = readFileSync(join(RECORDINGS ?? '', name), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RecordedLine);
}
