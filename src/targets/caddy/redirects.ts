import { regexpLiteral } from '../../lib/quote.ts';
import type { Redirect, RedirectPart, Route } from '../../model/route.ts';
import { redirectGoal } from '../redirect-loop.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { AMBIGUOUS, URI } from './canonical.ts';
import { literalUrl } from './quote.ts';

/** The directives that answer with a redirect; `clean`: its path is the decoded, cleaned one, as Fabio makes it. */
export function redirectHandler(
  { status, otherStatus, to }: Redirect,
  { name, clean }: { readonly name: string; readonly clean: boolean },
): Handler {
  const isCleaned = clean && to.some(({ kind }) => kind === 'path');
  const location = locationOf(to, hasQuery(to) && !isCleaned ? '{http.request.uri.path}' : URI);
  const redirect =
    otherStatus === undefined
      ? { matchers: [], directives: [line('redir', '*', text(location), String(status))] }
      : statusPair(name, { to: location, status, otherStatus, where: [], methods: ['GET', 'HEAD'] });
  if (!isCleaned) return redirect;
  const whole = wholePath(to);
  if (whole) return wholeHandler(whole, { name, status });
  // Fabio builds the target from the decoded, cleaned path, and drops a `?` without a query
  const decoded = line('path_regexp', `${name}c`, text('^(.*)$'));
  // a dirty path is clean by now
  const path = keepsSent(to)
    ? block([`@${name}c`], [decoded, line('vars_regexp', URI, text(AMBIGUOUS))])
    : line(`@${name}c`, ...decoded.tokens);
  const bare = line(`@${name}b`, 'vars_regexp', `${name}b`, URI, text('^(.*)\\?$'));
  return {
    matchers: [path, bare, ...redirect.matchers],
    directives: [
      // where the target has a query that of the request goes
      line('rewrite', `@${name}c`, text(`{re.${name}c.1}${hasQuery(to) ? '?' : ''}`)),
      line('redir', `@${name}b`, text(locationOf(to, `{re.${name}b.1}`)), String(status)),
      ...redirect.directives,
    ],
  };
}

/** The parts of a target whose path is made as a whole: `path` is that of the request without `strip` between two texts. */
export interface WholePath {
  readonly origin: readonly RedirectPart[];
  readonly before: string;
  readonly strip: string | undefined;
  readonly after: string;
  /** With its question mark. */
  readonly query: string;
}

/** A target in which the request's path does not stand whole and last, so that no slash and no query of its own can be taken over. */
export function wholePath(to: readonly RedirectPart[]): WholePath | undefined {
  const at = to.findIndex(({ kind }) => kind === 'path');
  const [path, ...others] = to.slice(Math.max(at, 0));
  const tail = others.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  const mark = tail.includes('?') ? tail.indexOf('?') : tail.length;
  if (path?.kind !== 'path' || (path.strip === undefined && mark === 0)) return undefined;
  const last = to[at - 1];
  const front = to.slice(0, last?.kind === 'text' ? at - 1 : at);
  // behind a host of the request a port may come before the path
  const [, begin = '', before = ''] =
    (front.length > 0 ? /^([^/]*)(.*)$/ : /^(\w+:\/\/[^/]*)?(.*)$/).exec(last?.kind === 'text' ? last.text : '') ?? [];
  const origin: readonly RedirectPart[] = [...front, { kind: 'text', text: begin }];
  return { origin, before, strip: path.strip, after: tail.slice(0, mark), query: tail.slice(mark) };
}

/**
 * Whether a target takes the path as it was sent, but where it must be read anew: Fabio does behind a text of the target's own path
 * (fabiolb/fabio:route/target.go BuildRedirectURL). A target with a query takes none of the request's, which only a rewrite takes away.
 */
export function keepsSent(to: readonly RedirectPart[]): boolean {
  const before = to[to.findIndex(({ kind }) => kind === 'path') - 1];
  return !hasQuery(to) && !wholePath(to) && before?.kind === 'text' && /^(\w+:\/\/[^/]+|:\d+|)\/./.test(before.text);
}

function wholeHandler(
  { origin, before, strip, after, query }: WholePath,
  { name, status }: { readonly name: string; readonly status: number },
): Handler {
  const cut = strip === undefined ? '' : `(?:${regexpLiteral(strip)})?`;
  const path = line(`@${name}c`, 'path_regexp', `${name}c`, text(`^${cut}(.*)$`));
  const bare = line(`@${name}b`, 'vars_regexp', `${name}b`, URI, text('^(.*)\\?$'));
  const start = locationOf(origin, '');
  const whole = `${literalUrl(before)}{re.${name}c.1}${literalUrl(after)}${query === '' ? '' : '?'}`;
  const rewritten = line('rewrite', `@${name}c`, text(whole));
  const target = line('redir', '*', text(`${start}{http.request.uri}${literalUrl(query)}`), String(status));
  return {
    matchers: [path, bare],
    directives: [rewritten, line('redir', `@${name}b`, text(`${start}{re.${name}b.1}${literalUrl(query)}`), String(status)), target],
  };
}

function hasQuery(to: readonly RedirectPart[]): boolean {
  return to.some((part) => part.kind === 'text' && part.text.includes('?'));
}

/** The target as Caddy expands it; `uri`: the placeholder of the request's path with its query. */
function locationOf(to: readonly RedirectPart[], uri: string): string {
  const parts = to.map((part) => {
    if (part.kind === 'text') return literalUrl(part.text);
    if (part.kind === 'path') return uri;
    return part.kind === 'host' ? '{http.request.hostport}' : '{http.request.host}';
  });
  return parts.join('');
}

/** What a replacement of Go's is made of: texts as they stand in a URL, and groups; what names no group is nothing. */
export function replacementParts(replacement: string): readonly (string | { readonly group: number })[] {
  return replacement.split(/(\$(?:\$|\{\w+\}|\w+))/).flatMap<string | { readonly group: number }>((part, index) => {
    if (index % 2 === 0) return part === '' ? [] : [literalUrl(part)];
    if (part === '$$') return ['$'];
    const name = part.replace(/[${}]/g, '');
    return /^(0|[1-9]\d?)$/.test(name) ? [{ group: Number(name) }] : [];
  });
}

/** A redirect with one status for some methods and another for the rest. */
export function statusPair(
  name: string,
  {
    to,
    status,
    otherStatus,
    where,
    methods,
  }: {
    readonly to: string;
    readonly status: number;
    readonly otherStatus: number;
    readonly where: readonly Node[];
    readonly methods: readonly string[];
  },
): Handler {
  const get = line('method', ...methods);
  return {
    matchers: [block([`@${name}get`], [get, ...where]), block([`@${name}other`], [block(['not'], [get]), ...where])],
    directives: [line('redir', `@${name}get`, text(to), String(status)), line('redir', `@${name}other`, text(to), String(otherStatus))],
  };
}

/** The matcher lines that keep a redirect away from requests which already are what it leads to. None where no request can be. */
export function unlessAlreadyThere(route: Route): readonly Node[] {
  const goal = redirectGoal(route);
  if (!goal) return [];
  const { scheme, host, path } = goal;
  return [
    block(
      ['not'],
      [
        line('header_regexp', 'X-Forwarded-Proto', text(`^${scheme}$`)),
        ...(host === undefined ? [] : [line('vars', '{http.request.hostport}', text(host))]),
        ...(path === undefined ? [] : [line('path_regexp', text(`^${regexpLiteral(path)}$`))]),
      ],
    ),
  ];
}
