import { parseCidr, unmapped } from '../../../lib/ip.ts';
import type { AddressSource } from '../../../model/middleware.ts';
import { fieldOf, listIn, numberOf, type Item } from '../items.ts';
import type { Tell } from '../tell.ts';
import { badValue, only, refused, type MiddlewareItem, type MiddlewareReader, type MiddlewareReading } from './reading.ts';

/** `ipAllowList`. */
export const readIpAllowList: MiddlewareReader = (item, { tell }) => allowList(item, 'ipAllowList', tell);

/** `ipWhiteList`, the old name of `ipAllowList`. */
export const readIpWhiteList: MiddlewareReader = (item, { tell }) => allowList(item, 'ipWhiteList', tell);

function allowList(item: MiddlewareItem, type: 'ipAllowList' | 'ipWhiteList', tell: Tell): MiddlewareReading {
  const field = fieldOf(item, `${type}.sourceRange`);
  const cidrs = blocksOf(listIn(item, `${type}.sourceRange`));
  if (!cidrs || cidrs.length === 0) return badValue(item, { field, expected: 'addresses or CIDR blocks', guard: true }, tell);
  const strategy = readStrategy(item, `${type}.ipStrategy`, tell);
  if ('fault' in strategy) return strategy.fault;
  // clients count as their subnet: a narrower block would let the whole subnet in, or nobody
  const { ipv6Bits = 128 } = strategy;
  if (cidrs.some((cidr) => cidr.includes(':') && (parseCidr(cidr)?.bits ?? 0) > ipv6Bits)) {
    const message = `Cannot enforce blocks narrower than the IPv6 subnet /${ipv6Bits}: the routes of "${item.name}" answer 503`;
    tell('TRAEFIK_PROTECTION_UNSERVED', message, item.span);
    return refused('TRAEFIK_PROTECTION_UNSERVED', true);
  }
  const status = numberOf(item, 'ipAllowList.rejectStatusCode');
  if (status !== undefined && status !== 0 && !isStatus(status))
    return badValue(item, { field: fieldOf(item, 'ipAllowList.rejectStatusCode'), expected: 'a status of HTTP', guard: true }, tell);
  return only({ kind: 'ipAllow', cidrs, of: strategy.of, ...(status !== undefined && status !== 0 && status !== 403 && { status }) });
}

/** `ipAllowList` and `ipWhiteList` of TCP: the address of the connection. */
export function readTcpAllowList(item: Item<'tcp.middlewares'>, type: 'ipAllowList' | 'ipWhiteList', tell: Tell): MiddlewareReading {
  const cidrs = blocksOf(listIn(item, `${type}.sourceRange`));
  const field = fieldOf(item, `${type}.sourceRange`);
  if (!cidrs || cidrs.length === 0) return badValue(item, { field, expected: 'addresses or CIDR blocks', guard: true }, tell);
  return only({ kind: 'ipAllow', cidrs, of: { kind: 'peer' } });
}

type Strategies = 'ipAllowList.ipStrategy' | 'ipWhiteList.ipStrategy' | `${'rateLimit' | 'inFlightReq'}.sourceCriterion.ipStrategy`;

/** Whose address counts (traefik/traefik:pkg/config/dynamic/middlewares.go IPStrategy.Get): the depth, else what is not excluded. */
export function readStrategy(
  item: MiddlewareItem,
  part: Strategies,
  tell: Tell,
): { readonly of: AddressSource; readonly ipv6Bits?: number } | { readonly fault: MiddlewareReading } {
  const depth = numberOf(item, `${part}.depth`) ?? 0;
  const excluded = listIn(item, `${part}.excludedIPs`);
  const bits = numberOf(item, `${part}.ipv6Subnet`);
  const counts = depth > 0 || excluded.length === 0;
  if (bits !== undefined && counts && (bits < 1 || bits > 128))
    return { fault: badValue(item, { field: fieldOf(item, `${part}.ipv6Subnet`), expected: '1 to 128', guard: true }, tell) };
  const ipv6Bits = bits === undefined || !counts ? {} : { ipv6Bits: bits };
  if (depth > 0) return { of: { kind: 'depth', depth }, ...ipv6Bits };
  if (excluded.length === 0) return { of: { kind: 'peer' }, ...ipv6Bits };
  const cidrs = blocksOf(excluded);
  if (cidrs) return { of: { kind: 'excluding', cidrs } };
  return {
    fault: badValue(item, { field: fieldOf(item, `${part}.excludedIPs`), expected: 'addresses or CIDR blocks', guard: true }, tell),
  };
}

/** Addresses and blocks in the form that every reader takes; undefined where one is none. Mapped ones stand for their IPv4 form. */
export function blocksOf(items: readonly string[]): readonly string[] | undefined {
  const blocks = items.map(blockOf);
  const known = blocks.filter((block) => block !== undefined);
  return known.length === blocks.length ? known : undefined;
}

/** One address or block. */
export function blockOf(text: string): string | undefined {
  const block = parseCidr(text);
  if (!block) return undefined;
  const inner = unmapped(block.bytes);
  // Go's reader takes `/08`, Caddy's does not
  if (inner === block.bytes) return text.replace(/\/0+(?=\d)/, '/');
  return block.bits < 96 ? undefined : `${inner.join('.')}/${block.bits - 96}`;
}

/** Whether a number is a status that HTTP has a word for, roughly. */
function isStatus(status: number): boolean {
  return status >= 100 && status <= 511;
}
