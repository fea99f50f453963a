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
  | { readonly kind: 'headers'; readonly request: readonly HeaderValue[]; readonly response: readonly HeaderValue[] }
  /** Answers 403 unless every address that `of` names lies in one of `cidrs`, which is never empty. Two of them must both hold. */
  | { readonly kind: 'ipAllow'; readonly cidrs: readonly string[]; readonly of: AddressSource }
  /** Answers 403 where an address that `of` names lies in one of `cidrs`. */
  | { readonly kind: 'ipDeny'; readonly cidrs: readonly string[]; readonly of: AddressSource }
  /** Asks for name and password of a user of the operator's policy of that name; the users stand in no table. */
  | { readonly kind: 'basicAuth'; readonly policy: string };

/** `peer`: the address of the connection. `everyHop`: that and every address in X-Forwarded-For (Fabio). */
export type AddressSource = 'peer' | 'everyHop';

/** Whether leaving a middleware out would open what it protects. */
export function protects({ kind }: Middleware): boolean {
  return kind === 'ipAllow' || kind === 'ipDeny' || kind === 'basicAuth';
}

/** One header; an empty value removes it. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Every middleware kind. */
export type MiddlewareKind = Middleware['kind'];
