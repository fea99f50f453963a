import { withoutBlocks } from '../../lib/ip.ts';
import type { AddressSource, ClientCriterion, Middleware, MiddlewareOf } from '../../model/middleware.ts';
import { anyHopRegexp, everyHopRegexp, ipv4Regexps } from '../hops.ts';
import type { Named } from './named.ts';
import { all, call, not, peerIn, type Rule } from './rule.ts';
import type { HttpMiddleware, IpStrategy, SourceCriterion } from './schema.ts';

/** How the requests of one router reach us: through a trusted proxy (`via`), whose X-Forwarded-For names the client, or not. */
export interface Reach {
  readonly trustedProxies: readonly string[];
  readonly via: boolean;
}

const HOPS = 'X-Forwarded-For';
const FORBIDDEN = 403;
/** An address that no connection has: a list of it alone refuses everybody. */
const NOBODY = '255.255.255.255/32';
/** More ranges than this make no list of who is left when some are denied. */
const MAX_RANGES = 512;

/** Requests that are refused before any other router sees them. */
export interface Refusal {
  readonly when: Rule;
  readonly status: number;
}

/**
 * What a list of addresses refuses by a rule of its own. Traefik has no list of denied addresses, and its list of allowed ones looks at one
 * address only. Its entry points leave X-Forwarded-For only to trusted proxies, so that other hops are not seen.
 */
export function refusalOf(middleware: Middleware): Refusal | undefined {
  if (middleware.kind === 'ipAllow' && middleware.of.kind === 'everyHop') {
    const outside = all([call('HeaderRegexp', HOPS, '.'), not(call('HeaderRegexp', HOPS, everyHopRegexp(middleware.cidrs)))]);
    return { when: outside, status: middleware.status ?? FORBIDDEN };
  }
  if (middleware.kind !== 'ipDeny') return undefined;
  const { cidrs, of } = middleware;
  const peer = peerIn(cidrs);
  if (of.kind === 'peer') return { when: peer, status: FORBIDDEN };
  const hop = call('HeaderRegexp', HOPS, anyHopRegexp(cidrs));
  return of.kind === 'everyHop' ? { when: { kind: 'or', rules: [peer, hop] }, status: FORBIDDEN } : undefined;
}

/** The list of allowed addresses that stands for one of allowed or denied ones; undefined where a refusal says it all. */
export function addressList(rule: MiddlewareOf<'ipAllow' | 'ipDeny'>, reach: Reach): HttpMiddleware | undefined {
  if (rule.kind === 'ipDeny' && refusalOf(rule)) return undefined;
  const ipStrategy = strategyOf(rule.of, reach);
  return rule.kind === 'ipAllow'
    ? { ipAllowList: { sourceRange: rule.cidrs, ipStrategy, rejectStatusCode: rule.status } }
    : { ipAllowList: { sourceRange: allowedBut(rule.cidrs), ipStrategy } };
}

/** Whether the list of everybody else can be written. */
export function canDeny({ cidrs, of }: MiddlewareOf<'ipDeny'>): boolean {
  if (of.kind === 'peer' || of.kind === 'everyHop') return true;
  const count = allowedBut(cidrs).length;
  return count > 0 && count <= MAX_RANGES;
}

/** Answers every request with a status and its name; `canAnswer` says with which. */
export function answerWith(status: number): Named<HttpMiddleware> {
  return { name: `hind-proxy-answer-${status}`, value: { ipAllowList: { sourceRange: [NOBODY], rejectStatusCode: status } } };
}

/** What makes two requests come from one client. */
export function criterionOf(by: ClientCriterion, reach: Reach): SourceCriterion {
  switch (by.kind) {
    case 'header':
      return { requestHeaderName: by.name };
    case 'host':
      return { requestHost: true };
    case 'address':
      return { ipStrategy: { ...(strategyOf(by.of, reach) ?? { depth: 0 }), ipv6Subnet: by.ipv6Bits } };
    default:
      throw new TypeError(`Cannot tell clients apart: ${JSON.stringify(by satisfies never)}`);
  }
}

/** Whether a middleware reads the address of the client, which routers must tell by whether a trusted proxy names it. */
export function asksClient(middleware: Middleware): boolean {
  switch (middleware.kind) {
    case 'ipAllow':
    case 'ipDeny':
      return middleware.of.kind === 'client';
    case 'rateLimit':
    case 'inFlight':
      return middleware.by.kind === 'address' && middleware.by.of.kind === 'client';
    case 'forwardAuth':
      return middleware.bypass.length > 0;
    default:
      return false;
  }
}

/**
 * Requests of clients in these blocks. Through trusted proxies the client is the last hop that none of them has; only IPv4 clients are known
 * then, and only behind IPv4 proxies.
 */
export function clientIn(cidrs: readonly string[], { trustedProxies, via }: Reach): Rule | undefined {
  if (!via) return peerIn(cidrs);
  const clients = ipv4Regexps(withoutBlocks(cidrs, trustedProxies));
  if (clients.length === 0) return undefined;
  const proxy = `[ \\t]*(?:${ipv4Regexps(trustedProxies).join('|')})[ \\t]*`;
  return call('HeaderRegexp', HOPS, `(?:^|,)[ \\t]*(?:${clients.join('|')})[ \\t]*(?:,${proxy})*$`);
}

/** Requests that a trusted proxy hands on for others: it says for whom. */
export function handedOn(trustedProxies: readonly string[]): Rule {
  return all([peerIn(trustedProxies), call('HeaderRegexp', HOPS, '.')]);
}

/** Undefined: the address of the connection. */
function strategyOf(of: AddressSource, { trustedProxies, via }: Reach): IpStrategy | undefined {
  switch (of.kind) {
    case 'depth':
      return { depth: of.depth };
    case 'excluding':
      return { excludedIPs: of.cidrs };
    case 'client':
      return via ? { excludedIPs: trustedProxies } : undefined;
    case 'peer':
    case 'everyHop':
      return undefined;
    default:
      throw new TypeError(`Cannot read an address: ${JSON.stringify(of satisfies never)}`);
  }
}

function allowedBut(cidrs: readonly string[]): readonly string[] {
  return withoutBlocks(['0.0.0.0/0', '::/0'], cidrs);
}
