import { parseCidr, unmapped } from '../../lib/ip.ts';
import type { Reference } from '../../model/intent.ts';
import type { AddressSource, Middleware } from '../../model/middleware.ts';
import type { Option } from './lex.ts';
import { noteAt, type Read } from './note.ts';

/** What one tag protects its route with, in the order in which Fabio asks it. */
export type FabioMiddleware = Middleware | Omit<Reference, 'span'>;

/**
 * Reads `allow` and `deny` (fabiolb/fabio:route/access_rules.go). Fabio drops the first unreadable item with all that follow it, and
 * leaves the route open where that is the very first: there the readable ones count. A list without any, both lists together, or
 * an unreadable item of `deny` withhold the route.
 */
export function readAccess(options: ReadonlyMap<string, Option>, of: AddressSource): Read<readonly Middleware[]> {
  const [allow, deny] = [options.get('allow'), options.get('deny')];
  const list = allow ?? deny;
  if (!list) return { value: [], notes: [] };
  if (allow && deny) {
    const message = '`allow` and `deny` together: Fabio would leave the route open; it answers 503';
    return { value: [], notes: [noteAt(deny, 'FABIO_ACL_BOTH', message, { fault: 'protective' })] };
  }
  const items = list.value.split(',').map(blockOf);
  const bad = items.indexOf(undefined);
  const cidrs = (bad > 0 ? items.slice(0, bad) : items).filter((item) => item !== undefined);
  if (cidrs.length === 0 || (bad >= 0 && list.key === 'deny')) {
    const message = `Cannot read \`${list.key}\`: expected ip:ADDRESS or ip:CIDR items; the route answers 503`;
    return { value: [], notes: [noteAt(list, 'FABIO_ACL_SYNTAX', message, { fault: 'protective' })] };
  }
  const dropped = `Item ${bad + 1} of \`allow\` cannot be read: it${bad > 0 ? ' and what follows let' : ' lets'} nobody in, expected ip:ADDRESS or ip:CIDR`;
  return {
    value: [{ kind: list.key === 'allow' ? 'ipAllow' : 'ipDeny', cidrs, of }],
    notes: bad < 0 ? [] : [noteAt(list, 'FABIO_ACL_ITEM', dropped)],
  };
}

/** Reads `auth`: Fabio's `proxy.auth` is the operator's policy of that name. */
export function readAuth(options: ReadonlyMap<string, Option>): Read<readonly FabioMiddleware[]> {
  const option = options.get('auth');
  if (!option) return { value: [], notes: [] };
  if (option.value !== '')
    return { value: [{ kind: 'reference', to: 'policy', name: option.value, code: 'FABIO_AUTH_UNKNOWN' }], notes: [] };
  const message = 'Cannot use an empty scheme: expected the name of a policy; the route answers 503';
  return { value: [], notes: [noteAt(option, 'FABIO_AUTH_UNKNOWN', message, { fault: 'protective' })] };
}

/** One item as a block in the form that every reader of CIDRs takes; a mapped IPv4 address is that IPv4 address, as in Go. */
function blockOf(item: string): string | undefined {
  const text = /^ip:(.*)$/i.exec(item)?.[1];
  const block = text === undefined ? undefined : parseCidr(text);
  if (text === undefined || !block) return undefined;
  const bytes = unmapped(block.bytes);
  if (bytes === block.bytes) return `${text.replace(/\/.*$/, '').toLowerCase()}/${block.bits}`;
  return block.bits < 96 ? undefined : `${bytes.join('.')}/${block.bits - 96}`;
}
