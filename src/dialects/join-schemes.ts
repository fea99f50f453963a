import type { EntryPointChoice } from '../model/entry-point.ts';
import type { RouteIntent } from '../model/intent.ts';
import type { FormatContext } from './dialect.ts';

/**
 * Intents with every pair that differs in nothing but plain and TLS entry points made one for both: what a dialect that needs two routers
 * for it says comes back as one route in a dialect that needs one. The joined intent stands in the place of the first of the two.
 */
export function joinSchemes(intents: readonly RouteIntent[], { entryPoints }: Pick<FormatContext, 'entryPoints'>): readonly RouteIntent[] {
  const joined: RouteIntent[] = [];
  const open = new Map<string, number>();
  for (const intent of intents) {
    const scheme = schemeOf(intent.entryPoints, entryPoints);
    const key = contentOf(intent);
    const other = scheme && open.get(`${scheme === 'tls' ? 'plain' : 'tls'} ${key}`);
    const partner = other === undefined ? undefined : joined[other];
    if (scheme && other !== undefined && partner) {
      joined[other] = { ...partner, entryPoints: { kind: 'both' }, spans: [...partner.spans, ...intent.spans] };
      open.delete(`${scheme === 'tls' ? 'plain' : 'tls'} ${key}`);
      continue;
    }
    if (scheme) open.set(`${scheme} ${key}`, joined.length);
    joined.push(intent);
  }
  return joined;
}

/** Which of the usual entry points a choice means, where it means one of them alone. */
function schemeOf(choice: EntryPointChoice, { plain, tls }: FormatContext['entryPoints']): 'plain' | 'tls' | undefined {
  if (choice.kind === 'plain' || choice.kind === 'tls') return choice.aside ? undefined : choice.kind;
  if (choice.kind !== 'named' || choice.names.length !== 1) return undefined;
  const [name] = choice.names;
  if (choice.tls) return name === tls ? 'tls' : undefined;
  return name === plain ? 'plain' : undefined;
}

/** What two intents must have in common: all but their names and places. */
function contentOf(intent: RouteIntent): string {
  const { entryPoints: _entryPoints, name: _name, ...rest } = intent;
  return JSON.stringify(rest, (key, value: unknown) => (key === 'spans' || key === 'span' ? undefined : value));
}
