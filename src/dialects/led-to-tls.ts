import type { EntryPointChoice } from '../model/entry-point.ts';
import { withoutSpan, type RouteIntent } from '../model/intent.ts';
import { hostKey, NOT_ACME, type RouteMatch } from '../model/match.ts';
import type { Middleware } from '../model/middleware.ts';
import type { FormatContext } from './dialect.ts';
import { canonicalJson, usualKind } from './same.ts';

type Redirected = Required<FormatContext>['httpsRedirect'];

/**
 * The same intents, and behind them those that lead plain http to https for HinD's tags, which ask for it without a word. As in the routing
 * table none is added where another one answers plain http for that host and path.
 */
export function withLedToTls(
  intents: readonly RouteIntent[],
  { httpsRedirect }: Pick<FormatContext, 'httpsRedirect'>,
): readonly RouteIntent[] {
  if (!httpsRedirect) return intents;
  const answered = new Set(intents.filter(({ entryPoints }) => isPlain(entryPoints)).map(({ match }) => placeKey(match)));
  const led = intents
    .filter(({ dialect, entryPoints, match }) => dialect === 'hind' && entryPoints.kind === 'tls' && !answered.has(placeKey(match)))
    .map((intent): RouteIntent => {
      const match = { ...intent.match, conditions: [...intent.match.conditions, NOT_ACME] };
      return { ...intent, entryPoints: { kind: 'plain' }, match, middlewares: [redirectTo(httpsRedirect)] };
    });
  return [...intents, ...led];
}

/** Those intents that do nothing but lead to another one what comes over plain http, as a HinD tag does without a word, by that other one. */
export function ledToTls(
  intents: readonly RouteIntent[],
  { entryPoints: usual, httpsRedirect }: Pick<FormatContext, 'entryPoints' | 'httpsRedirect'>,
): ReadonlyMap<RouteIntent, RouteIntent> {
  if (!httpsRedirect) return new Map();
  const targets = new Map(
    intents.filter(({ entryPoints }) => usualKind(entryPoints, usual) === 'tls').map((intent) => [placeKey(intent.match), intent]),
  );
  const asLed = canonicalJson([[NOT_ACME], [redirectTo(httpsRedirect)]]);
  return new Map(
    intents.flatMap((intent) => {
      const { entryPoints, match, middlewares } = intent;
      const target = usualKind(entryPoints, usual) === 'plain' ? targets.get(placeKey(match)) : undefined;
      return target && canonicalJson([match.conditions, middlewares.map(withoutSpan)]) === asLed ? [[intent, target] as const] : [];
    }),
  );
}

function redirectTo({ port }: Redirected): Middleware {
  return { kind: 'redirectScheme', scheme: 'https', permanent: true, ...(port !== 443 && { port }) };
}

function isPlain(choice: EntryPointChoice): boolean {
  return choice.kind === 'plain' || choice.kind === 'both' || (choice.kind === 'named' && !choice.tls);
}

function placeKey({ host, path }: RouteMatch): string {
  return JSON.stringify([hostKey(host), path]);
}
