import type { BackendId, Hostname, Port } from './names.ts';

/** What an upstream speaks. */
export type UpstreamProtocol = 'http' | 'https' | 'h2c' | 'tcp' | 'udp';

/** How a pool chooses. `random` follows weights (Fabio's `rnd`); `powerOfTwo`: the less busy of two chosen at random. */
export type LoadBalancing = 'random' | 'roundRobin' | 'ipHash' | 'leastConnections' | 'powerOfTwo' | 'leastTime';

/** How the proxy talks to the instances of a pool. Times in ms. */
export interface Transport {
  /** TLS server name and certificate name; absent: the host that is dialled. */
  readonly serverName?: Hostname;
  readonly skipVerify: boolean;
  /** Paths of PEM files that certificates are checked against; absent: the system's. */
  readonly rootCas?: readonly string[];
  readonly dialTimeoutMs?: number;
  readonly responseTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/**
 * The Host header an instance receives: the client's, the instance's own `address:port`, or a fixed one. `header`: what is sent where
 * that is not the bare host, because the tag has capitals or a port; printable ASCII without blanks.
 */
export type UpstreamHost =
  | { readonly kind: 'client' }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'fixed'; readonly host: Hostname; readonly header?: string };

/** A cookie that keeps a client at its instance. Absent parts are the proxy's own. */
export interface StickyCookie {
  readonly name?: string;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: 'none' | 'lax' | 'strict';
  readonly maxAgeSeconds?: number;
  readonly path?: string;
  readonly domain?: Hostname;
}

/** Requests of the proxy itself that decide which instances get others. Times in ms. */
export interface HealthCheck {
  readonly mode: 'http' | 'grpc' | 'tcp';
  readonly path?: string;
  readonly scheme?: 'http' | 'https';
  readonly host?: Hostname;
  readonly port?: Port;
  readonly method?: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Absent: 2xx and 3xx. */
  readonly status?: number;
  readonly intervalMs?: number;
  readonly unhealthyIntervalMs?: number;
  readonly timeoutMs?: number;
  readonly followRedirects?: boolean;
  /** What a tcp check sends and expects. */
  readonly send?: string;
  readonly expect?: string;
}

/** Checks of one instance may come so often: Caddy, told 1 ns, takes all memory and answers nobody. */
export const FASTEST_CHECK_MS = 100;

/** Takes an instance out after failed requests of clients. */
export interface PassiveHealthCheck {
  readonly maxFailures?: number;
  readonly windowMs?: number;
}

/** How the instances of a pool are chosen and talked to. */
export interface PoolOptions {
  readonly loadBalancing: LoadBalancing;
  readonly transport: Transport;
  readonly upstreamHost: UpstreamHost;
  readonly sticky?: StickyCookie;
  readonly healthCheck?: HealthCheck;
  readonly passiveHealthCheck?: PassiveHealthCheck;
  /** ms between flushes of an answer that is still coming; negative: at once. */
  readonly flushIntervalMs?: number;
  /** Version of the PROXY line that instances of a tcp pool get first. */
  readonly proxyProtocol?: 1 | 2;
  /** ms that a half closed connection of a tcp pool is kept; negative: without end. */
  readonly terminationDelayMs?: number;
}

/** One instance of a pool. */
export interface Endpoint {
  readonly address: string;
  readonly port: Port;
  readonly protocol: UpstreamProtocol;
  /** Instances of a tcp pool that are spoken to over TLS. */
  readonly tls?: true;
  /** Integer share; equal everywhere (1) unless tags ask otherwise. 0: registered, gets nothing. */
  readonly weight: number;
}

/** The key of an address and port. */
export function endpointKey({ address, port }: Pick<Endpoint, 'address'> & { readonly port: number }): string {
  return `${address} ${port}`;
}

/** A pool of instances. */
export interface Backend extends PoolOptions {
  readonly id: BackendId;
  /** Sorted by address, then port. Never empty. */
  readonly endpoints: readonly Endpoint[];
}

/** A pool without any wish: random, verified, the client's Host header. */
export const PLAIN_POOL: PoolOptions = { loadBalancing: 'random', transport: { skipVerify: false }, upstreamHost: { kind: 'client' } };
