import type { Reading } from '../compile/candidates.ts';
import { standingOf, type HealthOptions } from '../compile/standing.ts';
import { diagnose, type Diagnostic } from '../model/diagnostic.ts';

/** Of each instance that gives no route for want of a check, as Fabio has it: its first tag that asks for one. */
export function reportUnchecked(readings: readonly Reading[], options: HealthOptions): readonly Diagnostic[] {
  return readings.flatMap(({ instance, intents }) => {
    if (instance.health !== 'unknown') return [];
    const ignored = intents.find(({ dialect }) => standingOf(instance, dialect, options) === 'ignored');
    if (!ignored) return [];
    const message = `Cannot route to the instance: it has no check, and ${ignored.dialect} routes only to checked ones`;
    return [diagnose('FABIO_CHECK_MISSING', message, { span: ignored.spans[0] })];
  });
}
