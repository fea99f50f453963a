import type { Condition, HostMatch, PathMatch, RouteMatch } from '../model/match.ts';
import { protects, type AddressSource, type Middleware, type MiddlewareKind } from '../model/middleware.ts';
import type { Backend, HealthCheck, LoadBalancing, UpstreamProtocol } from '../model/pool.ts';
import { backendIdsOf, type Redirect, type Route } from '../model/route.ts';

/** Everything a table can hold that a proxy may not be able to do. */
export type FeatureKind =
  | MiddlewareKind
  | `address.${AddressSource['kind']}`
  | `protocol.${UpstreamProtocol}`
  | `lb.${LoadBalancing}`
  | `match.${'hostPort' | 'hostPattern' | 'ignoreCase' | 'pathRegexp' | Exclude<Condition['kind'], 'host' | 'path'>}`
  | `route.${'tcp' | 'udp' | 'passthrough' | 'terminate' | 'split' | 'rawPath' | 'tlsProfile'}`
  | 'redirect.anyStatus'
  | `pool.${'weights' | 'mixedSchemes' | 'sticky' | 'healthCheck' | 'healthCheckGrpc' | 'healthCheckTcp' | 'passiveHealthCheck' | 'flushInterval' | 'proxyProtocol' | 'rootCas' | 'timeouts'}`;

/** What a proxy does with a feature. */
export interface Capability {
  /** By itself, with a module of the running binary, built from other features, or not at all. */
  readonly level: 'native' | 'module' | 'emulated' | 'unsupported';
  /** The module, as the binary lists it. */
  readonly module?: string;
  /** How it is done or why not, for people. */
  readonly note?: string;
  /** In what a client can see a difference; said with every route that uses the feature. */
  readonly differs?: string;
}

/** One answer for every feature: a new feature does not compile until every target has given one. */
export type Capabilities = Readonly<Record<FeatureKind, Capability>>;

/**
 * One feature that a route needs, and what becomes of the route without it. `route`: nothing can stand for it. `withhold`: leaving it out
 * would open what it protects. `middleware`, `pool`: the route is served without.
 */
export interface FeatureUse {
  readonly feature: FeatureKind;
  readonly without: 'route' | 'withhold' | 'middleware' | 'pool';
}

/** The features that a route needs, each once, in the order in which the route names them. */
export function featuresOf(route: Route, backends: ReadonlyMap<string, Backend>): readonly FeatureUse[] {
  const pools = backendIdsOf(route).flatMap((id) => backends.get(id) ?? []);
  const uses: readonly FeatureUse[] = [
    ...routeFeatures(route),
    ...matchFeatures(route.match),
    ...middlewaresOf(route)
      .flatMap(middlewareFeatures)
      .filter(({ feature }) => route.protocol === 'http' || !isAddress(feature)),
    ...redirectsOf(route).flatMap(redirectFeatures),
    ...pools.flatMap(poolFeatures),
  ];
  return [...new Map(uses.map((use) => [use.feature, use])).values()];
}

/** Whose address counts is no question where there is only that of the connection. */
function isAddress(feature: FeatureKind): boolean {
  return feature.startsWith('address.');
}

/** The features that one middleware needs. */
export function middlewareFeatures(middleware: Middleware): readonly FeatureUse[] {
  const without = protects(middleware) ? 'withhold' : 'middleware';
  const address = addressOf(middleware);
  return [{ feature: middleware.kind, without }, ...(address ? [{ feature: `address.${address.kind}`, without } as const] : [])];
}

function addressOf(middleware: Middleware): AddressSource | undefined {
  if (middleware.kind === 'ipAllow' || middleware.kind === 'ipDeny') return middleware.of;
  if ((middleware.kind === 'rateLimit' || middleware.kind === 'inFlight') && middleware.by.kind === 'address') return middleware.by.of;
  return undefined;
}

/** Every middleware of a route, those of its parts too. */
export function middlewaresOf({ middlewares, action }: Pick<Route, 'middlewares' | 'action'>): readonly Middleware[] {
  return action.kind === 'split' ? [...middlewares, ...action.parts.flatMap((part) => part.middlewares)] : middlewares;
}

function redirectsOf({ action }: Pick<Route, 'action'>): readonly Redirect[] {
  const actions = action.kind === 'split' ? action.parts.map((part) => part.action) : [action];
  return actions.flatMap((one) => (one.kind === 'redirect' ? [one.redirect] : []));
}

/** 301 and 302 for GET, with 308 and 307 for other methods, is what every proxy can do. */
function redirectFeatures({ status, otherStatus = status }: Redirect): readonly FeatureUse[] {
  const usual = (status === 301 && otherStatus === 308) || (status === 302 && otherStatus === 307);
  return usual ? [] : [{ feature: 'redirect.anyStatus', without: 'middleware' }];
}

function routeFeatures({ protocol, tcpTls, tlsProfile, action, pathForm }: Route): readonly FeatureUse[] {
  const needed: readonly (FeatureKind | false | undefined)[] = [
    protocol !== 'http' && `route.${protocol}`,
    tcpTls && `route.${tcpTls}`,
    action.kind === 'split' && 'route.split',
    pathForm === 'raw' && action.kind === 'forward' && 'route.rawPath',
  ];
  const uses = needed.flatMap((feature): FeatureUse[] =>
    feature ? [{ feature, without: feature === 'route.rawPath' ? 'middleware' : 'route' }] : [],
  );
  return tlsProfile ? [...uses, { feature: 'route.tlsProfile', without: 'withhold' }] : uses;
}

function matchFeatures({ host, path, conditions }: RouteMatch): readonly FeatureUse[] {
  return [...hostFeatures(host), ...pathFeatures(path), ...conditions.flatMap(conditionFeatures)];
}

const needed = (feature: FeatureKind): FeatureUse => ({ feature, without: 'route' });

function hostFeatures(host: HostMatch): readonly FeatureUse[] {
  const pattern = host.kind === 'glob' || host.kind === 'regexp' ? [needed('match.hostPattern')] : [];
  const port = (host.kind === 'exact' || host.kind === 'glob') && typeof host.port === 'number' ? [needed('match.hostPort')] : [];
  return [...pattern, ...port];
}

function pathFeatures(path: PathMatch): readonly FeatureUse[] {
  if (path.kind === 'regexp') return [needed('match.pathRegexp')];
  return path.kind !== 'any' && path.ignoreCase ? [needed('match.ignoreCase')] : [];
}

function conditionFeatures(condition: Condition): readonly FeatureUse[] {
  switch (condition.kind) {
    case 'host':
      return hostFeatures(condition.host);
    case 'path':
      return pathFeatures(condition.path);
    case 'not':
      return [needed('match.not'), ...conditionFeatures(condition.condition)];
    default:
      return [needed(`match.${condition.kind}`)];
  }
}

function poolFeatures(backend: Backend): readonly FeatureUse[] {
  const { endpoints, loadBalancing, sticky, healthCheck, passiveHealthCheck, flushIntervalMs, proxyProtocol, transport } = backend;
  const protocols = new Set(endpoints.map(({ protocol }) => protocol));
  const weights = new Set(endpoints.map(({ weight }) => weight));
  const several = endpoints.length > 1;
  const timed = transport.dialTimeoutMs ?? transport.responseTimeoutMs ?? transport.idleTimeoutMs;
  const wishes: readonly (FeatureKind | false)[] = [
    several && `lb.${loadBalancing}`,
    weights.size > 1 && 'pool.weights',
    protocols.size > 1 && 'pool.mixedSchemes',
    sticky !== undefined && 'pool.sticky',
    healthCheck !== undefined && healthCheckFeature(healthCheck),
    passiveHealthCheck !== undefined && 'pool.passiveHealthCheck',
    flushIntervalMs !== undefined && 'pool.flushInterval',
    timed !== undefined && 'pool.timeouts',
  ];
  return [
    ...[...protocols].map((protocol) => needed(`protocol.${protocol}`)),
    ...(proxyProtocol === undefined ? [] : [needed('pool.proxyProtocol')]),
    ...(transport.rootCas === undefined ? [] : [{ feature: 'pool.rootCas', without: 'withhold' } as const]),
    ...wishes.flatMap((feature): FeatureUse[] => (feature ? [{ feature, without: 'pool' }] : [])),
  ];
}

/** The feature that a health check needs, by what its requests speak. */
export function healthCheckFeature({ mode }: HealthCheck): FeatureKind {
  return mode === 'http' ? 'pool.healthCheck' : mode === 'grpc' ? 'pool.healthCheckGrpc' : 'pool.healthCheckTcp';
}
