import type { Tell } from '../tell.ts';
import { worstFault } from '../tell.ts';
import type { Item } from '../items.ts';
import { readIpAllowList, readIpWhiteList, readTcpAllowList } from './addresses.ts';
import { readCircuitBreaker, readErrors, readRetry } from './attempts.ts';
import { readBasicAuth, readDigestAuth } from './auth.ts';
import { readCompress, readContentType, readEncodedCharacters, readGrpcWeb, readPassTlsClientCert } from './content.ts';
import { readHeaders } from './headers.ts';
import { readBuffering, readInFlightConn, readInFlightReq, readRateLimit } from './limits.ts';
import { readAddPrefix, readReplacePath, readReplacePathRegex, readStripPrefix, readStripPrefixRegex } from './paths.ts';
import { badValue, NO_MIDDLEWARE, type MiddlewareItem, type MiddlewareReader, type MiddlewareReading, type Tools } from './reading.ts';
import { readRedirectRegex, readRedirectScheme } from './redirects.ts';

/** Readers by lower-cased type. `chain` is not among them: it is made of others. */
const READERS: ReadonlyMap<string, MiddlewareReader> = new Map([
  ['addprefix', readAddPrefix],
  ['stripprefix', readStripPrefix],
  ['stripprefixregex', readStripPrefixRegex],
  ['replacepath', readReplacePath],
  ['replacepathregex', readReplacePathRegex],
  ['redirectregex', readRedirectRegex],
  ['redirectscheme', readRedirectScheme],
  ['ipallowlist', readIpAllowList],
  ['ipwhitelist', readIpWhiteList],
  ['headers', readHeaders],
  ['basicauth', readBasicAuth],
  ['digestauth', readDigestAuth],
  ['ratelimit', readRateLimit],
  ['inflightreq', readInFlightReq],
  ['buffering', readBuffering],
  ['encodedcharacters', readEncodedCharacters],
  ['circuitbreaker', readCircuitBreaker],
  ['compress', readCompress],
  ['contenttype', readContentType],
  ['errors', readErrors],
  ['grpcweb', readGrpcWeb],
  ['passtlsclientcert', readPassTlsClientCert],
  ['retry', readRetry],
]);

/** Reads one HTTP middleware. What its labels are at fault for counts too, whatever else they say. */
export function readMiddleware(item: MiddlewareItem, tools: Tools): MiddlewareReading {
  return { ...readByType(item, tools), spans: item.spans };
}

/** Reads one TCP middleware. */
export function readTcpMiddleware(item: Item<'tcp.middlewares'>, tell: Tell): MiddlewareReading {
  return { ...readTcpByType(item, tell), spans: item.spans };
}

function readByType(item: MiddlewareItem, tools: Tools): MiddlewareReading {
  const type = onlyType(item, tools.tell);
  if (typeof type !== 'string') return type;
  // what is at fault already needs no second report
  if (item.fault?.kind === 'protective') return { middlewares: [], fault: item.fault };
  return withFault(READERS.get(type)?.(item, tools) ?? NO_MIDDLEWARE, item);
}

function readTcpByType(item: Item<'tcp.middlewares'>, tell: Tell): MiddlewareReading {
  const type = onlyType(item, tell);
  if (typeof type !== 'string') return type;
  if (item.fault?.kind === 'protective') return { middlewares: [], fault: item.fault };
  switch (type) {
    case 'ipallowlist':
      return withFault(readTcpAllowList(item, 'ipAllowList', tell), item);
    case 'ipwhitelist':
      return withFault(readTcpAllowList(item, 'ipWhiteList', tell), item);
    default:
      return withFault(readInFlightConn(item, tell), item);
  }
}

/** The one type that a middleware has; Traefik refuses none and several. */
function onlyType(item: Item, tell: Tell): string | MiddlewareReading {
  const types = item.parts;
  const [type] = types;
  if (type !== undefined && types.size === 1) return type;
  if (item.fault) return { middlewares: [], fault: item.fault };
  return types.size === 0
    ? badValue(item, { expected: 'a type of middleware' }, tell)
    : badValue(item, { expected: `one type of middleware, found ${[...types].join(', ')}`, guard: true }, tell);
}

function withFault(reading: MiddlewareReading, { fault }: Item): MiddlewareReading {
  const worst = worstFault([reading.fault, fault]);
  return worst ? { ...reading, fault: worst } : reading;
}
