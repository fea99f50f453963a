import { parseCidr, unmapped } from '../../lib/ip.ts';
import type { DiagnosticCode } from '../../model/codes.ts';
import type { Reference } from '../../model/intent.ts';
import type { Middleware } from '../../model/middleware.ts';
import type { Option } from './lex.ts';

/** What `allow`, `deny` and `auth` of one tag come to, in the order in which Fabio asks them. */
export interface FabioAccess {
  readonly middlewares: readonly (Middleware | Omit<Reference, 'span'>)[];
  /** What to say at which option; with `withholds` the route must answer 503. */
  readonly notes: readonly {
    readonly code: DiagnosticCode;
    readonly message: string;
    readonly option: Option;
    readonly withholds: boolean;
  }[];
}

/**
 * Reads the protective options (fabiolb/fabio:route/access_rules.go, auth). Where Fabio would leave the route open because it cannot
 * read a list, the route is withheld; an unreadable item beside readable ones of `allow` is dropped.
 */
export function readAccess(options: ReadonlyMap<string, Option>): FabioAccess {
  const [allow, deny, auth] = [options.get('allow'), options.get('deny'), options.get('auth')];
  if (allow && deny) {
    const message = '`allow` and `deny` together: Fabio would leave the route open; it answers 503';
    return { middlewares: [], notes: [{ code: 'FABIO_ACL_BOTH', message, option: deny, withholds: true }] };
  }
  const list = allow ?? deny;
  const parts = [...(list ? [readList(list)] : []), ...(auth ? [readAuth(auth)] : [])];
  return { middlewares: parts.flatMap(({ middlewares }) => middlewares), notes: parts.flatMap(({ notes }) => notes) };
}

function readList(option: Option): FabioAccess {
  const items = option.value.split(',').map((item) => (item.startsWith('ip:') ? blockOf(item.slice(3)) : undefined));
  const cidrs = items.filter((item) => item !== undefined);
  const whole = cidrs.length === items.length;
  if (cidrs.length === 0 || (!whole && option.key === 'deny')) {
    const message = `Cannot read \`${option.key}\`: expected ip:ADDRESS or ip:CIDR items; the route answers 503`;
    return { middlewares: [], notes: [{ code: 'FABIO_ACL_SYNTAX', message, option, withholds: true }] };
  }
  const dropped = 'An item of `allow` cannot be read and lets nobody in: expected ip:ADDRESS or ip:CIDR';
  return {
    middlewares: [{ kind: option.key === 'allow' ? 'ipAllow' : 'ipDeny', cidrs, of: { kind: 'everyHop' } }],
    notes: whole ? [] : [{ code: 'FABIO_ACL_ITEM', message: dropped, option, withholds: false }],
  };
}

/** A block in the one form that every reader of CIDRs takes. Blocks of mapped addresses are refused: no client has one. */
function blockOf(text: string): string | undefined {
  const block = parseCidr(text);
  if (!block || unmapped(block.bytes) !== block.bytes) return undefined;
  return `${text.replace(/\/.*$/, '')}/${block.bits}`;
}

/** Fabio's `proxy.auth` is the operator's policy of that name. */
function readAuth(option: Option): FabioAccess {
  if (option.value !== '')
    return { middlewares: [{ kind: 'reference', to: 'policy', name: option.value, code: 'FABIO_AUTH_UNKNOWN' }], notes: [] };
  const message = 'Cannot use an empty scheme: expected the name of a policy; the route answers 503';
  return { middlewares: [], notes: [{ code: 'FABIO_AUTH_UNKNOWN', message, option, withholds: true }] };
}
