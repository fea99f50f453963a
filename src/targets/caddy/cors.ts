import { regexpLiteral } from '../../lib/quote.ts';
import type { MiddlewareOf } from '../../model/middleware.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { onEveryAnswer } from './headers.ts';
import { literalValue } from './quote.ts';

type Cors = MiddlewareOf<'cors'>;

/** A header of an answer, and the named matcher of the requests whose answers get it; without one all do. */
interface Grant {
  readonly header: readonly [name: string, value: string];
  readonly when?: string;
}

/** Answers preflight requests, and tells browsers who may see the other answers (traefik/traefik:pkg/middlewares/headers/header.go). */
export function corsHandler(rules: Cors, name: string): Handler {
  const origins = originsOf(rules, name);
  const preflight = block(
    [`@${name}`],
    [line('method', 'OPTIONS'), line('header', 'Origin', '*'), line('header', 'Access-Control-Request-Method', '*')],
  );
  const answer = [...preflightGrants(rules), ...origins.grants, ...commonGrants(rules)];
  const { directives, failures } = onEveryAnswer(name, (own) => laterGrants(rules, own));
  return {
    matchers: [preflight, ...origins.matchers],
    directives: [block(['route', `@${name}`], [...answer.map((grant) => granted(grant, [])), line('respond', '*', '200')]), ...directives],
    failures,
  };
}

/** What answers to all but preflight requests say. */
function laterGrants(rules: Cors, name: string): Handler {
  const { matchers, grants } = originsOf(rules, name);
  return {
    matchers,
    directives: [
      ...[...grants, ...commonGrants(rules)].map((grant) => granted(grant, [line('defer')])),
      ...(rules.addVary ? [block(['header'], [line('+Vary', 'Origin'), line('defer')])] : []),
    ],
  };
}

function granted({ header: [name, value], when }: Grant, more: readonly Node[]): Node {
  return block(['header', ...(when === undefined ? [] : [`@${when}`])], [line(name, text(value)), ...more]);
}

const ORIGIN = '{http.request.header.Origin}';

/** Which origins are allowed. With credentials a star stands for the origin that asks. */
function originsOf(
  { allowOrigins, allowOriginRegexps, allowCredentials }: Cors,
  name: string,
): { readonly matchers: readonly Node[]; readonly grants: readonly Grant[] } {
  const named = `${name}origin`;
  const star = allowOrigins.indexOf('*');
  const grant = (value: string, when?: string): Grant => ({
    header: ['Access-Control-Allow-Origin', value],
    ...(when !== undefined && { when }),
  });
  // a request without an origin gets the header without a value
  if (star >= 0 && allowCredentials) return { matchers: [], grants: [grant(ORIGIN)] };
  const exact = star < 0 ? allowOrigins : allowOrigins.slice(0, star);
  const expressions = [...exact.map((origin) => `^${regexpLiteral(origin)}$`), ...(star < 0 ? allowOriginRegexps : [])];
  if (expressions.length === 0) return { matchers: [], grants: star < 0 ? [] : [grant('*')] };
  const known = line('header_regexp', 'Origin', text(expressions.map((expression) => `(?:${expression})`).join('|')));
  const matchers = [block([`@${named}`], [known])];
  if (star < 0) return { matchers, grants: [grant(ORIGIN, named)] };
  return {
    matchers: [...matchers, block([`@${named}other`], [block(['not'], [known])])],
    grants: [grant(ORIGIN, named), grant('*', `${named}other`)],
  };
}

function preflightGrants({ allowHeaders, allowMethods, allowCredentials, maxAgeSeconds }: Cors): readonly Grant[] {
  const list = (header: string, values: readonly string[], asked: string): readonly Grant[] => {
    if (values.length === 0) return [];
    const value = values.includes('*') && allowCredentials ? `{http.request.header.${asked}}` : literalValue(values.join(','));
    return [{ header: [header, value] }];
  };
  return [
    ...list('Access-Control-Allow-Headers', allowHeaders, 'Access-Control-Request-Headers'),
    ...list('Access-Control-Allow-Methods', allowMethods, 'Access-Control-Request-Method'),
    ...(maxAgeSeconds === undefined ? [] : [{ header: ['Access-Control-Max-Age', String(maxAgeSeconds)] } as const]),
  ];
}

function commonGrants({ allowCredentials, exposeHeaders }: Cors): readonly Grant[] {
  const exposed = exposeHeaders.length > 0 && !(allowCredentials && exposeHeaders.includes('*'));
  return [
    ...(allowCredentials ? [{ header: ['Access-Control-Allow-Credentials', 'true'] } as const] : []),
    ...(exposed ? [{ header: ['Access-Control-Expose-Headers', literalValue(exposeHeaders.join(','))] } as const] : []),
  ];
}
