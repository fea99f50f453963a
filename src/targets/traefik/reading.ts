import { encodedPath, goPath, joined, requestUri, textOfBytes } from '../../lib/go-url.ts';
import { splitHost } from '../../lib/host.ts';
import { isInsideAny, parseIp } from '../../lib/ip.ts';
import { compileRegexp } from '../../lib/regexp.ts';
import type { HostMatch } from '../../model/match.ts';
import type { HeaderValue } from '../../model/middleware.ts';
import type { ProxyReading, ProxyRequest, RedirectAnswer } from '../../model/request.ts';
import type { DialectName, Redirect, Route } from '../../model/route.ts';
import { redirectGoal } from '../redirect-loop.ts';
import { clientScheme } from '../client-scheme.ts';
import { withoutPrefix } from '../without-prefix.ts';
import { portText } from '../port-text.ts';
import { changeEncoded, normalised } from '../encoded-paths.ts';
import type { RenderSettings } from '../target.ts';
import { globRegexp } from './match.ts';
import { servedStatuses } from './redirects.ts';

/** How Traefik reads a request under the dynamic file that `dynamic`, `rule` and `middlewares` make. */
export function traefikReading({ unknownHost, trustedProxies }: Pick<RenderSettings, 'unknownHost' | 'trustedProxies'>): ProxyReading {
  return {
    admit(url) {
      // a `#` that is not encoded (pkg/server/server_entrypoint_tcp.go denyFragment)
      if (url.rawPath.includes('#')) return { refused: 400 };
      return { url: joined(normalised(url)) };
    },
    matchedPath: (url, { dialect }) => textOfBytes(routingPath(encodedPath(url), dialect)),
    headersSeen: (request) => headersSeen(request, trustedProxies),
    hostProblem,
    passesOn,
    comparedValues: (values) => values,
    shaped: (url) => url,
    handedOn: (url) => url,
    // where nothing is left of a path there is still its slash
    changePath: (url, middleware, dialect) =>
      changeEncoded(middleware.kind === 'addPrefix' && url.path === '' && dialect !== 'traefik' ? { ...url, path: '/' } : url, middleware),
    redirect(redirect, request) {
      const location = locationOf(redirect, request);
      const { get, other } = servedStatuses(redirect);
      // a redirect to the same URL goes on to a service without servers
      if (location === askedUrl(request)) return undefined;
      return { status: request.method === 'GET' ? get : other, location: asGoUrl(location) };
    },
    redirectScheme({ scheme, port, permanent }, request) {
      const regexp = '^(https?://)?(\\[[\\w:.]+\\]|[\\w._-]+)?(:\\d+)?(.*)$';
      const replacement = `${scheme}://\${2}${portText(scheme, port)}\${4}`;
      return redirected(clientUrl(request, trustedProxies), { regexp, replacement, permanent }, request.method);
    },
    redirectRegexp,
    served: (endpoints) => endpoints.filter(({ weight }) => weight > 0),
    unknownHost: unknownHost.status === 503 ? 503 : 404,
  };
}

/**
 * What rules see: everything but reserved characters decoded (pkg/muxer/http/mux.go withRoutingPath). For tags that are not Traefik's the
 * rules take both spellings of those (`pathRules`), but for an encoded slash.
 */
function routingPath(encoded: string, dialect: DialectName): string {
  return encoded.replace(/%(..)/g, (escape, hex: string) => {
    return RESERVED.has(escape) && (dialect === 'traefik' || escape === '%2F') ? escape : String.fromCharCode(Number.parseInt(hex, 16));
  });
}

const RESERVED = new Set(Array.from(":/?#[]@!$&'()*+,;=%", (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`));

/** A Fabio redirect is not taken by requests that already are what it leads to. */
function passesOn(route: Route, { headers, host, url }: ProxyRequest): string | undefined {
  const goal = redirectGoal(route);
  if (!goal) return undefined;
  const isThere =
    headers.some(({ name, value }) => name.toLowerCase() === 'x-forwarded-proto' && value === goal.scheme) &&
    (goal.host === undefined || goal.host === host) &&
    (goal.path === undefined || goal.path === textOfBytes(routingPath(encodedPath(url), route.dialect)));
  return isThere ? 'the request already is what it redirects to' : undefined;
}

/** Entry points set the X-Forwarded-* headers before any rule is asked, and believe those of trusted peers only. Host is no header here. */
function headersSeen({ entryPoint, headers, host, ip }: ProxyRequest, trustedProxies: readonly string[]): readonly HeaderValue[] {
  const peer = parseIp(ip);
  const isTrusted = peer !== undefined && isInsideAny(peer, trustedProxies);
  const own = headers.filter(({ name }) => isTrusted || !/^x-(forwarded-|real-ip$)/i.test(name));
  const set = (name: string, value: string): readonly HeaderValue[] =>
    own.some((header) => header.name.toLowerCase() === name.toLowerCase()) ? [] : [{ name, value }];
  const { port = entryPoint.tls ? '443' : '80' } = splitHost(host);
  return [
    ...own,
    ...set('X-Real-Ip', ip),
    ...set('X-Forwarded-Proto', entryPoint.tls ? 'https' : 'http'),
    ...set('X-Forwarded-Port', port),
    ...set('X-Forwarded-Host', host),
  ];
}

/** Rules see the host without its port; a numbered port is looked for in X-Forwarded-Host. */
function hostProblem(host: HostMatch, request: ProxyRequest): 'host' | 'port' | undefined {
  const name = splitHost(request.host).name.toLowerCase();
  if (host.kind === 'any') return undefined;
  const isNamed =
    host.kind === 'exact'
      ? [name, name.replace(/\.$/, '')].includes(host.host.replace(/[[\]]/g, ''))
      : compileRegexp(host.kind === 'glob' ? globRegexp(host) : host.regexp).test(name);
  if (!isNamed) return 'host';
  if (host.kind === 'regexp' || typeof host.port !== 'number') return undefined;
  return request.host.endsWith(`:${host.port}`) ? undefined : 'port';
}

function redirectRegexp(
  rule: { readonly regexp: string; readonly replacement: string; readonly permanent: boolean },
  request: ProxyRequest,
): RedirectAnswer | undefined {
  return redirected(askedUrl(request), rule, request.method);
}

/** The URL that expressions are compared with, query and port included. */
function askedUrl({ entryPoint, host, url }: ProxyRequest): string {
  return `${entryPoint.tls ? 'https' : 'http'}://${host}${requestUri(url)}`;
}

function locationOf({ to }: Redirect, { host, url }: ProxyRequest): string {
  const { query, ...path } = url;
  const hasQuery = to.some((part) => part.kind === 'text' && part.text.includes('?'));
  const parts = to.map((part) => {
    if (part.kind === 'text') return part.text;
    if (part.kind === 'path') return withoutPrefix(requestUri(path), part.strip);
    return part.kind === 'host' ? host : host.replace(/:[0-9]+$/, '');
  });
  // a `?` without a query is dropped
  const carries = to.some(({ kind }) => kind === 'path') && !hasQuery && query !== undefined && query !== '';
  return `${parts.join('')}${carries ? `?${query}` : ''}`;
}

/** A URL that the rule changes is redirected to; one that it leaves as it is goes on to the service (pkg/middlewares/redirect). */
function redirected(
  asked: string,
  { regexp, replacement, permanent }: { readonly regexp: string; readonly replacement: string; readonly permanent: boolean },
  method: string,
): RedirectAnswer | undefined {
  const compiled = compileRegexp(regexp);
  const location = compiled.test(asked) ? compiled.replaceAll(asked, replacement) : asked;
  if (location === asked) return undefined;
  const { get, other } = servedStatuses({ status: permanent ? 301 : 302, to: [{ kind: 'path' }] });
  return { status: method === 'GET' ? get : other, location: asGoUrl(location) };
}

/** The URL that redirectScheme compares: without the usual port, with the scheme that a trusted proxy named. */
function clientUrl(request: ProxyRequest, trustedProxies: readonly string[]): string {
  const { host, url } = request;
  const scheme = clientScheme(request, trustedProxies);
  const { name, port } = splitHost(host);
  const usual = port === undefined || port === (scheme === 'https' ? '443' : '80');
  return `${scheme}://${name}${usual ? '' : `:${port}`}${requestUri(url)}`;
}

/** A URL as Go prints it again: a path that is not encoded as it should be is encoded anew. */
function asGoUrl(text: string): string {
  const [, before = '', path = '', after = ''] = /^([a-z]+:\/\/[^/?#]*)?([^?#]*)(.*)$/i.exec(text) ?? [];
  const parsed = goPath(path);
  return parsed ? `${before}${encodedPath(parsed)}${after}` : text;
}
