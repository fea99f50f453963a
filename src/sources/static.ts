import type { SourceEvent } from '../model/catalog.ts';
import { sourceId } from '../model/names.ts';
import { parseServices } from './service-file.ts';
import type { Source } from './source.ts';
import { createNotifier } from '../lib/notifier.ts';

/** The services that the operator's own configuration lists: one snapshot, and another for each refresh. Throws `RangeError` for a wrong service. */
export function createStaticSource(services: readonly unknown[]): Source {
  const id = sourceId('static');
  const instances = parseServices(services, id);
  const wake = createNotifier();
  return {
    id,
    refresh: () => wake.notify(),
    async *watch(signal): AsyncGenerator<SourceEvent> {
      while (!signal.aborted) {
        yield { kind: 'snapshot', snapshot: { source: id, revision: '0', observedAtMs: Date.now(), local: true, instances } };
        await wake.wait(2 ** 31 - 1, signal);
      }
    },
  };
}
