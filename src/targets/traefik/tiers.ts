import type { Backend, Endpoint } from '../../model/pool.ts';
import type { Route } from '../../model/route.ts';

/** Instances of a pool that get the same share of the connections. */
export interface Tier {
  readonly backend: Backend;
  readonly endpoints: readonly Endpoint[];
  /** What they get together. */
  readonly weight: number;
}

/**
 * The instances that get connections of a TCP or UDP route, by pool and weight: Traefik weighs services there, not their servers. None
 * where the route has no instance.
 */
export function tiersOf({ action }: Route, backends: ReadonlyMap<string, Backend>): readonly Tier[] {
  const parts = action.kind === 'forward' ? [{ weight: 1, action }] : action.kind === 'split' ? action.parts : [];
  return parts.flatMap((part) => {
    const backend = part.action.kind === 'forward' ? backends.get(part.action.backend) : undefined;
    return backend ? poolTiers(backend, parts.length > 1 ? part.weight : undefined) : [];
  });
}

function poolTiers(backend: Backend, share: number | undefined): readonly Tier[] {
  const serving = backend.endpoints.filter(({ weight }) => weight > 0);
  const total = serving.reduce((sum, { weight }) => sum + weight, 0);
  const scale = share === undefined ? 1 : share / total;
  return [...new Set(serving.map(({ weight }) => weight))].map((weight) => {
    const endpoints = serving.filter((endpoint) => endpoint.weight === weight);
    return { backend, endpoints, weight: Math.max(1, Math.round(weight * endpoints.length * scale)) };
  });
}
