import type { GoUrl } from '../lib/go-url.ts';
import type { EntryPoint } from './entry-point.ts';
import type { HostMatch, PathMatch } from './match.ts';
import type { HeaderValue, MiddlewareOf } from './middleware.ts';
import type { Endpoint } from './pool.ts';
import type { DialectName, Redirect, Route } from './route.ts';

/** One request as it arrives at an entry point. */
export interface ProxyRequest {
  readonly entryPoint: EntryPoint;
  readonly method: string;
  /** The Host header as sent. */
  readonly host: string;
  readonly url: GoUrl;
  /** As sent, without Host; names in any case. */
  readonly headers: readonly HeaderValue[];
  /** The peer's address. */
  readonly ip: string;
  /** The server name of the TLS handshake; absent: the host. */
  readonly sni?: string;
}

/** A middleware that changes the path. */
export type PathMiddleware = MiddlewareOf<'stripPrefix' | 'stripPrefixRegexp' | 'addPrefix' | 'replacePath' | 'replacePathRegexp'>;

/** What a path middleware comes to. `prefix`: what was taken off, which instances get in X-Forwarded-Prefix. */
export type PathChange =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly url: GoUrl; readonly prefix?: string }
  | { readonly kind: 'refused'; readonly status: number };

/** A URL, or the status with which it is refused. */
export type Admitted = { readonly url: GoUrl } | { readonly refused: number };

/** Where a redirect leads. */
export interface RedirectAnswer {
  readonly status: number;
  readonly location: string;
}

/**
 * How one proxy reads a request: everything in which Caddy and Traefik, as they are configured here, treat the same route and the same
 * request in different ways. Pure; each stands beside its renderer, which it must agree with.
 */
export interface ProxyReading {
  /** The URL as routes get it, or the status of a request that no route is asked for. */
  admit(url: GoUrl): Admitted;
  /** The text that a path which a route asks for is compared with. */
  matchedPath(url: GoUrl, asked: { readonly path: PathMatch; readonly dialect: DialectName }): string;
  /** The headers that conditions and address lists look at. */
  headersSeen(request: ProxyRequest): readonly HeaderValue[];
  /** Why the host part of a route does not hold; undefined where it does. */
  hostProblem(host: HostMatch, request: ProxyRequest, dialect: DialectName): 'host' | 'port' | undefined;
  /** Why a route whose match holds passes the request on to the next one; undefined where it answers. */
  passesOn(route: Route, request: ProxyRequest): string | undefined;
  /** The texts that an expression on the values of a query key is compared with; `query`: as sent. */
  comparedValues(values: readonly string[], query: string | undefined): readonly string[];
  /** The URL in the form that a route's middlewares and instances get. */
  shaped(url: GoUrl, route: Route): GoUrl;
  /** The URL that an instance gets: what is done with it when the middlewares have seen it. */
  handedOn(url: GoUrl, route: Route): GoUrl;
  /** What a path middleware of a route makes of a URL. */
  changePath(url: GoUrl, middleware: PathMiddleware, dialect: DialectName): PathChange;
  /**
   * The answer of a redirecting route: `url` is what its middlewares have made of the request's, which was `shaped` before. Undefined where
   * the request goes on.
   */
  redirect(redirect: Redirect, request: ProxyRequest, from: { readonly route: Route; readonly shaped: GoUrl }): RedirectAnswer | undefined;
  /** The same for the middlewares that redirect. */
  redirectScheme(middleware: MiddlewareOf<'redirectScheme'>, request: ProxyRequest): RedirectAnswer | undefined;
  redirectRegexp(middleware: MiddlewareOf<'redirectRegexp'>, request: ProxyRequest): RedirectAnswer | undefined;
  /** The instances of a pool that get requests at all. */
  served(endpoints: readonly Endpoint[]): readonly Endpoint[];
  /** The status for requests that no route answers. */
  readonly unknownHost: number;
}
