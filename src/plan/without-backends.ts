import type { BackendId } from '../model/names.ts';
import type { Middleware } from '../model/middleware.ts';
import type { Route } from '../model/route.ts';

/** A route that sends no request to some pools any more; undefined where it has no other. */
export function withoutBackends(route: Route, dead: ReadonlySet<BackendId>): Route | undefined {
  if (dead.size === 0) return route;
  const { action } = route;
  const middlewares = alive(route.middlewares, dead);
  if (action.kind === 'forward') return dead.has(action.backend) ? undefined : { ...route, middlewares };
  if (action.kind !== 'split') return { ...route, middlewares };
  const parts = action.parts
    .filter((part) => part.action.kind !== 'forward' || !dead.has(part.action.backend))
    .map((part) => ({ ...part, middlewares: alive(part.middlewares, dead) }));
  const [first] = parts;
  if (!first) return undefined;
  if (parts.length === 1) return { ...route, middlewares: [...middlewares, ...first.middlewares], action: first.action };
  return { ...route, middlewares, action: { kind: 'split', parts } };
}

function alive(middlewares: readonly Middleware[], dead: ReadonlySet<BackendId>): readonly Middleware[] {
  return middlewares.filter((middleware) => middleware.kind !== 'errors' || !dead.has(middleware.backend));
}
