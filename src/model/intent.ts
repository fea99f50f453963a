import type { DiagnosticCode } from './codes.ts';
import type { TagSpan } from './diagnostic.ts';
import type { EntryPointChoice } from './entry-point.ts';
import type { RouteMatch } from './match.ts';
import type { Middleware } from './middleware.ts';
import type { OwnerId, Port, ServiceName } from './names.ts';
import type { PoolOptions, UpstreamHost, UpstreamProtocol } from './pool.ts';
import type { DialectName, Redirect, TcpTls } from './route.ts';

/** Why a route answers 503 instead of what its tag asks. */
export interface Fault {
  /** `protective`: serving it would drop a protection, so no earlier form may stand in. `quarantined`: its last good form may. */
  readonly kind: 'protective' | 'quarantined';
  readonly code: DiagnosticCode;
}

/** What an intent does with its requests. `refuse`: they are of a kind that its instances do not speak; answered 503. */
export type IntentAction =
  | { readonly kind: 'forward' }
  | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'refuse' };

/**
 * A name that the tag does not define itself; the compiler looks it up. `middleware`, `service`: declared by another service of the same
 * owner. `policy`, `transport`: configured by the operator. One that is not found is reported as `code` and withholds the route.
 */
export interface Reference {
  readonly kind: 'reference';
  readonly to: 'middleware' | 'service' | 'policy' | 'transport';
  /** As the tag has it, without provider. Names of middlewares and services are compared lower-cased. */
  readonly name: string;
  readonly span: TagSpan;
  readonly code: DiagnosticCode;
}

/** A middleware, or what of a reference to one counts wherever it stands. */
export function withoutSpan(step: Middleware | Reference): unknown {
  return step.kind === 'reference' ? { to: step.to, name: step.name } : step;
}

/** Where the requests of an intent go: one instance, as part of a pool. */
export interface PoolMember {
  readonly protocol: UpstreamProtocol;
  readonly endpoint: { readonly address: string; readonly port: Port };
  /** The instance of a tcp pool is spoken to over TLS. */
  readonly tls?: true;
  readonly pool: PoolOptions;
  /** A transport of the operator, in the place of the pool's own. */
  readonly transport?: Reference;
  /** Fabio's fixed share (> 0), a float. */
  readonly share?: number;
  /** Traefik's integer server weight (≥ 0). */
  readonly weight?: number;
}

/** What one tag group on one instance asks for: one route to one endpoint. */
export interface RouteIntent extends PoolMember {
  readonly dialect: DialectName;
  readonly owner: OwnerId;
  readonly service: ServiceName;
  /** The name that the tags give the route, where the dialect has names. */
  readonly name?: string;
  /** The tags it comes from, the one with the match first. */
  readonly spans: readonly TagSpan[];
  readonly entryPoints: EntryPointChoice;
  readonly match: RouteMatch;
  /** `clean`: the instance receives the cleaned path (Fabio, Traefik); `raw`: as sent (HinD). */
  readonly pathForm: 'raw' | 'clean';
  readonly middlewares: readonly (Middleware | Reference)[];
  readonly action: IntentAction;
  /** Present: requests go to the instances of that service instead of this one's. */
  readonly backend?: Reference;
  /** The service of the labels that it forwards to, lower-cased, where the dialect has names of services. */
  readonly linked?: string;
  /** Further pools that middlewares send requests to, by name. */
  readonly sidePools?: readonly SidePool[];
  /** Traefik's router priority (an integer, never 0), or its rule's length in bytes when absent. Counts only within the owner. */
  readonly priority?: number;
  /** The default priority: the length of the Traefik rule in bytes, -1 for the catch-all of tcp. */
  readonly ruleLength?: number;
  /** What a tcp route does with TLS; absent: connections are not looked into. */
  readonly tcpTls?: TcpTls;
  /** The policy that says how TLS is ended for the hosts. */
  readonly tlsProfile?: Reference;
  /** Options of its tag that nothing is done with, verbatim, for writing the tag again. */
  readonly kept?: readonly string[];
  /** Set where the tag's options cannot be honoured: the match is kept, the route does not forward. */
  readonly fault?: Fault;
}

/** A pool beside that of a route, for a middleware that sends requests there, by the name that the middleware uses. */
export type SidePool = PoolMember & { readonly name: string };

/**
 * What one instance declares under a name that tags of other services may use. Names are as declared and compared lower-cased. A middleware may say which Host
 * header instances get; a service may have middlewares of its own, behind those of its routes.
 */
export type Definition = {
  readonly name: string;
  readonly span: TagSpan;
  readonly fault?: Fault;
  /** What its tags say, but for what each instance of a pool has of its own: equal for two that say the same. */
  readonly declared?: string;
} & (
  | {
      readonly kind: 'middleware';
      readonly middlewares: readonly (Middleware | Reference)[];
      readonly upstreamHost?: UpstreamHost;
      readonly sidePools?: readonly SidePool[];
    }
  | ({
      readonly kind: 'service';
      readonly middlewares?: readonly (Middleware | Reference)[];
      /** No tag declares it: every instance has it. */
      readonly implicit?: true;
    } & PoolMember)
);

/** What all tags of one instance ask for. */
export interface TagReading {
  readonly intents: readonly RouteIntent[];
  readonly definitions: readonly Definition[];
}
