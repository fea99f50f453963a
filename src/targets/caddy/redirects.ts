import { regexpLiteral } from '../../lib/quote.ts';
import type { Middleware } from '../../model/middleware.ts';
import type { Redirect, RedirectPart, Route } from '../../model/route.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { literalUrl } from './quote.ts';

/** The directives that answer with a redirect; `clean`: its path is the decoded, cleaned one, as Fabio makes it. */
export function redirectHandler(
  { status, otherStatus, to }: Redirect,
  { name, clean }: { readonly name: string; readonly clean: boolean },
): Handler {
  const location = locationOf(to, '{http.request.uri}');
  const redirect =
    otherStatus === undefined
      ? { matchers: [], directives: [line('redir', '*', text(location), String(status))] }
      : statusPair(name, { to: location, status, otherStatus, where: [] });
  if (!clean || !to.some(({ kind }) => kind === 'path')) return redirect;
  // Fabio builds the target from the decoded, cleaned path, and drops a `?` without a query
  const path = line(`@${name}c`, 'path_regexp', `${name}c`, text('^(.*)$'));
  const bare = line(`@${name}b`, 'vars_regexp', `${name}b`, '{http.request.uri}', text('^(.*)\\?$'));
  return {
    matchers: [path, bare, ...redirect.matchers],
    directives: [
      line('rewrite', `@${name}c`, text(`{re.${name}c.1}`)),
      line('redir', `@${name}b`, text(locationOf(to, `{re.${name}b.1}`)), String(status)),
      ...redirect.directives,
    ],
  };
}

/** The target as Caddy expands it; `uri`: the placeholder of the request's path with its query. */
function locationOf(to: readonly RedirectPart[], uri: string): string {
  const withQuery = to.some((part) => part.kind === 'text' && part.text.includes('?'));
  const parts = to.map((part) => {
    if (part.kind === 'text') return literalUrl(part.text);
    if (part.kind === 'path') return withQuery ? '{http.request.uri.path}' : uri;
    return part.kind === 'host' ? '{http.request.hostport}' : '{http.request.host}';
  });
  return parts.join('');
}

/** A redirect with one status for GET and HEAD and another for the rest. */
export function statusPair(
  name: string,
  {
    to,
    status,
    otherStatus,
    where,
  }: { readonly to: string; readonly status: number; readonly otherStatus: number; readonly where: readonly Node[] },
): Handler {
  const get = line('method', 'GET', 'HEAD');
  return {
    matchers: [block([`@${name}get`], [get, ...where]), block([`@${name}other`], [block(['not'], [get]), ...where])],
    directives: [line('redir', `@${name}get`, text(to), String(status)), line('redir', `@${name}other`, text(to), String(otherStatus))],
  };
}

/**
 * The matcher lines that keep a redirect away from requests which already are what it leads to: their X-Forwarded-Proto, Host and path
 * say the same (fabiolb/fabio:route/table.go Lookup). None where no request can be.
 */
export function unlessAlreadyThere({ action, dialect, middlewares }: Route): readonly Node[] {
  if (action.kind !== 'redirect' || dialect !== 'fabio' || middlewares.some(changesPath)) return [];
  const target = /^(https?):\/\/([^/]*)(.*)$/.exec(
    action.redirect.to.map((part) => (part.kind === 'text' ? part.text : PLACE[part.kind])).join(''),
  );
  if (!target) return [];
  const [, scheme = '', host = '', rest = ''] = target;
  const path = rest.replace(/\?.*$/, '');
  if (path.includes(PLACE.path) ? path !== PLACE.path : path === '') return [];
  if (host !== PLACE.host && (host.includes(PLACE.host) || host.includes(PLACE.hostname))) return [];
  return [
    block(
      ['not'],
      [
        line('header_regexp', 'X-Forwarded-Proto', text(`^${scheme}$`)),
        ...(host === PLACE.host ? [] : [line('vars', '{http.request.hostport}', text(host))]),
        ...(path === PLACE.path ? [] : [line('path_regexp', text(`^${regexpLiteral(path)}$`))]),
      ],
    ),
  ];
}

/** Stand for the parts of a target that come from the request; no text of a tag holds them. */
const PLACE = { path: '/\u0001', host: '\u0002', hostname: '\u0003' } as const;

function changesPath({ kind }: Middleware): boolean {
  return kind === 'stripPrefix' || kind === 'addPrefix';
}
