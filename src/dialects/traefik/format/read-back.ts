import type { ServiceInstance } from '../../../model/catalog.ts';
import type { RouteIntent } from '../../../model/intent.ts';
import { isOneLabel, matchKey, type RouteMatch } from '../../../model/match.ts';
import type { Middleware } from '../../../model/middleware.ts';
import { sourceId } from '../../../model/names.ts';
import { sameMembers } from '../../../lib/memo.ts';
import { canonicalJson } from '../../same.ts';
import { itemsOf } from '../items.ts';
import { lexLabels } from '../labels.ts';
import { DEFAULT_REALM } from '../middlewares/auth.ts';
import { readMiddleware } from '../middlewares/read.ts';
import { goReplacement } from '../middlewares/replacement.ts';
import { readLabels } from '../read-labels.ts';
import type { readRule } from '../rule/read-rule.ts';
import type { Tell } from '../tell.ts';
import { tagsOf, type FieldText } from './parts.ts';

/** Whether the labels of a middleware mean that middleware again. Text that a label cannot carry does not. */
export function isReadBack(middleware: Middleware, fields: readonly FieldText[], intent: RouteIntent): boolean {
  const tell: Tell = () => undefined;
  const tags = tagsOf({ section: 'http.middlewares', name: 'm', fields }, 'traefik');
  const entries = readLabels(lexLabels(instanceWith(tags, intent), 'traefik'), tell);
  const item = itemsOf(entries, 'http.middlewares', tell).get('m');
  if (!item || !fields.every(isPlain)) return false;
  const { middlewares, fault } = readMiddleware(item, { tell, poolOf: () => undefined });
  return !fault && middlewares.length === 1 && sameContent(middlewares[0], normal(middleware));
}

/** Whether the reading of a rule means these matches again, but for what rules never say. */
export function isRuleReadBack({ problems, matches: read }: ReturnType<typeof readRule>, matches: readonly RouteMatch[]): boolean {
  return (
    problems.length === 0 &&
    sameMembers(
      read.map(matchKey),
      matches.map((match) => matchKey(sayable(match))),
    )
  );
}

/** Whether a value comes back as it is: labels are trimmed, and hold nothing but printable ASCII. */
export function isPlain([, value]: FieldText): boolean {
  return value.trim() === value && /^[ -~]*$/.test(value);
}

/** A match without the case of its path, with patterns of hosts as the expressions that stand for them. */
function sayable(match: RouteMatch): RouteMatch {
  const { host, path } = match;
  return {
    ...match,
    host: host.kind === 'glob' && !isOneLabel(host) ? { kind: 'regexp', regexp: host.regexp } : host,
    path: path.kind === 'exact' || path.kind === 'prefix' ? { ...path, ignoreCase: false } : path,
  };
}

/** A middleware in the words of the reader. */
function normal(middleware: Middleware): Middleware {
  if (middleware.kind === 'basicAuth' || middleware.kind === 'digestAuth')
    return { ...middleware, realm: middleware.realm ?? DEFAULT_REALM };
  if (middleware.kind !== 'redirectRegexp' && middleware.kind !== 'replacePathRegexp') return middleware;
  return { ...middleware, replacement: goReplacement(middleware.replacement) };
}

function instanceWith(tags: readonly string[], { owner, service, endpoint, spans: [span] }: RouteIntent): ServiceInstance {
  const where = { source: span?.source ?? sourceId('file'), owner, service, instance: span?.instance ?? '' };
  return { ...where, ...endpoint, tags, meta: {}, health: 'passing', modifyIndex: 0 };
}

function sameContent(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
