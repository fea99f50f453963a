import { protects, type Middleware } from '../../model/middleware.ts';
import type { Route } from '../../model/route.ts';
import { middlewaresOf } from '../features.ts';
import type { Obstacle, RenderSettings } from '../target.ts';
import { canDeny } from './addresses.ts';
import { hasUsers } from './auth.ts';
import { isBreakerExpression, isRetryExpression } from './expression.ts';
import { isOfConnections } from './sni.ts';
import { isOfRequests } from './match.ts';
import { canAnswer } from './statuses.ts';
import { canChooseTls } from './tls.ts';

/** What in the values of a route Traefik would refuse or leave open. */
export function obstacleOf(route: Route, settings: RenderSettings): Obstacle | undefined {
  const { protocol, match, tlsProfile } = route;
  const isAsked = protocol === 'http' ? isOfRequests : isOfConnections;
  const odd = protocol === 'udp' ? match.conditions[0] : match.conditions.find((condition) => !isAsked(condition));
  if (odd) return { effect: 'drop', message: `Cannot serve the route: its match asks for ${odd.kind}, which ${protocol} has not` };
  if (tlsProfile && !canChooseTls(route))
    return withhold(`the policy "${tlsProfile.name}" says how TLS is ended, and Traefik can choose that for exact hosts only`);
  const problem = middlewaresOf(route).flatMap((middleware) => problemOf(middleware, route, settings) ?? [])[0];
  return problem === undefined ? undefined : withhold(problem);
}

function withhold(problem: string): Obstacle {
  return { effect: 'withhold', message: `Cannot enforce what the route asks: ${problem}; it answers 503` };
}

/** Why Traefik cannot do a middleware as its values ask; it would disable the router, or protect less. */
function problemOf(middleware: Middleware, { protocol }: Route, settings: RenderSettings): string | undefined {
  if (protocol !== 'http') return connectionProblem(middleware, protocol);
  switch (middleware.kind) {
    case 'basicAuth':
    case 'digestAuth':
      return hasUsers(middleware, settings) ? undefined : `${middleware.kind} has no users that Traefik can read`;
    case 'ipDeny':
      return canDeny(middleware) ? undefined : 'the list of everybody who is not denied is too long, or empty';
    case 'ipAllow':
      return middleware.status === undefined || canAnswer(middleware.status) ? undefined : `${middleware.status} is no status`;
    case 'rateLimit':
    case 'inFlight':
      return middleware.by.kind === 'address' && middleware.by.of.kind === 'everyHop' ? 'several hops are not one client' : undefined;
    case 'circuitBreaker':
      return isBreakerExpression(middleware.expression) ? undefined : 'the expression of its circuit breaker cannot be read';
    case 'buffering':
      return middleware.retryExpression === undefined || isRetryExpression(middleware.retryExpression)
        ? undefined
        : 'the expression of its retry cannot be read';
    default:
      return undefined;
  }
}

/** Connections have lists of allowed and denied addresses, and TCP ones a limit for each address. */
function connectionProblem(middleware: Middleware, protocol: 'tcp' | 'udp'): string | undefined {
  const fits =
    protocol === 'tcp' &&
    (((middleware.kind === 'ipAllow' || middleware.kind === 'ipDeny') &&
      (middleware.of.kind === 'peer' || middleware.of.kind === 'everyHop')) ||
      (middleware.kind === 'inFlight' && middleware.by.kind === 'address'));
  return fits || !protects(middleware) ? undefined : `there is no ${middleware.kind} for ${protocol} connections`;
}
