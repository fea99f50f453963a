import type { CorsRules, HeaderValue, Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { RenderSettings } from '../target.ts';
import { addressList, criterionOf, type Reach } from './addresses.ts';
import { authOf, forwardAuthOf } from './auth.ts';
import { byNameOrNone, duration, orNone } from './named.ts';
import type { ByName, CertificateInfo, HttpMiddleware } from './schema.ts';

/** Of which requests a list of middlewares is asked. */
export interface MiddlewareContext {
  readonly settings: Pick<RenderSettings, 'credentials'>;
  readonly reach: Reach;
  /** `forwardAuth` middlewares whose clients are not asked. */
  readonly notAsking: readonly Middleware[];
}

/** A middleware of the table as Traefik's, in the order in which they act; none where it does nothing. */
export function middlewareOf(middleware: Middleware, { settings, reach, notAsking }: MiddlewareContext): readonly HttpMiddleware[] {
  switch (middleware.kind) {
    case 'ipAllow':
    case 'ipDeny': {
      const list = addressList(middleware, reach);
      return list ? [list] : [];
    }
    case 'basicAuth':
    case 'digestAuth':
      return [authOf(middleware, settings)];
    case 'forwardAuth':
      return forwardAuthOf(middleware, { asked: !notAsking.includes(middleware) });
    case 'headers': {
      const [request, response] = [headersOf(middleware.request), headersOf(middleware.response)];
      return request || response ? [{ headers: { customRequestHeaders: request, customResponseHeaders: response } }] : [];
    }
    case 'cors':
      return hasCors(middleware) ? [corsOf(middleware)] : [];
    case 'retry':
      return retryOf(middleware);
    case 'rateLimit': {
      const { average, periodMs, burst, by } = middleware;
      return [{ rateLimit: { average, period: duration(periodMs), burst, sourceCriterion: criterionOf(by, reach) } }];
    }
    case 'inFlight':
      return [{ inFlightReq: { amount: middleware.amount, sourceCriterion: criterionOf(middleware.by, reach) } }];
    default:
      return [plainMiddleware(middleware)];
  }
}

type Plain = Exclude<
  Middleware,
  {
    readonly kind:
      | 'ipAllow'
      | 'ipDeny'
      | 'basicAuth'
      | 'digestAuth'
      | 'forwardAuth'
      | 'headers'
      | 'cors'
      | 'retry'
      | 'rateLimit'
      | 'inFlight';
  }
>;

/** Middlewares that Traefik has as they are. */
function plainMiddleware(middleware: Plain): HttpMiddleware {
  switch (middleware.kind) {
    case 'stripPrefix':
      return { stripPrefix: { prefixes: middleware.prefixes } };
    case 'stripPrefixRegexp':
      return { stripPrefixRegex: { regex: middleware.regexps } };
    case 'addPrefix':
      return { addPrefix: { prefix: middleware.prefix } };
    case 'replacePath':
      return { replacePath: { path: middleware.path } };
    case 'replacePathRegexp':
      return { replacePathRegex: { regex: middleware.regexp, replacement: middleware.replacement } };
    case 'redirectScheme': {
      const { scheme, port, permanent } = middleware;
      return { redirectScheme: { scheme, port: port === undefined ? undefined : String(port), permanent } };
    }
    case 'redirectRegexp':
      return { redirectRegex: { regex: middleware.regexp, replacement: middleware.replacement, permanent: middleware.permanent } };
    case 'hsts':
      return hstsOf(middleware);
    case 'allowedHosts':
      return { headers: { allowedHosts: middleware.hosts } };
    case 'maxBody':
      return { buffering: { maxRequestBodyBytes: middleware.bytes } };
    case 'buffering':
      return bufferingOf(middleware);
    case 'compress':
      return compressOf(middleware);
    case 'circuitBreaker':
      return circuitBreakerOf(middleware);
    case 'errors':
      return errorsOf(middleware);
    case 'contentType':
      return { contentType: {} };
    case 'grpcWeb':
      return { grpcWeb: { allowOrigins: middleware.allowOrigins } };
    case 'passTlsClientCert':
      return { passTLSClientCert: { pem: middleware.pem, info: certificateInfo(middleware.info) } };
    case 'encodedCharacters':
      return encodedCharactersOf(middleware);
    default:
      throw new TypeError(`Cannot render a middleware: ${JSON.stringify(middleware satisfies never)}`);
  }
}

const yes = (asked: boolean): true | undefined => asked || undefined;

function headersOf(headers: readonly HeaderValue[]): ByName<string> | undefined {
  return headers.length === 0 ? undefined : Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}

/** Whether any of the rules says something. */
function hasCors({ kind: _kind, ...rules }: MiddlewareOf<'cors'>): boolean {
  return Object.values(rules).some((rule) => (Array.isArray(rule) ? rule.length > 0 : rule !== undefined && rule !== false));
}

function corsOf(rules: CorsRules): HttpMiddleware {
  return {
    headers: {
      accessControlAllowCredentials: yes(rules.allowCredentials),
      accessControlAllowHeaders: orNone(rules.allowHeaders),
      accessControlAllowMethods: orNone(rules.allowMethods),
      accessControlAllowOriginList: orNone(rules.allowOrigins),
      accessControlAllowOriginListRegex: orNone(rules.allowOriginRegexps),
      accessControlExposeHeaders: orNone(rules.exposeHeaders),
      accessControlMaxAge: rules.maxAgeSeconds,
      addVaryHeader: yes(rules.addVary),
    },
  };
}

function hstsOf({ maxAgeSeconds, includeSubdomains, preload, always }: MiddlewareOf<'hsts'>): HttpMiddleware {
  return {
    headers: {
      stsSeconds: maxAgeSeconds,
      stsIncludeSubdomains: yes(includeSubdomains),
      stsPreload: yes(preload),
      forceSTSHeader: yes(always),
    },
  };
}

/** Traefik's own size, said where nothing else is: a middleware may not be empty. */
const MEM_BYTES = 1024 * 1024;

function bufferingOf(limits: MiddlewareOf<'buffering'>): HttpMiddleware {
  return {
    buffering: {
      maxRequestBodyBytes: limits.maxRequestBytes,
      memRequestBodyBytes: limits.memRequestBytes ?? MEM_BYTES,
      maxResponseBodyBytes: limits.maxResponseBytes,
      memResponseBodyBytes: limits.memResponseBytes,
      retryExpression: limits.retryExpression,
    },
  };
}

function compressOf(wishes: MiddlewareOf<'compress'>): HttpMiddleware {
  return {
    compress: {
      encodings: wishes.encodings,
      defaultEncoding: wishes.defaultEncoding,
      includedContentTypes: wishes.includedContentTypes,
      excludedContentTypes: wishes.excludedContentTypes,
      minResponseBodyBytes: wishes.minBytes,
    },
  };
}

/** None where nothing would be tried again; Traefik refuses that. */
function retryOf(retry: MiddlewareOf<'retry'>): readonly HttpMiddleware[] {
  const { attempts, statuses = [], ignoreConnectionErrors, anyMethod } = retry;
  if (ignoreConnectionErrors && statuses.length === 0) return [];
  return [
    {
      retry: {
        attempts,
        initialInterval: duration(retry.initialIntervalMs),
        timeout: duration(retry.timeoutMs),
        status: orNone(statuses.map(rangeOf)),
        maxRequestBodyBytes: retry.maxBodyBytes,
        disableRetryOnNetworkError: ignoreConnectionErrors,
        retryNonIdempotentMethod: anyMethod,
      },
    },
  ];
}

/** No header has this name: Traefik would take an empty list for none at all. */
const NO_HEADER = 'Hind-Proxy-None';

function errorsOf({ statuses, rewrites = [], backend, query, requestHeaders }: MiddlewareOf<'errors'>): HttpMiddleware {
  const statusRewrites = rewrites.map(({ status, ...range }) => ({ name: rangeOf(range), value: status }));
  return {
    errors: {
      status: statuses.map(rangeOf),
      statusRewrites: byNameOrNone(statusRewrites),
      service: backend,
      query,
      errorRequestHeaders: requestHeaders && (requestHeaders.length > 0 ? requestHeaders : [NO_HEADER]),
    },
  };
}

function rangeOf({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function circuitBreakerOf(breaker: MiddlewareOf<'circuitBreaker'>): HttpMiddleware {
  return {
    circuitBreaker: {
      expression: breaker.expression,
      checkPeriod: duration(breaker.checkPeriodMs),
      fallbackDuration: duration(breaker.fallbackMs),
      recoveryDuration: duration(breaker.recoveryMs),
      responseCode: breaker.status,
    },
  };
}

/** Dotted fields as Traefik nests them; what comes out empty is not printed. */
function certificateInfo(fields: readonly string[]): CertificateInfo {
  const has = (field: string): true | undefined => yes(fields.includes(field));
  return {
    notAfter: has('notAfter'),
    notBefore: has('notBefore'),
    sans: has('sans'),
    serialNumber: has('serialNumber'),
    subject: { ...nameInfo('subject', has), organizationalUnit: has('subject.organizationalUnit') },
    issuer: nameInfo('issuer', has),
  };
}

function nameInfo(of: 'subject' | 'issuer', has: (field: string) => true | undefined): NonNullable<CertificateInfo['issuer']> {
  return {
    commonName: has(`${of}.commonName`),
    country: has(`${of}.country`),
    domainComponent: has(`${of}.domainComponent`),
    locality: has(`${of}.locality`),
    organization: has(`${of}.organization`),
    province: has(`${of}.province`),
    serialNumber: has(`${of}.serialNumber`),
  };
}

function encodedCharactersOf({ allowed }: MiddlewareOf<'encodedCharacters'>): HttpMiddleware {
  return {
    encodedCharacters: {
      allowEncodedBackSlash: allowed.includes('backSlash'),
      allowEncodedHash: allowed.includes('hash'),
      allowEncodedNullCharacter: allowed.includes('nullCharacter'),
      allowEncodedPercent: allowed.includes('percent'),
      allowEncodedQuestionMark: allowed.includes('questionMark'),
      allowEncodedSemicolon: allowed.includes('semicolon'),
      allowEncodedSlash: allowed.includes('slash'),
    },
  };
}
