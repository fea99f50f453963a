import type { Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { RenderSettings } from '../target.ts';
import { anyHopRegexp, everyHopRegexp } from '../hops.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { chosenHopRegexp } from './chosen-hop.ts';
import { headerName, withoutHeaders } from './headers.ts';
import { literalValue } from './quote.ts';

type AddressRule = MiddlewareOf<'ipAllow' | 'ipDeny'>;
type AuthRule = MiddlewareOf<'basicAuth'>;
type Known = Pick<RenderSettings, 'credentials'>;

/** Whether a middleware can be enforced: users must be known, with hashes that Caddy reads. */
export function isEnforceable(middleware: Middleware, known: Known): boolean {
  if (middleware.kind !== 'basicAuth') return true;
  const users = usersOf(middleware, known);
  return users.length > 0 && users.every(({ hash }) => BCRYPT.test(hash));
}

const BCRYPT = /^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/;

/** Answers 403, or another status, by the address that counts. */
export function addressHandler(
  rule: AddressRule,
  { name, trustedProxies }: { readonly name: string; readonly trustedProxies: readonly string[] },
): Handler {
  const status = String((rule.kind === 'ipAllow' && rule.status) || 403);
  const refused = refusedBy(rule, trustedProxies);
  if (refused === 'all') return { matchers: [], directives: [line('respond', '*', status)] };
  return {
    matchers: refused.map((nodes, index) => block([`@${name}${SUFFIXES[index] ?? ''}`], nodes)),
    directives: refused.map((_nodes, index) => line('respond', `@${name}${SUFFIXES[index] ?? ''}`, status)),
  };
}

/** Of the matchers for the connection, or what stands for it, and for every other hop. */
const SUFFIXES = ['peer', 'hops'] as const;

/** The requests that a list refuses: those for which any of these lists of matchers holds. */
function refusedBy({ kind, cidrs, of }: AddressRule, trustedProxies: readonly string[]): readonly (readonly Node[])[] | 'all' {
  const isAllow = kind === 'ipAllow';
  const outside = (nodes: readonly Node[]): readonly Node[] => (isAllow ? [block(['not'], nodes)] : nodes);
  switch (of.kind) {
    case 'peer':
      return [outside([line('remote_ip', ...cidrs.map(text))])];
    case 'client':
      return [outside([line('client_ip', ...cidrs.map(text))])];
    case 'everyHop': {
      const expression = isAllow ? everyHopRegexp(cidrs) : anyHopRegexp(cidrs);
      return [outside([line('remote_ip', ...cidrs.map(text))]), outside([line('vars_regexp', HOPS, text(expression))])];
    }
    case 'depth':
    case 'excluding': {
      const expression = chosenHopRegexp(cidrs, of);
      // only a trusted proxy says from where a request comes
      if (expression === undefined || trustedProxies.length === 0) return isAllow ? 'all' : [];
      return [outside([line('remote_ip', ...trustedProxies.map(text)), line('vars_regexp', HOPS, text(expression))])];
    }
    default:
      throw new TypeError(`Cannot read an address: ${JSON.stringify(of satisfies never)}`);
  }
}

/** All lines of the header, joined by commas; empty where it is missing. */
const HOPS = '{http.request.header.X-Forwarded-For}';

/** Asks for a user and password. Throws `RangeError` where `isEnforceable` is false. */
export function authHandler(rule: AuthRule, known: Known): Handler {
  if (!isEnforceable(rule, known)) throw new RangeError('Cannot render basicAuth: Caddy can check none of its users');
  const { realm, removeHeader, userHeader } = rule;
  const lines = usersOf(rule, known).map(({ name, hash }) => line(text(literalValue(name)), text(hash)));
  const asked = realm === undefined ? ['basic_auth'] : ['basic_auth', 'bcrypt', text(realm)];
  return {
    matchers: [],
    directives: [
      block(asked, lines),
      ...(removeHeader ? withoutHeaders(['Authorization']) : []),
      ...(userHeader === undefined ? [] : [line('request_header', '*', headerName(userHeader), text('{http.auth.user.id}'))]),
    ],
  };
}

function usersOf({ users }: AuthRule, { credentials }: Known): readonly { readonly name: string; readonly hash: string }[] {
  if (users.kind === 'listed') return users.users;
  return (credentials?.get(users.policy)?.users ?? []).map(({ name, hash }) => ({ name, hash: hash.reveal() }));
}
