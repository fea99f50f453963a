import type { Middleware } from '../../model/middleware.ts';
import type { Backend } from '../../model/pool.ts';
import type { Route, SplitPart } from '../../model/route.ts';
import type { RouteContext } from '../target.ts';
import { answerWith } from './addresses.ts';
import { middlewareOf, type MiddlewareContext } from './middlewares.ts';
import { named, type Named } from './named.ts';
import { redirectOf } from './redirects.ts';
import type { HttpMiddleware, HttpService } from './schema.ts';
import { UNAVAILABLE } from './services.ts';
import { splitOf, type PartService } from './split.ts';

/** When clients may ask again. */
export const RETRY_AFTER: Named<HttpMiddleware> = {
  name: 'hind-proxy-retry-after',
  value: { headers: { customResponseHeaders: { 'Retry-After': '5' } } },
};

/** Tries another instance where the first one does not take the connection. */
const RETRY: Named<HttpMiddleware> = { name: 'hind-proxy-retry', value: { retry: { attempts: 2 } } };

/** What HinD's Caddy never sends to an instance. */
const FORGET_ORIGIN: Named<HttpMiddleware> = {
  name: 'hind-proxy-forget-origin',
  value: { headers: { customRequestHeaders: { 'X-Forwarded-Port': '', 'X-Forwarded-Server': '', 'X-Real-Ip': '' } } },
};

/** Where nothing is left of a path there is still its slash; the header that Traefik sets then tells nobody anything. */
const ROOT: readonly Named<HttpMiddleware>[] = [
  { name: 'hind-proxy-root', value: { replacePathRegex: { regex: '^$', replacement: '/' } } },
  { name: 'hind-proxy-root-unsaid', value: { headers: { customRequestHeaders: { 'X-Replaced-Path': '' } } } },
];

/** What a route does with its requests after its middlewares. */
export interface Answer {
  readonly service: string;
  /** Behind those of the route. */
  readonly middlewares: readonly Named<HttpMiddleware>[];
  readonly services: readonly Named<HttpService>[];
  /** Used by services. */
  readonly partMiddlewares: readonly Named<HttpMiddleware>[];
}

/** The answer of a route. */
export function answerOf(route: Route, context: RouteContext): Answer {
  const { action } = route;
  const none = { services: [], partMiddlewares: [] };
  switch (action.kind) {
    case 'forward': {
      const backend = backendOf(action.backend, context);
      const again = backend.endpoints.length > 1 && !route.middlewares.some(({ kind }) => kind === 'retry');
      return { ...none, service: backend.id, middlewares: [...towards(backend, route), ...(again ? [RETRY] : [])] };
    }
    case 'redirect':
      return { ...none, service: UNAVAILABLE.name, middlewares: redirectOf(action.redirect) };
    case 'split': {
      const parts = action.parts.map((part) => partOf(part, route, context));
      const services = splitOf(route.id, parts);
      const again = route.middlewares.some(({ kind }) => kind === 'retry') ? [] : [RETRY];
      return {
        service: `${route.id}-split`,
        middlewares: again,
        services,
        partMiddlewares: parts.flatMap(({ middlewares }) => middlewares),
      };
    }
    case 'respond':
      return {
        ...none,
        service: UNAVAILABLE.name,
        middlewares: [action.status === 503 ? RETRY_AFTER : answerWith(action.status)],
      };
    default:
      throw new TypeError(`Cannot render an action: ${JSON.stringify(action satisfies never)}`);
  }
}

function partOf({ weight, middlewares, action }: SplitPart, route: Route, context: RouteContext): PartService {
  const reach = { trustedProxies: [], via: false };
  const own = middlewaresOf(middlewares, route, { settings: context.settings, reach, notAsking: [] });
  if (action.kind === 'redirect') return { weight, middlewares: [...own, ...redirectOf(action.redirect)] };
  const backend = backendOf(action.backend, context);
  return { weight, middlewares: [...own, ...towards(backend, route)], backend };
}

/** What the instances of a pool get to see of the request. */
function towards({ upstreamHost }: Backend, { dialect }: Route): readonly Named<HttpMiddleware>[] {
  const host =
    upstreamHost.kind === 'fixed'
      ? [named('host', { headers: { customRequestHeaders: { Host: upstreamHost.header ?? upstreamHost.host } } })]
      : [];
  return [...(dialect === 'hind' ? [FORGET_ORIGIN] : []), ...host];
}

/** A list of middlewares, each named by its content. */
export function middlewaresOf(
  list: readonly Middleware[],
  { dialect }: Route,
  context: MiddlewareContext,
): readonly Named<HttpMiddleware>[] {
  return list.flatMap((middleware, index) => {
    const own = middlewareOf(middleware, context).map(namedMiddleware);
    const strips = middleware.kind === 'stripPrefix' || middleware.kind === 'stripPrefixRegexp';
    const forced = dialect !== 'traefik' || (middleware.kind === 'stripPrefix' && middleware.forceSlash);
    return strips && forced && list.slice(index + 1).some(({ kind }) => LOOKING_AT_PATHS.has(kind)) ? [...own, ...ROOT] : own;
  });
}

/** Middlewares to which an empty path is another than `/`. */
const LOOKING_AT_PATHS: ReadonlySet<Middleware['kind']> = new Set(['addPrefix', 'stripPrefix', 'stripPrefixRegexp', 'replacePathRegexp']);

/** Named by its type and content. */
function namedMiddleware(middleware: HttpMiddleware): Named<HttpMiddleware> {
  const [type = 'middleware'] = Object.keys(middleware);
  return named(KINDS[type] ?? type, middleware);
}

/** Short names of types for those who read the file. */
const KINDS: Readonly<Record<string, string>> = {
  stripPrefix: 'strip',
  addPrefix: 'add',
  redirectScheme: 'scheme',
  redirectRegex: 'redirect',
  ipAllowList: 'allow',
  basicAuth: 'auth',
  headers: 'headers',
};

function backendOf(id: string, { backends }: RouteContext): Backend {
  const backend = backends.get(id);
  if (!backend) throw new RangeError(`Cannot render a route: it has no backend "${id}"`);
  return backend;
}
