import type { AuthUsers, MiddlewareOf } from '../../model/middleware.ts';
import { headerAliases } from '../header-aliases.ts';
import type { RenderSettings } from '../target.ts';
import { orNone } from './named.ts';
import type { HttpMiddleware } from './schema.ts';

type Known = Pick<RenderSettings, 'credentials'>;

/** Who may pass and what is said to others. Throws `RangeError` where `hasUsers` is false. */
export function authOf(middleware: MiddlewareOf<'basicAuth' | 'digestAuth'>, known: Known): HttpMiddleware {
  const { kind, users: asked, realm, removeHeader, userHeader } = middleware;
  const users = userLines(asked, known);
  if (users.length === 0) throw new RangeError(`Cannot render ${kind}: it has no users`);
  const value = { users, realm, removeHeader, headerField: userHeader };
  return kind === 'basicAuth' ? { basicAuth: value } : { digestAuth: value };
}

/** Whether the users are known and Traefik can read their lines; a policy has no digests. */
export function hasUsers({ kind, users }: MiddlewareOf<'basicAuth' | 'digestAuth'>, known: Known): boolean {
  const lines = userLines(users, known);
  const form = kind === 'basicAuth' ? /^[ -9;-~]+:[ -9;-~]+$/ : /^[ -9;-~]+:[ -9;-~]*:[0-9a-f]{32}$/i;
  return lines.length > 0 && lines.every((line) => form.test(line));
}

function userLines(users: AuthUsers, { credentials }: Known): readonly string[] {
  if (users.kind === 'listed') return users.users.map(({ name, hash }) => `${name}:${hash}`);
  return (credentials?.get(users.policy)?.users ?? []).map(({ name, hash }) => `${name}:${hash.reveal()}`);
}

/** The largest answer that is read from another server: more than any page that asks for a password. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Asks another server. The client's own headers of the names that its answer sets go first, in every spelling that a program may take for them,
 * also where the client is not asked.
 */
export function forwardAuthOf(
  { address, copyHeaders }: MiddlewareOf<'forwardAuth'>,
  { asked }: { readonly asked: boolean },
): readonly HttpMiddleware[] {
  const removed = copyHeaders.flatMap(headerAliases);
  const forget: readonly HttpMiddleware[] =
    removed.length === 0 ? [] : [{ headers: { customRequestHeaders: Object.fromEntries(removed.map((name) => [name, ''])) } }];
  const ask: HttpMiddleware = {
    forwardAuth: {
      address,
      trustForwardHeader: false,
      preserveLocationHeader: true,
      maxResponseBodySize: MAX_ANSWER_BYTES,
      authResponseHeaders: orNone(copyHeaders),
    },
  };
  return asked ? [...forget, ask] : forget;
}
