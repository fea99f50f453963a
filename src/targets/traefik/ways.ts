import type { Middleware } from '../../model/middleware.ts';
import type { RenderSettings } from '../target.ts';
import { asksClient, clientIn, handedOn, refusalOf, type Reach, type Refusal } from './addresses.ts';
import type { Rule } from './rule.ts';

/** One router of a route: which of its requests it takes, and what that means for the middlewares. */
export interface Way {
  /** Behind the name of the route; empty for the last one, which takes all that is left. */
  readonly suffix: string;
  readonly when: readonly Rule[];
  readonly reach: Reach;
  /** `forwardAuth` middlewares whose clients are not asked. */
  readonly notAsking: readonly Middleware[];
}

/**
 * The routers that a route needs, in the order in which they are asked. A middleware of Traefik cannot depend on who sent the request, so
 * that requests from trusted proxies, and clients that are not asked for a password, have routers of their own.
 */
export function waysOf(middlewares: readonly Middleware[], { trustedProxies }: Pick<RenderSettings, 'trustedProxies'>): readonly Way[] {
  const direct: Way = { suffix: '', when: [], reach: { trustedProxies, via: false }, notAsking: [] };
  const via: Way = { ...direct, suffix: '-via', when: [handedOn(trustedProxies)], reach: { trustedProxies, via: true } };
  const reached = trustedProxies.length > 0 && middlewares.some(asksClient) ? [via, direct] : [direct];
  return middlewares.reduce<readonly Way[]>((ways, middleware, index) => ways.flatMap((way) => bypassing(way, middleware, index)), reached);
}

/** A way, behind one for the clients that the middleware lets pass without asking. */
function bypassing(way: Way, middleware: Middleware, index: number): readonly Way[] {
  if (middleware.kind !== 'forwardAuth' || middleware.bypass.length === 0) return [way];
  const passing = clientIn(middleware.bypass, way.reach);
  if (!passing) return [way];
  const open: Way = {
    ...way,
    suffix: `${way.suffix}-pass${index}`,
    when: [...way.when, passing],
    notAsking: [...way.notAsking, middleware],
  };
  return [open, way];
}

/** What the middlewares refuse before any other router is asked, one for each status. */
export function refusalsOf(middlewares: readonly Middleware[]): readonly Refusal[] {
  const refusals = middlewares.flatMap((middleware) => refusalOf(middleware) ?? []);
  const statuses = [...new Set(refusals.map(({ status }) => status))];
  return statuses.map((status) => ({
    status,
    when: { kind: 'or', rules: refusals.filter((refusal) => refusal.status === status).map(({ when }) => when) },
  }));
}
