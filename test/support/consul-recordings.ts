import assert from 'node:assert/strict';
import { recordingsIn, recordingsOf, stepsOf, type RecordedExchange, type RecordedStep } from './recordings.ts';

export const LIST = '/v1/catalog/services';
export const WEB = '/v1/health/service/web';

/** Where the recordings of real Consul answers are; undefined where this machine has none. */
export const RECORDINGS: string | undefined = recordingsOf('consul');

/** Why tests of recordings do not run here; false: they do. */
export const withoutRecordings: string | false =
  RECORDINGS === undefined && 'SKIPPED: needs the recordings in ../shared/recordings or RECORDINGS_DIR';

/** The names of all recordings. */
export function recordingNames(): readonly string[] {
  return recordingsIn(RECORDINGS);
}

/** The steps of a recording. */
export function recordedSteps(name: string): readonly RecordedStep[] {
  return stepsOf(RECORDINGS, name);
}

/** The step of a recording that begins with these words. */
export function recordedStep(name: string, what: string): RecordedStep {
  const found = recordedSteps(name).find((step) => step.do.startsWith(what));
  assert.ok(found, `${name} has a step "${what}"`);
  return found;
}

/** The nth read of a path in a step. */
export function recordedRead(step: RecordedStep, path: string, nth = 0): RecordedExchange {
  const found = step.exchanges.filter(({ request }) => request.path === path && request.method === 'GET')[nth];
  assert.ok(found, `"${step.do}" has a read ${nth} of ${path}`);
  return found;
}
