import type { Cidr } from '../lib/ip.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Hostname, OwnerId, Port, SourceId } from '../model/names.ts';
import type { Policy } from '../model/policy.ts';
import type { Transport } from '../model/pool.ts';
import type { DialectName } from '../model/route.ts';

/** Which instances a source's services may be served from, where the operator overrides the dialects' own rules. */
export type HealthRule = 'passing' | 'warning' | 'any';

/** Which addresses instances may have beside the rules that always hold. */
export interface AddressPolicy {
  /** Blocks that are allowed although a rule refuses them. */
  readonly allow: readonly Cidr[];
  /** Blocks that are refused. */
  readonly deny: readonly Cidr[];
  /** Administrative endpoints of the proxy and of ourselves, as `controlKey` writes them. */
  readonly controlPorts: ReadonlySet<string>;
  /** Ports that no health check may name: those of administrative endpoints and of the catalogs, which a request could change. */
  readonly uncheckedPorts: ReadonlySet<number>;
}

/** Policies for every route that fits all of these patterns (`*`, `?`); an absent pattern fits everything. */
export interface Attachment {
  readonly match: { readonly service?: string; readonly host?: string; readonly tag?: string; readonly namespace?: string };
  readonly policies: readonly string[];
}

/** What an owner may have: hosts (`*.` for all names below) with everything under a path prefix. */
export interface Grant {
  readonly host: string;
  readonly prefix: string;
}

/** The operator's decisions that shape a routing table. */
export interface CompileOptions {
  /** Dialects that are read, the preferred one first. */
  readonly accept: readonly DialectName[];
  readonly entryPoints: readonly EntryPoint[];
  /** Whether a route may open the port that its tag names, as HinD does, and the ports that none may open. */
  readonly openPorts: 'none' | { readonly except: ReadonlySet<number> };
  /** False where the proxy ends no TLS at all. */
  readonly tls: boolean;
  readonly unhealthy: 'respond-503' | 'remove';
  /** Fabio routes only services that have a check; asked of the sources that know checks. */
  readonly requireChecks: boolean;
  readonly checkingSources: ReadonlySet<SourceId>;
  readonly health: ReadonlyMap<SourceId, HealthRule>;
  /** `firstCome`: a host belongs to who had it first. `allowList`: to whom it is granted. `open`: to everybody. */
  readonly ownership: 'firstCome' | 'allowList' | 'open';
  /** What owners are granted, by `namespace:GLOB` or `service:GLOB`. Grants are for others' hosts too. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
  readonly reservedHosts: readonly Hostname[];
  /** Hosts that tags may redirect to; empty: any. */
  readonly redirectHosts: readonly string[];
  /** Which routes answer plain http with a redirect to https. */
  readonly httpsRedirect: 'hind' | 'withoutPort' | 'never';
  /** Plain requests that no route answers are redirected to https, as HinD does. */
  readonly redirectUnknownHosts: boolean;
  readonly addresses: AddressPolicy;
  /** By name. */
  readonly policies: ReadonlyMap<string, Policy>;
  readonly attach: readonly Attachment[];
  /** What tags may refer to, by name. */
  readonly transports: ReadonlyMap<string, Transport>;
  readonly limits: { readonly routesPerService: number; readonly endpointsPerRoute: number; readonly servicesPerOwner: number };
}

/** Who holds a host (or a wide pattern) since earlier tables; see `claimKey`. */
export type Claims = ReadonlyMap<string, OwnerId>;

/** The port that https URLs of this proxy carry; undefined where it ends no TLS. */
export function tlsPort(entryPoints: readonly EntryPoint[]): Port | undefined {
  return entryPoints.find(({ protocol, tls }) => protocol === 'http' && tls)?.port;
}
