import type { Middleware } from '../../model/middleware.ts';
import type { Backend } from '../../model/pool.ts';
import type { Route, SplitPart } from '../../model/route.ts';
import { backendIdsOf } from '../../model/route.ts';
import { redirectGoal } from '../redirect-loop.ts';
import type { RenderSettings, RouteContext } from '../target.ts';
import { answerWith } from './addresses.ts';
import type { Fragment } from './fragment.ts';
import { ruleOf } from './match.ts';
import { middlewareOf, type MiddlewareContext } from './middlewares.ts';
import { named, orNone, type Named } from './named.ts';
import { pathRules } from './paths.ts';
import { printRule } from './quote.ts';
import { redirectOf } from './redirects.ts';
import { all, call, not, type Rule } from './rule.ts';
import type { HttpMiddleware, HttpRouter, HttpService } from './schema.ts';
import { serviceOf, UNAVAILABLE } from './services.ts';
import { splitOf, type PartService } from './split.ts';
import { servedEntryPoints } from './static.ts';
import { tlsOptionsOf } from './tls.ts';
import { transportOf } from './transports.ts';
import { refusalsOf, waysOf } from './ways.ts';

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

/** The part of an HTTP route: its routers for every way in which requests reach it, plain ones and those over TLS. */
export function httpFragment(route: Route, context: RouteContext): Fragment {
  const { settings, backends } = context;
  const answer = answerOf(route, context);
  const rule = (when: readonly Rule[]): string => printRule(ruleOf(route, [...when, ...unlessThere(route)]));
  const refusals = refusalsOf(route.middlewares).map(({ when, status }, index) => ({
    name: `${route.id}-refuse${index === 0 ? '' : index}`,
    router: { rule: rule([when]), service: UNAVAILABLE.name },
    middlewares: [answerWith(status)],
  }));
  const ways = waysOf(route.middlewares, settings).map(({ suffix, when, reach, notAsking }) => ({
    name: `${route.id}${suffix}`,
    router: { rule: rule(when), service: answer.service },
    middlewares: [...middlewaresOf(route.middlewares, route, { settings, reach, notAsking }), ...answer.middlewares],
  }));
  const profile = route.tlsProfile && tlsOptionsOf(route.tlsProfile, settings);
  const pools = [...new Set(backendIdsOf(route))].flatMap((id) => backends.get(id) ?? []);
  return {
    http: {
      routers: [...refusals, ...ways].flatMap(({ name, router, middlewares }) =>
        routersOf({
          name,
          entryPoints: route.entryPoints,
          router: { ...router, middlewares: orNone(middlewares.map((middleware) => middleware.name)) },
          tls: profile && { options: profile.name },
          settings,
        }),
      ),
      services: [...pools.map(serviceOf), ...answer.services],
      middlewares: [...refusals, ...ways].flatMap(({ middlewares }) => middlewares).concat(answer.partMiddlewares),
      transports: pools.flatMap((pool) => transportOf(pool) ?? []),
    },
    ...(profile && { tlsOptions: [profile] }),
  };
}

interface Answer {
  readonly service: string;
  /** Behind those of the route. */
  readonly middlewares: readonly Named<HttpMiddleware>[];
  readonly services: readonly Named<HttpService>[];
  /** Used by services. */
  readonly partMiddlewares: readonly Named<HttpMiddleware>[];
}

function answerOf(route: Route, context: RouteContext): Answer {
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
  const host = upstreamHost.kind === 'fixed' ? [named('host', { headers: { customRequestHeaders: { Host: upstreamHost.host } } })] : [];
  return [...(dialect === 'hind' ? [FORGET_ORIGIN] : []), ...host];
}

function middlewaresOf(list: readonly Middleware[], { dialect }: Route, context: MiddlewareContext): readonly Named<HttpMiddleware>[] {
  return list.flatMap((middleware, index) => {
    const own = middlewareOf(middleware, context).map(namedMiddleware);
    const stripped = list.slice(0, index).some(({ kind }) => kind === 'stripPrefix' || kind === 'stripPrefixRegexp');
    return middleware.kind === 'addPrefix' && stripped && dialect !== 'traefik' ? [...ROOT, ...own] : own;
  });
}

/** Named by its type and content. */
function namedMiddleware(middleware: HttpMiddleware): Named<HttpMiddleware> {
  return named(KINDS[Object.keys(middleware)[0] ?? ''] ?? 'middleware', middleware);
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

/** Keeps a Fabio redirect away from requests that already are what it leads to. */
function unlessThere(route: Route): readonly Rule[] {
  const goal = redirectGoal(route);
  if (!goal || !canHave(route, goal.host)) return [];
  const { scheme, host, path } = goal;
  return [
    not(
      all([
        call('Header', 'X-Forwarded-Proto', scheme),
        ...(host === undefined ? [] : [call('Header', 'X-Forwarded-Host', host)]),
        ...(path === undefined ? [] : pathRules({ kind: 'exact', path, ignoreCase: false }, route.dialect)),
      ]),
    ),
  ];
}

/** Whether requests of the route can have this host; with a port it is left to the rule. */
function canHave({ match }: Route, host: string | undefined): boolean {
  return host === undefined || match.host.kind !== 'exact' || host.replace(/:\d+$/, '') === match.host.host;
}

function backendOf(id: string, { backends }: RouteContext): Backend {
  const backend = backends.get(id);
  if (!backend) throw new RangeError(`Cannot render a route: it has no backend "${id}"`);
  return backend;
}

/** A router answers TLS requests or plain ones, never both: one for each kind of entry point. */
export function routersOf({
  name,
  entryPoints,
  router,
  tls = {},
  settings,
}: {
  readonly name: string;
  readonly entryPoints: readonly string[];
  readonly router: Omit<HttpRouter, 'entryPoints' | 'tls'>;
  readonly tls?: HttpRouter['tls'];
  readonly settings: RenderSettings;
}): readonly Named<HttpRouter>[] {
  const served = servedEntryPoints(settings).filter(
    (entryPoint) => entryPoint.protocol === 'http' && entryPoints.includes(entryPoint.name),
  );
  const plain = served.filter((entryPoint) => !entryPoint.tls).map((entryPoint) => entryPoint.name);
  const secured = served.filter((entryPoint) => entryPoint.tls).map((entryPoint) => entryPoint.name);
  return [
    ...(plain.length > 0 ? [{ name, value: { ...router, entryPoints: plain } }] : []),
    ...(secured.length > 0 ? [{ name: `${name}-tls`, value: { ...router, entryPoints: secured, tls } }] : []),
  ];
}
