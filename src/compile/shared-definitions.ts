import { groupBy } from '../lib/sort.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import type { Definition } from '../model/intent.ts';
import type { Reading } from './candidates.ts';

interface Declared {
  readonly definition: Definition;
  readonly reading: Reading;
}

/**
 * Reports names of middlewares and services that two services of an owner declare, or two instances of one in different ways. Traefik
 * would drop both, or pool two services that ask for the same (traefik/traefik:pkg/provider/merge.go); here each keeps its own. Two
 * middlewares that say the same are one in both.
 */
export function reportSharedDefinitions(readings: readonly Reading[], report: Report): void {
  const declared = readings.flatMap((reading) =>
    reading.definitions.flatMap((definition): readonly Declared[] => (isOwn(definition) ? [] : [{ definition, reading }])),
  );
  for (const group of groupBy(declared, nameOf).values()) {
    const [first, ...others] = group;
    // without any route there is nothing to lose
    if (!first || !group.some(({ reading }) => reading.intents.length > 0)) continue;
    const other = others.find((candidate) => collides(first, candidate));
    if (!other) continue;
    const { kind, name, span } = other.definition;
    const { service } = first.reading.instance;
    const message =
      service === other.reading.instance.service
        ? `The instances of "${service}" declare the ${kind} "${name}" in different ways: Traefik would drop it with its routers`
        : `The ${kind} "${name}" is declared by "${service}" too: Traefik would drop or pool both, here each keeps its own`;
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
  const areApart = a.reading.instance.service !== b.reading.instance.service;
  if (areApart && a.definition.kind === 'service') return true;
  return a.definition.declared !== b.definition.declared;
}
