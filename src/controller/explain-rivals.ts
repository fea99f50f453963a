import { matchFailure } from '../compile/evaluation/match-failure.ts';
import { whyOut } from '../compile/standing.ts';
import { groupBy } from '../lib/sort.ts';
import type { Reading } from '../compile/candidates.ts';
import { tagKey, tagSpan, type Diagnostic, type TagSpan } from '../model/diagnostic.ts';
import { describeMatch } from '../model/describe.ts';
import { protocolOf } from '../model/entry-point.ts';
import type { RouteIntent } from '../model/intent.ts';
import type { PathMatch } from '../model/match.ts';
import { redactedSpan, redactedText } from '../model/redact.ts';
import type { ProxyRequest } from '../model/request.ts';
import type { Route } from '../model/route.ts';
import type { Scene } from './scene.ts';
import type { SpanView } from './views.ts';

/** A tag that names the host of a request, or could answer it, and does not; and why. */
export interface RivalView extends SpanView {
  /** How many instances carry the tag; `instance` is one of them. */
  readonly instances: number;
  /** The match of its route, where it has one. */
  readonly match?: string;
  readonly why: string;
  readonly code?: string;
  readonly hint?: string;
}

/** Why a tag does not answer. `weight`: what people look for first is light. */
interface Loss {
  readonly weight: number;
  /** Of its route. */
  readonly rank?: number;
  readonly span: TagSpan;
  readonly why: string;
  readonly match?: string;
  readonly code?: string;
  readonly hint?: string;
}

/**
 * Tags that ask for the host of a request (or for every host and its path) beside those of the answering route: refused ones first, then
 * those that stand behind it, then those whose match does not hold. Equal ones are told once.
 */
export function rivalViews(scene: Scene, request: ProxyRequest, answering: Route | undefined): readonly RivalView[] {
  const seen: ProxyRequest = { ...request, headers: scene.context.proxy.headersSeen(request) };
  const routes = routesByTag(scene);
  const losses = scene.readings.flatMap((reading) => [
    ...reading.intents.flatMap((intent) => lossOfIntent(scene, { reading, intent, routes, request: seen, answering }) ?? []),
    ...lossesOfUnread(scene, reading, request.host),
  ]);
  const sorted = losses.toSorted((a, b) => a.weight - b.weight || (a.rank ?? 0) - (b.rank ?? 0));
  return [...groupBy(sorted, ({ span, why }) => JSON.stringify([span.owner, span.service, span.tag, why])).values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const { span, why, match, code, hint } = first;
    const { service, instance, tag, start, end } = redactedSpan(span);
    return [
      {
        service,
        instance,
        instances: new Set(group.map((loss) => loss.span.instance)).size,
        tag,
        start,
        end,
        ...(match !== undefined && { match }),
        why: redactedText(why, [span.tag]),
        ...(code !== undefined && { code }),
        ...(hint !== undefined && { hint: redactedText(hint, [span.tag]) }),
      },
    ];
  });
}

interface Claim {
  readonly reading: Reading;
  readonly intent: RouteIntent;
  /** The routes that are made of a part of a tag. */
  readonly routes: (part: TagSpan) => readonly Route[];
  readonly request: ProxyRequest;
  readonly answering: Route | undefined;
}

/** Why the route of an intent does not answer; undefined where it does, or where it has nothing to do with the request. */
function lossOfIntent(scene: Scene, { reading, intent, routes, request, answering }: Claim): Loss | undefined {
  const { proxy } = scene.context;
  const [span] = intent.spans;
  if (!span || protocolOf(intent.entryPoints) !== request.entryPoint.protocol || !namesHost(intent, request, scene)) return undefined;
  const own = intent.spans.flatMap(routes);
  if (answering && own.some(({ id }) => id === answering.id)) return undefined;
  const [route] = own;
  if (!route) return lossWithoutRoute(scene, reading, intent, span);
  const match = describeMatch(route);
  const fitted = scene.fitted.routes.find(({ id }) => id === route.id);
  if (!fitted) {
    const unsupported = scene.diagnostics.find(({ code, span: place }) => code.endsWith('_UNSUPPORTED') && place && sameTag(place, span));
    return lossOf(span, unsupported, { weight: WEIGHTS.refused, match, why: `${scene.proxy.server} cannot serve it` });
  }
  const failure = matchFailure(fitted, request, proxy);
  if (failure?.part === 'path' && intent.match.host.kind === 'any') return undefined;
  if (failure) {
    const part = failure.part === 'entryPoint' ? 'entry point' : failure.part;
    const why = `its ${part} asks for ${failure.wanted}, the request has ${failure.found}`;
    return { weight: failure.part === 'path' ? WEIGHTS.path : WEIGHTS.part, rank: fitted.rank, span, match, why };
  }
  return { weight: WEIGHTS.later, rank: fitted.rank, span, match, why: answering ? whyLater(fitted, answering) : 'it comes later' };
}

const WEIGHTS = { refused: 0, later: 1, part: 2, path: 3 } as const;

/** An intent that no route of the table was made of. */
function lossWithoutRoute(
  { diagnostics, options, proxy: { pinned } }: Scene,
  { instance }: Reading,
  { dialect }: RouteIntent,
  span: TagSpan,
): Loss {
  const told = worst(diagnostics.filter(({ span: place }) => place && sameTag(place, span)));
  if (told) return lossOf(span, told, { weight: WEIGHTS.refused, why: told.message });
  if (pinned !== undefined) return { weight: WEIGHTS.refused, span, why: `generation ${pinned} is pinned, which has no route for it` };
  const out = whyOut(instance, dialect, options);
  return { weight: WEIGHTS.refused, span, why: out === undefined ? 'it is in no route that is served' : `its instance is out: ${out}` };
}

/** Tags that hold the host and gave no intent: unreadable, not enabled, or of a dialect that is not read. */
function lossesOfUnread({ diagnostics, options, dialectOf }: Scene, { instance, intents }: Reading, host: string): readonly Loss[] {
  const wanted = host.replace(/:\d+$/, '').toLowerCase();
  if (wanted.length < 3) return [];
  const read = new Set(intents.flatMap(({ spans }) => spans.map(({ tagIndex }) => tagIndex)));
  return instance.tags.flatMap((tag, index): readonly Loss[] => {
    if (read.has(index) || !tag.toLowerCase().includes(wanted)) return [];
    const span = tagSpan(instance, index);
    const told = worst(diagnostics.filter(({ span: place }) => place && sameTag(place, span)));
    if (told) return [lossOf(span, told, { weight: WEIGHTS.refused, why: told.message })];
    const dialect = dialectOf(tag);
    if (dialect === undefined) return [];
    if (!options.accept.includes(dialect))
      return [{ weight: WEIGHTS.refused, span, why: `its dialect is not read: dialects.accept is ${options.accept.join(', ')}` }];
    const beside = worst(
      diagnostics.filter(({ span: place }) => place?.service === instance.service && place.instance === instance.instance),
    );
    return beside ? [lossOf(span, beside, { weight: WEIGHTS.refused, why: beside.message })] : [];
  });
}

function lossOf(span: TagSpan, told: Diagnostic | undefined, otherwise: Omit<Loss, 'span'>): Loss {
  const place = told?.span && sameTag(told.span, span) ? told.span : span;
  return {
    ...otherwise,
    span: place,
    why: told?.message ?? otherwise.why,
    ...(told && { code: told.code }),
    ...(told?.hint !== undefined && { hint: told.hint }),
  };
}

/** The statement that weighs most; of equal ones the first. */
function worst(diagnostics: readonly Diagnostic[]): Diagnostic | undefined {
  const weight = { error: 0, warning: 1, info: 2 } as const;
  return diagnostics.toSorted((a, b) => weight[a.severity] - weight[b.severity])[0];
}

/** Whether a host part is about the host of a request; every host is, its path decides. */
function namesHost({ match, dialect }: RouteIntent, request: ProxyRequest, { context }: Scene): boolean {
  return context.proxy.hostProblem(match.host, request, dialect) !== 'host';
}

/** Why a route whose match holds too stands behind the one that answers. */
function whyLater(later: Route, first: Route): string {
  const [own, other] = [later.match.host.kind, first.match.host.kind];
  if (other !== 'any' && own === 'any') return 'it is for every host, and the answering route for this one';
  if (other === 'exact' && own !== 'exact') return 'its host is a pattern, and the answering route names the host itself';
  const [path, otherPath] = [lengthOf(later.match.path), lengthOf(first.match.path)];
  if (path < otherPath) return 'its path is shorter than that of the answering route';
  if (later.dialect === 'traefik' && first.dialect === 'traefik') return 'its priority is lower, or its rule shorter';
  return 'it comes later in the order of the table';
}

function lengthOf(path: PathMatch): number {
  return path.kind === 'any' ? 0 : path.kind === 'regexp' ? path.regexp.length : path.path.length;
}

/** What tells the routes of a tag: by its place and text, because another one stood in the place of one that has gone. */
function routesByTag({ serving, held }: Scene): Claim['routes'] {
  const lastGood = new Set(held.flatMap(({ state, route }) => (state === 'quarantined' ? route.id : [])));
  const pairs = serving.routes.flatMap((route) => route.spans.map((span) => ({ key: tagKey(span), tag: span.tag, route })));
  const byPlace = groupBy(pairs, ({ key }) => key);
  return (part) => (byPlace.get(tagKey(part)) ?? []).flatMap(({ tag, route }) => (tag === part.tag || lastGood.has(route.id) ? route : []));
}

function sameTag(a: TagSpan, b: TagSpan): boolean {
  return tagKey(a) === tagKey(b);
}
