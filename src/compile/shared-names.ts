import { once } from '../lib/memo.ts';
import { compareText, groupBy } from '../lib/sort.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import { diagnose, type Report } from '../model/diagnostic.ts';
import { protocolOf } from '../model/entry-point.ts';
import { withoutSpan, type RouteIntent } from '../model/intent.ts';
import { matchKey } from '../model/match.ts';
import type { Reading } from './candidates.ts';

/**
 * Reports routers of one name in two services of an owner, or in two instances of one, that ask for different things. Traefik would drop
 * both (traefik/traefik:pkg/provider/merge.go); here each keeps its own.
 */
export function reportSharedNames(readings: readonly Reading[], report: Report): void {
  for (const group of groupBy(readings.flatMap(routersOf), ({ key }) => key).values()) {
    const [first, ...others] = group;
    const other = first && others.find(({ content }) => content !== first.content);
    const [span, related] = [other?.intent.spans[0], first?.intent.spans[0]];
    if (!other || !span || !related) continue;
    const message = `Router "${other.intent.name ?? ''}" is declared with other content too: Traefik would drop both, here each keeps its own`;
    report(diagnose('TRAEFIK_NAME_SHARED', message, { span, related: [related], hint: 'Give each router a name of its own' }));
  }
}

interface NamedRouter {
  /** Equal for routers that Traefik would take for one. */
  readonly key: string;
  readonly content: string;
  readonly intent: RouteIntent;
}

/** The routers of one instance, each once however many routes it has. */
const routersOf = once(({ instance, intents }: Reading): readonly NamedRouter[] => {
  // Traefik leaves out what is at fault before it compares
  const named = intents.filter(({ name, fault }) => name !== undefined && fault?.kind !== 'quarantined');
  return [...groupBy(named, (intent) => nameKey(instance, intent)).entries()].flatMap(([key, [intent, ...others]]) =>
    intent ? [{ key, intent, content: [intent, ...others].map(contentOf).toSorted(compareText).join() }] : [],
  );
});

function nameKey({ source, owner }: ServiceInstance, { name, entryPoints }: RouteIntent): string {
  return JSON.stringify([source, owner, protocolOf(entryPoints), name]);
}

function contentOf({ entryPoints, match, middlewares, priority, backend, linked, tlsProfile }: RouteIntent): string {
  return JSON.stringify([
    entryPoints,
    matchKey(match),
    middlewares.map(withoutSpan),
    priority,
    backend?.name.toLowerCase() ?? linked,
    tlsProfile?.name,
  ]);
}
