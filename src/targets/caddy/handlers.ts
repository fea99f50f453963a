import type { Middleware } from '../../model/middleware.ts';
import type { Backend } from '../../model/pool.ts';
import type { Route } from '../../model/route.ts';
import type { RenderSettings } from '../target.ts';
import { isEnforceable } from './access.ts';
import { block, line, text, type Handler } from './ast.ts';
import { ENCODED } from './limits.ts';
import { middlewareHandler } from './middlewares.ts';
import { forward } from './pools.ts';
import { canPrint } from './quote.ts';
import { redirectHandler } from './redirects.ts';

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
  if (!route.middlewares.every((middleware) => isEnforceable(middleware, context.settings))) return respond(503);
  const { id, dialect } = route;
  const parts = route.middlewares.map((middleware, index) =>
    middlewareHandler(middleware, { ...context, route: id, dialect, name: `${context.name}m${index}` }),
  );
  const clean = cleaning(route, context.name);
  const action = actionHandler(route, context);
  return {
    matchers: [...clean.matchers, ...parts.flatMap(({ matchers }) => matchers), ...action.matchers],
    directives: [...clean.directives, ...parts.flatMap(({ directives }) => directives), ...action.directives],
    failures: parts.flatMap(({ failures = [] }) => failures),
  };
}

/** The path is cleaned first, but for encoded characters that a middleware looks for: Caddy would decode them. */
function cleaning({ pathForm, action, middlewares }: Route, name: string): Handler {
  if (pathForm === 'raw' || action.kind === 'respond') return { matchers: [], directives: [] };
  if (!looksAtEncoding(middlewares)) return { matchers: [], directives: [line('invoke', 'clean')] };
  const plain = block([`@${name}plain`], [block(['not'], [line('vars_regexp', '{http.request.uri}', text(ENCODED))])]);
  return { matchers: [plain], directives: [line('invoke', `@${name}plain`, 'clean')] };
}

/** Whether a middleware wants to see how a path was encoded. */
export function looksAtEncoding(middlewares: readonly Middleware[]): boolean {
  return middlewares.some(({ kind }) => kind === 'encodedCharacters');
}

function actionHandler(route: Route, { backends, name }: HandlerContext): Handler {
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
      return { matchers: [], directives: [forward(backend, { middlewares: route.middlewares })] };
    }
    case 'split':
      throw new RangeError('Cannot render a split route: it is no capability of Caddy');
    default:
      throw new TypeError(`Cannot render an action: ${JSON.stringify(action satisfies never)}`);
  }
}

/** An answer without a body; clients of a 503 are told when to come again. `*` stands where a text could be read as a matcher. */
export function respond(status: number): Handler {
  const later = status === 503 ? [line('header', '*', 'Retry-After', '5')] : [];
  return { matchers: [], directives: [...later, line('respond', '*', String(status))] };
}
