import type { EntryPointChoice } from '../model/entry-point.ts';
import { withoutSpan, type RouteIntent } from '../model/intent.ts';
import { once } from '../lib/memo.ts';
import type { FormatContext } from './dialect.ts';

/** What an intent asks for as one text: equal for two that ask the same, wherever their tags stand. */
export const askKey: (intent: RouteIntent) => string = once((intent: RouteIntent): string => {
  const { entryPoints, match, middlewares, action, protocol, pool, sidePools, share, weight, priority, tls, tcpTls, endpoint } = intent;
  const { transport, backend, tlsProfile, fault, kept } = intent;
  const names = [transport, backend, tlsProfile].map((reference) => reference && withoutSpan(reference));
  const own = [share, weight, priority, tls, tcpTls, endpoint.port, fault?.code, kept];
  return canonicalJson([entryPoints, match, middlewares.map(withoutSpan), action, protocol, pool, sidePools, ...own, ...names]);
});

/** JSON with the keys of every object in order: equal for values of the same content. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/**
 * The same intents, with each pair that differs in nothing but plain http and TLS as one for both, in the place of the first. Fabio's own
 * stay apart: its tags say either.
 */
export function joinPairs(intents: readonly RouteIntent[], { entryPoints }: Pick<FormatContext, 'entryPoints'>): readonly RouteIntent[] {
  const joined: RouteIntent[] = [];
  const places = new Map<string, number>();
  for (const intent of intents) {
    const kind = usualKind(intent.entryPoints, entryPoints);
    const alike = askKey({ ...intent, entryPoints: { kind: 'both' } });
    const other = places.get(`${alike} ${kind === 'plain' ? 'tls' : 'plain'}`);
    const twin = other === undefined ? undefined : joined[other];
    if (kind === undefined || intent.dialect === 'fabio' || other === undefined || !twin) {
      if (kind !== undefined) places.set(`${alike} ${kind}`, joined.length);
      joined.push(intent);
    } else joined[other] = { ...twin, spans: [...twin.spans, ...intent.spans], entryPoints: { kind: 'both' } };
  }
  return joined;
}

/** Which of the two usual entry points a choice means; undefined where it means another, several, or both. */
export function usualKind(choice: EntryPointChoice, usual: FormatContext['entryPoints']): 'plain' | 'tls' | undefined {
  if (choice.kind === 'plain' || choice.kind === 'tls') return choice.kind;
  if (choice.kind !== 'named') return undefined;
  const [first, second] = choice.names;
  return second === undefined && first === (choice.tls ? usual.tls : usual.plain) ? (choice.tls ? 'tls' : 'plain') : undefined;
}
