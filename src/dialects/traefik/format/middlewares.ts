import type { Reference } from '../../../model/intent.ts';
import type {
  AddressSource,
  AuthAnswer,
  ClientCriterion,
  CorsRules,
  HeaderValue,
  Middleware,
  MiddlewareOf,
} from '../../../model/middleware.ts';
import { printDurationMs } from '../values.ts';
import type { FieldText } from './parts.ts';

/** The labels of a middleware behind its name; undefined where labels cannot say it. `errors`: the name of the service that it asks. */
export function middlewareFields(
  middleware: Middleware,
  serviceOf: (sidePool: string) => string | undefined,
): readonly FieldText[] | undefined {
  switch (middleware.kind) {
    case 'stripPrefix':
      return [['stripprefix.prefixes', middleware.prefixes.join(',')], ...flag('stripprefix.forceslash', middleware.forceSlash)];
    case 'stripPrefixRegexp':
      return [['stripprefixregex.regex', middleware.regexps.join(',')]];
    case 'addPrefix':
      return [['addprefix.prefix', middleware.prefix]];
    case 'replacePath':
      return [['replacepath.path', middleware.path]];
    case 'replacePathRegexp':
      return [
        ['replacepathregex.regex', middleware.regexp],
        ['replacepathregex.replacement', middleware.replacement],
      ];
    case 'redirectScheme':
      return [
        ['redirectscheme.scheme', middleware.scheme],
        ...optional('redirectscheme.port', middleware.port),
        ...flag('redirectscheme.permanent', middleware.permanent),
      ];
    case 'redirectRegexp':
      return [
        ['redirectregex.regex', middleware.regexp],
        ['redirectregex.replacement', middleware.replacement],
        ...flag('redirectregex.permanent', middleware.permanent),
      ];
    case 'headers':
      return headersFields(middleware);
    case 'cors':
      return corsFields(middleware);
    case 'hsts':
      return [
        ['headers.stsseconds', String(middleware.maxAgeSeconds)],
        ...flag('headers.stsincludesubdomains', middleware.includeSubdomains),
        ...flag('headers.stspreload', middleware.preload),

        ...flag('headers.forcestsheader', middleware.always),
      ];
    case 'allowedHosts':
      return [['headers.allowedhosts', middleware.hosts.join(',')]];
    case 'ipAllow':
      return allowFields(middleware);
    case 'basicAuth':
    case 'digestAuth':
      return authFields(middleware);
    case 'rateLimit':
      return limited('ratelimit', middleware.by, [
        ['ratelimit.average', String(middleware.average)],
        ['ratelimit.period', printDurationMs(middleware.periodMs)],
        ['ratelimit.burst', String(middleware.burst)],
      ]);
    case 'inFlight':
      return limited('inflightreq', middleware.by, [['inflightreq.amount', String(middleware.amount)]]);
    case 'maxBody':
      return [['buffering.maxrequestbodybytes', String(middleware.bytes)]];
    case 'buffering':
      return bufferingFields(middleware);
    case 'compress':
      return compressFields(middleware);
    case 'retry':
      return retryFields(middleware);
    case 'circuitBreaker':
      return breakerFields(middleware);
    case 'errors':
      return errorsFields(middleware, serviceOf(middleware.backend));
    case 'contentType':
      return [['contenttype', 'true']];
    case 'grpcWeb':
      return [['grpcweb.alloworigins', middleware.allowOrigins.join(',')]];
    case 'passTlsClientCert':
      return [
        ...(middleware.pem || middleware.info.length === 0 ? [['passtlsclientcert.pem', String(middleware.pem)] as const] : []),
        ...middleware.info.map((field) => [`passtlsclientcert.info.${field.toLowerCase()}`, 'true'] as const),
      ];
    case 'encodedCharacters':
      return encodedFields(middleware);
    case 'ipDeny':
    case 'forwardAuth':
      return undefined;
    default:
      throw new TypeError(`Cannot print a middleware: ${JSON.stringify(middleware satisfies never)}`);
  }
}

/** The labels of a TCP middleware behind its name; undefined where labels cannot say it. */
export function tcpMiddlewareFields(middleware: Middleware): readonly FieldText[] | undefined {
  if (middleware.kind === 'ipAllow' && middleware.of.kind === 'peer') return [['ipallowlist.sourcerange', middleware.cidrs.join(',')]];
  const isByPeer = middleware.kind === 'inFlight' && middleware.by.kind === 'address' && middleware.by.of.kind === 'peer';
  return isByPeer ? [['inflightconn.amount', String(middleware.amount)]] : undefined;
}

/** How a list names what it does not declare. */
export function referenceName({ to, name }: Reference): string {
  return to === 'policy' ? `${name}@file` : name.replace(/^(?:tcp|udp)\./, '');
}

function flag(field: string, value: boolean | undefined): readonly FieldText[] {
  return value ? [[field, 'true']] : [];
}

function optional(field: string, value: string | number | undefined): readonly FieldText[] {
  return value === undefined ? [] : [[field, String(value)]];
}

function duration(field: string, ms: number | undefined): readonly FieldText[] {
  return ms === undefined ? [] : [[field, printDurationMs(ms)]];
}

function list(field: string, values: readonly string[] | undefined): readonly FieldText[] {
  return values && values.length > 0 ? [[field, values.join(',')]] : [];
}

function headersFields({ request, response }: MiddlewareOf<'headers'>): readonly FieldText[] | undefined {
  if ([...request, ...response].some(({ name }) => name.includes('.') || /^host$/i.test(name))) return undefined;
  const fields = (direction: 'request' | 'response', headers: readonly HeaderValue[]): readonly FieldText[] =>
    headers.map(({ name, value }) => [`headers.custom${direction}headers.${name}`, value]);
  return [...fields('request', request), ...fields('response', response)];
}

function corsFields(rules: CorsRules): readonly FieldText[] {
  return [
    ...flag('headers.accesscontrolallowcredentials', rules.allowCredentials),
    ...list('headers.accesscontrolallowheaders', rules.allowHeaders),
    ...list('headers.accesscontrolallowmethods', rules.allowMethods),
    ...list('headers.accesscontrolalloworiginlist', rules.allowOrigins),
    ...list('headers.accesscontrolalloworiginlistregex', rules.allowOriginRegexps),
    ...list('headers.accesscontrolexposeheaders', rules.exposeHeaders),
    ...optional('headers.accesscontrolmaxage', rules.maxAgeSeconds),
    ...flag('headers.addvaryheader', rules.addVary),
  ];
}

function allowFields({ cidrs, of, status }: MiddlewareOf<'ipAllow'>): readonly FieldText[] | undefined {
  const strategy = strategyFields('ipallowlist.ipstrategy', of);
  return strategy && [['ipallowlist.sourcerange', cidrs.join(',')], ...strategy, ...optional('ipallowlist.rejectstatuscode', status)];
}

function strategyFields(field: string, of: AddressSource): readonly FieldText[] | undefined {
  switch (of.kind) {
    case 'peer':
      return [];
    case 'depth':
      return [[`${field}.depth`, String(of.depth)]];
    case 'excluding':
      return [[`${field}.excludedips`, of.cidrs.join(',')]];
    case 'everyHop':
    case 'client':
      return undefined;
    default:
      throw new TypeError(`Cannot print an address source: ${JSON.stringify(of satisfies never)}`);
  }
}

function authFields(middleware: MiddlewareOf<'basicAuth' | 'digestAuth'>): readonly FieldText[] | undefined {
  if (middleware.users.kind === 'policy') return undefined;
  const type = middleware.kind.toLowerCase();
  return [
    [`${type}.users`, middleware.users.users.map(({ name, hash }) => `${name}:${hash}`).join(',')],
    ...answerFields(type, middleware),
  ];
}

function answerFields(type: string, { realm, removeHeader, userHeader }: AuthAnswer): readonly FieldText[] {
  return [
    ...optional(`${type}.realm`, realm),
    ...flag(`${type}.removeheader`, removeHeader),
    ...optional(`${type}.headerfield`, userHeader),
  ];
}

function limited(type: 'ratelimit' | 'inflightreq', by: ClientCriterion, fields: readonly FieldText[]): readonly FieldText[] | undefined {
  const criterion = criterionFields(`${type}.sourcecriterion`, by);
  return criterion && [...fields, ...criterion];
}

function criterionFields(field: string, by: ClientCriterion): readonly FieldText[] | undefined {
  if (by.kind === 'header') return [[`${field}.requestheadername`, by.name]];
  if (by.kind === 'host') return [[`${field}.requesthost`, 'true']];
  const strategy = strategyFields(`${field}.ipstrategy`, by.of);
  if (!strategy) return undefined;
  const bits = optional(`${field}.ipstrategy.ipv6subnet`, by.ipv6Bits);
  // without any of these labels hosts would be told apart
  return strategy.length + bits.length > 0 ? [...strategy, ...bits] : [[`${field}.ipstrategy.depth`, '0']];
}

function bufferingFields(middleware: MiddlewareOf<'buffering'>): readonly FieldText[] {
  const fields = [
    ...optional('buffering.maxrequestbodybytes', middleware.maxRequestBytes),
    ...optional('buffering.memrequestbodybytes', middleware.memRequestBytes),
    ...optional('buffering.maxresponsebodybytes', middleware.maxResponseBytes),
    ...optional('buffering.memresponsebodybytes', middleware.memResponseBytes),
    ...optional('buffering.retryexpression', middleware.retryExpression),
  ];
  return fields.length > 0 ? fields : [['buffering.memrequestbodybytes', '0']];
}

function compressFields(middleware: MiddlewareOf<'compress'>): readonly FieldText[] {
  const fields = [
    ...list('compress.encodings', middleware.encodings),
    ...optional('compress.defaultencoding', middleware.defaultEncoding),
    ...list('compress.includedcontenttypes', middleware.includedContentTypes),
    ...list('compress.excludedcontenttypes', middleware.excludedContentTypes),
    ...optional('compress.minresponsebodybytes', middleware.minBytes),
  ];
  return fields.length > 0 ? fields : [['compress', 'true']];
}

function retryFields(middleware: MiddlewareOf<'retry'>): readonly FieldText[] {
  return [
    ['retry.attempts', String(middleware.attempts)],
    ...duration('retry.initialinterval', middleware.initialIntervalMs),
    ...duration('retry.timeout', middleware.timeoutMs),
    ...list('retry.status', middleware.statuses?.map(rangeText)),
    ...optional('retry.maxrequestbodybytes', middleware.maxBodyBytes),
    ...flag('retry.disableretryonnetworkerror', middleware.ignoreConnectionErrors),
    ...flag('retry.retrynonidempotentmethod', middleware.anyMethod),
  ];
}

function breakerFields(middleware: MiddlewareOf<'circuitBreaker'>): readonly FieldText[] {
  return [
    ['circuitbreaker.expression', middleware.expression],
    ...duration('circuitbreaker.checkperiod', middleware.checkPeriodMs),
    ...duration('circuitbreaker.fallbackduration', middleware.fallbackMs),
    ...duration('circuitbreaker.recoveryduration', middleware.recoveryMs),
    ...optional('circuitbreaker.responsecode', middleware.status),
  ];
}

function errorsFields(middleware: MiddlewareOf<'errors'>, service: string | undefined): readonly FieldText[] | undefined {
  if (service === undefined) return undefined;
  return [
    ['errors.status', middleware.statuses.map(rangeText).join(',')],
    ['errors.service', service],
    ['errors.query', middleware.query],
    ...(middleware.rewrites ?? []).map(({ status, ...range }) => [`errors.statusrewrites.${rangeText(range)}`, String(status)] as const),
    ...list('errors.errorrequestheaders', middleware.requestHeaders),
  ];
}

function encodedFields({ allowed }: MiddlewareOf<'encodedCharacters'>): readonly FieldText[] {
  const fields = allowed.map((character) => [`encodedcharacters.allowencoded${character.toLowerCase()}`, 'true'] as const);
  return fields.length > 0 ? fields : [['encodedcharacters.allowencodedslash', 'false']];
}

function rangeText({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}
