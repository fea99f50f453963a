import type { BackendId } from './names.ts';

/**
 * What happens to a request between match and backend, in list order. Paths and prefixes begin with `/`; times are ms, sizes bytes.
 * Regular expressions are in the safe RE2 subset (`regexpProblem`), replacements use `$1` and `${1}`.
 * A kind added here does not compile until every target has said what it does with it (`Capabilities`).
 */
export type Middleware =
  /**
   * Removes the first prefix that the (decoded) path begins with, as a plain string; a rest gets a leading `/`. Where nothing is left the
   * path stays empty for the middlewares behind it, or is `/` with `forceSlash`.
   */
  | { readonly kind: 'stripPrefix'; readonly prefixes: readonly string[]; readonly forceSlash?: true }
  /** Removes what the first expression matches at the beginning of the path; the rest gets a leading `/` (Traefik stripPrefixRegex). */
  | { readonly kind: 'stripPrefixRegexp'; readonly regexps: readonly string[] }
  /** Puts `prefix` before the path. */
  | { readonly kind: 'addPrefix'; readonly prefix: string }
  /** Replaces the whole path; the query stays. */
  | { readonly kind: 'replacePath'; readonly path: string }
  /** Replaces what the expression matches in the path. */
  | { readonly kind: 'replacePathRegexp'; readonly regexp: string; readonly replacement: string }
  /** Redirects to the same URL under another scheme and port unless the request already has that scheme (Traefik redirectScheme). */
  | { readonly kind: 'redirectScheme'; readonly scheme: 'http' | 'https'; readonly port?: number; readonly permanent: boolean }
  /** Redirects where `regexp` matches the whole URL, else goes on (Traefik redirectRegex). */
  | { readonly kind: 'redirectRegexp'; readonly regexp: string; readonly replacement: string; readonly permanent: boolean }
  /** Sets or, with an empty value, removes headers of the request or the response. Sorted by name. */
  | { readonly kind: 'headers'; readonly request: readonly HeaderValue[]; readonly response: readonly HeaderValue[] }
  /** Answers preflight requests and sets the Access-Control-* headers (Traefik headers.accessControl*). */
  | ({ readonly kind: 'cors' } & CorsRules)
  /** Sets Strict-Transport-Security on TLS requests; with `always` on plain ones too. */
  | {
      readonly kind: 'hsts';
      readonly maxAgeSeconds: number;
      readonly includeSubdomains: boolean;
      readonly preload: boolean;
      readonly always: boolean;
    }
  /** Answers 500 unless the Host header is one of these (Traefik headers.allowedHosts). */
  | { readonly kind: 'allowedHosts'; readonly hosts: readonly string[] }
  /** Answers `status` (403) unless every address that `of` names lies in one of `cidrs`, which is never empty. Two of them must both hold. */
  | { readonly kind: 'ipAllow'; readonly cidrs: readonly string[]; readonly of: AddressSource; readonly status?: number }
  /** Answers 403 where an address that `of` names lies in one of `cidrs`. */
  | { readonly kind: 'ipDeny'; readonly cidrs: readonly string[]; readonly of: AddressSource }
  /** Asks for the name and password of one of `users`. */
  | ({ readonly kind: 'basicAuth'; readonly users: AuthUsers } & AuthAnswer)
  /** The same by digest (RFC 2617); hashes are HA1 lines `realm:md5`. */
  | ({ readonly kind: 'digestAuth'; readonly users: AuthUsers } & AuthAnswer)
  /** Asks another server first: a 2xx lets the request through, any other answer goes to the client. Only from an operator's policy. */
  | {
      readonly kind: 'forwardAuth';
      readonly address: string;
      /** Headers of its answer that the instance gets; the client's own of these names are removed first. */
      readonly copyHeaders: readonly string[];
      /** Clients that are not asked. */
      readonly bypass: readonly string[];
    }
  /** Lets `average` requests through per `periodMs` and client, `burst` at once; others get 429. */
  | {
      readonly kind: 'rateLimit';
      readonly average: number;
      readonly periodMs: number;
      readonly burst: number;
      readonly by: ClientCriterion;
    }
  /** Lets `amount` requests of a client be in flight at once; others get 429. */
  | { readonly kind: 'inFlight'; readonly amount: number; readonly by: ClientCriterion }
  /** Answers 413 to larger request bodies. */
  | { readonly kind: 'maxBody'; readonly bytes: number }
  /** Reads whole bodies before they go on (Traefik buffering). */
  | {
      readonly kind: 'buffering';
      readonly maxRequestBytes?: number;
      readonly memRequestBytes?: number;
      readonly maxResponseBytes?: number;
      readonly memResponseBytes?: number;
      readonly retryExpression?: string;
    }
  /** Compresses answers; absent lists and sizes mean the proxy's own. */
  | {
      readonly kind: 'compress';
      readonly encodings?: readonly string[];
      readonly defaultEncoding?: string;
      readonly includedContentTypes?: readonly string[];
      readonly excludedContentTypes?: readonly string[];
      readonly minBytes?: number;
    }
  /** Tries another instance where one does not answer; `attempts` counts the first one. */
  | ({ readonly kind: 'retry'; readonly attempts: number; readonly initialIntervalMs?: number } & RetryConditions)
  /** Answers `status` while the expression holds (Traefik circuitBreaker). */
  | {
      readonly kind: 'circuitBreaker';
      readonly expression: string;
      readonly checkPeriodMs?: number;
      readonly fallbackMs?: number;
      readonly recoveryMs?: number;
      readonly status?: number;
    }
  /** Answers of these statuses are replaced by what `backend` answers to `query`. In an intent `backend` is the name of a side pool. */
  | {
      readonly kind: 'errors';
      /** Inclusive ranges. */
      readonly statuses: readonly { readonly from: number; readonly to: number }[];
      readonly backend: BackendId;
      /** With `{status}`, `{url}` and `{originalStatus}`. */
      readonly query: string;
      /** Answers of `from` to `to` get `status` instead of their own. */
      readonly rewrites?: readonly { readonly from: number; readonly to: number; readonly status: number }[];
      /** Only these headers of the request go to `backend`; absent: all. */
      readonly requestHeaders?: readonly string[];
    }
  /** Sets a missing Content-Type from the answer's first bytes. */
  | { readonly kind: 'contentType' }
  /** Translates gRPC-Web requests of these origins. */
  | { readonly kind: 'grpcWeb'; readonly allowOrigins: readonly string[] }
  /** Hands the client's certificate on in X-Forwarded-Tls-Client-Cert(-Info). `info`: dotted fields such as `subject.commonName`, sorted. */
  | { readonly kind: 'passTlsClientCert'; readonly pem: boolean; readonly info: readonly string[] }
  /** Answers 400 to paths with encoded characters other than these (Traefik encodedCharacters). Sorted. */
  | { readonly kind: 'encodedCharacters'; readonly allowed: readonly EncodedCharacter[] };

/** Every middleware kind. */
export type MiddlewareKind = Middleware['kind'];

/** A middleware of one kind. */
export type MiddlewareOf<Kind extends MiddlewareKind> = Extract<Middleware, { readonly kind: Kind }>;

/** One header; an empty value removes it. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** When a request is tried again beside a failed connection. Absent parts are the proxy's own. */
export interface RetryConditions {
  /** After this time no further attempt begins. */
  readonly timeoutMs?: number;
  /** Answers of these statuses, as inclusive ranges, are tried again too. */
  readonly statuses?: readonly { readonly from: number; readonly to: number }[];
  /** Requests with a larger body are not tried again for their status. */
  readonly maxBodyBytes?: number;
  /** Failed connections are not tried again. */
  readonly ignoreConnectionErrors?: true;
  /** POST, PATCH and LOCK are tried again for their status too. */
  readonly anyMethod?: true;
}

/** What cross-origin requests may do. */
export interface CorsRules {
  readonly allowCredentials: boolean;
  readonly allowHeaders: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowOrigins: readonly string[];
  readonly allowOriginRegexps: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly addVary: boolean;
}

/**
 * Whose address counts. `peer`: that of the connection. `everyHop`: that and every address in X-Forwarded-For (Fabio). `client`: the
 * last one that no trusted proxy has. `depth`: the n-th of X-Forwarded-For from the right. `excluding`: the last of X-Forwarded-For
 * outside these blocks.
 */
export type AddressSource =
  | { readonly kind: 'peer' | 'everyHop' | 'client' }
  | { readonly kind: 'depth'; readonly depth: number }
  | { readonly kind: 'excluding'; readonly cidrs: readonly string[] };

/** What makes two requests come from one client. */
export type ClientCriterion =
  | { readonly kind: 'address'; readonly of: AddressSource; readonly ipv6Bits?: number }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'host' };

/** Who may pass: the users of an operator's policy, who stand in no table, or those that a tag lists with their hashes. */
export type AuthUsers =
  | { readonly kind: 'policy'; readonly policy: string }
  | { readonly kind: 'listed'; readonly users: readonly { readonly name: string; readonly hash: string }[] };

/** What the proxy says and hands on when it asks for a password. */
export interface AuthAnswer {
  readonly realm?: string;
  /** The instance does not get the Authorization header. */
  readonly removeHeader?: true;
  /** The instance gets the user's name in this header. */
  readonly userHeader?: string;
}

/** The characters that Traefik's encodedCharacters knows. */
export const ENCODED_CHARACTERS = ['backSlash', 'hash', 'nullCharacter', 'percent', 'questionMark', 'semicolon', 'slash'] as const;
export type EncodedCharacter = (typeof ENCODED_CHARACTERS)[number];

const PROTECTIVE: ReadonlySet<MiddlewareKind> = new Set([
  'ipAllow',
  'ipDeny',
  'basicAuth',
  'digestAuth',
  'forwardAuth',
  'allowedHosts',
  'rateLimit',
  'inFlight',
  'maxBody',
  'encodedCharacters',
]);

/** Whether leaving a middleware out would open what it protects. */
export function protects({ kind }: Middleware): boolean {
  return PROTECTIVE.has(kind);
}

/**
 * A list of middlewares without the Host headers that nothing behind them looks at: instances get the Host header of their pool. What is a
 * name yet may look at it.
 */
export function withoutUnseenHost(list: readonly Middleware[]): readonly Middleware[];
export function withoutUnseenHost<Named extends { readonly kind: 'reference' }>(
  list: readonly (Middleware | Named)[],
): readonly (Middleware | Named)[];
export function withoutUnseenHost<Named extends { readonly kind: 'reference' }>(
  list: readonly (Middleware | Named)[],
): readonly (Middleware | Named)[] {
  const last = list.findLastIndex(looksAtHost);
  return list.flatMap((one, index) => {
    if (one.kind !== 'headers' || index < last || !one.request.some(isHost)) return [one];
    const request = one.request.filter((header) => !isHost(header));
    return request.length + one.response.length > 0 ? [{ ...one, request }] : [];
  });
}

/** A server that is asked whom to let through is told the host, and limits may count by it. */
function looksAtHost(one: Middleware | { readonly kind: 'reference' }): boolean {
  switch (one.kind) {
    case 'allowedHosts':
    case 'redirectScheme':
    case 'redirectRegexp':
    case 'forwardAuth':
    case 'reference':
      return true;
    case 'rateLimit':
    case 'inFlight':
      return one.by.kind === 'host';
    default:
      return false;
  }
}

function isHost({ name }: HeaderValue): boolean {
  return name.toLowerCase() === 'host';
}
