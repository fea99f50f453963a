import { regexpLiteral } from '../../lib/quote.ts';
import type { HeaderValue, Middleware } from '../../model/middleware.ts';
import type { Backend, Endpoint, LoadBalancing } from '../../model/pool.ts';
import type { Route } from '../../model/route.ts';
import type { RenderSettings } from '../target.ts';
import { addressHandler, authHandler, isEnforceable } from './access.ts';
import { block, line, text, type Handler, type Node } from './ast.ts';
import { canPrint, literalUrl, literalValue } from './quote.ts';
import { redirectHandler, statusPair } from './redirects.ts';

/** Whether a handler can be printed; a route whose handler cannot answers 503. */
export function isPrintable({ matchers, directives }: Handler): boolean {
  return [...matchers, ...directives].every(canPrint);
}

/**
 * The directives of a route, in a `route` so that they run as written. `name`: unique in the site, for matchers and captures. A route
 * with a protection that cannot be enforced answers 503.
 */
export function handlerOf(
  route: Route,
  {
    backend,
    name,
    settings,
  }: { readonly backend: Backend | undefined; readonly name: string; readonly settings: Pick<RenderSettings, 'credentials'> },
): Handler {
  if (!route.middlewares.every((middleware) => isEnforceable(middleware, settings))) return respond(503);
  const parts = route.middlewares.map((middleware, index) => middlewareHandler(middleware, `${name}m${index}`, settings));
  const clean = route.pathForm === 'clean' && route.action.kind !== 'respond' ? [line('invoke', 'clean')] : [];
  const action = actionHandler(route, backend, name);
  return {
    matchers: [...parts.flatMap(({ matchers }) => matchers), ...action.matchers],
    directives: [...clean, ...parts.flatMap(({ directives }) => directives), ...action.directives],
  };
}

function actionHandler(route: Route, backend: Backend | undefined, name: string): Handler {
  const { action } = route;
  switch (action.kind) {
    case 'respond':
      return respond(action.status);
    case 'redirect':
      return redirectHandler(action.redirect, { name, clean: route.pathForm === 'clean' });
    case 'forward':
      if (!backend) throw new RangeError(`Cannot render the route ${route.id}: its backend is missing`);
      return backend.endpoints.some(({ weight }) => weight > 0) ? { matchers: [], directives: [forward(backend)] } : respond(503);
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

function middlewareHandler(middleware: Middleware, name: string, settings: Pick<RenderSettings, 'credentials'>): Handler {
  switch (middleware.kind) {
    case 'stripPrefix':
      return stripPrefix(middleware.prefixes, name);
    case 'addPrefix':
      return {
        matchers: [line(`@${name}`, 'path_regexp', name, text('^(.*)$'))],
        directives: [line('rewrite', `@${name}`, text(`${literalUrl(middleware.prefix)}{re.${name}.1}`))],
      };
    case 'redirectScheme': {
      const { scheme, port, permanent } = middleware;
      const to = `${scheme}://{http.request.host}${port === undefined ? '' : `:${port}`}{http.request.uri}`;
      const other = scheme === 'https' ? 'http' : 'https';
      return statusPair(name, { to, status: permanent ? 301 : 302, otherStatus: permanent ? 308 : 307, where: [line('protocol', other)] });
    }
    case 'redirectRegexp': {
      const to = literalUrl(middleware.replacement).replace(
        /\$(?:\{(\d)\}|(\d))/g,
        (_all, braced?: string, bare?: string) => `{re.${name}.${braced ?? bare ?? ''}}`,
      );
      const where = [line('vars_regexp', name, 'requested_url', text(middleware.regexp))];
      const pair = statusPair(name, { to, status: middleware.permanent ? 301 : 302, otherStatus: middleware.permanent ? 308 : 307, where });
      const url = '{http.request.scheme}://{http.request.hostport}{http.request.uri}';
      return { ...pair, directives: [line('vars', 'requested_url', text(url)), ...pair.directives] };
    }
    case 'headers':
      return { matchers: [], directives: [...middleware.request.flatMap(requestHeader), ...responseHeaders(middleware.response)] };
    case 'ipAllow':
    case 'ipDeny':
      return addressHandler(middleware, name);
    case 'basicAuth':
      return authHandler(middleware, settings);
    default:
      throw new RangeError(`Cannot render ${middleware.kind}: it is no capability of Caddy`);
  }
}

/**
 * Cuts the first prefix that fits, case-sensitively, and forces the leading slash. The rest of the decoded, cleaned path becomes the
 * path; where the path as sent holds an encoded `?` or `%`, only the prefix itself is cut, so that nothing is decoded twice.
 */
function stripPrefix(prefixes: readonly string[], name: string): Handler {
  const each = prefixes.map((prefix, index) => {
    const id = `${name}p${index}`;
    const literal = regexpLiteral(prefix);
    return {
      matchers: [
        block(
          [`@${id}q`],
          [line('vars_regexp', '{http.request.uri}', text('(?i)^[^?]*%(3f|25)')), line('path_regexp', text(`^${literal}`))],
        ),
        line(`@${id}`, 'path_regexp', id, text(`^${literal}/?(.*)$`)),
      ],
      directives: [
        block(['handle', `@${id}q`], [line('uri', 'path_regexp', text(`^${literal}/?`), '/')]),
        block(
          ['handle', `@${id}`],
          [line('rewrite', '*', text(`/{re.${id}.1}`)), line('request_header', '*', 'X-Forwarded-Prefix', text(literalUrl(prefix)))],
        ),
      ],
    };
  });
  return {
    matchers: each.flatMap(({ matchers }) => matchers),
    directives: [
      block(
        ['route'],
        each.flatMap(({ directives }) => directives),
      ),
    ],
  };
}

function requestHeader({ name, value }: HeaderValue): readonly Node[] {
  if (value === '') return [line('request_header', '*', text(`-${plainName(name)}`))];
  return [line('request_header', '*', text(plainName(name)), text(literalValue(value)))];
}

/** A header name; signs and stars mean something to Caddy, so a name that begins with one is refused as unprintable. */
function plainName(name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) ? name : '\0';
}

/** Set after the instance has answered (`defer`): otherwise its own value would be sent as well. */
function responseHeaders(headers: readonly HeaderValue[]): readonly Node[] {
  const lines = headers.map(({ name, value }) =>
    value === '' ? line(text(`-${plainName(name)}`)) : line(text(plainName(name)), text(literalValue(value))),
  );
  return lines.length > 0 ? [block(['header'], [...lines, line('defer')])] : [];
}

const POLICIES: Readonly<Partial<Record<LoadBalancing, string>>> = {
  random: 'random',
  roundRobin: 'round_robin',
  ipHash: 'ip_hash',
  leastConnections: 'least_conn',
};

function forward(backend: Backend): Node {
  const endpoints = sameScheme(backend.endpoints);
  const protocol = endpoints[0]?.protocol ?? 'http';
  const weights = new Set(endpoints.map(({ weight }) => weight));
  const policy =
    weights.size > 1 && endpoints.length > 1
      ? ['weighted_round_robin', ...endpoints.map(({ weight }) => String(weight))]
      : [POLICIES[backend.loadBalancing] ?? 'random'];
  const nodes: readonly Node[] = [
    ...(endpoints.length > 1 ? [line('lb_policy', ...policy), line('lb_retries', '2')] : []),
    ...upstreamHost(backend, protocol),
    line('stream_close_delay', '5m'),
    ...transportOf(backend, protocol),
  ];
  return block(['reverse_proxy', ...endpoints.map(addressOf)], nodes);
}

/** Caddy itself passes the client's Host on to plain instances, and names the instance to https ones. */
function upstreamHost({ upstreamHost: host }: Backend, protocol: Endpoint['protocol']): readonly Node[] {
  if (host.kind === 'client') return protocol === 'https' ? [line('header_up', 'Host', text('{http.request.hostport}'))] : [];
  const value = host.kind === 'endpoint' ? '{http.reverse_proxy.upstream.hostport}' : (host.header ?? host.host);
  return [line('header_up', 'Host', text(value))];
}

function transportOf({ transport }: Backend, protocol: Endpoint['protocol']): readonly Node[] {
  if (protocol === 'h2c') return [block(['transport', 'http'], [line('versions', 'h2c')])];
  if (protocol !== 'https') return [];
  const { skipVerify, serverName } = transport;
  const lines = [
    line('tls'),
    ...(skipVerify ? [line('tls_insecure_skip_verify')] : []),
    ...(serverName === undefined ? [] : [line('tls_server_name', text(serverName))]),
  ];
  return [block(['transport', 'http'], lines)];
}

/** A Caddy upstream pool has one scheme: that of most instances, https where they are equal. */
export function sameScheme(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const count = (protocol: Endpoint['protocol']): number => endpoints.filter((endpoint) => endpoint.protocol === protocol).length;
  const [chosen] = (['https', 'http', 'h2c', 'tcp'] as const).toSorted((a, b) => count(b) - count(a));
  return endpoints.filter(({ protocol }) => protocol === chosen);
}

function addressOf({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
