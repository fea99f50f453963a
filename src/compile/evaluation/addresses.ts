import { isInsideAny, parseIp, unmapped, type IpBytes } from '../../lib/ip.ts';
import type { AddressSource } from '../../model/middleware.ts';
import type { ProxyRequest } from '../../model/request.ts';

/** An address that a list looks at, and what it is. */
export type SeenAddress = { readonly text: string; readonly ip: IpBytes | undefined };

/** The addresses of a request that a list looks at: the peer's, and those that proxies before it have named. */
export function addressesOf(of: AddressSource, request: ProxyRequest, trustedProxies: readonly string[]): readonly SeenAddress[] {
  const hops = hopsOf(request);
  const isTrusted = isIn(seen(request.ip), trustedProxies);
  // only a trusted proxy says from where a request comes
  const named = (hop: string | undefined): string => (isTrusted ? (hop ?? '') : '');
  switch (of.kind) {
    case 'peer':
      return [seen(request.ip)];
    case 'everyHop':
      // what can be no address at all is passed over, as in Fabio
      return [request.ip, ...hops.filter((hop) => /[.:]/.test(hop))].map(seen);
    case 'client': {
      if (!isTrusted) return [seen(request.ip)];
      return [seen(hops.findLast((hop) => !isIn(seen(hop), trustedProxies)) ?? hops[0] ?? request.ip)];
    }
    case 'depth':
      return [seen(named(hops.at(-of.depth)))];
    case 'excluding':
      return [seen(named(hops.findLast((hop) => !isIn(seen(hop), of.cidrs))))];
    default:
      throw new TypeError(`Cannot find an address: ${JSON.stringify(of satisfies never)}`);
  }
}

/** Whether an address lies in one of the blocks; one that cannot be read lies in none. */
function isIn({ ip }: SeenAddress, cidrs: readonly string[]): boolean {
  return ip !== undefined && isInsideAny(ip, cidrs);
}

/** As `isIn` for a list of allowed addresses: IPv6 hops count as outside, their spellings are too many for a proxy's expression. */
export function isAllowed(address: SeenAddress, cidrs: readonly string[], isHop: boolean): boolean {
  return isIn(address, cidrs) && !(isHop && address.ip?.length === 16);
}

/** As `isIn` for a list of denied addresses: a mapped IPv4 hop always counts as inside, and any IPv6 hop where a block is IPv6. */
export function isDenied(address: SeenAddress, cidrs: readonly string[], isHop: boolean): boolean {
  if (!isHop || address.ip?.length !== 16) return isIn(address, cidrs);
  return unmapped(address.ip) !== address.ip || cidrs.some((block) => block.includes(':'));
}

function hopsOf({ headers }: ProxyRequest): readonly string[] {
  return headers
    .filter(({ name }) => name.toLowerCase() === 'x-forwarded-for')
    .flatMap(({ value }) => value.split(','))
    .map((hop) => hop.trim());
}

function seen(text: string): SeenAddress {
  return { text, ip: parseIp(text) };
}
