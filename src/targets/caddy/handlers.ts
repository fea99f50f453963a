import type { Middleware } from '../../model/middleware.ts';
import type { Backend } from '../../model/pool.ts';
import type { Route, RouteAction, SplitPart } from '../../model/route.ts';
import { cleaningOf, SPLITTING, splitsLate, URI } from './canonical.ts';
import { middlewaresOf } from '../features.ts';
import type { RenderSettings } from '../target.ts';
import { isEnforceable } from './access.ts';
import { block, line, text, type Handler } from './ast.ts';
import { attributesLine } from './cookies.ts';
import { onEveryAnswer, withoutHeaders } from './headers.ts';
import { ENCODED } from './limits.ts';
import { middlewareHandler } from './middlewares.ts';
import { FORWARDED_PREFIX, mayLeaveUnclean, nextAfterStrip, REPLACED_PATH } from './path-changes.ts';
import { proxyTo } from './pools.ts';
import { canPrint } from './quote.ts';
import { redirectHandler } from './redirects.ts';
import { splitHandler, type PartHandler } from './split.ts';

/** What the handler of a route depends on beside the route. `name`: unique in the site, for matchers, captures and variables. */
export interface HandlerContext {
  readonly name: string;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly settings: Pick<RenderSettings, 'credentials' | 'trustedProxies' | 'modules'>;
}

/** Whether a handler can be printed; a route whose handler cannot answers 503. */
export function isPrintable({ matchers, directives, failures = [] }: Handler): boolean {
  return [...matchers, ...directives, ...failures].every(canPrint);
}

/** The directives of a route, in a `route` so that they run as written. A route with a protection that cannot be enforced answers 503. */
export function handlerOf(route: Route, context: HandlerContext): Handler {
  if (!middlewaresOf(route).every((middleware) => isEnforceable(middleware, context.settings))) return respond(503);
  const { action, middlewares } = route;
  const { name } = context;
  const answer =
    action.kind === 'split'
      ? splitHandler(
          name,
          action.parts.map((part, index) => partHandler(part, route, { ...context, name: `${name}p${index}` })),
        )
      : actionHandler({ ...route, action }, context);
  const behind = action.kind === 'split' ? [answer] : [splitting(route), answer];
  return inOrder([cleaning(route, name), ...middlewareHandlers(middlewares, { route, before: [] }, context), ...behind]);
}

function partHandler({ weight, middlewares, action }: SplitPart, route: Route, context: HandlerContext): PartHandler {
  const answer = actionHandler({ ...route, middlewares: [...route.middlewares, ...middlewares], action }, context);
  const backend = action.kind === 'forward' ? context.backends.get(action.backend) : undefined;
  const own = middlewareHandlers(middlewares, { route, before: route.middlewares }, context);
  return { weight, ...(backend && { backend }), handler: inOrder([...own, splitting(route), answer]) };
}

/** `before`: the middlewares that act before these. */
function middlewareHandlers(
  middlewares: readonly Middleware[],
  { route, before }: { readonly route: Route; readonly before: readonly Middleware[] },
  context: HandlerContext,
): readonly Handler[] {
  const { id, dialect } = route;
  // only routes of Traefik tags are sure to have clean paths in every case
  const isCleaned = dialect === 'traefik' && !looksAtEncoding(route);
  const nexts = middlewares.map((_middleware, index) => nextAfterStrip(middlewares, index, dialect));
  // as in Traefik instances get all that was cut, and nothing that a client says was
  const isAdded = dialect === 'traefik' && middlewares.filter(isStrip).length > 1;
  const prefixField = `${isAdded ? '+' : ''}${FORWARDED_PREFIX}`;
  // the same goes for paths that are replaced more than once
  const isReplacedAgain = middlewares.filter(replaces).length > 1;
  const replacedField = `${isReplacedAgain ? '+' : ''}${REPLACED_PATH}`;
  const told = [...(isAdded ? [FORWARDED_PREFIX] : []), ...(isReplacedAgain ? [REPLACED_PATH] : [])];
  const forgotten: Handler = { matchers: [], directives: withoutHeaders(told) };
  const handlers = middlewares.map((middleware, index) => {
    const prefixed = nexts.includes(index) ? index : nexts[index];
    const emptied =
      prefixed !== undefined && middlewares[prefixed]?.kind === 'addPrefix' ? `${context.name}m${prefixed}emptied` : undefined;
    const mayBeUnclean = !isCleaned || [...before, ...middlewares.slice(0, index)].some(mayLeaveUnclean);
    const own = { ...context, route: id, dialect, name: `${context.name}m${index}` };
    return middlewareHandler(middleware, { ...own, emptied, prefixField, replacedField, mayBeUnclean });
  });
  return [forgotten, ...handlers];
}

function replaces({ kind }: Middleware): boolean {
  return kind === 'replacePath' || kind === 'replacePathRegexp';
}

function isStrip({ kind }: Middleware): boolean {
  return kind === 'stripPrefix' || kind === 'stripPrefixRegexp';
}

/** One handler after the other. */
function inOrder(handlers: readonly Handler[]): Handler {
  return {
    matchers: handlers.flatMap(({ matchers }) => matchers),
    directives: handlers.flatMap(({ directives }) => directives),
    failures: handlers.flatMap(({ failures = [] }) => failures),
  };
}

/** The path is cleaned first, but for encoded characters that a middleware looks for: Caddy would decode them. */
function cleaning(route: Route, name: string): Handler {
  if (route.pathForm === 'raw' || route.action.kind === 'respond') return { matchers: [], directives: [] };
  if (!looksAtEncoding(route)) return { matchers: [], directives: [line('invoke', cleaningOf(route))] };
  const plain = block([`@${name}plain`], [block(['not'], [line('vars_regexp', URI, text(ENCODED))])]);
  return { matchers: [plain], directives: [line('invoke', `@${name}plain`, cleaningOf(route))] };
}

/** What cleaning has left to do once the middlewares have seen the query. */
function splitting(route: Route): Handler {
  return { matchers: [], directives: splitsLate(route) ? [line('invoke', SPLITTING)] : [] };
}

/** Whether a middleware of a route wants to see how a path was encoded. */
export function looksAtEncoding(route: Pick<Route, 'middlewares' | 'action'>): boolean {
  return middlewaresOf(route).some(({ kind }) => kind === 'encodedCharacters');
}

/** A route, or a part of one, with one action for all of its requests. */
type Undivided = Route & { readonly action: Exclude<RouteAction, { readonly kind: 'split' }> };

function actionHandler(route: Undivided, { backends, name }: HandlerContext): Handler {
  const { action } = route;
  switch (action.kind) {
    case 'respond':
      return respond(action.status);
    case 'redirect':
      return redirectHandler(action.redirect, { name, clean: route.pathForm === 'clean' });
    case 'forward': {
      const backend = backends.get(action.backend);
      if (!backend) throw new RangeError(`Cannot render the route ${route.id}: its backend is missing`);
      if (!backend.endpoints.some(({ weight }) => weight > 0)) return respond(503);
      return forwardHandler(backend, { middlewares: route.middlewares, name });
    }
    default:
      throw new TypeError(`Cannot render an action: ${JSON.stringify(action satisfies never)}`);
  }
}

/** The cookie of a pool has its attributes on the answers that Caddy gives itself too: it is set before an instance is asked. */
function forwardHandler(
  backend: Backend,
  { middlewares, name }: { readonly middlewares: readonly Middleware[]; readonly name: string },
): Handler {
  const { id, sticky } = backend;
  const cookie = onEveryAnswer(`${name}cookie`, () => ({ matchers: [], directives: sticky ? [attributesLine(id, sticky)] : [] }));
  return { ...cookie, directives: [...cookie.directives, proxyTo(backend, { middlewares })] };
}

/** An answer without a body; clients of a 503 are told when to come again. `*` stands where a text could be read as a matcher. */
export function respond(status: number): Handler {
  const later = status === 503 ? [line('header', '*', 'Retry-After', '5')] : [];
  return { matchers: [], directives: [...later, line('respond', '*', String(status))] };
}
