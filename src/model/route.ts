import { once } from '../lib/memo.ts';
import type { TagSpan } from './diagnostic.ts';
import type { RouteMatch } from './match.ts';
import type { Middleware } from './middleware.ts';
import type { BackendId, Digest, OwnerId, RouteId, ServiceName } from './names.ts';
import type { Backend, LoadBalancing } from './pool.ts';

/** The dialects a tag can be written in. */
export const DIALECTS = ['traefik', 'fabio', 'hind'] as const;
export type DialectName = (typeof DIALECTS)[number];

/** How a pool chooses where the tags of a dialect do not say. */
export const DEFAULT_BALANCING: Readonly<Record<DialectName, LoadBalancing>> = { fabio: 'random', hind: 'ipHash', traefik: 'roundRobin' };

/**
 * One part of a redirect target: literal text, the request's path, its Host header with port (`host`) or without (`hostname`). Where the
 * target takes the path and has no query, the request's stands at its end. `strip`: left out at the beginning of the path, where it
 * stands there; no slash takes its place.
 */
export type RedirectPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly strip?: string }
  | { readonly kind: 'host' | 'hostname' };

/** An answer that is a redirect. `otherStatus`: for methods other than GET and HEAD, where it differs. */
export interface Redirect {
  readonly status: number;
  readonly otherStatus?: number;
  readonly to: readonly RedirectPart[];
}

/** What a tcp route does with TLS: hands it on undecrypted, or ends it. */
export type TcpTls = 'passthrough' | 'terminate';

/** How TLS is ended for the hosts of a route, from an operator's policy. Names of versions, suites and curves are Go's. */
export interface TlsProfile {
  /** The name of the policy. */
  readonly name: string;
  readonly minVersion?: '1.2' | '1.3';
  readonly cipherSuites?: readonly string[];
  readonly curves?: readonly string[];
  readonly clientAuth?: {
    readonly caFiles: readonly string[];
    readonly mode: 'request' | 'require' | 'verifyIfGiven' | 'requireAndVerify';
  };
}

/** Why a `respond` route answers as it does. */
export type RespondReason = 'unhealthy' | 'withheld' | 'tombstone' | 'reserved' | 'protocol';

/** What a route does with its request after its middlewares. */
export type RouteAction =
  | { readonly kind: 'forward'; readonly backend: BackendId }
  | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'respond'; readonly status: number; readonly reason: RespondReason }
  /** Each request goes to one part, by weight: services that share a route and differ in their options. At least two parts. */
  | { readonly kind: 'split'; readonly parts: readonly SplitPart[] };

/** One share of a route. Its middlewares come after the route's. */
export interface SplitPart {
  readonly weight: number;
  readonly middlewares: readonly Middleware[];
  readonly action: Extract<RouteAction, { readonly kind: 'forward' | 'redirect' }>;
}

/** One line of the routing table: requests that arrive at any of `entryPoints` and match get `action`. */
export interface Route {
  readonly id: RouteId;
  readonly owner: OwnerId;
  /** Owner and host: what is isolated and quarantined together. */
  readonly unit: string;
  /** The services it comes from, sorted. */
  readonly services: readonly ServiceName[];
  readonly dialect: DialectName;
  /**
   * `http` routes match requests; `tcp` routes match a server name (`match.host`) or everything on their entry points; `udp` routes
   * take everything.
   */
  readonly protocol: 'http' | 'tcp' | 'udp';
  /** Names of the entry points it listens on, sorted, never empty. */
  readonly entryPoints: readonly string[];
  readonly match: RouteMatch;
  readonly pathForm: 'raw' | 'clean';
  /** Position in the table, from 0: the first route that matches answers. */
  readonly rank: number;
  readonly middlewares: readonly Middleware[];
  readonly action: RouteAction;
  readonly tcpTls?: TcpTls;
  readonly tlsProfile?: TlsProfile;
  /** The tags it comes from: those that decided first, each sorted by service, instance, tag. Not part of the table's digest. */
  readonly spans: readonly TagSpan[];
}

/** Everything one proxy should serve: the one model both targets render. */
export interface RoutingTable {
  /** By rank. */
  readonly routes: readonly Route[];
  /** Only those that a route uses, in the order of the routes. */
  readonly backends: readonly Backend[];
  /** SHA-256 over those of the routes without ranks and spans, in order, and of the backends. */
  readonly digest: Digest;
}

/** The pools that a route sends requests to: by its action, the parts of a split, and its middlewares. */
export const backendIdsOf: (route: Pick<Route, 'action' | 'middlewares'>) => readonly BackendId[] = once(({ action, middlewares }) => {
  const ofMiddlewares = (list: readonly Middleware[]): readonly BackendId[] =>
    list.flatMap((middleware) => (middleware.kind === 'errors' ? [middleware.backend] : []));
  const own = action.kind === 'forward' ? [action.backend] : action.kind === 'split' ? action.parts.flatMap(backendIdsOf) : [];
  return [...own, ...ofMiddlewares(middlewares)];
});

/** Whether a route answers 503 for a while in the place of one that has gone. */
export function isTombstone({ action }: Pick<Route, 'action'>): boolean {
  return action.kind === 'respond' && action.reason === 'tombstone';
}

/** Whether a route forwards those clients only that have a certificate, which none can show without TLS. */
export function needsCertificate({ tlsProfile, action }: Pick<Route, 'tlsProfile' | 'action'>): boolean {
  const mode = tlsProfile?.clientAuth?.mode;
  return (mode === 'require' || mode === 'requireAndVerify') && (action.kind === 'forward' || action.kind === 'split');
}
