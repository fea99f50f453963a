/**
 * What happens to a request between match and backend, in list order. Prefixes begin with `/`.
 * A kind added here does not compile until every target has said what it does with it (`Capabilities`).
 */
export type Middleware =
  /** Removes the first prefix that the (decoded) path begins with, as a plain string; the rest gets a leading `/`. */
  | { readonly kind: 'stripPrefix'; readonly prefixes: readonly string[] }
  /** Puts `prefix` before the path. */
  | { readonly kind: 'addPrefix'; readonly prefix: string }
  /** Redirects to the same URL under another scheme and port unless the request already has that scheme (Traefik redirectScheme). */
  | { readonly kind: 'redirectScheme'; readonly scheme: 'http' | 'https'; readonly port?: number; readonly permanent: boolean }
  /** Redirects where `regexp` matches the whole URL, else goes on (Traefik redirectRegex); `replacement` uses `$1`. */
  | { readonly kind: 'redirectRegexp'; readonly regexp: string; readonly replacement: string; readonly permanent: boolean }
  /** Sets or, with an empty value, removes headers of the request or the response. Sorted by name. */
  | { readonly kind: 'headers'; readonly request: readonly HeaderValue[]; readonly response: readonly HeaderValue[] };

/** One header; an empty value removes it. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Every middleware kind. */
export type MiddlewareKind = Middleware['kind'];
