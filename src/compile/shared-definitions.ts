import { groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Definition } from '../model/intent.ts';
import type { Reading } from './candidates.ts';
import { contentOf } from './references.ts';

interface Declared {
  readonly definition: Definition;
  readonly reading: Reading;
}

/**
 * Reports names of middlewares and services that two services of an owner declare. Traefik would drop both, or pool two services that ask
 * for the same (traefik/traefik:pkg/provider/merge.go); here each keeps its own. Two middlewares that do the same are one in both.
 */
export function reportSharedDefinitions(readings: readonly Reading[], report: Report): void {
  // an instance without routes has nothing to lose
  const routed = readings.filter(({ intents }) => intents.length > 0);
  const declared = routed.flatMap((reading) =>
    reading.definitions.flatMap((definition): readonly Declared[] => (isOwn(definition) ? [] : [{ definition, reading }])),
  );
  for (const group of groupBy(declared, nameOf).values()) {
    const [first, ...others] = group;
    const other = first && others.find((candidate) => collides(first, candidate));
    if (!first || !other) continue;
    const { kind, name, span } = other.definition;
    const message = `The ${kind} "${name}" is declared by "${first.reading.instance.service}" too: Traefik would drop or pool both, here each keeps its own`;
    const hint = `Give each ${kind} a name of its own`;
    report(diagnose('TRAEFIK_NAME_SHARED', message, { span, related: [first.definition.span], hint }));
  }
}

/** The service that an instance has anyway, which no tag names. */
function isOwn(definition: Definition): boolean {
  return definition.kind === 'service' && definition.implicit === true;
}

function nameOf({ definition: { kind, name }, reading: { instance } }: Declared): string {
  return `${instance.source} ${instance.owner} ${kind} ${name.toLowerCase()}`;
}

function collides(a: Declared, b: Declared): boolean {
  if (a.reading.instance.service === b.reading.instance.service) return false;
  if (a.definition.kind !== 'middleware' || b.definition.kind !== 'middleware') return true;
  return contentOf(a.definition) !== contentOf(b.definition);
}
