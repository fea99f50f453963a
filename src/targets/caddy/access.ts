import type { Middleware } from '../../model/middleware.ts';
import { anyHopRegexp, everyHopRegexp } from '../hops.ts';
import type { RenderSettings } from '../target.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';

type AddressRule = Extract<Middleware, { kind: 'ipAllow' | 'ipDeny' }>;
type AuthRule = Extract<Middleware, { kind: 'basicAuth' }>;

/** Whether a middleware can be enforced: a policy's users must be known. */
export function isEnforceable(middleware: Middleware, { credentials }: Pick<RenderSettings, 'credentials'>): boolean {
  return (
    middleware.kind !== 'basicAuth' ||
    (middleware.users.kind === 'policy' && (credentials?.get(middleware.users.policy)?.users.length ?? 0) > 0)
  );
}

/** Answers 403 by the address of the connection and, for Fabio's lists, by every address in X-Forwarded-For. */
export function addressHandler({ kind, cidrs, of }: AddressRule, name: string): Handler {
  const peer = line('remote_ip', ...cidrs.map(text));
  const matchers = [
    block([`@${name}peer`], [kind === 'ipAllow' ? block(['not'], [peer]) : peer]),
    ...(of.kind === 'everyHop' ? [block([`@${name}hops`], [kind === 'ipAllow' ? notAllHops(cidrs) : anyHop(cidrs)])] : []),
  ];
  const directives = [line('respond', `@${name}peer`, '403'), ...(of.kind === 'everyHop' ? [line('respond', `@${name}hops`, '403')] : [])];
  return { matchers, directives };
}

/** Asks for a user and password. Throws `RangeError` for a policy that `isEnforceable` refuses. */
export function authHandler({ users: asked }: AuthRule, { credentials }: Pick<RenderSettings, 'credentials'>): Handler {
  const policy = asked.kind === 'policy' ? asked.policy : '';
  const users = credentials?.get(policy)?.users ?? [];
  if (users.length === 0) throw new RangeError(`Cannot render the policy "${policy}": it has no users`);
  const lines = users.map(({ name, hash }) => line(text(name), text(hash.reveal())));
  return { matchers: [], directives: [block(['basic_auth'], lines)] };
}

/** All lines of the header, joined by commas; empty where it is missing. */
const HOPS = '{http.request.header.X-Forwarded-For}';
/** Some hop is outside the blocks. */
function notAllHops(cidrs: readonly string[]): Node {
  return block(['not'], [line('vars_regexp', HOPS, text(everyHopRegexp(cidrs)))]);
}

/** Some hop is inside the blocks. */
function anyHop(cidrs: readonly string[]): Node {
  return line('vars_regexp', HOPS, text(anyHopRegexp(cidrs)));
}
