import { compareText, groupBy } from '../lib/sort.ts';
import type { HeldRoute } from '../model/change.ts';
import { compareDiagnostics, isConflict, tagKey, type Diagnostic, type TagSpan } from '../model/diagnostic.ts';
import type { AskedRequest } from './asked-url.ts';
import type { ExplainView } from './explain.ts';
import type { TestView } from './request-view.ts';
import type { Cause } from '../model/cause.ts';
import { describeAction, describeMatch } from '../model/describe.ts';
import { serviceKey, type ServiceInstance } from '../model/catalog.ts';
import type { RoutingTable } from '../model/route.ts';
import { redactedDiagnostic, redactedTag } from '../model/redact.ts';
import type { Server } from '../model/rendered.ts';
import { backendsOf } from '../model/table.ts';
import { routeStates, type RouteState } from './route-state.ts';
import type { KnownSource } from './snapshots.ts';

/** One line of `/v1/routes`. */
export interface RouteView {
  readonly id: string;
  readonly entrypoints: readonly string[];
  readonly match: string;
  /** Position in the table, from 0: lower is tried first. */
  readonly priority: number;
  readonly services: readonly string[];
  readonly source: string;
  readonly dialect: string;
  readonly tags: readonly string[];
  readonly state: RouteState['state'];
  /** Why it is served otherwise than the catalogs ask now; absent where it is not. */
  readonly reason?: string;
  /** When time may end that. */
  readonly until?: string;
  /** It answers 503 until its tag is repaired. */
  readonly withheld: boolean;
  /** The proxy cannot serve it: its requests are answered by another route, or by none. */
  readonly leftOut: boolean;
  readonly action: string;
  readonly backends: readonly { readonly address: string; readonly port: number; readonly weight: number }[];
  readonly middlewares: readonly string[];
  readonly diagnostics: readonly string[];
}

/** A stretch of a tag as it is shown. */
export interface SpanView {
  readonly service: string;
  readonly instance: string;
  readonly tag: string;
  readonly start: number;
  readonly end: number;
}

/** One entry of `/v1/diagnostics`. */
export interface DiagnosticView extends Partial<SpanView> {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly hint?: string;
  readonly related: readonly SpanView[];
}

/** One entry of `/v1/services`. */
export interface ServiceView {
  readonly name: string;
  readonly source: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly instances: readonly { readonly id: string; readonly address: string; readonly port: number; readonly health: string }[];
}

/** What a catalog said last. */
export interface SnapshotView {
  readonly source: string;
  readonly index: string;
  readonly observedAt: string;
  /** It was read before the start: it may keep routes, never remove them. */
  readonly stale: boolean;
  /** Why what is missing in it is not believed. */
  readonly doubt?: string;
  readonly faults: readonly string[];
  readonly services: readonly ServiceView[];
}

/** What `/v1/status` says. */
export interface StatusView {
  readonly version: string;
  readonly ready: boolean;
  readonly health: 'ok' | 'degraded' | 'waiting' | 'dead';
  readonly proxies: readonly {
    readonly name: string;
    readonly server: Server;
    readonly generation?: number;
    readonly digest?: string;
    readonly appliedAt?: string;
    /** It answers. */
    readonly up: boolean;
    /** It takes connections and does not answer. */
    readonly silent?: true;
    readonly verified: boolean;
    readonly routes: number;
    readonly pinned?: number;
    readonly problem?: string;
  }[];
  readonly sources: readonly {
    readonly name: string;
    readonly state: 'synced' | 'stale' | 'failed' | 'waiting';
    readonly index?: string;
    readonly ageMs?: number;
    readonly services: number;
    readonly problem?: string;
  }[];
  /** For which catalog it waits before it applies anything, and how long; absent where it does not. */
  readonly waiting?: string;
  readonly conflicts: number;
  readonly quarantined: number;
  /** Routes that answer 503 until their tags are repaired. */
  readonly withheld: number;
  /** Routes that the proxy cannot serve. */
  readonly leftOut: number;
  /** Routes that the catalogs ask for no longer, which is not believed yet. */
  readonly held: number;
  /** What is wrong with tags, by the last cycle. */
  readonly errors: number;
  readonly warnings: number;
  readonly guard?: string;
}

/** One entry of `/v1/generations`, newest first. */
export interface GenerationView {
  readonly id: number;
  readonly server: Server;
  readonly digest: string;
  readonly appliedAt: string;
  readonly routes: number;
  readonly outcome: string;
  readonly pinned: boolean;
  readonly cause?: Cause;
}

/** One entry of `/v1/generations` that is damaged on disk, and can neither be compared nor put back. */
export interface DamagedGeneration {
  readonly id: number;
  readonly damaged: true;
  readonly pinned: boolean;
}

/** What `POST /v1/rollback` answers: the generation, and whether the proxy was read back with it. */
export interface RollbackView extends GenerationView {
  /** Newer generations that are damaged on disk and were passed over; absent where there is none. */
  readonly damaged?: readonly number[];
  readonly served: boolean;
  /** Why it is not served. */
  readonly reason?: string;
  /** The proxy that ran until then, where it was the other one. */
  readonly replaced?: Server;
  /** The process id of an `exec-proxy` that was started for it and runs on, where none ran. */
  readonly launcher?: number;
}

/** The stages of a switch, in their order; `ports`, `files`: what the new proxy needs on the machine. */
export type SwitchStage = 'render' | 'check' | 'verify' | 'files' | 'ports' | 'start';

/** What `POST /v1/switch` answers; `from` and `to` are equal where that proxy ran already. */
export interface SwitchView {
  readonly from: Server;
  readonly to: Server;
  readonly generation: number;
  /** How many requests both were asked, and how many were answered otherwise. */
  readonly requests: number;
  readonly differences: number;
  /** How many routes are not served any more, because this proxy cannot. */
  readonly losses?: number;
  readonly stages: readonly { readonly stage: SwitchStage; readonly ms: number }[];
  /** The generation that is pinned, as after a rollback: the catalogs are not followed. A switch keeps the pin. */
  readonly pinned?: number;
  /** What to do so that it stays so, where controller and `exec-proxy` were for different proxies. */
  readonly note?: string;
  /** Why the kernel shared new connections before the new proxy was ready, where it did. */
  readonly gate?: string;
  /** The process id of an `exec-proxy` that was started for it and runs on, where none ran. */
  readonly launcher?: number;
}

/** What the admin listener and the commands can ask of a running controller. */
export interface ControllerViews {
  status(): StatusView;
  routes(): readonly RouteView[];
  services(): readonly ServiceView[];
  snapshot(): readonly SnapshotView[];
  /** The configuration as it counts, every default in place, without secrets. */
  config(): object;
  /** Of one service by its exact name, or all. */
  diagnostics(service?: string): readonly DiagnosticView[];
  /** Those where two sides want different things. */
  conflicts(): readonly DiagnosticView[];
  /** What the proxy would do with one request. Throws `RangeError` where the request cannot be read. */
  test(asked: AskedRequest & { readonly url: string }): TestView;
  /** Why a URL answers as it does. Throws `RangeError` where it cannot be read. */
  explain(url: string): ExplainView;
  generations(): readonly (GenerationView | DamagedGeneration)[];
  /** Puts a generation back and pins it; the one before that which is served by default. Rejects with a sentence where that fails. */
  rollback(id: number | undefined, options: { readonly acceptRemovals: boolean }): Promise<RollbackView>;
  /** Changes the running proxy. Rejects with a sentence, and a `hint`, where that fails; then the old one serves on. */
  switchTo(server: Server, options: { readonly acceptDifferences: boolean }): Promise<SwitchView>;
  unpin(): Promise<void>;
  /** Lets the removals through that are held now. */
  acceptRemovals(): void;
  /** Asks every source for a fresh read. */
  resync(): void;
}

/** The routes of a table as they are shown, in rank order; `fitted`: the table as its proxy can serve it. */
export function routeViews(
  table: RoutingTable,
  {
    held,
    diagnostics,
    fitted = table,
  }: { readonly held: readonly HeldRoute[]; readonly diagnostics: readonly Diagnostic[]; readonly fitted?: RoutingTable },
): readonly RouteView[] {
  const backends = backendsOf(table);
  const stateOf = routeStates(fitted, held);
  const heldById = new Map(held.map((one) => [one.route.id, one]));
  const byTag = groupBy(diagnostics, ({ span }) => span && tagKey(span));
  // where a route is served in its last good form, what was said is of what stands in the place of its tag now
  const codesOf = (span: TagSpan, { state }: RouteState): readonly string[] =>
    (byTag.get(tagKey(span)) ?? []).flatMap((one) => (state === 'quarantined' || one.span?.tag === span.tag ? one.code : []));
  return table.routes.map((route) => ({
    id: route.id,
    entrypoints: route.entryPoints,
    match: describeMatch(route),
    priority: route.rank,
    services: route.services,
    source: [...new Set(route.spans.map(({ source }) => source))].join(' '),
    dialect: route.dialect,
    tags: [...new Set(route.spans.map(({ tag }) => redactedTag(tag)))],
    ...stateOf(route),
    ...reasonOf(heldById.get(route.id)),
    action: describeAction(route),
    backends:
      route.action.kind === 'forward'
        ? (backends.get(route.action.backend)?.endpoints ?? []).map(({ address, port, weight }) => ({ address, port, weight }))
        : [],
    middlewares: route.middlewares.map(({ kind }) => kind),
    diagnostics: [...new Set(route.spans.flatMap((span) => codesOf(span, stateOf(route))))],
  }));
}

function reasonOf(held: HeldRoute | undefined): Pick<RouteView, 'reason' | 'until'> {
  if (held === undefined) return {};
  const { reason, untilMs } = held;
  return { reason, ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }) };
}

/** A diagnostic as it is shown. */
export function diagnosticView(diagnostic: Diagnostic): DiagnosticView {
  const { code, severity, message, hint, span, related } = redactedDiagnostic(diagnostic);
  return { code, severity, message, ...(hint !== undefined && { hint }), ...(span && spanView(span)), related: related.map(spanView) };
}

/** A span as it is shown; hide first what it may not show (`redactedSpan`). */
export function spanView({ service, instance, tag, start, end }: TagSpan): SpanView {
  return { service, instance, tag, start, end };
}

/** The diagnostics where two sides want different things, in the order of their places. */
export function conflictViews(diagnostics: readonly Diagnostic[]): readonly DiagnosticView[] {
  return diagnostics.filter(isConflict).toSorted(compareDiagnostics).map(diagnosticView);
}

/** Services with their instances, by owner and name. */
export function serviceViews(instances: readonly ServiceInstance[]): readonly ServiceView[] {
  const services = groupBy(instances, (instance) => `${serviceKey(instance)} ${instance.source}`);
  return [...services.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const list = group.map(({ instance, address, port, health }) => ({ id: instance, address, port, health }));
    return [
      {
        name: first.service,
        source: first.source,
        owner: first.owner,
        tags: [...new Set(group.flatMap(({ tags }) => tags))].map(redactedTag),
        instances: list,
      },
    ];
  });
}

/** What each catalog said last, without secrets. */
export function snapshotViews(known: readonly KnownSource[]): readonly SnapshotView[] {
  return known
    .map(({ stale, snapshot: { source, revision, observedAtMs, doubt, faults = [], instances } }) => ({
      source,
      index: revision,
      observedAt: new Date(observedAtMs).toISOString(),
      stale,
      ...(doubt !== undefined && { doubt }),
      faults,
      services: serviceViews(instances),
    }))
    .toSorted((a, b) => compareText(a.source, b.source));
}
