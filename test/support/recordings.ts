import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One request of a recording with its answer. */
export interface RecordedExchange {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly body: unknown;
  readonly elapsedMs?: number;
  readonly note?: string;
}

/** One step of a recording, with what else was noted of it. */
export interface RecordedStep {
  readonly do: string;
  readonly exchanges: readonly RecordedExchange[];
  readonly [noted: string]: unknown;
}

/** Where the recordings of one program's real answers are; undefined where this machine has none. `RECORDINGS_DIR` names another place. */
export function recordingsOf(program: 'consul' | 'nomad'): string | undefined {
  const places = [process.env['RECORDINGS_DIR'] ?? '', join(import.meta.dirname, '../../../shared/recordings')];
  return places.map((directory) => join(directory, program)).find((directory) => existsSync(directory));
}

/** The names of the recordings in a directory, sorted. */
export function recordingsIn(directory: string | undefined): readonly string[] {
  return directory === undefined ? [] : readdirSync(directory).toSorted();
}

/** The steps of a `.json` recording. */
export function stepsOf(directory: string | undefined, name: string): readonly RecordedStep[] {
  return (JSON.parse(readFileSync(join(directory ?? '', name), 'utf8')) as { readonly steps: readonly RecordedStep[] }).steps;
}
