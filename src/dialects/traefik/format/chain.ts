import type { Reference, RouteIntent } from '../../../model/intent.ts';
import { protects, type Middleware } from '../../../model/middleware.ts';
import { regexpLiteral } from '../../../lib/quote.ts';
import type { Redirect, RedirectPart } from '../../../model/route.ts';
import { approximated, impossible, unsupported, type Loss } from '../../loss.ts';
import { goReplacement } from '../middlewares/replacement.ts';
import { middlewareFields, referenceName, tcpMiddlewareFields } from './middlewares.ts';
import { namedPart, type FieldText, type Part } from './parts.ts';
import { isReadBack } from './read-back.ts';

/** The middlewares of a route as names and the parts that declare them. */
export interface ChainText {
  readonly names: readonly string[];
  readonly parts: readonly Part[];
  readonly losses: readonly Loss[];
}

/** Prints the middlewares of an intent in their order, its redirect and the Host header of its servers behind them. */
export function chainText(intent: RouteIntent, { serviceOf }: { readonly serviceOf: (sidePool: string) => string | undefined }): ChainText {
  const isTcp = intent.entryPoints.kind === 'tcp';
  const own = intent.middlewares.map((middleware) => linkText(middleware, { intent, isTcp, serviceOf }));
  const redirect = intent.action.kind === 'redirect' ? [redirectText(intent.action.redirect, intent)] : [];
  const { upstreamHost } = intent.pool;
  const host =
    upstreamHost.kind === 'fixed' && !isTcp
      ? [declared([['headers.customrequestheaders.Host', upstreamHost.host]], { intent, isTcp, kind: 'host' })]
      : [];
  const all = [...own, ...redirect, ...host];
  return {
    names: all.flatMap(({ names }) => names),
    parts: all.flatMap(({ parts }) => parts),
    losses: all.flatMap(({ losses }) => losses),
  };
}

interface LinkTools {
  readonly intent: RouteIntent;
  readonly isTcp: boolean;
  readonly serviceOf: (sidePool: string) => string | undefined;
}

function linkText(middleware: Middleware | Reference, { intent, isTcp, serviceOf }: LinkTools): ChainText {
  if (middleware.kind === 'reference') return { names: [referenceName(middleware)], parts: [], losses: [] };
  const fields = isTcp ? tcpMiddlewareFields(middleware) : middlewareFields(middleware, serviceOf);
  if (fields && (isTcp || middleware.kind === 'errors' || isReadBack(middleware, fields, intent)))
    return declared(fields, { intent, isTcp, kind: middleware.kind.toLowerCase() });
  const what = isTcp ? `${middleware.kind} of connections` : middleware.kind;
  const loss = protects(middleware)
    ? impossible(`${what} as it is meant, and a route without it would be open`)
    : unsupported(`${what} as it is meant; the route is written without it`);
  return { names: [], parts: [], losses: [loss] };
}

function declared(
  fields: readonly FieldText[],
  { intent, isTcp, kind }: { readonly intent: RouteIntent; readonly isTcp: boolean; readonly kind: string },
): ChainText {
  const part = namedPart(isTcp ? 'tcp.middlewares' : 'http.middlewares', fields, { service: intent.service, kind });
  return { names: [part.name], parts: [part], losses: [] };
}

/** A redirect as `redirectRegex`, which answers GET with 301 or 302 and other methods with 308 or 307. */
function redirectText(redirect: Redirect, intent: RouteIntent): ChainText {
  const { status, otherStatus = status, to } = redirect;
  const permanent = status === 301 || status === 308;
  const fields: readonly FieldText[] = [
    ['redirectregex.regex', wholeUrl(to)],
    // without braces where there need be none: HCL and compose read `${…}` each in another way
    ['redirectregex.replacement', goReplacement(`${to.map(replacementOf).join('')}${carriesApart(to) && !hasQueryIn(to) ? '${3}' : ''}`)],
    ...(permanent ? [['redirectregex.permanent', 'true'] as const] : []),
  ];
  const [get, other] = permanent ? [301, 308] : [302, 307];
  const what = `the redirect ${status} is ${get}, and ${other} for methods other than GET`;
  const isSame = get === status && other === otherStatus;
  const losses: readonly Loss[] = isSame ? [] : [{ ...approximated(what), code: 'TRAEFIK_REDIRECT_STATUS' }];
  return { ...declared(fields, { intent, isTcp: false, kind: 'redirect' }), losses };
}

/** An expression for every URL, as simple as the target lets it be. Group 1 is the host, 2 the path, with the query where it is carried. */
function wholeUrl(to: readonly RedirectPart[]): string {
  if (to.every(({ kind }) => kind === 'text')) return '^.*$';
  const host = to.some(({ kind }) => kind === 'hostname') ? '(\\[[^\\]]*\\]|[^/:]+)(?::[0-9]+)?' : '([^/]+)';
  const hasQuery = hasQueryIn(to);
  const path = to.find((part) => part.kind === 'path');
  const strip = path?.kind === 'path' ? path.strip : undefined;
  if (carriesApart(to)) return `^https?://${host}${strip === undefined ? '' : `(?:${regexpLiteral(strip)})?`}([^?]*)(\\?.+)?$`;
  return `^https?://${host}${hasQuery ? '(/[^?]*).*' : '(/.*)'}$`;
}

function hasQueryIn(to: readonly RedirectPart[]): boolean {
  return to.some((part) => part.kind === 'text' && part.text.includes('?'));
}

/** Whether what comes behind the path is not the query, or what comes before it is not a slash. */
function carriesApart(to: readonly RedirectPart[]): boolean {
  const at = to.findIndex(({ kind }) => kind === 'path');
  const [path, next] = to.slice(Math.max(at, 0));
  return path?.kind === 'path' && (path.strip !== undefined || (next?.kind === 'text' && !next.text.startsWith('?')));
}

function replacementOf(part: RedirectPart): string {
  switch (part.kind) {
    case 'text':
      return part.text.replaceAll('$', '$$$$');
    case 'host':
    case 'hostname':
      return '${1}';
    case 'path':
      return '${2}';
    default:
      throw new TypeError(`Cannot print a redirect part: ${JSON.stringify(part satisfies never)}`);
  }
}
