import type { RouteIntent } from '../../../model/intent.ts';
import type { MiddlewareOf } from '../../../model/middleware.ts';

/**
 * An intent for both kinds of listeners that redirects to one scheme as two: the redirect on the one, the route without it on the other. On
 * the listeners of that scheme alone the redirect says nothing.
 */
export function splitAtRedirect(intent: RouteIntent): readonly RouteIntent[] {
  const redirect = intent.middlewares.find(
    (middleware): middleware is MiddlewareOf<'redirectScheme'> => middleware.kind === 'redirectScheme',
  );
  if (!redirect) return [intent];
  const { entryPoints } = intent;
  const target = redirect.scheme === 'https' ? 'tls' : 'plain';
  const middlewares = intent.middlewares.filter((middleware) => middleware !== redirect);
  if (entryPoints.kind === 'both')
    return [
      { ...intent, entryPoints: { kind: target === 'tls' ? 'plain' : 'tls' } },
      { ...intent, entryPoints: { kind: target }, middlewares },
    ];
  const endsTls = entryPoints.kind === 'tls' || ((entryPoints.kind === 'named' || entryPoints.kind === 'port') && entryPoints.tls);
  return endsTls === (target === 'tls') ? [{ ...intent, middlewares }] : [intent];
}
