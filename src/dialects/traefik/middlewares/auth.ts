import type { AuthAnswer } from '../../../model/middleware.ts';
import { boolOf, listIn, textOf } from '../items.ts';
import type { Tell } from '../tell.ts';
import { badValue, only, type MiddlewareItem, type MiddlewareReader, type MiddlewareReading } from './reading.ts';

/** What Traefik says where no realm is given. */
export const DEFAULT_REALM = 'traefik';

/** `basicAuth` with the users of the label. */
export const readBasicAuth: MiddlewareReader = (item, { tell }) => {
  const pairs = listIn(item, 'basicAuth.users').map((user) => user.split(':'));
  const users = pairs.flatMap(([name = '', hash = '', ...more]) => (name && hash && more.length === 0 ? [{ name, hash }] : []));
  if (users.length < pairs.length || users.length === 0) return unreadableUsers(item, 'name:hash', tell);
  return only({ kind: 'basicAuth', users: { kind: 'listed', users: lastOfEach(users) }, ...answerOf(item, 'basicAuth') });
};

/** `digestAuth` with the users of the label. */
export const readDigestAuth: MiddlewareReader = (item, { tell }) => {
  const triples = listIn(item, 'digestAuth.users').map((user) => user.split(':'));
  const users = triples.flatMap(([name = '', realm = '', hash = '', ...more]) =>
    name && realm && hash && more.length === 0 ? [{ name, hash: `${realm}:${hash}` }] : [],
  );
  if (users.length < triples.length || users.length === 0) return unreadableUsers(item, 'name:realm:hash', tell);
  return only({ kind: 'digestAuth', users: { kind: 'listed', users: lastOfEach(users) }, ...answerOf(item, 'digestAuth') });
};

/** Says nothing of what stands there: it is a secret, or nearly one. */
function unreadableUsers(item: MiddlewareItem, form: string, tell: Tell): MiddlewareReading {
  return badValue(item, { expected: `users as ${form}`, guard: true }, tell);
}

/** The realm is Traefik's own where none is given, whatever the proxy. */
function answerOf(item: MiddlewareItem, type: 'basicAuth' | 'digestAuth'): AuthAnswer {
  const realm = textOf(item, `${type}.realm`) || DEFAULT_REALM;
  const userHeader = textOf(item, `${type}.headerField`) ?? '';
  return {
    realm,
    ...(boolOf(item, `${type}.removeHeader`) && { removeHeader: true }),
    ...(userHeader !== '' && { userHeader }),
  };
}

function lastOfEach<User extends { readonly name: string; readonly hash: string }>(users: readonly User[]): readonly User[] {
  return [...new Map(users.map((user) => [user.name, user])).values()];
}
