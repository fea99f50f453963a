import { whyOut } from '../compile/standing.ts';
import { instanceKey, type ServiceInstance } from '../model/catalog.ts';
import { tagKey, type Diagnostic } from '../model/diagnostic.ts';
import type { Outcome } from '../model/evaluation.ts';
import { endpointKey } from '../model/pool.ts';
import { isTombstone, type Route } from '../model/route.ts';
import { backendsOf } from '../model/table.ts';
import { backendsOfRoute } from '../plan/diff.ts';
import type { Scene } from './scene.ts';

/** One instance of a service behind a route, and whether it gets requests. */
export interface InstanceView {
  readonly service: string;
  readonly id: string;
  readonly source: string;
  readonly address: string;
  readonly port: number;
  readonly health: string;
  /** Its share of the requests, 0–1; 0 where it gets none. */
  readonly share: number;
  /** Why it gets none. */
  readonly why?: string;
}

/** Every instance that the catalogs have of a route's services, with its share or the reason why it has none. */
export function instanceViews(scene: Scene, route: Route, outcomes: readonly Outcome[]): readonly InstanceView[] {
  const shares = sharesOf(outcomes);
  const counted = new Set(scene.counted.map(({ instance }) => instance));
  return scene.known.flatMap(({ instance }) => {
    if (instance.owner !== route.owner || !route.services.includes(instance.service)) return [];
    const share = counted.has(instance) ? Math.max(0, ...endpointsOf(scene, instance, route).map((key) => shares.get(key) ?? 0)) : 0;
    const { service, instance: id, source, address, port, health } = instance;
    const why = share > 0 ? undefined : whyNone(scene, { instance, route, outcomes, isCounted: counted.has(instance) });
    return [{ service, id, source, address, port, health, share, ...(why !== undefined && { why }) }];
  });
}

function sharesOf(outcomes: readonly Outcome[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { share, answer } of outcomes) {
    if (answer.kind !== 'forward' && answer.kind !== 'connect') continue;
    for (const instance of answer.instances) {
      const key = endpointKey(instance.endpoint);
      shares.set(key, (shares.get(key) ?? 0) + share * instance.share);
    }
  }
  return shares;
}

/** The addresses under which an instance may stand in a pool of the route: what its tags ask for, else the registered one. */
function endpointsOf({ readings }: Scene, instance: ServiceInstance, route: Route): readonly string[] {
  const key = instanceKey(instance);
  const reading = readings.find((candidate) => instanceKey(candidate.instance) === key);
  const asked = (reading?.intents ?? [])
    .filter(({ spans }) => spans.some((span) => isOf(route, instance, span.tagIndex)))
    .map(({ endpoint }) => endpointKey(endpoint));
  const declared = (reading?.definitions ?? []).flatMap((definition) =>
    definition.kind === 'service' ? [endpointKey(definition.endpoint)] : [],
  );
  return asked.length > 0 ? asked : [...declared, endpointKey(instance)];
}

function whyNone(
  scene: Scene,
  {
    instance,
    route,
    outcomes,
    isCounted,
  }: {
    readonly instance: ServiceInstance;
    readonly route: Route;
    readonly outcomes: readonly Outcome[];
    readonly isCounted: boolean;
  },
): string {
  if (!isCounted) return 'the primary catalog has a service of this name, whose instances count';
  const own = scene.diagnostics.filter(
    ({ span }) => span?.service === instance.service && span.instance === instance.instance && span.source === instance.source,
  );
  const refused = own.find(({ code }) => code === 'ROUTE_ADDRESS_REFUSED');
  if (refused) return refused.message;
  const unhealthy = whyOut(instance, route.dialect, scene.options);
  if (unhealthy !== undefined) return unhealthy;
  const asks = instance.tags.some((tag, index) => isOf(route, instance, index) && route.spans.some((span) => span.tag === tag));
  const error = own.find(({ severity, code }) => severity === 'error' && !code.endsWith('_UNSUPPORTED'));
  if (!asks) return (isTombstone(route) ? undefined : error?.message) ?? 'none of its tags asks for this route';
  if (route.action.kind === 'respond') return `the route answers ${route.action.status} (${route.action.reason})`;
  if (route.action.kind === 'redirect') return 'the route redirects';
  if (outcomes.every(({ answer }) => answer.kind !== 'forward' && answer.kind !== 'connect')) return 'a middleware answers first';
  if (own.some(({ code }) => code === 'FABIO_WEIGHT_STARVES')) return 'the fixed weights of other instances leave it no share';
  const lost = own.find(({ code }) => code === 'TRAEFIK_ROUTER_SHADOWED' || code === 'ROUTE_DIALECTS_DIFFER');
  return (error ?? lost ?? mixedSchemes(scene, instance, route))?.message ?? 'it is not in the pool that is served';
}

/** What was said of the pools of a route where the proxy leaves the instance out of one: it speaks another scheme than most. */
function mixedSchemes({ fitted, context, diagnostics }: Scene, instance: ServiceInstance, route: Route): Diagnostic | undefined {
  const isLeftOut = backendsOfRoute(route, backendsOf(fitted)).some(({ endpoints }) => {
    const served = context.proxy.served(endpoints);
    return endpoints.some((endpoint) => endpointKey(endpoint) === endpointKey(instance) && !served.includes(endpoint));
  });
  const tags = new Set(route.spans.map(tagKey));
  return isLeftOut ? diagnostics.find(({ code, span }) => code === 'CADDY_MIXED_SCHEMES' && span && tags.has(tagKey(span))) : undefined;
}

function isOf({ spans }: Route, { source, service, instance }: ServiceInstance, tagIndex: number): boolean {
  return spans.some(
    (span) => span.source === source && span.service === service && span.instance === instance && span.tagIndex === tagIndex,
  );
}
