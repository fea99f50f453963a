import { ipv4Regexp, parseCidr } from '../lib/ip.ts';

/** What can be no address at all: Fabio passes over it. */
const NO_ADDRESS = '[^,.:]*';

/**
 * Matches an X-Forwarded-For header (all its lines joined by commas, or none) of which every hop lies in the blocks. IPv6 hops never do:
 * their spellings are too many for an expression.
 */
export function everyHopRegexp(cidrs: readonly string[]): string {
  const hop = `[ \\t]*(?:${[...ipv4Regexps(cidrs), NO_ADDRESS].join('|')})[ \\t]*`;
  return `^${hop}(?:,${hop})*$`;
}

/**
 * Matches an X-Forwarded-For header of which some hop lies in the blocks. Mapped IPv4 addresses always count as inside, and where a block is
 * IPv6 every IPv6 hop does.
 */
export function anyHopRegexp(cidrs: readonly string[]): string {
  const ipv4 = ipv4Regexps(cidrs);
  const ipv6 = ipv4.length < cidrs.length ? ['[^,]*:[^,]*'] : ['[0:]*:[fF][fF][fF][fF]:[^,]*'];
  return `(?:^|,)[ \\t]*(?:${[...ipv4, ...ipv6].join('|')})[ \\t]*(?:,|$)`;
}

/** Regular expressions for the dotted addresses of the IPv4 blocks, without anchors. */
export function ipv4Regexps(cidrs: readonly string[]): readonly string[] {
  return cidrs.flatMap((cidr) => {
    const block = parseCidr(cidr);
    return (block && ipv4Regexp(block)) ?? [];
  });
}
