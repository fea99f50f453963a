import type { RouteIntent } from '../model/intent.ts';

/** The priority that a Traefik router has among routers of the same match: stated, or the length of its rule. 0 in other dialects. */
export function effectivePriority({ priority, ruleLength }: Pick<RouteIntent, 'priority' | 'ruleLength'>): number {
  return priority ?? ruleLength ?? 0;
}
