import {
  bytesOfText,
  cleanPath,
  encodedPath,
  escapePath,
  goPath,
  type GoUrl,
  joined,
  requestUri,
  textOfBytes,
  unescapePath,
} from '../../lib/go-url.ts';
import { splitHost } from '../../lib/host.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import type { HostMatch, HostPort, PathMatch } from '../../model/match.ts';
import type { Hostname } from '../../model/names.ts';
import type { PathChange, PathMiddleware, ProxyReading, ProxyRequest, RedirectAnswer } from '../../model/request.ts';
import type { DialectName, Redirect, Route } from '../../model/route.ts';
import { clientScheme } from '../client-scheme.ts';
import { withoutPrefix } from '../without-prefix.ts';
import { portsOf, portText } from '../port-text.ts';
import { changeEncoded } from '../encoded-paths.ts';
import { redirectGoal } from '../redirect-loop.ts';
import type { RenderSettings } from '../target.ts';
import { looksAtEncoding } from './handlers.ts';
import { ENCODED } from './limits.ts';
import { encodedSlash, hostRegexp, mayEndInDot, ownPorts } from './matchers.ts';
import { cutsSomething, isCuttable } from './path-changes.ts';
import { sameScheme } from './pools.ts';
import { isDirty, isEncodedAnew, isReread, isUnclean, keepsEncoded, keptEncoded, restored, splitQuery, splitsLate } from './canonical.ts';
import { comparedValues } from './queries.ts';
import { literalUrl } from './quote.ts';
import { keepsSent, replacementParts, wholePath, type WholePath } from './redirects.ts';

/** How Caddy reads a request under the Caddyfile that `sites`, `matchers`, `handlers` and `redirects` print. */
export function caddyReading({ unknownHost, trustedProxies }: Pick<RenderSettings, 'unknownHost' | 'trustedProxies'>): ProxyReading {
  return {
    admit: (url) => ({ url }),
    matchedPath,
    headersSeen: ({ headers, host }) => [...headers, { name: 'Host', value: host }],
    hostProblem,
    passesOn,
    comparedValues,
    shaped(url, route) {
      const isKept = looksAtEncoding(route) && compileRegexp(ENCODED).test(requestUri(url));
      return route.pathForm === 'clean' && !isKept ? cleaned(url, route) : url;
    },
    handedOn: (url, route) => (splitsLate(route) ? splitQuery(url) : url),
    changePath,
    redirect,
    redirectScheme({ scheme, port, permanent }, request) {
      const { host, url, method } = request;
      const { name, port: asked = '' } = splitHost(host);
      if (clientScheme(request, trustedProxies) === scheme && portsOf(scheme, port).includes(asked)) return undefined;
      const location = `${scheme}://${name}${portText(scheme, port)}${requestUri(url)}`;
      return { status: movedStatus(permanent, method), location };
    },
    redirectRegexp({ regexp, replacement, permanent }, { entryPoint, host, url, method }) {
      const asked = `${entryPoint.tls ? 'https' : 'http'}://${host}${requestUri(url)}`;
      const match = compileRegexp(regexp).match(asked);
      if (!match) return undefined;
      const parts = replacementParts(replacement).map((part) => (typeof part === 'string' ? part : (match.groups[part.group] ?? '')));
      const location = `${asked.slice(0, match.start)}${parts.join('')}${asked.slice(match.end)}`;
      if (location === asked) return undefined;
      return { status: movedStatus(permanent, method), location };
    },
    served: (endpoints) => sameScheme(endpoints).filter(({ weight }) => weight > 0),
    unknownHost: unknownHost.status,
  };
}

/**
 * A slash that is sent encoded is none for labels where they ask for a slash; their expressions see a path with reserved characters as it
 * was sent.
 */
function matchedPath(url: GoUrl, { path, dialect }: { readonly path: PathMatch; readonly dialect: DialectName }): string {
  if (path.kind === 'regexp' && dialect === 'traefik' && keepsEncoded(requestUri(url))) return encodedPath(url);
  const encoded = encodedSlash(path, dialect);
  if (encoded === undefined || !compileRegexp(encoded).test(requestUri(url))) return textOfBytes(cleanPath(url.path));
  const parts = encodedPath(url).split(/%2f/i);
  return textOfBytes(cleanPath(parts.map((part) => unescapePath(part) ?? part).join('%2F')));
}

function hostProblem(host: HostMatch, { host: asked, entryPoint }: ProxyRequest, dialect: DialectName): 'host' | 'port' | undefined {
  const { name, port = '' } = splitHost(asked);
  switch (host.kind) {
    case 'any':
      return undefined;
    case 'exact':
      if (!namesOf(host.host).includes(name.toLowerCase())) return 'host';
      return isPortFine(host.port, port, entryPoint) ? undefined : 'port';
    case 'glob':
      if (compileRegexp(hostRegexp(host, { entryPoint, dialect })).test(asked)) return undefined;
      return compileRegexp(hostRegexp({ ...host, port: 'any' }, { entryPoint, dialect })).test(asked) ? 'port' : 'host';
    case 'regexp':
      return compileRegexp(`(?i)${host.regexp}`).test(name) ? undefined : 'host';
    default:
      throw new TypeError(`Cannot compare a host: ${JSON.stringify(host satisfies never)}`);
  }

  function namesOf(exact: Hostname): readonly string[] {
    return [exact.replace(/^\[|\]$/g, ''), ...(mayEndInDot(exact, dialect) ? [`${exact}.`] : [])];
  }
}

function isPortFine(wanted: HostPort, port: string, entryPoint: EntryPoint): boolean {
  if (wanted === 'any') return true;
  return wanted === 'own' ? port === '' || ownPorts(entryPoint).includes(port) : port === String(wanted);
}

/** A redirect is not taken by requests that already are what it leads to. */
function passesOn(route: Route, { headers, host, url }: ProxyRequest): string | undefined {
  const target = redirectGoal(route);
  if (!target) return undefined;
  const isThere =
    headers.some(({ name, value }) => name.toLowerCase() === 'x-forwarded-proto' && value === target.scheme) &&
    (target.host === undefined || target.host === host) &&
    (target.path === undefined || target.path === textOfBytes(cleanPath(url.path)));
  return isThere ? 'the request already is what it redirects to' : undefined;
}

/** The URL after the named route that a route invokes first. */
function cleaned(url: GoUrl, route: Route): GoUrl {
  if (route.dialect !== 'traefik') return isDirty(requestUri(url)) ? rewritten(url, cleanPath(url.path)) : url;
  const clean = isUnclean(requestUri(url)) ? reEncoded(url, (encoded) => cleanPath(encoded.replace(/%2e/gi, '.'))) : url;
  const anew = isEncodedAnew(requestUri(clean)) ? encodedAnew(clean) : clean;
  return splitsLate(route) ? anew : splitQuery(anew);
}

function encodedAnew(url: GoUrl): GoUrl {
  const kept = reEncoded(url, keptEncoded);
  return reEncoded(rewritten(kept, cleanPath(kept.path)), restored);
}

/** The middlewares of Traefik take HEAD for one of the others. */
function movedStatus(permanent: boolean, method: string): number {
  return method === 'GET' ? (permanent ? 301 : 302) : permanent ? 308 : 307;
}

/** The URL after `rewrite` with a path: what follows a `?` becomes the query, and the rest is decoded once more (modules/caddyhttp/rewrite). */
function rewritten(url: GoUrl, path: string): GoUrl {
  const mark = path.indexOf('?');
  const encoded = mark < 0 ? path : path.slice(0, mark);
  const injected = mark < 0 ? undefined : path.slice(mark + 1);
  return {
    ...url,
    path: unescapePath(encoded) ?? encoded,
    rawPath: '',
    ...(injected !== undefined && injected !== '' && { query: injected }),
  };
}

/** The URL after `uri path_regexp`: its encoded path is changed. */
function reEncoded(url: GoUrl, change: (encoded: string) => string): GoUrl {
  const encoded = change(encodedPath(url));
  const parsed = goPath(encoded);
  return parsed && parsed.path !== '' ? { ...url, ...parsed } : { ...url, path: change(url.path), rawPath: '' };
}

/** Fabio's tags change the decoded path; all others change it as it was sent, as Traefik does. */
function changePath(url: GoUrl, middleware: PathMiddleware, dialect: DialectName): PathChange {
  switch (middleware.kind) {
    case 'stripPrefix':
      return dialect === 'traefik' ? stripEncoded(url, middleware) : stripDecoded(url, middleware.prefixes);
    case 'stripPrefixRegexp': {
      const change = stripEncoded(url, { ...middleware, regexps: middleware.regexps.filter(cutsSomething) });
      return change.kind === 'changed' && !isCuttable(change.prefix ?? '') ? { ...change, url } : change;
    }
    case 'addPrefix':
      if (dialect === 'traefik') return changeEncoded(url, middleware);
      return { kind: 'changed', url: rewritten(url, `${escapePath(bytesOfText(middleware.prefix))}${cleanPath(url.path)}`) };
    case 'replacePath':
    case 'replacePathRegexp':
      return changeEncoded(url.path === '' ? { ...url, path: '/', rawPath: '' } : url, middleware);
    default:
      throw new TypeError(`Cannot change a path: ${JSON.stringify(middleware satisfies never)}`);
  }
}

function stripDecoded(url: GoUrl, prefixes: readonly string[]): PathChange {
  const seen = cleanPath(url.path);
  const prefix = prefixes.find((candidate) => seen.startsWith(candidate));
  if (prefix === undefined) return { kind: 'same' };
  const cut = (path: string): string => (path.startsWith(prefix) ? `/${path.slice(prefix.length).replace(/^\//, '')}` : path);
  if (/%(3f|25)/i.test(encodedPath(url))) return { kind: 'changed', url: reEncoded(url, cut) };
  return { kind: 'changed', url: rewritten(url, cut(seen)), prefix: literalUrl(prefix) };
}

/** Cleaned first, but refused where what is left must be. Where nothing is left there is still a slash, but for the next prefix. */
function stripEncoded(url: GoUrl, middleware: PathMiddleware): PathChange {
  const change = changeEncoded(url, middleware);
  // Caddy merges no slashes for a prefix that has two in a row
  const isKept = change.kind === 'refused' || (change.kind === 'changed' && change.prefix?.includes('//') === true);
  return isKept ? change : changeEncoded(joined(url), middleware);
}

function redirect(
  { to, status, otherStatus = status }: Redirect,
  request: ProxyRequest,
  { route }: { readonly route: Route },
): RedirectAnswer {
  const { method, host } = request;
  const whole = route.pathForm === 'clean' ? wholePath(to) : undefined;
  if (whole) return { status, location: wholeLocation(whole, request) };
  const takesPath = to.some(({ kind }) => kind === 'path') && (!keepsSent(to) || isReread(requestUri(request.url)));
  const url = route.pathForm === 'clean' && takesPath ? rewritten(request.url, cleanPath(request.url.path)) : request.url;
  const uri = route.pathForm === 'clean' ? requestUri(url).replace(/\?$/, '') : requestUri(url);
  const hasQuery = to.some((part) => part.kind === 'text' && part.text.includes('?'));
  const parts = to.map((part) => {
    if (part.kind === 'text') return literalUrl(part.text);
    if (part.kind === 'path') return !hasQuery ? uri : route.pathForm === 'clean' ? pathOf(url) : url.path;
    return part.kind === 'host' ? host : splitHost(host).name;
  });
  return { status: statusOf(status, otherStatus, method), location: parts.join('') };
}

/** The target whose path is made as a whole, by a rewrite. */
function wholeLocation({ origin, before, strip, after, query }: WholePath, { host, url }: ProxyRequest): string {
  const rest = withoutPrefix(cleanPath(url.path), strip);
  const made = rewritten(url, `${literalUrl(before)}${rest}${literalUrl(after)}`);
  const start = origin.map((part) => (part.kind === 'text' ? literalUrl(part.text) : part.kind === 'host' ? host : splitHost(host).name));
  return `${start.join('')}${query === '' ? requestUri(made).replace(/\?$/, '') : `${pathOf(made)}${literalUrl(query)}`}`;
}

/** The path as it stands in a URL. */
function pathOf({ query: _query, ...url }: GoUrl): string {
  return requestUri(url);
}

function statusOf(status: number, otherStatus: number, method: string): number {
  return method === 'GET' || method === 'HEAD' ? status : otherStatus;
}
