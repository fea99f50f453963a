import { withheldRoutes } from '../controller/route-state.ts';
import type { Log } from '../lib/log.ts';
import type { HeldRoute } from '../model/change.ts';
import { describeMatch } from '../model/describe.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { redactedDiagnostic } from '../model/redact.ts';
import type { Route, RoutingTable } from '../model/route.ts';

/** What a cycle has come to, as far as people have to be told of it; `fitted`: its table as the proxy serves it, where it does. */
export interface Troubles {
  readonly diagnostics: readonly Diagnostic[];
  readonly held: readonly HeldRoute[];
  readonly fitted?: RoutingTable;
}

/** So many are named in one line, or get one each. */
const NAMED = 10;

/** Logs what is wrong with tags and routes, each once for as long as it stays: errors of tags, removals that are held, routes that answer 503. */
export function troubleTeller({ log, proxy }: { readonly log: Log; readonly proxy: string }): (troubles: Troubles) => void {
  const base = { component: 'controller', proxy };
  const [errors, held, withheld] = [createMemory(), createMemory(), createMemory()];
  return (troubles) => {
    tellErrors(troubles.diagnostics);
    tellHeld(troubles.held.filter(({ state }) => state === 'held'));
    if (troubles.fitted) tellWithheld(withheldRoutes(troubles.fitted));
  };

  function tellErrors(diagnostics: readonly Diagnostic[]): void {
    // instances come and go, and a tag is wrong on all of them
    const wrong = new Map(
      diagnostics.filter(({ severity }) => severity === 'error').map((one) => [`${one.code} ${one.span?.service} ${one.span?.tag}`, one]),
    );
    const fresh = errors.fresh([...wrong.keys()]);
    for (const key of fresh.slice(0, NAMED)) {
      const error = wrong.get(key);
      if (error) log.warn({ ...base, event: 'tag_error', ...fieldsOf(error) }, 'A tag is wrong; hind-proxy validate shows where');
    }
    if (fresh.length > NAMED)
      log.warn({ ...base, event: 'tag_errors', more: fresh.length - NAMED }, 'More tags are wrong; hind-proxy validate shows all of them');
  }

  function tellHeld(removals: readonly HeldRoute[]): void {
    const fresh = new Set<string>(held.fresh(removals.map(({ route }) => route.id)));
    const begun = removals.filter(({ route }) => fresh.has(route.id));
    const [first] = begun;
    if (!first) return;
    const fields = { held: removals.length, reason: first.reason, routes: named(begun.map(({ route }) => route)) };
    log.warn({ ...base, event: 'removals_held', ...fields }, 'Removals are held until they are confirmed; hind-proxy guard says why');
  }

  function tellWithheld(routes: readonly Route[]): void {
    if (!withheld.differs(routes.map(({ id }) => id))) return;
    const fields = { ...base, withheld: routes.length };
    if (routes.length === 0) log.info({ ...fields, event: 'routes_withheld_none' }, 'No route is withheld any more');
    else
      log.warn(
        { ...fields, event: 'routes_withheld', routes: named(routes) },
        'Routes answer 503 until their tags are repaired; hind-proxy validate says why',
      );
  }
}

/** What there was the last time. */
function createMemory(): {
  /** Those that were not there the last time. */
  fresh(keys: readonly string[]): readonly string[];
  /** Whether these are others than the last time. */
  differs(keys: readonly string[]): boolean;
} {
  let known: ReadonlySet<string> = new Set();
  const fresh = (keys: readonly string[]): readonly string[] => {
    const before = known;
    known = new Set(keys);
    return keys.filter((key) => !before.has(key));
  };
  return {
    fresh,
    differs(keys) {
      const before = known.size;
      return fresh(keys).length > 0 || known.size !== before;
    },
  };
}

function named(routes: readonly Route[]): readonly string[] {
  return routes.slice(0, NAMED).map(describeMatch);
}

function fieldsOf(error: Diagnostic): object {
  const { code, message, span } = redactedDiagnostic(error);
  return { code, reason: message, ...(span && { source: span.source, owner: span.owner, service: span.service, tag: span.tag }) };
}
