import type { Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { DialectName } from '../../model/route.ts';
import { portsOf, portText } from '../port-text.ts';
import { addressHandler, authHandler } from './access.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { compressHandler } from './compress.ts';
import { corsHandler } from './cors.ts';
import { errorsHandler } from './error-pages.ts';
import { forwardAuthHandler } from './forward-auth.ts';
import type { HandlerContext } from './handlers.ts';
import { allowedHostsHandler, clientCertificateHandler, headersHandler, hstsHandler } from './headers.ts';
import { encodedCharactersHandler, maxBodyHandler, rateLimitHandler } from './limits.ts';
import { addPrefix, replacePath, replacePathRegexp, stripPrefix, stripPrefixRegexp } from './path-changes.ts';
import { replacementParts, statusPair } from './redirects.ts';

/** What one middleware of a route depends on. `name` is its own in the site. */
export interface MiddlewareContext extends HandlerContext {
  /** The id of the route. */
  readonly route: string;
  readonly dialect: DialectName;
  readonly emptied?: string | undefined;
  readonly prefixField: string;
  readonly replacedField: string;
  readonly mayBeUnclean: boolean;
}

const NOTHING: Handler = { matchers: [], directives: [] };

/** The directives of one middleware, in the order in which they act. Throws `RangeError` for what is no capability of Caddy. */
export function middlewareHandler(middleware: Middleware, context: MiddlewareContext): Handler {
  const { name, settings } = context;
  switch (middleware.kind) {
    case 'stripPrefix':
      return stripPrefix(middleware, context);
    case 'stripPrefixRegexp':
      return stripPrefixRegexp(middleware, context);
    case 'addPrefix':
      return addPrefix(middleware, context);
    case 'replacePath':
      return replacePath(middleware, context);
    case 'replacePathRegexp':
      return replacePathRegexp(middleware, context);
    case 'redirectScheme':
      return redirectScheme(middleware, { name, trustedProxies: settings.trustedProxies });
    case 'redirectRegexp':
      return redirectRegexp(middleware, name);
    case 'headers':
      return headersHandler(middleware, name);
    case 'cors':
      return corsHandler(middleware, name);
    case 'hsts':
      return hstsHandler(middleware, name);
    case 'allowedHosts':
      return allowedHostsHandler(middleware, name);
    case 'ipAllow':
    case 'ipDeny':
      return addressHandler(middleware, { name, trustedProxies: settings.trustedProxies });
    case 'basicAuth':
      return authHandler(middleware, settings);
    case 'forwardAuth':
      return forwardAuthHandler(middleware, name);
    case 'rateLimit':
      return rateLimitHandler(middleware, context);
    case 'maxBody':
      return maxBodyHandler(middleware.bytes, name);
    case 'buffering':
      return middleware.maxRequestBytes === undefined ? NOTHING : maxBodyHandler(middleware.maxRequestBytes, name);
    case 'compress':
      return compressHandler(middleware, settings);
    case 'errors':
      return errorsHandler(middleware, context);
    case 'passTlsClientCert':
      return clientCertificateHandler(middleware, name);
    case 'encodedCharacters':
      return encodedCharactersHandler(middleware, name);
    // the pool tries again; Go's server finds out the type of an answer that has none
    case 'retry':
    case 'contentType':
      return NOTHING;
    case 'digestAuth':
    case 'inFlight':
    case 'circuitBreaker':
    case 'grpcWeb':
      throw new RangeError(`Cannot render ${middleware.kind}: it is no capability of Caddy`);
    default:
      throw new TypeError(`Cannot render a middleware: ${JSON.stringify(middleware satisfies never)}`);
  }
}

/** The schemes that a proxy before ours names in X-Forwarded-Proto, as Traefik reads them. */
const NAMED = { http: '(?i)^(http|ws)$', https: '(?i)^(https|wss)$' } as const;

/** As Traefik redirects: to another scheme, which a trusted proxy may name, and from another port in the Host header. */
function redirectScheme(
  { scheme, port, permanent }: MiddlewareOf<'redirectScheme'>,
  { name, trustedProxies }: { readonly name: string; readonly trustedProxies: readonly string[] },
): Handler {
  const to = `${scheme}://{http.request.host}${portText(scheme, port)}{http.request.uri}`;
  const ports = portsOf(scheme, port).map((one) => (one === '' ? text(one) : one));
  const asked = line('vars', '{http.request.port}', ...ports);
  const named = (by: 'http' | 'https'): readonly Node[] => [
    line('remote_ip', ...trustedProxies.map(text)),
    line('header_regexp', 'X-Forwarded-Proto', text(NAMED[by])),
  ];
  const where =
    trustedProxies.length === 0
      ? [block(['not'], [line('protocol', scheme), asked])]
      : [
          block(['not'], [line('protocol', scheme), asked, block(['not'], named(scheme === 'https' ? 'http' : 'https'))]),
          block(['not'], [...named(scheme), asked]),
        ];
  return statusPair(name, { to, ...statusesOf(permanent), where });
}

/** As Traefik answers, which takes HEAD for one of the others. */
function statusesOf(permanent: boolean): { readonly status: number; readonly otherStatus: number; readonly methods: readonly string[] } {
  return { status: permanent ? 301 : 302, otherStatus: permanent ? 308 : 307, methods: ['GET'] };
}

/** Redirects to the URL with the first match replaced, unless that changes nothing. */
function redirectRegexp({ regexp, replacement, permanent }: MiddlewareOf<'redirectRegexp'>, name: string): Handler {
  const target = `${name}to`;
  const parts = replacementParts(replacement).map((part) => (typeof part === 'string' ? part : `{re.${name}.${part.group + 2}}`));
  const to = `{re.${name}.before}${parts.join('')}{re.${name}.after}`;
  const where = [block(['not'], [line('vars', target, text(''), text('{http.vars.requested_url}'))])];
  const pair = statusPair(name, {
    to: `{http.vars.${target}}`,
    ...statusesOf(permanent),
    where,
  });
  const url = '{http.request.scheme}://{http.request.hostport}{http.request.uri}';
  const found = text(`^(?P<before>.*?)(${regexp})(?P<after>.*)$`);
  return {
    matchers: [line(`@${name}`, 'vars_regexp', name, 'requested_url', found), ...pair.matchers],
    directives: [line('vars', 'requested_url', text(url)), line('vars', `@${name}`, target, text(to)), ...pair.directives],
  };
}
