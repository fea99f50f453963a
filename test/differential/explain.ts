import { evaluate } from '../../src/compile/evaluate.ts';
import { readRule } from '../../src/dialects/traefik/rule/read-rule.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import type { DiagnosticCode } from '../../src/model/codes.ts';
import type { Diagnostic, TagSpan } from '../../src/model/diagnostic.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { backendsOf } from '../../src/model/table.ts';
import { NODE, type Loaded } from './arena.ts';
import { sentHeaders } from './client.ts';
import type { Catalog } from './generator.ts';
import type { Difference } from './compare.ts';
import { concernedBy, implicitName } from './concerns.ts';
import type { PeerRouter } from './peer.ts';
import type { Asked } from './requests.ts';

/** What is known of one of our proxies. */
export type Told = Pick<Loaded, 'table' | 'diagnostics'> & { readonly proxy: Pick<Loaded['proxy'], 'target' | 'settings'> };

/** What is known of a difference beside its two sides. */
export interface Case {
  readonly catalog: Catalog;
  readonly asked: Asked;
  readonly loaded: Told;
  /** The router that answered the peer's request; empty: none. */
  readonly peerRouter: string;
  /** The peer's routers by name. */
  readonly peerRouters: ReadonlyMap<string, PeerRouter>;
  readonly differences: readonly Difference[];
}

/**
 * `equal priority`: Traefik's choice between routers is by chance. `exact host first`: the exact host of a service stands before patterns
 * and host-less routers of others, whatever the length of their rules. `the proxy's own failure`: the certificate of an instance cannot be
 * verified, or it speaks another protocol, which Traefik answers with 500 and Caddy with 502. `a breaker's time`: it opens for what went
 * before, when its period is over.
 */
type Page = 'equal priority' | 'exact host first' | "the proxy's own failure" | "a breaker's time";

/** The route of ours that answers, and what was reported that explains a difference. */
export interface Explanation {
  readonly route: Route | undefined;
  readonly reported: readonly Diagnostic[];
  /** What a page of the design says of it in place of a report. */
  readonly page: Page | undefined;
  /** Everything else that was reported of the catalog. */
  readonly other: readonly Diagnostic[];
}

/**
 * What each code may explain. `peer`: the peer leaves out what we serve (an instance, a router, a middleware), so it answers with less.
 * `withheld`: we answer 503. `unrouted`: we serve no such route. `other`: another router answers. `changed`: the same instance gets or
 * answers something else. `pool`: other instances. A code that is not here explains nothing.
 */
type Aspect = 'peer' | 'withheld' | 'unrouted' | 'other' | 'changed' | 'pool';

const EXPLAINS: Partial<Readonly<Record<DiagnosticCode, readonly Aspect[]>>> = {
  TRAEFIK_LABEL_UNKNOWN: ['peer', 'withheld', 'other', 'pool'],
  TRAEFIK_LABEL_VALUE: ['peer', 'withheld', 'other', 'pool'],
  TRAEFIK_LABEL_BLANK: ['peer', 'other', 'pool'],
  TRAEFIK_LABEL_UNSERVED: ['withheld', 'changed'],
  TRAEFIK_PROTECTION_UNSERVED: ['withheld'],
  TRAEFIK_ENABLE_SPELLING: ['unrouted', 'pool'],
  // it reads the tags of all instances together to see whether a service is enabled
  TRAEFIK_NOT_ENABLED: ['peer', 'pool'],
  TRAEFIK_NAME_SHARED: ['peer', 'other', 'withheld', 'pool'],
  TRAEFIK_ROUTER_PARTIAL: ['pool'],
  TRAEFIK_NAME_UNHEALTHY: ['peer', 'other'],
  TRAEFIK_NAME_TWICE: ['withheld', 'unrouted', 'pool', 'peer', 'other'],
  TRAEFIK_NAME_CASE: ['peer', 'other', 'pool'],
  // where another instance has a rule for the router, the peer serves neither
  TRAEFIK_RULE_SYNTAX: ['peer'],
  TRAEFIK_RULE_V2: ['unrouted', 'peer'],
  TRAEFIK_RULE_UNSERVED: ['unrouted'],
  TRAEFIK_REGEX_REFUSED: ['unrouted', 'withheld', 'other'],
  // the instance is reached where it is registered, not at the port of one of its services
  TRAEFIK_SERVICE_AMBIGUOUS: ['withheld', 'other', 'pool'],
  TRAEFIK_REFERENCE_UNKNOWN: ['withheld', 'other'],
  TRAEFIK_ENTRYPOINT_UNKNOWN: ['unrouted', 'other'],
  TRAEFIK_SERVER_URL: ['withheld'],
  TRAEFIK_PRIORITY_CLAMPED: ['other'],
  TRAEFIK_FEATURE_REFUSED: ['withheld', 'other'],
  TRAEFIK_HEADER_REFUSED: ['changed', 'withheld'],
  ROUTE_OPTIONS_DIFFER: ['peer', 'changed', 'pool', 'other'],
  ROUTE_POOLED: ['pool', 'other', 'changed'],
  ROUTE_DUPLICATE: ['other'],
  // its middlewares are not there for the peer
  ROUTE_UNHEALTHY: ['withheld', 'peer', 'other'],
  ROUTE_WITHHELD: ['withheld'],
  ROUTE_ENTRYPOINT_KIND: ['unrouted', 'withheld', 'other'],
  ROUTE_ENTRYPOINT_MISSING: ['unrouted', 'other'],
  ROUTE_LIMIT: ['unrouted', 'withheld'],
  CADDY_UNSUPPORTED: ['withheld', 'unrouted'],
  CADDY_APPROXIMATED: ['changed', 'pool'],
  CADDY_MIXED_SCHEMES: ['pool'],
  TRAEFIK_UNSUPPORTED: ['withheld', 'unrouted'],
  TRAEFIK_APPROXIMATED: ['changed', 'pool'],
  TRAEFIK_REDIRECT_STATUS: ['changed'],
};

/** What is said of an instance as a whole, whichever label it stands at. */
const OF_INSTANCES: ReadonlySet<DiagnosticCode> = new Set(['TRAEFIK_ENABLE_SPELLING', 'TRAEFIK_NOT_ENABLED']);

/** What is said of one thing alone: the differences that it explains. */
const ONLY_ABOUT: readonly { readonly message: RegExp; readonly isMeant: (difference: Difference) => boolean }[] = [
  { message: /^Several values of a key/, isMeant: ({ what }) => what === 'pool' || what === 'status' },
  { message: /^Caddy reads bodies whole/, isMeant: ({ what }) => what === 'body' || what === 'status' },
];

/** Whether a report is about all that differs. */
function isAbout({ message }: Diagnostic, differences: readonly Difference[]): boolean {
  const limit = ONLY_ABOUT.find((one) => one.message.test(message));
  return !limit || differences.every((difference) => limit.isMeant(difference));
}

/** What was reported of the labels that a difference concerns and may explain it; none: it is a finding. */
export function explain(found: Case): Explanation {
  const { catalog, loaded, peerRouter, differences } = found;
  const route = ourRoute(found);
  const aspect = aspectOf(found, route);
  const routers = new Set([...(peerRouter === '' ? [] : [peerRouter.toLowerCase()]), ...(route ? routersIn(route, catalog) : [])]);
  const { labels, instances } = concernedBy(catalog, routers);
  // the peer drops an instance whole, so any of its labels may be why
  const isWhole = aspect === 'peer' || aspect === 'pool' || aspect === 'other';
  const reported = loaded.diagnostics.filter((one) => {
    const { code, span } = one;
    return (
      span !== undefined &&
      EXPLAINS[code]?.includes(aspect) &&
      isAbout(one, differences) &&
      (labels.has(span.tag) || isOf(route, span) || ((isWhole || OF_INSTANCES.has(code)) && instances.has(span.instance)))
    );
  });
  const own = new Set(catalog.instances.map(({ id }) => `${NODE}/${id}`));
  const other = loaded.diagnostics.filter((one) => !reported.includes(one) && one.span !== undefined && own.has(one.span.instance));
  return { route, reported, other, page: pageOf(route, aspect, found) };
}

function isTieWith(routers: ReadonlySet<string>, { peerRouter, peerRouters }: Case): boolean {
  const own = peerRouters.get(peerRouter);
  return [...peerRouters].some(
    ([name, { priority }]) => name !== peerRouter && routers.has(name.toLowerCase()) && priority === own?.priority,
  );
}

function pageOf(route: Route | undefined, aspect: Aspect, found: Case): Page | undefined {
  const { asked, catalog, peerRouter, peerRouters } = found;
  if (route && isOwnFailure(route, found)) return "the proxy's own failure";
  if (route && isOfBreaker(route, found)) return "a breaker's time";
  if (!route || aspect !== 'other') return undefined;
  if (isTieWith(routersIn(route, catalog), found)) return 'equal priority';
  const isOfOthers = catalog.instances.every(
    ({ service, tags }) => !route.services.some((name) => name === service) || !tags.some((tag) => isOfRouter(tag, peerRouter)),
  );
  const name = asked.host.toLowerCase().replace(/\.?(:\d*)?$/, '');
  const rule = peerRouters.get(peerRouter)?.rule;
  const namesHost =
    rule !== undefined && readRule(rule, { kind: 'http' }).matches.some(({ host }) => host.kind === 'exact' && host.host === name);
  return route.match.host.kind === 'exact' && isOfOthers && rule !== undefined && !namesHost ? 'exact host first' : undefined;
}

/** Whether neither side comes to an understanding with an instance, and each says so with its own status. */
function isOwnFailure({ action }: Route, { differences }: Case): boolean {
  const [first] = differences;
  return action.kind === 'forward' && first?.what === 'status' && first.peer === '500' && first.ours === '502';
}

/** Whether no instance is reached, and one side says so while the breaker of the other answers. */
function isOfBreaker({ middlewares }: Route, { differences: [first] }: Case): boolean {
  const statuses = [first?.peer, first?.ours];
  const hasFailed = statuses.includes('503') && statuses.some((status) => status === '500' || status === '502');
  return first?.what === 'status' && hasFailed && middlewares.some(({ kind }) => kind === 'circuitBreaker');
}

function backendOf({ action }: Route, { table }: Pick<Loaded, 'table'>): Backend | undefined {
  return action.kind === 'forward' ? backendsOf(table).get(action.backend) : undefined;
}

/** Whether each side may choose other instances: by how soon they answer, or by a hash of its own. */
export function choosesByItself(found: Pick<Case, 'asked' | 'loaded'>): boolean {
  const route = ourRoute(found);
  const loadBalancing = route && backendOf(route, found.loaded)?.loadBalancing;
  return loadBalancing === 'leastTime' || loadBalancing === 'ipHash';
}

function isOfRouter(tag: string, router: string): boolean {
  return tag.toLowerCase().startsWith(`traefik.http.routers.${router.toLowerCase()}.`);
}

/** Whether a place is in a label that a route comes from. */
function isOf(route: Route | undefined, { instance, tagIndex }: TagSpan): boolean {
  return route?.spans.some((span) => span.instance === instance && span.tagIndex === tagIndex) === true;
}

function aspectOf(found: Case, route: Route | undefined): Aspect {
  const { catalog, differences, peerRouter } = found;
  const [first] = differences;
  if (!route) return 'unrouted';
  if (route.action.kind === 'respond') return 'withheld';
  if (peerRouter === '') return 'peer';
  if (!routersIn(route, catalog).has(peerRouter.toLowerCase()) || isShadowed(route, found)) return 'other';
  return first?.what === 'pool' ? 'pool' : 'changed';
}

/** Whether another router that our route comes from has a higher priority than the peer's, which the peer would follow if it could serve it. */
function isShadowed({ spans }: Route, { peerRouter, peerRouters }: Case): boolean {
  const own = peerRouters.get(peerRouter)?.priority ?? 0;
  const named = new Set(spans.flatMap(({ tag }) => routerNamed(tag) ?? []));
  return [...peerRouters].some(([name, { priority }]) => named.has(name.toLowerCase()) && priority > own);
}

/** The router that a label is of, in lower case. */
function routerNamed(tag: string): string | undefined {
  return /^traefik\.http\.routers\.([^.]+)\./i.exec(tag)?.[1]?.toLowerCase();
}

/** The routers that a route comes from, in lower case; that of the service where no label names any. */
function routersIn({ spans }: Route, { instances }: Catalog): ReadonlySet<string> {
  return new Set(
    spans.flatMap(({ tag, instance }) => {
      const named = routerNamed(tag);
      const service = instances.find(({ id }) => instance === `${NODE}/${id}`)?.service;
      return (named ?? (service === undefined ? [] : implicitName(service))).toString().toLowerCase();
    }),
  );
}

/** The route that answers by our own account. */
export function ourRoute({ asked, loaded: { table, proxy } }: Pick<Case, 'asked' | 'loaded'>): Route | undefined {
  const { target, settings } = proxy;
  const entryPoint = settings.entryPoints.find(({ name }) => name === (asked.tls ? 'websecure' : 'web'));
  const url = parseGoUrl(asked.path);
  if (!entryPoint || !url) return undefined;
  const { host, method, from } = asked;
  const request = { entryPoint, host, url, method, headers: sentHeaders(asked).map(([name, value]) => ({ name, value })), ip: from };
  return evaluate(table, request, { proxy: target.reading(settings), trustedProxies: settings.trustedProxies }).route;
}
