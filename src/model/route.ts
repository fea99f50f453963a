import type { RouteMatch } from './match.ts';
import type { Middleware } from './middleware.ts';
import type { BackendId, Digest, Hostname, OwnerId, Port, RouteId, ServiceName } from './names.ts';
import type { DiagnosticCode } from './codes.ts';
import type { TagSpan } from './diagnostic.ts';

/** The dialects a tag can be written in. */
export const DIALECTS = ['traefik', 'fabio', 'hind'] as const;
export type DialectName = (typeof DIALECTS)[number];

/** A place where a proxy listens. `tls` says whether it ends TLS. */
export interface EntryPoint {
  readonly name: string;
  /** `host:port` or `:port`. */
  readonly address: string;
  readonly port: Port;
  readonly protocol: 'http' | 'tcp' | 'udp';
  readonly tls: boolean;
}

/**
 * Which entry points an intent asks for, in a tag's own words; the compiler resolves it to names.
 * `kind`: every http entry point that is plain, ends TLS, or either. `named`: these, as far as their kind fits `tls`.
 * `aside`: a part of another intent of the same tag; nothing is said where no entry point fits.
 * `port`: the entry point on that port. `tcp`: the tcp entry point on that port (any, where none is named).
 */
export type EntryPointChoice =
  | { readonly kind: 'plain' | 'tls' | 'both'; readonly aside?: true }
  | { readonly kind: 'named'; readonly names: readonly string[]; readonly tls: boolean }
  | { readonly kind: 'port'; readonly port: Port; readonly tls: boolean }
  | { readonly kind: 'tcp'; readonly port?: Port; readonly names?: readonly string[] };

/** What an upstream speaks. */
export type UpstreamProtocol = 'http' | 'https' | 'h2c' | 'tcp';

/** How the proxy talks to the instances of a pool. */
export interface Transport {
  /** TLS server name and certificate name; absent: the host that is dialled. */
  readonly serverName?: Hostname;
  readonly skipVerify: boolean;
}

/** The Host header an instance receives: the client's, the instance's own `address:port`, or a fixed one. */
export type UpstreamHost =
  | { readonly kind: 'client' }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'fixed'; readonly host: Hostname };

/** How a pool chooses. `weightedRandom` is Fabio's `rnd`; with equal weights plain random. */
export const LOAD_BALANCING = ['random', 'roundRobin', 'ipHash', 'leastConnections'] as const;
export type LoadBalancing = (typeof LOAD_BALANCING)[number];

/** Why a route answers 503 instead of what its tag asks. */
export interface Fault {
  /** `protective`: serving it would drop a protection, so no earlier form may stand in. `quarantined`: its last good form may. */
  readonly kind: 'protective' | 'quarantined';
  readonly code: DiagnosticCode;
}

/**
 * One part of a redirect target: literal text, the request's path (with its query, where the target has none), its Host header
 * with port (`host`) or without (`hostname`).
 */
export type RedirectPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'path' | 'host' | 'hostname' };

/** An answer that is a redirect. `otherStatus`: for methods other than GET and HEAD, where it differs. */
export interface Redirect {
  readonly status: number;
  readonly otherStatus?: number;
  readonly to: readonly RedirectPart[];
}

/** What one tag group on one instance asks for: one route to one endpoint. */
export interface RouteIntent {
  readonly dialect: DialectName;
  readonly owner: OwnerId;
  readonly service: ServiceName;
  /** The tags it comes from, the one with the match first. */
  readonly spans: readonly TagSpan[];
  readonly entryPoints: EntryPointChoice;
  readonly match: RouteMatch;
  /** `clean`: the instance receives the cleaned path (Fabio, Traefik); `raw`: as sent (HinD). */
  readonly pathForm: 'raw' | 'clean';
  readonly middlewares: readonly Middleware[];
  /** Present: the route redirects instead of forwarding. */
  readonly redirect?: Redirect;
  readonly protocol: UpstreamProtocol;
  readonly transport: Transport;
  readonly upstreamHost: UpstreamHost;
  readonly loadBalancing: LoadBalancing;
  readonly endpoint: { readonly address: string; readonly port: Port };
  /** Fabio's fixed share (> 0), a float. */
  readonly share?: number;
  /** Traefik's integer server weight (≥ 0). */
  readonly weight?: number;
  /** Traefik's router priority (> 0), or its rule's length in bytes when absent. Counts only within the owner. */
  readonly priority?: number;
  /** Length of the Traefik rule in bytes, the default priority. */
  readonly ruleLength?: number;
  /** TLS passes through to the instance undecrypted (tcp only). */
  readonly passthrough?: true;
  /** Set where the tag's options cannot be honoured: the match is kept, the route does not forward. */
  readonly fault?: Fault;
}

/** One instance of a pool. */
export interface Endpoint {
  readonly address: string;
  readonly port: Port;
  readonly protocol: UpstreamProtocol;
  /** Integer share; equal everywhere (1) unless tags ask otherwise. 0: registered, gets nothing. */
  readonly weight: number;
}

/** A pool of instances. */
export interface Backend {
  readonly id: BackendId;
  /** Sorted by address, then port. Never empty. */
  readonly endpoints: readonly Endpoint[];
  readonly loadBalancing: LoadBalancing;
  readonly transport: Transport;
  readonly upstreamHost: UpstreamHost;
}

/** Why a `respond` route answers as it does. */
export type RespondReason = 'unhealthy' | 'withheld' | 'tombstone' | 'reserved';

/** What a route does with its request after its middlewares. */
export type RouteAction =
  | { readonly kind: 'forward'; readonly backend: BackendId }
  | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'respond'; readonly status: number; readonly reason: RespondReason };

/** One line of the routing table: requests that arrive at any of `entryPoints` and match get `action`. */
export interface Route {
  readonly id: RouteId;
  readonly owner: OwnerId;
  /** Owner and host: what is isolated and quarantined together. */
  readonly unit: string;
  /** The services it comes from, sorted. */
  readonly services: readonly ServiceName[];
  readonly dialect: DialectName;
  /** `http` routes match requests; `tcp` routes match a server name (`match.host`) or everything on their entry points. */
  readonly protocol: 'http' | 'tcp';
  /** Names of the entry points it listens on, sorted, never empty. */
  readonly entryPoints: readonly string[];
  readonly match: RouteMatch;
  readonly pathForm: 'raw' | 'clean';
  /** Position in the table, from 0: the first route that matches answers. */
  readonly rank: number;
  readonly middlewares: readonly Middleware[];
  readonly action: RouteAction;
  readonly passthrough?: true;
  /** The tags it comes from, sorted by service, instance, tag. Not part of the table's digest. */
  readonly spans: readonly TagSpan[];
}

/** Everything one proxy should serve: the one model both targets render. */
export interface RoutingTable {
  /** By rank. */
  readonly routes: readonly Route[];
  /** By id, only those that a route uses. */
  readonly backends: readonly Backend[];
  /** SHA-256 of the canonical form: routes without spans, backends. */
  readonly digest: Digest;
}
