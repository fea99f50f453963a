import type { DiagnosticCode } from '../../../model/codes.ts';
import type { TagSpan } from '../../../model/diagnostic.ts';
import type { Fault, Reference, SidePool } from '../../../model/intent.ts';
import type { Middleware } from '../../../model/middleware.ts';
import type { UpstreamHost } from '../../../model/pool.ts';
import { regexpProblem } from '../../../lib/regexp.ts';
import type { Item } from '../items.ts';
import type { Field } from '../read-labels.ts';
import { protective, quarantined, worstFault, type Tell } from '../tell.ts';

/** What a middleware, or a list of them, comes to. */
export interface MiddlewareReading {
  readonly middlewares: readonly (Middleware | Reference)[];
  /** The Host header that servers get. */
  readonly upstreamHost?: UpstreamHost;
  /** Pools that the middlewares send requests to. */
  readonly sidePools?: readonly SidePool[];
  /** Where its labels stand. */
  readonly spans?: readonly TagSpan[];
  readonly fault?: Fault;
}

/** A middleware of the labels. */
export type MiddlewareItem = Item<'http.middlewares'>;

/** What the readers of middlewares need. */
export interface Tools {
  readonly tell: Tell;
  /** The pool of one of the labels' own services; undefined where they declare none of that name. */
  readonly poolOf: (service: string) => SidePool | undefined;
}

/** Reads the middlewares of one type. */
export type MiddlewareReader = (item: MiddlewareItem, tools: Tools) => MiddlewareReading;

/** Nothing at all. */
export const NO_MIDDLEWARE: MiddlewareReading = { middlewares: [] };

/** One middleware, sound. */
export function only(middleware: Middleware): MiddlewareReading {
  return { middlewares: [middleware] };
}

/** Several readings in a row. */
export function inOrder(readings: readonly MiddlewareReading[]): MiddlewareReading {
  const upstreamHost = readings.findLast((reading) => reading.upstreamHost)?.upstreamHost;
  const sidePools = readings.flatMap((reading) => reading.sidePools ?? []);
  const spans = readings.flatMap((reading) => reading.spans ?? []);
  const fault = worstFault(readings.map((reading) => reading.fault));
  return {
    middlewares: readings.flatMap(({ middlewares }) => middlewares),
    ...(upstreamHost && { upstreamHost }),
    ...(sidePools.length > 0 && { sidePools }),
    ...(spans.length > 0 && { spans }),
    ...(fault && { fault }),
  };
}

/** A value that Traefik would not take either: its routes answer 503. Without a field, the whole middleware is meant. */
export function badValue(
  item: Pick<Item, 'name' | 'span'>,
  { field, expected, guard = false }: { readonly field?: Field | undefined; readonly expected: string; readonly guard?: boolean },
  tell: Tell,
): MiddlewareReading {
  const message = field
    ? `Cannot use "${field.label.value}" as ${field.path}, expected ${expected}; its routes answer 503`
    : `Cannot use "${item.name}": expected ${expected}; its routes answer 503`;
  tell('TRAEFIK_LABEL_VALUE', message, field?.label.valueSpan ?? item.span);
  return refused('TRAEFIK_LABEL_VALUE', guard);
}

/** A middleware with a fault of a code. `guard`: it protects. */
export function refused(code: DiagnosticCode, guard = false): MiddlewareReading {
  return { middlewares: [], fault: guard ? protective(code) : quarantined(code) };
}

/** Why a regular expression cannot be used, reported and as a reading; undefined where it can. */
export function regexpFault(pattern: string, field: Field | undefined, tell: Tell): MiddlewareReading | undefined {
  const problem = regexpProblem(pattern);
  if (problem === undefined || !field) return undefined;
  tell('TRAEFIK_REGEX_REFUSED', `Cannot use regular expression "${pattern}": ${problem}; its routes answer 503`, field.label.valueSpan);
  return refused('TRAEFIK_REGEX_REFUSED');
}
