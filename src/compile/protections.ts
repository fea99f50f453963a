import { compareBy, compareText } from '../lib/sort.ts';
import { diagnose, type Report, type TagSpan } from '../model/diagnostic.ts';
import type { Fault } from '../model/intent.ts';
import { protects, type Middleware, type MiddlewareKind } from '../model/middleware.ts';
import type { Candidate } from './candidates.ts';

/** Every protection that any instance asks for, each once: lists of allowed addresses must all hold, any denial and any password counts. */
export function protectionsOf(group: readonly Candidate[]): readonly Middleware[] {
  const all = group.flatMap(({ intent }) => intent.middlewares.filter(protects));
  const distinct = [...new Map(all.map((middleware) => [JSON.stringify(middleware), middleware])).values()];
  return distinct.toSorted(
    compareBy(
      (a, b) => placeOf(a) - placeOf(b),
      (a, b) => compareText(JSON.stringify(a), JSON.stringify(b)),
    ),
  );
}

/** Cheap refusals come first. */
const ORDER: readonly MiddlewareKind[] = ['ipAllow', 'ipDeny', 'allowedHosts', 'encodedCharacters', 'rateLimit', 'inFlight', 'maxBody'];

function placeOf({ kind }: Middleware): number {
  const place = ORDER.indexOf(kind);
  return place < 0 ? ORDER.length : place;
}

/** No request can carry two passwords: a route that instances protect with different users is withheld. */
export function rivalAuthFault(
  protections: readonly Middleware[],
  { own, span, report }: { readonly own: readonly Middleware[]; readonly span: TagSpan | undefined; readonly report: Report },
): Fault | undefined {
  const asking = (list: readonly Middleware[]): readonly Middleware[] =>
    list.filter(({ kind }) => kind === 'basicAuth' || kind === 'digestAuth');
  const all = asking(protections);
  if (all.length < 2 || asking(own).length === all.length) return undefined;
  const message = `Cannot protect the route with ${all.length} sets of users at once: instances ask for different ones, expected one; it answers 503`;
  report(diagnose('ROUTE_WITHHELD', message, { span }));
  return { kind: 'protective', code: 'ROUTE_WITHHELD' };
}
