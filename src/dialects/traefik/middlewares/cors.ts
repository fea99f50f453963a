import type { Middleware } from '../../../model/middleware.ts';
import { boolOf, fieldOf, listIn, numberOf } from '../items.ts';
import type { Tell } from '../tell.ts';
import { badValue, regexpFault, type MiddlewareItem, type MiddlewareReading } from './reading.ts';

/** The `accessControl` labels of `headers`; nothing where there are none. */
export function readCors(
  item: MiddlewareItem,
  tell: Tell,
): { readonly middlewares: readonly Middleware[] } | { readonly fault: MiddlewareReading } {
  const maxAge = numberOf(item, 'headers.accessControlMaxAge');
  const rules = {
    allowCredentials: boolOf(item, 'headers.accessControlAllowCredentials') ?? false,
    allowHeaders: listIn(item, 'headers.accessControlAllowHeaders'),
    allowMethods: listIn(item, 'headers.accessControlAllowMethods'),
    allowOrigins: listIn(item, 'headers.accessControlAllowOriginList'),
    allowOriginRegexps: listIn(item, 'headers.accessControlAllowOriginListRegex'),
    exposeHeaders: listIn(item, 'headers.accessControlExposeHeaders'),
    addVary: boolOf(item, 'headers.addVaryHeader') ?? false,
  };
  const { allowCredentials, addVary, ...lists } = rules;
  if (!allowCredentials && !addVary && maxAge === undefined && Object.values(lists).every(({ length }) => length === 0))
    return { middlewares: [] };
  const field = fieldOf(item, 'headers.accessControlAllowOriginListRegex');
  const [fault] = rules.allowOriginRegexps.flatMap((pattern) => regexpFault(pattern, field, tell) ?? []);
  if (fault) return { fault };
  if (maxAge !== undefined && maxAge < -1)
    return { fault: badValue(item, { field: fieldOf(item, 'headers.accessControlMaxAge'), expected: 'seconds' }, tell) };
  return { middlewares: [{ kind: 'cors', ...rules, ...(maxAge !== undefined && { maxAgeSeconds: maxAge }) }] };
}
