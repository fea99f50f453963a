import type { Credentials } from '../model/credentials.ts';
import type { Diagnosed } from '../model/diagnostic.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Backend } from '../model/pool.ts';
import type { RenderedConfig, RenderedFile, Server } from '../model/rendered.ts';
import type { ProxyReading } from '../model/request.ts';
import type { Route, RoutingTable } from '../model/route.ts';
import type { Capabilities } from './features.ts';

/** A certificate and its key as files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** What both targets need beside the table. All paths absolute. */
export interface RenderSettings {
  /** Every entry point, by name. */
  readonly entryPoints: readonly EntryPoint[];
  /** The answer where no route matches. */
  readonly unknownHost: { readonly status: number; readonly body?: string };
  /** Where the certificates of TLS entry points come from: nowhere (plain only), a CA of the proxy's or ours, or these files. */
  readonly tls: {
    readonly mode: 'off' | 'internal' | 'files';
    readonly certificates: readonly CertificateFiles[];
    readonly minVersion: '1.2' | '1.3';
  };
  /** CIDRs whose X-Forwarded-* headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly accessLogs: boolean;
  /** Modules of the running proxy beyond its stock build, as it lists them. */
  readonly modules: ReadonlySet<string>;
  /** Users by the name of their policy; absent: none. A route that names another answers 503. */
  readonly credentials?: ReadonlyMap<string, Credentials>;
  readonly caddy: {
    /** Destination of the Caddyfile. */
    readonly file: string;
    /** `http://host:port` or `unix//path`. */
    readonly admin: string;
  };
  readonly traefik: {
    readonly staticFile: string;
    /** Destination of the dynamic file; its directory is watched by Traefik. */
    readonly dynamicFile: string;
    /** `http://host:port` on loopback, where Traefik's API is read back. */
    readonly api: string;
    /** htpasswd lines that may read the API. */
    readonly apiUsers: readonly string[];
    /** The certificate for TLS requests that match none: always set, or every reload makes a new key. */
    readonly defaultCertificate: CertificateFiles;
  };
}

/** Why a route cannot be rendered although its features can. `withhold`: it answers 503; `drop`: not even its match can be written. */
export interface Obstacle {
  readonly effect: 'withhold' | 'drop';
  readonly message: string;
}

/** What a target looks at beside a route. */
export interface RouteContext {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly settings: RenderSettings;
}

/** What stands in the place of the digest in what a proxy boots from before it was given anything. */
export const BOOT_MARKER = 'boot';

/** One proxy as a compiler backend: pure, total, the same bytes for the same table and settings. */
export interface Target {
  readonly server: Server;
  readonly capabilities: Capabilities;
  /** Where the proxy listens when it serves the table. */
  entryPoints(table: RoutingTable, settings: RenderSettings): readonly EntryPoint[];
  /** What in the values of a route stands in the way of rendering it; asked of routes whose features the proxy can do. */
  obstacle(route: Route, context: RouteContext): Obstacle | undefined;
  /** In what a route that is rendered differs, by its values, from what was asked; beside the `differs` of its features. */
  differences(route: Route, context: RouteContext): readonly string[];
  /** The whole dynamic configuration of a table fitted to the proxy (`fitTable`), and in what it differs from what was asked. */
  render(table: RoutingTable, settings: RenderSettings): Diagnosed<RenderedConfig>;
  /** What the proxy boots from when nothing was ever applied: its admin endpoint, 503 with Retry-After for everything. */
  renderBoot(settings: RenderSettings): RenderedConfig;
  /** How the proxy, rendered so, reads a request. */
  reading(settings: RenderSettings): ProxyReading;
  /** Files the proxy reads at its start only; none for Caddy. */
  renderStatic(settings: RenderSettings): readonly RenderedFile[];
}
