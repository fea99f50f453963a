import type { Middleware } from '../../model/middleware.ts';
import type { Backend, HealthCheck } from '../../model/pool.ts';
import { backendIdsOf, type Route, type SplitPart } from '../../model/route.ts';
import { middlewaresOf } from '../features.ts';
import type { RouteContext } from '../target.ts';
import { isEnforceable } from './access.ts';
import { encodingsOf } from './compress.ts';
import { canTellApart } from './limits.ts';
import { cutsSomething, nextAfterStrip } from './path-changes.ts';
import { tlsProblem } from './tls.ts';

/** Why Caddy cannot enforce a protection of a route as its values ask; undefined where it can. */
export function unenforceable(route: Route, { settings }: RouteContext): string | undefined {
  const tls = tlsProblem(route);
  if (tls !== undefined) return `Cannot enforce what the route asks: ${tls}`;
  return middlewaresOf(route).flatMap((middleware) => {
    if (!isEnforceable(middleware, settings))
      return ['Cannot enforce basicAuth: it needs users with bcrypt hashes, the only ones that Caddy checks'];
    if (middleware.kind === 'rateLimit' && !canTellApart(middleware.by))
      return [
        'Cannot enforce rateLimit: Caddy tells clients apart by the address of the connection or of the client, a header or the host',
      ];
    return [];
  })[0];
}

/** In what the values of a route ask for more than Caddy does. */
export function valueDifferences(route: Route, { backends, settings }: RouteContext): readonly string[] {
  const pools = backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
  const asked = middlewaresOf(route);
  return [
    ...emptiedPaths(route),
    ...unheeded(route, backends),
    ...asked.flatMap((middleware) => lost(middleware, settings)),
    ...pools.flatMap(({ healthCheck, endpoints }) => (healthCheck ? lostOfCheck(healthCheck, endpoints) : [])),
  ];
}

/** Chance does not know whether the instances of a part are well. */
function unheeded({ action }: Route, backends: RouteContext['backends']): readonly string[] {
  const isChecked = action.kind === 'split' && action.parts.every((part) => isCheckedPart(part, backends));
  return isChecked ? ['Requests for services whose instances all fail their health checks are not given to the others of the route'] : [];
}

function isCheckedPart({ action }: SplitPart, backends: RouteContext['backends']): boolean {
  return action.kind === 'forward' && backends.get(action.backend)?.healthCheck !== undefined;
}

/** An expression that replaces a path is not asked of nothing, which is what a Traefik tag that strips all of it leaves. */
function emptiedPaths({ dialect, middlewares }: Route): readonly string[] {
  const isReplaced = middlewares.some(
    (_one, index) => middlewares[nextAfterStrip(middlewares, index, dialect) ?? -1]?.kind === 'replacePathRegexp',
  );
  return isReplaced ? ['Where a prefix is all of the path an expression that replaces the rest is asked of a slash'] : [];
}

function lost(middleware: Middleware, settings: RouteContext['settings']): readonly string[] {
  switch (middleware.kind) {
    case 'stripPrefixRegexp':
      return middleware.regexps.every(cutsSomething) ? [] : ['An expression that may match nothing strips no prefix'];
    case 'compress': {
      const { encodings = [], defaultEncoding } = middleware;
      const known = encodingsOf(middleware, settings);
      const missing = encodings.filter((encoding) => !known.includes(encoding));
      return [
        ...(missing.length > 0 ? [`Caddy does not compress with ${missing.join(', ')}`] : []),
        ...(defaultEncoding === undefined ? [] : ['Answers to clients that name no encoding are not compressed']),
      ];
    }
    case 'buffering': {
      const { maxResponseBytes, retryExpression } = middleware;
      return [
        ...(maxResponseBytes === undefined ? [] : [`Answers of more than ${maxResponseBytes} bytes are sent on all the same`]),
        ...(retryExpression === undefined ? [] : ['Requests are not tried again by an expression of buffering']),
      ];
    }
    case 'retry':
      return middleware.ignoreConnectionErrors ? ['Connections that fail are tried again all the same'] : [];
    case 'passTlsClientCert':
      return middleware.info.length > 0 ? ['Instances get no X-Forwarded-Tls-Client-Cert-Info'] : [];
    default:
      return [];
  }
}

function lostOfCheck({ scheme, unhealthyIntervalMs, intervalMs }: HealthCheck, endpoints: Backend['endpoints']): readonly string[] {
  const isTls = endpoints.some(({ protocol }) => protocol === 'https');
  return [
    ...(scheme === undefined || (scheme === 'https') === isTls ? [] : [`Health checks use the scheme of the pool, not ${scheme}`]),
    ...(unhealthyIntervalMs === undefined || unhealthyIntervalMs === intervalMs
      ? []
      : ['Unhealthy instances are checked as often as healthy ones']),
  ];
}
