import { withoutBlocks } from '../../lib/ip.ts';
import type { AddressSource } from '../../model/middleware.ts';
import { ipv4Regexps } from '../hops.ts';

type Chosen = Extract<AddressSource, { readonly kind: 'depth' | 'excluding' }>;

/**
 * Matches an X-Forwarded-For header (all its lines joined by commas) whose hop that counts lies in the blocks; undefined where none can.
 * IPv6 hops never do: their spellings are too many for an expression.
 */
export function chosenHopRegexp(cidrs: readonly string[], of: Chosen): string | undefined {
  const hops = ipv4Regexps(of.kind === 'depth' ? cidrs : withoutBlocks(cidrs, of.cidrs));
  if (hops.length === 0) return undefined;
  const begin = `(?:^|,)[ \\t]*(?:${hops.join('|')})[ \\t]*`;
  if (of.kind === 'depth') return `${begin}${of.depth > 1 ? `(?:,[^,]*){${of.depth - 1}}` : ''}$`;
  return `${begin}(?:,[ \\t]*(?:${ipv4Regexps(of.cidrs).join('|')})?[ \\t]*)*$`;
}
