import { groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { protocolOf } from '../model/entry-point.ts';
import type { RouteIntent } from '../model/intent.ts';
import type { Reading } from './candidates.ts';

/**
 * Reports routers that only some of the instances of a service ask for, though they all have the service that it forwards to. Traefik would
 * send its requests to every one of them (traefik/traefik:pkg/provider/merge.go pools services by name); here only to those that ask.
 */
export function reportPartialRouters(readings: readonly Reading[], report: Report): void {
  const groups = groupBy(readings, ({ instance: { source, owner, service } }) => [source, owner, service].join('\u0000'));
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const asking = groupBy(group.flatMap(routersOf), ({ name }) => name);
    for (const [name, routers] of asking) {
      const { linked, spans } = routers.find(({ intent }) => intent.linked !== undefined)?.intent ?? {};
      if (linked === undefined) continue;
      const askers = new Set(routers.map(({ reading }) => reading));
      const other = group.find((reading) => !askers.has(reading) && hasService(reading, linked));
      if (!other) continue;
      const message = `Instance "${other.instance.instance}" does not ask for router "${name}" and gets none of its requests: Traefik would send them to it too`;
      report(diagnose('TRAEFIK_ROUTER_PARTIAL', message, { span: spans?.[0] }));
    }
  }
}

interface Router {
  readonly name: string;
  readonly intent: RouteIntent;
  readonly reading: Reading;
}

function routersOf(reading: Reading): readonly Router[] {
  return reading.intents.flatMap((intent) =>
    intent.name === undefined || protocolOf(intent.entryPoints) !== 'http' ? [] : [{ name: intent.name, intent, reading }],
  );
}

function hasService({ definitions }: Reading, name: string): boolean {
  return definitions.some((definition) => definition.kind === 'service' && definition.name.toLowerCase() === name && !definition.fault);
}
