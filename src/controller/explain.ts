import { evaluate } from '../compile/evaluate.ts';
import { splitHost } from '../lib/host.ts';
import { nearestFew } from '../lib/nearest.ts';
import type { HeldRoute } from '../model/change.ts';
import { describeMatch } from '../model/describe.ts';
import { tagKey, type Diagnostic } from '../model/diagnostic.ts';
import type { Evaluation, Outcome } from '../model/evaluation.ts';
import type { Middleware } from '../model/middleware.ts';
import { redactedSpan } from '../model/redact.ts';
import type { ProxyRequest } from '../model/request.ts';
import type { Route } from '../model/route.ts';
import { readAskedUrl, requestsOf } from './asked-url.ts';
import { instanceViews, type InstanceView } from './explain-instances.ts';
import { rivalViews, type RivalView } from './explain-rivals.ts';
import { requestView, type TestView } from './request-view.ts';
import { isWithheld, type RouteState } from './route-state.ts';
import type { Scene, SceneProxy } from './scene.ts';
import { diagnosticView, spanView, type DiagnosticView, type SpanView } from './views.ts';

/** What `/v1/explain` says: why a URL answers as it does. */
export interface ExplainView {
  readonly url: string;
  readonly proxy: SceneProxy;
  /** One for each entry point that the URL may mean. */
  readonly requests: readonly TestView[];
  /** The routes that answer them, each once. */
  readonly routes: readonly ExplainedRoute[];
  /** Tags that ask for this host too and do not answer. */
  readonly rivals: readonly RivalView[];
  /** Where nothing answers: hosts of routes that look like the one asked for. */
  readonly nearest: readonly string[];
}

/** An answering route with everything behind it. */
export interface ExplainedRoute {
  readonly id: string;
  readonly match: string;
  /** Position in the table, from 0: lower is tried first. */
  readonly priority: number;
  readonly entrypoints: readonly string[];
  readonly owner: string;
  readonly dialect: string;
  readonly services: readonly string[];
  readonly state: RouteState['state'];
  readonly withheld: boolean;
  /** Why it is in a state other than active, and epoch ms of its end. */
  readonly reason?: string;
  readonly untilMs?: number;
  readonly tags: readonly SpanView[];
  /** Policies of the operator that act on it. */
  readonly policies: readonly string[];
  readonly instances: readonly InstanceView[];
  readonly diagnostics: readonly DiagnosticView[];
}

/** Puts together what is known of a URL. Throws `RangeError` where it cannot be read. */
export function explainView(scene: Scene, url: string): ExplainView {
  const requests = requestsOf(readAskedUrl(url), {}, scene.entryPoints);
  const evaluated = requests.map((request) => ({ request, evaluation: evaluate(scene.fitted, request, scene.context) }));
  const answering = new Map(evaluated.flatMap(({ evaluation }) => (evaluation.route ? [[evaluation.route.id, evaluation] as const] : [])));
  const rivals = evaluated.flatMap(({ request, evaluation }) => rivalViews(scene, request, evaluation.route));
  const [first] = requests;
  return {
    url,
    proxy: scene.proxy,
    requests: evaluated.map(({ request, evaluation }) => requestView(scene, request, evaluation)),
    routes: [...answering.values()].flatMap(({ route, outcomes }) => (route ? [explainedRoute(scene, route, outcomes)] : [])),
    rivals: withoutRepeats(rivals),
    nearest: first && evaluated.some(({ evaluation }) => !evaluation.route) ? nearestHosts(scene, first, evaluated) : [],
  };
}

/** Both entry points tell of the same tags; one that answers at one of them is no rival at the other. */
function withoutRepeats(rivals: readonly RivalView[]): readonly RivalView[] {
  return [...new Map(rivals.map((rival) => [JSON.stringify([rival.service, rival.tag, rival.why]), rival])).values()];
}

/** `route`: of the table that is fitted to the proxy. */
function explainedRoute(scene: Scene, route: Route, outcomes: readonly Outcome[]): ExplainedRoute {
  const held = scene.held.find((candidate) => candidate.route.id === route.id);
  const { id, rank, entryPoints, owner, dialect, services } = route;
  return {
    id,
    match: describeMatch(route),
    priority: rank,
    entrypoints: entryPoints,
    owner,
    dialect,
    services,
    state: held?.state ?? 'active',
    withheld: isWithheld(route),
    ...(held && { reason: held.reason }),
    ...(held?.untilMs !== undefined && { untilMs: held.untilMs }),
    tags: distinctTags(route),
    policies: policiesOn(scene, route),
    instances: instanceViews(scene, route, outcomes),
    diagnostics: diagnosticsOf(scene, route, held?.state).map(diagnosticView),
  };
}

/**
 * What was said of a route's tags; where it is served in its last good form, of what stands in their places now. Of one that is withheld
 * also the errors of its services' other tags: one of them is the cause.
 */
function diagnosticsOf({ diagnostics, serving }: Scene, route: Route, state: HeldRoute['state'] | undefined): readonly Diagnostic[] {
  const own = new Set(route.spans.map(tagKey));
  const texts = new Set(route.spans.map(({ tag }) => tag));
  const withheld = isWithheld(route);
  const others = withheld ? new Set(serving.routes.flatMap(({ spans }) => spans.map(tagKey))) : own;
  return diagnostics.filter(
    ({ span, severity }) =>
      span !== undefined &&
      ((own.has(tagKey(span)) && (state === 'quarantined' || texts.has(span.tag))) ||
        (withheld &&
          severity === 'error' &&
          span.owner === route.owner &&
          route.services.includes(span.service) &&
          !others.has(tagKey(span)))),
  );
}

/** The tags of a route, each once: instances of one service mostly carry the same. */
function distinctTags({ spans }: Route): ExplainedRoute['tags'] {
  const shown = spans.map((span) => spanView(redactedSpan(span)));
  return [...new Map(shown.toReversed().map((span) => [JSON.stringify([span.service, span.tag, span.start]), span])).values()].toReversed();
}

/** The policies all of whose middlewares are among those of the route. */
function policiesOn({ options }: Scene, route: Route): readonly string[] {
  const own = new Set(middlewaresOf(route).map(textOf));
  return [...options.policies.values()]
    .filter(({ middlewares, tlsProfile }) =>
      middlewares.length > 0
        ? middlewares.every((one) => own.has(textOf(one)))
        : tlsProfile?.name === route.tlsProfile?.name && tlsProfile !== undefined,
    )
    .map(({ name }) => name);
}

function middlewaresOf({ middlewares, action }: Route): readonly Middleware[] {
  return action.kind === 'split' ? [...middlewares, ...action.parts.flatMap((part) => part.middlewares)] : middlewares;
}

function textOf(middleware: Middleware): string {
  return JSON.stringify(middleware);
}

/** So many hosts are named. */
const NEAREST = 3;

/** Hosts of routes that are spelled like the one asked for, or begin with the same label. */
function nearestHosts(
  { serving }: Scene,
  { host }: ProxyRequest,
  evaluated: readonly { readonly evaluation: Evaluation }[],
): readonly string[] {
  const asked = splitHost(host).name.toLowerCase();
  const hosts = new Set<string>(serving.routes.flatMap(({ match }) => (match.host.kind === 'exact' ? [match.host.host] : [])));
  const known = hosts.has(asked) || evaluated.every(({ evaluation }) => evaluation.route !== undefined);
  if (known || asked === '') return [];
  const named = [...hosts].filter((candidate) => candidate.split('.')[0] === asked.split('.')[0]).toSorted();
  return [...new Set([...nearestFew(asked, [...hosts], NEAREST), ...named])].slice(0, NEAREST);
}
