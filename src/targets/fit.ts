import { createMemory, memoised, sameMembers } from '../lib/memo.ts';
import { diagnose, type Diagnosed, type Diagnostic } from '../model/diagnostic.ts';
import type { DiagnosticCode } from '../model/codes.ts';
import type { Middleware } from '../model/middleware.ts';
import type { Backend } from '../model/pool.ts';
import { backendIdsOf, type Route, type RoutingTable } from '../model/route.ts';
import { backendsOf } from '../model/table.ts';
import { featuresOf, healthCheckFeature, middlewareFeatures, type Capabilities, type Capability, type FeatureUse } from './features.ts';
import type { RenderSettings, Target } from './target.ts';

/**
 * The table as one proxy can serve it: what a target cannot do is taken out of its route, or takes the route with it, and everything
 * left out is reported. Protections are never left out: their route answers 503. The digest stays that of the whole table.
 */
export function fitTable(target: Target, table: RoutingTable, settings: RenderSettings): Diagnosed<RoutingTable> {
  const proxy = proxyOf(target)(settings);
  const backends = backendsOf(table);
  const remember = memoryOf(proxy);
  const pools = table.backends.map(fitPool(proxy));
  const fits = table.routes.map((route) => {
    const inputs = backendIdsOf(route).map((id) => backends.get(id));
    return remember({ key: route, inputs }, () => fitOf(route, { ...proxy, backends }));
  });
  const routes = fits.flatMap(({ value }) => value ?? []);
  const diagnostics = fits.flatMap((fit) => fit.diagnostics);
  if (sameMembers(routes, table.routes) && sameMembers(pools, table.backends)) return { value: table, diagnostics };
  const used = new Set(routes.flatMap(backendIdsOf));
  const kept = pools.filter(({ id }) => used.has(id));
  return { value: { routes, backends: kept, digest: table.digest }, diagnostics };
}

/** A target with its settings, the same object each time. */
const proxyOf = memoised((settings: RenderSettings, target: Target): Proxy => ({ target, settings }));

const memoryOf = createMemory<Diagnosed<Route | undefined>>();

interface Proxy {
  readonly target: Target;
  readonly settings: RenderSettings;
}

/** Whether a proxy, with the modules it has, can do something. */
export function isAble({ level, module }: Capability, { modules }: Pick<RenderSettings, 'modules'>): boolean {
  return level === 'module' ? modules.has(module ?? '') : level !== 'unsupported';
}

interface Fitting extends Proxy {
  readonly backends: ReadonlyMap<string, Backend>;
}

function fitOf(route: Route, fitting: Fitting): Diagnosed<Route | undefined> {
  const diagnostics: Diagnostic[] = [];
  return { value: fitRoute(route, { ...fitting, diagnostics }), diagnostics };
}

function fitRoute(
  route: Route,
  { target, settings, backends, diagnostics }: Fitting & { readonly diagnostics: Diagnostic[] },
): Route | undefined {
  const { capabilities, server } = target;
  const [span] = route.spans;
  const tell = (kind: 'UNSUPPORTED' | 'APPROXIMATED', message: string): void => {
    const code: DiagnosticCode = `${server === 'caddy' ? 'CADDY' : 'TRAEFIK'}_${kind}`;
    diagnostics.push(diagnose(code, message, { span, hint: kind === 'UNSUPPORTED' ? hintFor(server) : undefined }));
  };
  const uses = featuresOf(route, backends);
  for (const { feature } of uses) {
    const { differs } = capabilities[feature];
    if (differs !== undefined && isAble(capabilities[feature], settings)) tell('APPROXIMATED', differs);
  }
  const lacking = uses.filter(({ feature }) => !isAble(capabilities[feature], settings));
  const missing = (kind: FeatureUse['without']): FeatureUse | undefined => lacking.find(({ without }) => without === kind);
  const lost = missing('route');
  if (lost) {
    tell('UNSUPPORTED', `Cannot serve the route: ${reasonOf(lost, capabilities)}`);
    return undefined;
  }
  const unenforced = missing('withhold');
  if (unenforced) {
    tell('UNSUPPORTED', `Cannot enforce ${unenforced.feature}: ${reasonOf(unenforced, capabilities)}; the route answers 503`);
    return withheld(route);
  }
  for (const use of lacking) tell('APPROXIMATED', `Served without ${use.feature}: ${reasonOf(use, capabilities)}`);
  const able = (middleware: Middleware): boolean =>
    middlewareFeatures(middleware).every(({ feature }) => isAble(capabilities[feature], settings));
  const fitted = withMiddlewares(route, able);
  const obstacle = target.obstacle(fitted, { backends, settings });
  if (!obstacle) {
    for (const message of target.differences(fitted, { backends, settings })) tell('APPROXIMATED', message);
    return fitted;
  }
  tell('UNSUPPORTED', obstacle.message);
  return obstacle.effect === 'drop' ? undefined : withheld(route);
}

function withMiddlewares(route: Route, able: (middleware: Middleware) => boolean): Route {
  const { action } = route;
  const middlewares = route.middlewares.every(able) ? route.middlewares : route.middlewares.filter(able);
  if (action.kind !== 'split') return middlewares === route.middlewares ? route : { ...route, middlewares };
  const parts = action.parts.map((part) => ({ ...part, middlewares: part.middlewares.filter(able) }));
  return { ...route, middlewares, action: { kind: 'split', parts } };
}

/** A route that answers 503 instead of what it protects. */
function withheld(route: Route): Route {
  return { ...route, middlewares: [], action: { kind: 'respond', status: 503, reason: 'withheld' } };
}

/** A pool without what its proxy cannot do. */
const fitPool = memoised((backend: Backend, { target: { capabilities }, settings }: Proxy): Backend => {
  const { sticky, healthCheck, passiveHealthCheck, flushIntervalMs, ...rest } = backend;
  const able = (feature: keyof Capabilities): boolean => isAble(capabilities[feature], settings);
  const fitted: Backend = {
    ...rest,
    ...(sticky && able('pool.sticky') && { sticky }),
    ...(healthCheck && able(healthCheckFeature(healthCheck)) && { healthCheck }),
    ...(passiveHealthCheck && able('pool.passiveHealthCheck') && { passiveHealthCheck }),
    ...(flushIntervalMs !== undefined && able('pool.flushInterval') && { flushIntervalMs }),
  };
  return Object.keys(fitted).length === Object.keys(backend).length ? backend : fitted;
});

function reasonOf({ feature }: FeatureUse, capabilities: Capabilities): string {
  const { note, level, module } = capabilities[feature];
  return note ?? (level === 'module' ? `the running proxy lacks the module ${module ?? ''}` : `this proxy cannot do ${feature}`);
}

function hintFor(server: Target['server']): string {
  return `hind-proxy capabilities --target ${server === 'caddy' ? 'traefik' : 'caddy'} shows what the other proxy can do`;
}
