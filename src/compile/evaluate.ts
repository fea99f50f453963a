import { requestUri, type GoUrl } from '../lib/go-url.ts';
import { isHostHeader } from '../lib/host.ts';
import type { Answer, Evaluation, Outcome, RouteTrial, Step } from '../model/evaluation.ts';
import type { HeaderValue, Middleware } from '../model/middleware.ts';
import type { Backend } from '../model/pool.ts';
import type { ProxyRequest } from '../model/request.ts';
import { needsCertificate, type Route, type RouteAction, type RoutingTable } from '../model/route.ts';
import { backendsOf } from '../model/table.ts';
import { effectOf, type EvaluationContext, type Passage, type RouteContext } from './evaluation/effects.ts';
import { matchFailure } from './evaluation/match-failure.ts';

/**
 * What a proxy does with one request: the routes of its table are asked in rank order, the first whose match holds answers, its
 * middlewares act in their order, and then its action. `table` is fitted to the proxy (`fitTable`), so that what it cannot do is not
 * promised. Pure; nothing is sent. Regular expressions of tags run in linear time.
 */
export function evaluate(table: RoutingTable, asked: ProxyRequest, context: EvaluationContext): Evaluation {
  const { proxy } = context;
  const admitted = isHostHeader(asked.host) ? proxy.admit(asked.url) : { refused: 400 };
  if ('refused' in admitted) return { asked: [], outcomes: [respond(admitted.refused, 'refused')] };
  const { url } = admitted;
  const request: ProxyRequest = { ...asked, url, headers: proxy.headersSeen({ ...asked, url }) };

  const trials: RouteTrial[] = [];
  for (const route of inOrder(table, request)) {
    const failure = matchFailure(route, request, proxy);
    trials.push({ route, ...(failure && { failure }) });
    if (!failure) return { asked: trials, route, outcomes: outcomesOf(route, { request, context, backends: backendsOf(table) }) };
  }
  return { asked: trials, outcomes: [respond(request.entryPoint.protocol === 'http' ? proxy.unknownHost : 0, 'noRoute')] };
}

/** By rank; where an entry point ends TLS, connections are told apart by their server name before any request is read. */
function inOrder({ routes }: RoutingTable, { entryPoint: { protocol, tls } }: ProxyRequest): readonly Route[] {
  if (protocol !== 'http' || !tls) return routes;
  const isConnection = (route: Route): boolean => route.protocol === 'tcp';
  return [...routes.filter(isConnection), ...routes.filter((route) => !isConnection(route))];
}

interface Answering {
  readonly request: ProxyRequest;
  readonly context: EvaluationContext;
  readonly backends: ReadonlyMap<string, Backend>;
}

function outcomesOf(route: Route, answering: Answering): readonly Outcome[] {
  const { request } = answering;
  const { action, dialect } = route;
  if (needsCertificate(route) && !request.entryPoint.tls) return [respond(403, 'certificate')];
  const context: RouteContext = { ...answering.context, dialect };
  const shaped = context.proxy.shaped(request.url, route);
  const way = walk(route.middlewares, { request: { ...request, url: shaped }, changed: [] }, context);
  if (way.answer) return [{ share: 1, steps: way.steps, answer: closedUnlessHttp(way.answer, route) }];
  if (action.kind !== 'split')
    return [{ share: 1, steps: way.steps, answer: answerOf(action, { route, shaped, passage: way.passage }, answering) }];
  const total = action.parts.reduce((sum, { weight }) => sum + weight, 0);
  return action.parts.map((part) => {
    const own = walk(part.middlewares, way.passage, context);
    const answer = own.answer ?? answerOf(part.action, { route, shaped, passage: own.passage }, answering);
    return { share: part.weight / total, steps: [...way.steps, ...own.steps], answer };
  });
}

/** Nothing is said to connections: they are closed. */
function closedUnlessHttp(answer: Answer, { protocol }: Route): Answer {
  return answer.kind === 'respond' && protocol !== 'http' ? { ...answer, status: 0 } : answer;
}

/** The middlewares one after the other, until one answers. */
function walk(
  middlewares: readonly Middleware[],
  start: Passage,
  context: RouteContext,
): { readonly steps: readonly Step[]; readonly passage: Passage; readonly answer?: Answer } {
  const steps: Step[] = [];
  let passage = start;
  for (const middleware of middlewares) {
    const { effect, next } = effectOf(middleware, passage, context);
    steps.push({ middleware, effect });
    if (effect.kind === 'redirects')
      return { steps, passage, answer: { kind: 'redirect', status: effect.status, location: effect.location } };
    if (effect.kind === 'answers') return { steps, passage, answer: { kind: 'respond', status: effect.status, reason: 'middleware' } };
    passage = next;
  }
  return { steps, passage };
}

function answerOf(
  action: Exclude<RouteAction, { kind: 'split' }>,
  { route, shaped, passage: { request, changed } }: { readonly route: Route; readonly shaped: GoUrl; readonly passage: Passage },
  { context: { proxy }, backends }: Answering,
): Answer {
  switch (action.kind) {
    case 'respond':
      return closedUnlessHttp(action, route);
    case 'redirect': {
      const answer = proxy.redirect(action.redirect, request, { route, shaped });
      return answer ? { kind: 'redirect', ...answer } : { kind: 'respond', status: 503, reason: 'loop' };
    }
    case 'forward': {
      const backend = backends.get(action.backend);
      const served = backend ? proxy.served(backend.endpoints) : [];
      const total = served.reduce((sum, { weight }) => sum + weight, 0);
      if (!backend || total === 0) return closedUnlessHttp({ kind: 'respond', status: 503, reason: 'unhealthy' }, route);
      const instances = served.map((endpoint) => ({ endpoint, share: endpoint.weight / total }));
      if (route.protocol !== 'http') return { kind: 'connect', backend, instances, ...(route.tcpTls && { tls: route.tcpTls }) };
      const host = upstreamHost(backend, request, changed);
      return {
        kind: 'forward',
        backend,
        instances,
        target: requestUri(proxy.handedOn(request.url, route)),
        ...(host !== undefined && { host }),
        headers: lastOf(changed.filter(({ name }) => name.toLowerCase() !== 'host')),
      };
    }
    default:
      throw new TypeError(`Cannot evaluate an action: ${JSON.stringify(action satisfies never)}`);
  }
}

/** A Host header that a middleware sets counts for the client's own. */
function upstreamHost({ upstreamHost: host }: Backend, request: ProxyRequest, changed: readonly HeaderValue[]): string | undefined {
  if (host.kind === 'endpoint') return undefined;
  if (host.kind === 'fixed') return host.header ?? host.host;
  return changed.findLast(({ name }) => name.toLowerCase() === 'host')?.value ?? request.host;
}

/** Of several values of one header the last one. */
function lastOf(headers: readonly HeaderValue[]): readonly HeaderValue[] {
  return [...new Map(headers.map((header) => [header.name.toLowerCase(), header])).values()];
}

function respond(status: number, reason: 'refused' | 'noRoute' | 'certificate'): Outcome {
  return { share: 1, steps: [], answer: { kind: 'respond', status, reason } };
}
