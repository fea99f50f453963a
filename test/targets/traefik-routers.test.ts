import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ANY_HOST,
  ANY_PATH,
  exactHost,
  exactPath,
  pathPrefix,
  type Condition,
  type HostMatch,
  type RouteMatch,
} from '../../src/model/match.ts';
import type { MiddlewareOf } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { DialectName, Redirect, Route } from '../../src/model/route.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { fragmentOf } from '../../src/targets/traefik/dynamic.ts';
import { ruleOf } from '../../src/targets/traefik/match.ts';
import { printRule } from '../../src/targets/traefik/quote.ts';
import { redirectOf } from '../../src/targets/traefik/redirects.ts';
import { canAnswer } from '../../src/targets/traefik/statuses.ts';
import { withoutTakenHosts } from '../../src/targets/traefik/taken-hosts.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { host, matchOf, port } from '../support/intents.ts';
import { WIDE_SETTINGS as SETTINGS } from '../support/settings.ts';
import { poolOf, routeOf, splitRoute, tableOf, to } from '../support/tables.ts';

const PROXIED: RenderSettings = { ...SETTINGS, trustedProxies: ['10.0.0.1/32'] };
const ASKING: MiddlewareOf<'forwardAuth'> = { kind: 'forwardAuth', address: 'http://x', copyHeaders: [], bypass: ['1.0.0.0/8'] };

/** Names without their digests. */
const withoutDigests = (text: string): string => text.replace(/-[0-9a-f]{20}\b/g, '');

/** The routers of a route to a pool of these ports, in their order, and the services, middlewares and options that they need. */
function routers(
  overrides: Partial<Route>,
  { ports = [1], ...wishes }: Partial<Backend> & { readonly ports?: readonly number[] } = {},
  settings = SETTINGS,
): readonly string[] {
  const route = routeOf('r', 'a.io', '/', { action: to('p'), ...overrides });
  const backends = new Map([poolOf('p', ports, wishes), poolOf('q', [9])].map((backend) => [backend.id, backend]));
  const { http, tlsOptions = [] } = fragmentOf(route, { settings, backends });
  assert.ok(http);
  const lines = http.routers.map(({ name, value: { entryPoints, rule: asked, middlewares = [], service, tls } }) =>
    [name, entryPoints?.join(), asked, middlewares.join(' > ') || '-', service, ...(tls ? [JSON.stringify(tls)] : [])].join(' | '),
  );
  const named = [...http.services, ...http.middlewares, ...http.transports].map(({ name }) => name);
  const options = tlsOptions.map(({ value }) => JSON.stringify(value));
  return [...lines, `needs ${named.join(', ')}`, ...options].map(withoutDigests);
}

const ONE_LABEL: HostMatch = { kind: 'glob', pattern: '*.a.io', regexp: '^[^.]+\\.a\\.io$', port: 'any' };

function denied(of: HostMatch): Condition {
  assert.ok(of.kind !== 'any');
  return { kind: 'not', condition: { kind: 'host', host: of } };
}

const rule = (match: Partial<RouteMatch>, dialect: DialectName = 'fabio'): string =>
  printRule(ruleOf({ match: { host: ANY_HOST, path: ANY_PATH, conditions: [], ...match }, dialect }));

function obstacle(overrides: Partial<Route>): string {
  const found = traefikTarget.obstacle(routeOf('r', 'a.io', '/', { action: to('p'), ...overrides }), {
    settings: SETTINGS,
    backends: new Map(),
  });
  return found ? `${found.effect}: ${found.message}` : 'none';
}

/** The middlewares of a redirect, and what is said where Traefik answers otherwise than asked. */
function redirect(wished: Redirect): readonly string[] {
  const table = tableOf([routeOf('r', 'a.io', '/', { action: { kind: 'redirect', redirect: wished } })]);
  const written = redirectOf(wished).map(({ value }) => JSON.stringify(value));
  return [...written, ...traefikTarget.render(table, SETTINGS).diagnostics.map(({ code, message }) => `${code} ${message}`)];
}

const ROUTERS: readonly (readonly [what: string, found: readonly string[], expected: readonly string[]])[] = [
  [
    'a plain router and one over TLS',
    routers({}),
    ['r | web | Host(`a.io`) | - | p', 'r-tls | websecure | Host(`a.io`) | - | p | {}', 'needs p'],
  ],
  [
    "every path where nothing is asked, and what HinD's instances never get",
    routers({ match: matchOf('*'), dialect: 'hind' }),
    [
      'r | web | PathPrefix(`/`) | hind-proxy-forget-origin | p',
      'r-tls | websecure | PathPrefix(`/`) | hind-proxy-forget-origin | p | {}',
      'needs p, hind-proxy-forget-origin',
    ],
  ],
  [
    'another attempt where a pool has several instances',
    routers({}, { ports: [1, 2] }),
    [
      'r | web | Host(`a.io`) | hind-proxy-retry | p',
      'r-tls | websecure | Host(`a.io`) | hind-proxy-retry | p | {}',
      'needs p, hind-proxy-retry',
    ],
  ],
  [
    'the attempts that are asked for instead',
    routers({ middlewares: [{ kind: 'retry', attempts: 4 }] }, { ports: [1, 2] }),
    ['r | web | Host(`a.io`) | retry | p', 'r-tls | websecure | Host(`a.io`) | retry | p | {}', 'needs p, retry'],
  ],
  [
    'the Host that instances get',
    routers({}, { upstreamHost: { kind: 'fixed', host: host('u.io') } }),
    ['r | web | Host(`a.io`) | host | p', 'r-tls | websecure | Host(`a.io`) | host | p | {}', 'needs p, host'],
  ],
  [
    'an answer of 503, and when to ask again',
    routers({ action: { kind: 'respond', status: 503, reason: 'unhealthy' } }),
    [
      'r | web | Host(`a.io`) | hind-proxy-retry-after | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) | hind-proxy-retry-after | hind-proxy-unavailable | {}',
      'needs hind-proxy-retry-after',
    ],
  ],
  [
    'an answer of 404',
    routers({ action: { kind: 'respond', status: 404, reason: 'tombstone' } }),
    [
      'r | web | Host(`a.io`) | hind-proxy-answer-404 | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) | hind-proxy-answer-404 | hind-proxy-unavailable | {}',
      'needs hind-proxy-answer-404',
    ],
  ],
  [
    'a redirect to a fixed URL',
    routers({ action: { kind: 'redirect', redirect: { status: 303, to: [{ kind: 'text', text: 'https://b.io/' }] } } }),
    [
      'r | web | Host(`a.io`) | location > hind-proxy-answer-303 | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) | location > hind-proxy-answer-303 | hind-proxy-unavailable | {}',
      'needs location, hind-proxy-answer-303',
    ],
  ],
  [
    'a redirect unless the request is there',
    routers({
      action: {
        kind: 'redirect',
        redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://a.io' }, { kind: 'path' }] },
      },
    }),
    [
      'r | web | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `a.io`)) | redirect | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `a.io`)) | redirect | hind-proxy-unavailable | {}',
      'needs redirect',
    ],
  ],
  [
    'a redirect unless the request has the path',
    routers({
      action: {
        kind: 'redirect',
        redirect: {
          status: 301,
          otherStatus: 308,
          to: [{ kind: 'text', text: 'https://' }, { kind: 'host' }, { kind: 'text', text: '/x;y' }],
        },
      },
    }),
    [
      'r | web | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && PathRegexp(`^/x(?:\\x3b|%3B)y$`)) | redirect | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && PathRegexp(`^/x(?:\\x3b|%3B)y$`)) | redirect | hind-proxy-unavailable | {}',
      'needs redirect',
    ],
  ],
  [
    'a redirect to another host, where no request can be',
    routers({
      action: {
        kind: 'redirect',
        redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://b.io' }, { kind: 'path' }] },
      },
    }),
    [
      'r | web | Host(`a.io`) | redirect | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) | redirect | hind-proxy-unavailable | {}',
      'needs redirect',
    ],
  ],
  [
    'a redirect from every host unless the request is there',
    routers({
      match: matchOf('*'),
      action: {
        kind: 'redirect',
        redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://b.io' }, { kind: 'path' }] },
      },
    }),
    [
      'r | web | !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `b.io`)) | redirect | hind-proxy-unavailable',
      'r-tls | websecure | !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `b.io`)) | redirect | hind-proxy-unavailable | {}',
      'needs redirect',
    ],
  ],
  [
    'a redirect to a port of the host',
    routers({
      action: {
        kind: 'redirect',
        redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://a.io:8443' }, { kind: 'path' }] },
      },
    }),
    [
      'r | web | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `a.io:8443`)) | redirect | hind-proxy-unavailable',
      'r-tls | websecure | Host(`a.io`) && !(Header(`X-Forwarded-Proto`, `https`) && Header(`X-Forwarded-Host`, `a.io:8443`)) | redirect | hind-proxy-unavailable | {}',
      'needs redirect',
    ],
  ],
  [
    'addresses of clients, in a router of trusted proxies too',
    routers({ middlewares: [{ kind: 'ipAllow', cidrs: ['1.0.0.0/8'], of: { kind: 'client' } }] }, {}, PROXIED),
    [
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | allow | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | allow | p | {}',
      'r | web | Host(`a.io`) | allow | p',
      'r-tls | websecure | Host(`a.io`) | allow | p | {}',
      'needs p, allow, allow',
    ],
  ],
  [
    'addresses of clients without trusted proxies',
    routers({ middlewares: [{ kind: 'ipAllow', cidrs: ['1.0.0.0/8'], of: { kind: 'client' } }] }),
    ['r | web | Host(`a.io`) | allow | p', 'r-tls | websecure | Host(`a.io`) | allow | p | {}', 'needs p, allow'],
  ],
  [
    'denied clients, in a router of trusted proxies too',
    routers({ middlewares: [{ kind: 'ipDeny', cidrs: ['1.0.0.0/8'], of: { kind: 'client' } }] }, {}, PROXIED),
    [
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | allow | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | allow | p | {}',
      'r | web | Host(`a.io`) | allow | p',
      'r-tls | websecure | Host(`a.io`) | allow | p | {}',
      'needs p, allow, allow',
    ],
  ],
  [
    'addresses of connections, whoever is trusted',
    routers({ middlewares: [{ kind: 'ipAllow', cidrs: ['1.0.0.0/8'], of: { kind: 'peer' } }] }, {}, PROXIED),
    ['r | web | Host(`a.io`) | allow | p', 'r-tls | websecure | Host(`a.io`) | allow | p | {}', 'needs p, allow'],
  ],
  [
    'rates of clients behind trusted proxies',
    routers(
      { middlewares: [{ kind: 'rateLimit', average: 1, periodMs: 1, burst: 1, by: { kind: 'address', of: { kind: 'client' } } }] },
      {},
      PROXIED,
    ),
    [
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | rateLimit | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | rateLimit | p | {}',
      'r | web | Host(`a.io`) | rateLimit | p',
      'r-tls | websecure | Host(`a.io`) | rateLimit | p | {}',
      'needs p, rateLimit, rateLimit',
    ],
  ],
  [
    'rates of hosts, whoever is trusted',
    routers({ middlewares: [{ kind: 'rateLimit', average: 1, periodMs: 1, burst: 1, by: { kind: 'host' } }] }, {}, PROXIED),
    ['r | web | Host(`a.io`) | rateLimit | p', 'r-tls | websecure | Host(`a.io`) | rateLimit | p | {}', 'needs p, rateLimit'],
  ],
  [
    'requests in flight of clients behind trusted proxies',
    routers({ middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'client' } } }] }, {}, PROXIED),
    [
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | inFlightReq | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | inFlightReq | p | {}',
      'r | web | Host(`a.io`) | inFlightReq | p',
      'r-tls | websecure | Host(`a.io`) | inFlightReq | p | {}',
      'needs p, inFlightReq, inFlightReq',
    ],
  ],
  [
    'requests in flight of connections, whoever is trusted',
    routers({ middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'peer' } } }] }, {}, PROXIED),
    ['r | web | Host(`a.io`) | inFlightReq | p', 'r-tls | websecure | Host(`a.io`) | inFlightReq | p | {}', 'needs p, inFlightReq'],
  ],
  [
    'what is refused, for each status, before all else',
    routers({
      middlewares: [
        { kind: 'ipDeny', cidrs: ['1.0.0.0/8'], of: { kind: 'peer' } },
        { kind: 'ipAllow', cidrs: ['1.0.0.0/8'], of: { kind: 'everyHop' }, status: 404 },
        { kind: 'ipDeny', cidrs: ['2.0.0.0/8'], of: { kind: 'everyHop' } },
      ],
    }),
    [
      'r-refuse | web | Host(`a.io`) && (ClientIP(`1.0.0.0/8`) || (ClientIP(`2.0.0.0/8`) || HeaderRegexp(`X-Forwarded-For`, `(?:^|,)[ \\t]*(?:2\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[0:]*:[fF][fF][fF][fF]:[^,]*)[ \\t]*(?:,|$)`))) | hind-proxy-answer-403 | hind-proxy-unavailable',
      'r-refuse-tls | websecure | Host(`a.io`) && (ClientIP(`1.0.0.0/8`) || (ClientIP(`2.0.0.0/8`) || HeaderRegexp(`X-Forwarded-For`, `(?:^|,)[ \\t]*(?:2\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[0:]*:[fF][fF][fF][fF]:[^,]*)[ \\t]*(?:,|$)`))) | hind-proxy-answer-403 | hind-proxy-unavailable | {}',
      'r-refuse1 | web | Host(`a.io`) && HeaderRegexp(`X-Forwarded-For`, `.`) && !(HeaderRegexp(`X-Forwarded-For`, `^[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*(?:,[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*)*$`)) | hind-proxy-answer-404 | hind-proxy-unavailable',
      'r-refuse1-tls | websecure | Host(`a.io`) && HeaderRegexp(`X-Forwarded-For`, `.`) && !(HeaderRegexp(`X-Forwarded-For`, `^[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*(?:,[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*)*$`)) | hind-proxy-answer-404 | hind-proxy-unavailable | {}',
      'r | web | Host(`a.io`) | allow | p',
      'r-tls | websecure | Host(`a.io`) | allow | p | {}',
      'needs p, hind-proxy-answer-403, hind-proxy-answer-404, allow',
    ],
  ],
  [
    'the status of those who may not pass by any hop',
    routers({ middlewares: [{ kind: 'ipAllow', cidrs: ['1.0.0.0/8'], of: { kind: 'everyHop' } }] }),
    [
      'r-refuse | web | Host(`a.io`) && HeaderRegexp(`X-Forwarded-For`, `.`) && !(HeaderRegexp(`X-Forwarded-For`, `^[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*(?:,[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*)*$`)) | hind-proxy-answer-403 | hind-proxy-unavailable',
      'r-refuse-tls | websecure | Host(`a.io`) && HeaderRegexp(`X-Forwarded-For`, `.`) && !(HeaderRegexp(`X-Forwarded-For`, `^[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*(?:,[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|[^,.:]*)[ \\t]*)*$`)) | hind-proxy-answer-403 | hind-proxy-unavailable | {}',
      'r | web | Host(`a.io`) | allow | p',
      'r-tls | websecure | Host(`a.io`) | allow | p | {}',
      'needs p, hind-proxy-answer-403, allow',
    ],
  ],
  [
    'clients that are not asked, through trusted proxies too',
    routers({ middlewares: [ASKING] }, {}, PROXIED),
    [
      'r-via-pass0 | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) && HeaderRegexp(`X-Forwarded-For`, `(?:^|,)[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3})[ \\t]*(?:,[ \\t]*(?:10\\.0\\.0\\.1)[ \\t]*)*$`) | - | p',
      'r-via-pass0-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) && HeaderRegexp(`X-Forwarded-For`, `(?:^|,)[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3})[ \\t]*(?:,[ \\t]*(?:10\\.0\\.0\\.1)[ \\t]*)*$`) | - | p | {}',
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | forwardAuth | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | forwardAuth | p | {}',
      'r-pass0 | web | Host(`a.io`) && ClientIP(`1.0.0.0/8`) | - | p',
      'r-pass0-tls | websecure | Host(`a.io`) && ClientIP(`1.0.0.0/8`) | - | p | {}',
      'r | web | Host(`a.io`) | forwardAuth | p',
      'r-tls | websecure | Host(`a.io`) | forwardAuth | p | {}',
      'needs p, forwardAuth, forwardAuth',
    ],
  ],
  [
    'several blocks of clients that are not asked, through several trusted proxies',
    routers(
      { middlewares: [{ ...ASKING, bypass: ['1.0.0.0/8', '2.0.0.0/8'] }], entryPoints: ['web'] },
      {},
      {
        ...SETTINGS,
        trustedProxies: ['10.0.0.1/32', '10.0.0.2/32'],
      },
    ).filter((line) => line.startsWith('r-via-pass0')),
    [
      'r-via-pass0 | web | Host(`a.io`) && (ClientIP(`10.0.0.1/32`) || ClientIP(`10.0.0.2/32`)) && HeaderRegexp(`X-Forwarded-For`, `.`) && HeaderRegexp(`X-Forwarded-For`, `(?:^|,)[ \\t]*(?:1\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|2\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3})[ \\t]*(?:,[ \\t]*(?:10\\.0\\.0\\.1|10\\.0\\.0\\.2)[ \\t]*)*$`) | - | p',
    ],
  ],
  [
    'IPv6 clients that are not asked, but not through proxies',
    routers({ middlewares: [{ ...ASKING, bypass: ['fe80::/10'] }] }, {}, PROXIED),
    [
      'r-via | web | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | forwardAuth | p',
      'r-via-tls | websecure | Host(`a.io`) && ClientIP(`10.0.0.1/32`) && HeaderRegexp(`X-Forwarded-For`, `.`) | forwardAuth | p | {}',
      'r-pass0 | web | Host(`a.io`) && ClientIP(`fe80::/10`) | - | p',
      'r-pass0-tls | websecure | Host(`a.io`) && ClientIP(`fe80::/10`) | - | p | {}',
      'r | web | Host(`a.io`) | forwardAuth | p',
      'r-tls | websecure | Host(`a.io`) | forwardAuth | p | {}',
      'needs p, forwardAuth, forwardAuth',
    ],
  ],
  [
    'clients that two servers do not ask',
    routers({ middlewares: [ASKING, { kind: 'contentType' }, { ...ASKING, bypass: ['2.0.0.0/8'] }] }),
    [
      'r-pass0-pass2 | web | Host(`a.io`) && ClientIP(`1.0.0.0/8`) && ClientIP(`2.0.0.0/8`) | contentType | p',
      'r-pass0-pass2-tls | websecure | Host(`a.io`) && ClientIP(`1.0.0.0/8`) && ClientIP(`2.0.0.0/8`) | contentType | p | {}',
      'r-pass0 | web | Host(`a.io`) && ClientIP(`1.0.0.0/8`) | contentType > forwardAuth | p',
      'r-pass0-tls | websecure | Host(`a.io`) && ClientIP(`1.0.0.0/8`) | contentType > forwardAuth | p | {}',
      'r-pass2 | web | Host(`a.io`) && ClientIP(`2.0.0.0/8`) | forwardAuth > contentType | p',
      'r-pass2-tls | websecure | Host(`a.io`) && ClientIP(`2.0.0.0/8`) | forwardAuth > contentType | p | {}',
      'r | web | Host(`a.io`) | forwardAuth > contentType > forwardAuth | p',
      'r-tls | websecure | Host(`a.io`) | forwardAuth > contentType > forwardAuth | p | {}',
      'needs p, contentType, contentType, forwardAuth, forwardAuth, contentType, forwardAuth, contentType, forwardAuth',
    ],
  ],
  [
    'everybody asked where nobody may pass unasked',
    routers({ middlewares: [{ ...ASKING, bypass: [] }] }, {}, PROXIED),
    ['r | web | Host(`a.io`) | forwardAuth | p', 'r-tls | websecure | Host(`a.io`) | forwardAuth | p | {}', 'needs p, forwardAuth'],
  ],
  [
    'plain requests refused where a client needs a certificate',
    routers({ tlsProfile: { name: 'x', clientAuth: { caFiles: ['/ca'], mode: 'requireAndVerify' } } }),
    [
      'r-tls | websecure | Host(`a.io`) | - | p | {"options":"tls"}',
      'r | web | Host(`a.io`) | hind-proxy-answer-403 | hind-proxy-unavailable',
      'needs p, hind-proxy-answer-403',
      '{"minVersion":"VersionTLS12","clientAuth":{"caFiles":["/ca"],"clientAuthType":"RequireAndVerifyClientCert"}}',
    ],
  ],
  [
    'TLS as a policy asks',
    routers({
      tlsProfile: {
        name: 'x',
        curves: ['P256', 'P384', 'P521', 'X25519'],
        cipherSuites: ['C'],
        clientAuth: { caFiles: ['/ca'], mode: 'request' },
      },
    }),
    [
      'r | web | Host(`a.io`) | - | p',
      'r-tls | websecure | Host(`a.io`) | - | p | {"options":"tls"}',
      'needs p',
      '{"minVersion":"VersionTLS12","cipherSuites":["C"],"curvePreferences":["CurveP256","CurveP384","CurveP521","X25519"],"clientAuth":{"caFiles":["/ca"],"clientAuthType":"RequestClientCert"}}',
    ],
  ],
  [
    'certificates that any client must show',
    routers({ tlsProfile: { name: 'x', minVersion: '1.3', clientAuth: { caFiles: ['/ca'], mode: 'require' } } }),
    [
      'r-tls | websecure | Host(`a.io`) | - | p | {"options":"tls"}',
      'r | web | Host(`a.io`) | hind-proxy-answer-403 | hind-proxy-unavailable',
      'needs p, hind-proxy-answer-403',
      '{"minVersion":"VersionTLS13","clientAuth":{"caFiles":["/ca"],"clientAuthType":"RequireAnyClientCert"}}',
    ],
  ],
  [
    'certificates that are verified where a client shows one',
    routers({ tlsProfile: { name: 'x', clientAuth: { caFiles: ['/ca'], mode: 'verifyIfGiven' } } }),
    [
      'r | web | Host(`a.io`) | - | p',
      'r-tls | websecure | Host(`a.io`) | - | p | {"options":"tls"}',
      'needs p',
      '{"minVersion":"VersionTLS12","clientAuth":{"caFiles":["/ca"],"clientAuthType":"VerifyClientCertIfGiven"}}',
    ],
  ],
  [
    'no router over TLS where it is off',
    routers({}, {}, { ...SETTINGS, tls: { ...SETTINGS.tls, mode: 'off' } }),
    ['r | web | Host(`a.io`) | - | p', 'needs p'],
  ],
  [
    'no router on an entry point of connections',
    routers({ entryPoints: ['websecure', 'raw'] }),
    ['r-tls | websecure | Host(`a.io`) | - | p | {}', 'needs p'],
  ],
  [
    'the pool of error pages',
    routers({ middlewares: [{ kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('q'), query: '/e' }] }),
    ['r | web | Host(`a.io`) | errors | p', 'r-tls | websecure | Host(`a.io`) | errors | p | {}', 'needs p, q, errors'],
  ],
  [
    'the slash that is left of a path, before it is looked at',
    routers({
      middlewares: [
        { kind: 'stripPrefix', prefixes: ['/a'] },
        { kind: 'addPrefix', prefix: '/b' },
      ],
    }),
    [
      'r | web | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > add | p',
      'r-tls | websecure | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > add | p | {}',
      'needs p, strip, hind-proxy-root, hind-proxy-root-unsaid, add',
    ],
  ],
  [
    "an empty path as Traefik's own tags have it",
    routers({
      dialect: 'traefik',
      middlewares: [
        { kind: 'stripPrefix', prefixes: ['/a'] },
        { kind: 'addPrefix', prefix: '/b' },
      ],
    }),
    ['r | web | Host(`a.io`) | strip > add | p', 'r-tls | websecure | Host(`a.io`) | strip > add | p | {}', 'needs p, strip, add'],
  ],
  [
    'the slash that a tag of Traefik asks for',
    routers({
      dialect: 'traefik',
      middlewares: [
        { kind: 'stripPrefix', prefixes: ['/a'], forceSlash: true },
        { kind: 'contentType' },
        { kind: 'replacePathRegexp', regexp: 'a', replacement: 'b' },
      ],
    }),
    [
      'r | web | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > contentType > replacePathRegex | p',
      'r-tls | websecure | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > contentType > replacePathRegex | p | {}',
      'needs p, strip, hind-proxy-root, hind-proxy-root-unsaid, contentType, replacePathRegex',
    ],
  ],
  [
    'the slash that an expression leaves, before a prefix is cut off',
    routers({
      middlewares: [
        { kind: 'stripPrefixRegexp', regexps: ['/a'] },
        { kind: 'stripPrefix', prefixes: ['/a'] },
      ],
    }),
    [
      'r | web | Host(`a.io`) | stripPrefixRegex > hind-proxy-root > hind-proxy-root-unsaid > strip | p',
      'r-tls | websecure | Host(`a.io`) | stripPrefixRegex > hind-proxy-root > hind-proxy-root-unsaid > strip | p | {}',
      'needs p, stripPrefixRegex, hind-proxy-root, hind-proxy-root-unsaid, strip',
    ],
  ],
  [
    'the slash that a prefix leaves, before an expression is cut off',
    routers({
      middlewares: [
        { kind: 'stripPrefix', prefixes: ['/a'] },
        { kind: 'stripPrefixRegexp', regexps: ['/a'] },
      ],
    }),
    [
      'r | web | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > stripPrefixRegex | p',
      'r-tls | websecure | Host(`a.io`) | strip > hind-proxy-root > hind-proxy-root-unsaid > stripPrefixRegex | p | {}',
      'needs p, strip, hind-proxy-root, hind-proxy-root-unsaid, stripPrefixRegex',
    ],
  ],
  [
    'no slash before a path that replaces all',
    routers({
      dialect: 'traefik',
      middlewares: [
        { kind: 'stripPrefix', prefixes: ['/a'], forceSlash: true },
        { kind: 'replacePath', path: '/b' },
      ],
    }),
    [
      'r | web | Host(`a.io`) | strip > replacePath | p',
      'r-tls | websecure | Host(`a.io`) | strip > replacePath | p | {}',
      'needs p, strip, replacePath',
    ],
  ],
  [
    'shares, and what the instances of HinD never get',
    routers({
      dialect: 'hind',
      action: splitRoute('r', [{ weight: 1, backend: 'p', middlewares: [{ kind: 'contentType' }] }, { weight: 3 }]).action,
    }),
    [
      'r | web | Host(`a.io`) | hind-proxy-retry | r-split',
      'r-tls | websecure | Host(`a.io`) | hind-proxy-retry | r-split | {}',
      'needs p, r-split, r-part0, r-part1, hind-proxy-retry, contentType, hind-proxy-forget-origin, redirect',
    ],
  ],
  [
    'shares with the attempts that are asked for',
    routers({
      action: splitRoute('r', [{ weight: 1, backend: 'p' }, { weight: 3 }]).action,
      middlewares: [{ kind: 'retry', attempts: 4 }],
    }),
    [
      'r | web | Host(`a.io`) | retry | r-split',
      'r-tls | websecure | Host(`a.io`) | retry | r-split | {}',
      'needs p, r-split, r-part1, retry, redirect',
    ],
  ],
  [
    'certificates of servers',
    routers({}, { transport: { skipVerify: false, dialTimeoutMs: 5 } }),
    ['r | web | Host(`a.io`) | - | p', 'r-tls | websecure | Host(`a.io`) | - | p | {}', 'needs p, transport'],
  ],
];

for (const [what, found, expected] of ROUTERS)
  test(`traefikTarget has routers for ${what}`, () => {
    assert.deepEqual(found, expected);
  });

const RULES: readonly (readonly [what: string, found: string, expected: string])[] = [
  ['everything', rule({}), 'PathPrefix(`/`)'],
  ['a host', rule({ host: exactHost(host('a.io')) }), 'Host(`a.io`)'],
  ['a host, denied', rule({ conditions: [denied(exactHost(host('a.io')))] }), '!(HostRegexp(`^a\\.io\\.?$`))'],
  ['a host with a port', rule({ host: exactHost(host('a.io'), port(81)) }), 'Host(`a.io`) && HeaderRegexp(`X-Forwarded-Host`, `:81$`)'],
  [
    'a host with a port, denied',
    rule({ conditions: [denied(exactHost(host('a.io'), port(81)))] }),
    '!(HostRegexp(`^a\\.io\\.?$`) && HeaderRegexp(`X-Forwarded-Host`, `:81$`))',
  ],
  ['an IPv6 host', rule({ host: exactHost(host('[::1]')) }), 'HostRegexp(`^\\[?\\x3a\\x3a1\\]?$`)'],
  ['an IPv6 host, denied', rule({ conditions: [denied(exactHost(host('[::1]')))] }), '!(HostRegexp(`^\\[?\\x3a\\x3a1\\]?$`))'],
  ['a pattern of one label', rule({ host: ONE_LABEL }), 'HostRegexp(`^[^.]+\\.a\\.io\\.?$`)'],
  [
    'a pattern of one label, denied',
    rule({ conditions: [{ kind: 'not', condition: { kind: 'host', host: ONE_LABEL } }] }),
    '!(HostRegexp(`^[^.]+\\.a\\.io\\.?$`))',
  ],
  [
    'a pattern of one label with a port',
    rule({ host: { ...ONE_LABEL, port: port(81) } }),
    'HostRegexp(`^[^.]+\\.a\\.io\\.?$`) && HeaderRegexp(`X-Forwarded-Host`, `:81$`)',
  ],
  [
    'a pattern of one label with a port, denied',
    rule({ conditions: [{ kind: 'not', condition: { kind: 'host', host: { ...ONE_LABEL, port: port(81) } } }] }),
    '!(HostRegexp(`^[^.]+\\.a\\.io\\.?$`) && HeaderRegexp(`X-Forwarded-Host`, `:81$`))',
  ],
  ['a pattern of many labels', rule({ host: { ...ONE_LABEL, regexp: '^.*\\.a\\.io$' } }), 'HostRegexp(`^.*\\.a\\.io$`)'],
  [
    'a pattern of many labels, denied',
    rule({ conditions: [{ kind: 'not', condition: { kind: 'host', host: { ...ONE_LABEL, regexp: '^.*\\.a\\.io$' } } }] }),
    '!(HostRegexp(`^.*\\.a\\.io$`))',
  ],
  ['an expression on hosts', rule({ host: { kind: 'regexp', regexp: '^r' } }), 'HostRegexp(`^r`)'],
  [
    'an expression on hosts, denied',
    rule({ conditions: [{ kind: 'not', condition: { kind: 'host', host: { kind: 'regexp', regexp: '^r' } } }] }),
    '!(HostRegexp(`^r`))',
  ],
  ['an empty expression on hosts', rule({ host: { kind: 'regexp', regexp: '' } }), 'HostRegexp(`.*`)'],
  [
    'an empty expression on hosts, denied',
    rule({ conditions: [{ kind: 'not', condition: { kind: 'host', host: { kind: 'regexp', regexp: '' } } }] }),
    '!(HostRegexp(`.*`))',
  ],
  ['a path', rule({ path: exactPath('/a') }), 'Path(`/a`)'],
  ['a path of a Traefik tag', rule({ path: exactPath('/a') }, 'traefik'), 'Path(`/a`)'],
  ['a prefix', rule({ path: pathPrefix('/a') }), 'PathPrefix(`/a`)'],
  ['a prefix of a Traefik tag', rule({ path: pathPrefix('/a') }, 'traefik'), 'PathPrefix(`/a`)'],
  ['a path in any case', rule({ path: exactPath('/a', true) }), 'PathRegexp(`(?i)^/a$`)'],
  ['a path in any case of a Traefik tag', rule({ path: exactPath('/a', true) }, 'traefik'), 'PathRegexp(`(?i)^/a$`)'],
  ['a prefix in any case', rule({ path: pathPrefix('/A b', true) }), 'PathRegexp(`(?i)^/A\\x20b`)'],
  ['a prefix in any case of a Traefik tag', rule({ path: pathPrefix('/A b', true) }, 'traefik'), 'PathRegexp(`(?i)^/A\\x20b`)'],
  ['a path with characters that stand only encoded in paths', rule({ path: exactPath('/a%?#') }), 'Path(`/a%25%3F%23`)'],
  [
    'a path with characters that stand only encoded in paths of a Traefik tag',
    rule({ path: exactPath('/a%?#') }, 'traefik'),
    'Path(`/a%?#`)',
  ],
  ['a prefix with a character of two spellings', rule({ path: pathPrefix('/a@b') }), 'PathRegexp(`^/a(?:\\x40|%40)b`)'],
  ['a prefix with a character of two spellings of a Traefik tag', rule({ path: pathPrefix('/a@b') }, 'traefik'), 'PathPrefix(`/a@b`)'],
  ['both', rule({ path: exactPath('/a;b%?#') }), 'PathRegexp(`^/a(?:\\x3b|%3B)b%25%3F%23$`)'],
  ['both of a Traefik tag', rule({ path: exactPath('/a;b%?#') }, 'traefik'), 'Path(`/a;b%?#`)'],
  [
    'every character of two spellings',
    rule({ path: exactPath("/:[]@!$&'()*+,;=") }),
    'PathRegexp(`^/(?:\\x3a|%3A)(?:\\[|%5B)(?:\\]|%5D)(?:\\x40|%40)(?:\\x21|%21)(?:\\$|%24)(?:\\x26|%26)(?:\\x27|%27)(?:\\(|%28)(?:\\)|%29)(?:\\*|%2A)(?:\\+|%2B)(?:\\x2c|%2C)(?:\\x3b|%3B)(?:\\x3d|%3D)$`)',
  ],
  [
    'every character of two spellings of a Traefik tag',
    rule({ path: exactPath("/:[]@!$&'()*+,;=") }, 'traefik'),
    "Path(`/:[]@!$&'()*+,;=`)",
  ],
  ['an empty expression on paths', rule({ path: { kind: 'regexp', regexp: '' } }), 'PathRegexp(`.*`)'],
  ['an empty expression on paths of a Traefik tag', rule({ path: { kind: 'regexp', regexp: '' } }, 'traefik'), 'PathRegexp(`.*`)'],
  ['an expression on paths', rule({ path: { kind: 'regexp', regexp: '^/a' } }), 'PathRegexp(`^/a`)'],
  ['an expression on paths of a Traefik tag', rule({ path: { kind: 'regexp', regexp: '^/a' } }, 'traefik'), 'PathRegexp(`^/a`)'],
  ['a method', rule({ conditions: [{ kind: 'method', method: 'GET' }] }), 'Method(`GET`)'],
  ['a header without a value', rule({ conditions: [{ kind: 'header', name: 'A', value: '' }] }), 'HeaderRegexp(`A`, `^$`)'],
  ['a header with quotes', rule({ conditions: [{ kind: 'header', name: 'A', value: 'b`"\\é' }] }), 'Header(`A`, "b`\\"\\\\\\U000000e9")'],
  ['an expression on a header', rule({ conditions: [{ kind: 'headerRegexp', name: 'A', regexp: 'x' }] }), 'HeaderRegexp(`A`, `x`)'],
  ['an empty expression on a header', rule({ conditions: [{ kind: 'headerRegexp', name: 'A', regexp: '' }] }), 'HeaderRegexp(`A`, `.*`)'],
  ['a query key', rule({ conditions: [{ kind: 'query', key: 'a' }] }), 'QueryRegexp(`a`, `.*`)'],
  ['a query key without a value', rule({ conditions: [{ kind: 'query', key: 'a', value: '' }] }), 'Query(`a`)'],
  ['a query value', rule({ conditions: [{ kind: 'query', key: 'a', value: 'b' }] }), 'Query(`a`, `b`)'],
  ['an expression on a query', rule({ conditions: [{ kind: 'queryRegexp', key: 'a', regexp: 'x' }] }), 'QueryRegexp(`a`, `x`)'],
  [
    'addresses',
    rule({ conditions: [{ kind: 'clientIp', cidrs: ['1.0.0.0/8', '2.0.0.0/8'] }] }),
    '(ClientIP(`1.0.0.0/8`) || ClientIP(`2.0.0.0/8`))',
  ],
  ['another path', rule({ conditions: [{ kind: 'path', path: { kind: 'prefix', path: '/x', ignoreCase: false } }] }), 'PathPrefix(`/x`)'],
  ['everything but', rule({ conditions: [{ kind: 'not', condition: { kind: 'method', method: 'GET' } }] }), '!(Method(`GET`))'],
  [
    'a host, a path and conditions',
    rule({
      host: exactHost(host('a.io')),
      path: pathPrefix('/y'),
      conditions: [
        { kind: 'method', method: 'GET' },
        { kind: 'clientIp', cidrs: ['1.0.0.0/8'] },
      ],
    }),
    'Host(`a.io`) && PathPrefix(`/y`) && Method(`GET`) && ClientIP(`1.0.0.0/8`)',
  ],
];

for (const [what, found, expected] of RULES)
  test(`traefikTarget asks by its rule for ${what}`, () => {
    assert.deepEqual(found, expected);
  });

const OBSTACLES: readonly (readonly [what: string, found: string, expected: string])[] = [
  ['a plain route', obstacle({}), 'none'],
  [
    'a protocol of connections, asked of requests',
    obstacle({ match: { ...matchOf('a.io'), conditions: [{ kind: 'alpn', protocols: ['h2'] }] } }),
    'drop: Cannot serve the route: its match asks for alpn, which http has not',
  ],
  [
    'the same denied',
    obstacle({ match: { ...matchOf('a.io'), conditions: [{ kind: 'not', condition: { kind: 'alpn', protocols: ['h2'] } }] } }),
    'drop: Cannot serve the route: its match asks for not, which http has not',
  ],
  [
    'what connections have',
    obstacle({
      protocol: 'tcp',
      match: {
        ...matchOf('a.io'),
        conditions: [
          { kind: 'alpn', protocols: ['h2'] },
          { kind: 'not', condition: { kind: 'clientIp', cidrs: ['1.0.0.0/8'] } },
          { kind: 'host', host: { kind: 'regexp', regexp: 'a' } },
        ],
      },
    }),
    'none',
  ],
  [
    'a method, asked of connections',
    obstacle({
      protocol: 'tcp',
      match: {
        ...matchOf('a.io'),
        conditions: [
          { kind: 'clientIp', cidrs: ['1.0.0.0/8'] },
          { kind: 'not', condition: { kind: 'method', method: 'GET' } },
        ],
      },
    }),
    'drop: Cannot serve the route: its match asks for not, which tcp has not',
  ],
  [
    'anything asked of datagrams',
    obstacle({ protocol: 'udp', match: { ...matchOf('*'), conditions: [{ kind: 'clientIp', cidrs: ['1.0.0.0/8'] }] } }),
    'drop: Cannot serve the route: its match asks for clientIp, which udp has not',
  ],
  ['a policy of TLS', obstacle({ tlsProfile: { name: 'x' } }), 'none'],
  [
    'a policy of TLS for every host',
    obstacle({ match: matchOf('*'), tlsProfile: { name: 'x' } }),
    'withhold: Cannot enforce what the route asks: the policy "x" says how TLS is ended, and Traefik can choose that for exact hosts only; it answers 503',
  ],
  [
    'a policy of TLS for an IPv6 host',
    obstacle({ match: matchOf('[::1]'), tlsProfile: { name: 'x' } }),
    'withhold: Cannot enforce what the route asks: the policy "x" says how TLS is ended, and Traefik can choose that for exact hosts only; it answers 503',
  ],
  [
    'a policy of TLS of connections',
    obstacle({ protocol: 'tcp', tlsProfile: { name: 'x' } }),
    'withhold: Cannot enforce what the route asks: the policy "x" says how TLS is ended, and Traefik can choose that for exact hosts only; it answers 503',
  ],
  ['a policy of TLS that ends here', obstacle({ protocol: 'tcp', tcpTls: 'terminate', tlsProfile: { name: 'x' } }), 'none'],
  [
    'a policy of TLS that is handed on',
    obstacle({ protocol: 'tcp', tcpTls: 'passthrough', tlsProfile: { name: 'x' } }),
    'withhold: Cannot enforce what the route asks: the policy "x" says how TLS is ended, and Traefik can choose that for exact hosts only; it answers 503',
  ],
  [
    'allowed addresses, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'peer' } }] }),
    'none',
  ],
  [
    'denied hops, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'ipDeny', cidrs: [], of: { kind: 'everyHop' } }] }),
    'none',
  ],
  [
    'clients of proxies, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'client' } }] }),
    'withhold: Cannot enforce what the route asks: there is no ipAllow for tcp connections; it answers 503',
  ],
  [
    'a limit of addresses, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'peer' } } }] }),
    'none',
  ],
  [
    'a limit of hosts, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'host' } }] }),
    'withhold: Cannot enforce what the route asks: there is no inFlight for tcp connections; it answers 503',
  ],
  ['what protects nothing, for connections', obstacle({ protocol: 'tcp', middlewares: [{ kind: 'contentType' }] }), 'none'],
  [
    'a limit of bodies, for connections',
    obstacle({ protocol: 'tcp', middlewares: [{ kind: 'maxBody', bytes: 1 }] }),
    'withhold: Cannot enforce what the route asks: there is no maxBody for tcp connections; it answers 503',
  ],
  [
    'allowed addresses, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'peer' } }] }),
    'withhold: Cannot enforce what the route asks: there is no ipAllow for udp connections; it answers 503',
  ],
  [
    'denied hops, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'ipDeny', cidrs: [], of: { kind: 'everyHop' } }] }),
    'withhold: Cannot enforce what the route asks: there is no ipDeny for udp connections; it answers 503',
  ],
  [
    'clients of proxies, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'client' } }] }),
    'withhold: Cannot enforce what the route asks: there is no ipAllow for udp connections; it answers 503',
  ],
  [
    'a limit of addresses, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'peer' } } }] }),
    'withhold: Cannot enforce what the route asks: there is no inFlight for udp connections; it answers 503',
  ],
  [
    'a limit of hosts, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'host' } }] }),
    'withhold: Cannot enforce what the route asks: there is no inFlight for udp connections; it answers 503',
  ],
  ['what protects nothing, for datagrams', obstacle({ protocol: 'udp', middlewares: [{ kind: 'contentType' }] }), 'none'],
  [
    'a limit of bodies, for datagrams',
    obstacle({ protocol: 'udp', middlewares: [{ kind: 'maxBody', bytes: 1 }] }),
    'withhold: Cannot enforce what the route asks: there is no maxBody for udp connections; it answers 503',
  ],
  ['users', obstacle({ middlewares: [{ kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'h' }] } }] }), 'none'],
  [
    'a user without a hash',
    obstacle({ middlewares: [{ kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: '' }] } }] }),
    'withhold: Cannot enforce what the route asks: basicAuth has no users that Traefik can read; it answers 503',
  ],
  [
    'a name with a semicolon',
    obstacle({ middlewares: [{ kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a;b', hash: 'h' }] } }] }),
    'none',
  ],
  [
    'no users',
    obstacle({ middlewares: [{ kind: 'basicAuth', users: { kind: 'listed', users: [] } }] }),
    'withhold: Cannot enforce what the route asks: basicAuth has no users that Traefik can read; it answers 503',
  ],
  [
    'users of an unknown policy',
    obstacle({ middlewares: [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'nobody' } }] }),
    'withhold: Cannot enforce what the route asks: basicAuth has no users that Traefik can read; it answers 503',
  ],
  [
    'digests',
    obstacle({
      middlewares: [{ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'r:0123456789abcdef0123456789ABCDEF' }] } }],
    }),
    'none',
  ],
  [
    'a digest of no realm',
    obstacle({
      middlewares: [{ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: ':0123456789abcdef0123456789ABCDEF' }] } }],
    }),
    'none',
  ],
  [
    'a digest that is too long',
    obstacle({
      middlewares: [{ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'r:0123456789abcdef0123456789ABCDEF0' }] } }],
    }),
    'withhold: Cannot enforce what the route asks: digestAuth has no users that Traefik can read; it answers 503',
  ],
  [
    'a digest of no hash',
    obstacle({ middlewares: [{ kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'r:x' }] } }] }),
    'withhold: Cannot enforce what the route asks: digestAuth has no users that Traefik can read; it answers 503',
  ],
  ['denied clients', obstacle({ middlewares: [{ kind: 'ipDeny', cidrs: ['1.0.0.0/8'], of: { kind: 'client' } }] }), 'none'],
  [
    'everybody denied',
    obstacle({ middlewares: [{ kind: 'ipDeny', cidrs: ['0.0.0.0/0', '::/0'], of: { kind: 'depth', depth: 1 } }] }),
    'withhold: Cannot enforce what the route asks: the list of everybody who is not denied is too long, or empty; it answers 503',
  ],
  [
    'everybody denied by the connection',
    obstacle({ middlewares: [{ kind: 'ipDeny', cidrs: ['0.0.0.0/0', '::/0'], of: { kind: 'peer' } }] }),
    'none',
  ],
  [
    'everybody denied by any hop',
    obstacle({ middlewares: [{ kind: 'ipDeny', cidrs: ['0.0.0.0/0', '::/0'], of: { kind: 'everyHop' } }] }),
    'none',
  ],
  [
    'an answer that is no status',
    obstacle({ middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'peer' }, status: 299 }] }),
    'withhold: Cannot enforce what the route asks: 299 is no status; it answers 503',
  ],
  ['an answer that is one', obstacle({ middlewares: [{ kind: 'ipAllow', cidrs: [], of: { kind: 'peer' }, status: 404 }] }), 'none'],
  [
    'a rate of several hops',
    obstacle({
      middlewares: [{ kind: 'rateLimit', average: 1, periodMs: 1, burst: 1, by: { kind: 'address', of: { kind: 'everyHop' } } }],
    }),
    'withhold: Cannot enforce what the route asks: several hops are not one client; it answers 503',
  ],
  [
    'requests in flight of several hops',
    obstacle({ middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'everyHop' } } }] }),
    'withhold: Cannot enforce what the route asks: several hops are not one client; it answers 503',
  ],
  ['requests in flight of hosts', obstacle({ middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'host' } }] }), 'none'],
  [
    'an expression of a circuit breaker',
    obstacle({ middlewares: [{ kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.5' }] }),
    'none',
  ],
  [
    'an expression of no circuit breaker',
    obstacle({ middlewares: [{ kind: 'circuitBreaker', expression: 'x' }] }),
    'withhold: Cannot enforce what the route asks: the expression of its circuit breaker cannot be read; it answers 503',
  ],
  ['a buffer', obstacle({ middlewares: [{ kind: 'buffering' }] }), 'none'],
  ['an expression of a retry', obstacle({ middlewares: [{ kind: 'buffering', retryExpression: 'Attempts() < 2' }] }), 'none'],
  [
    'an expression of no retry',
    obstacle({ middlewares: [{ kind: 'buffering', retryExpression: 'x' }] }),
    'withhold: Cannot enforce what the route asks: the expression of its retry cannot be read; it answers 503',
  ],
  [
    'an expression of no circuit breaker in a share',
    obstacle({
      action: splitRoute('r', [{ weight: 1, backend: 'p', middlewares: [{ kind: 'circuitBreaker', expression: 'x' }] }, { weight: 1 }])
        .action,
    }),
    'withhold: Cannot enforce what the route asks: the expression of its circuit breaker cannot be read; it answers 503',
  ],
];

for (const [what, found, expected] of OBSTACLES)
  test(`traefikTarget says what stands in the way of ${what}`, () => {
    assert.deepEqual(found, expected);
  });

const REDIRECTS: readonly (readonly [what: string, found: readonly string[], expected: readonly string[]])[] = [
  [
    '301, and 308 for other methods',
    redirect({ status: 301, otherStatus: 308, to: [{ kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"${3}${4}","permanent":true}}',
    ],
  ],
  [
    '302, and 307 for other methods',
    redirect({ status: 302, otherStatus: 307, to: [{ kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"${3}${4}","permanent":false}}',
    ],
  ],
  [
    '301 for all methods',
    redirect({ status: 301, to: [{ kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"${3}${4}","permanent":true}}',
      'TRAEFIK_REDIRECT_STATUS Cannot redirect with 301: Traefik answers 301, and 308 for methods other than GET',
    ],
  ],
  [
    '301, and 307 for other methods',
    redirect({ status: 301, otherStatus: 307, to: [{ kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"${3}${4}","permanent":true}}',
      'TRAEFIK_REDIRECT_STATUS Cannot redirect with 301: Traefik answers 301, and 308 for methods other than GET',
    ],
  ],
  [
    '308',
    redirect({ status: 308, to: [{ kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"${3}${4}","permanent":true}}',
      'TRAEFIK_REDIRECT_STATUS Cannot redirect with 308: Traefik answers 301, and 308 for methods other than GET',
    ],
  ],
  [
    '303 to a fixed URL',
    redirect({
      status: 303,
      to: [
        { kind: 'text', text: 'https://b.io' },
        { kind: 'text', text: '/$x' },
      ],
    }),
    [
      '{"headers":{"customResponseHeaders":{"Location":"https://b.io/$x"}}}',
      '{"ipAllowList":{"sourceRange":["255.255.255.255/32"],"rejectStatusCode":303}}',
    ],
  ],
  [
    'a status without a name',
    redirect({ status: 399, to: [{ kind: 'text', text: 'https://b.io/$x' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"https://b.io/$$x","permanent":false}}',
      'TRAEFIK_REDIRECT_STATUS Cannot redirect with 399: Traefik answers 302, and 307 for methods other than GET',
    ],
  ],
  [
    '301 and 308 to a fixed URL',
    redirect({ status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://b.io' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"https://b.io","permanent":true}}',
    ],
  ],
  [
    '303 to parts of the request',
    redirect({ status: 303, to: [{ kind: 'text', text: 'https://' }, { kind: 'host' }, { kind: 'path' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"https://${1}${3}${4}","permanent":false}}',
      'TRAEFIK_REDIRECT_STATUS Cannot redirect with 303: Traefik answers 302, and 307 for methods other than GET',
    ],
  ],
  [
    'the path in a query',
    redirect({ status: 302, otherStatus: 307, to: [{ kind: 'text', text: 'https://b.io/?u=' }, { kind: 'path' }, { kind: 'hostname' }] }),
    [
      '{"redirectRegex":{"regex":"^[a-z]+://((\\\\[[^\\\\]]*\\\\]|[^/:?]*)(?::[0-9]+)?)([^?]*)(\\\\?.+)?\\\\??$","replacement":"https://b.io/?u=${3}${2}","permanent":false}}',
    ],
  ],
];

for (const [what, found, expected] of REDIRECTS)
  test(`traefikTarget redirects with ${what}`, () => {
    assert.deepEqual(found, expected);
  });

test('traefikTarget says a loss of status for a redirect in a share', () => {
  const { action } = splitRoute('r', [{ weight: 1, backend: 'p' }, { weight: 1 }]);
  assert.ok(action.kind === 'split');
  const parts = action.parts.map((part) =>
    part.action.kind === 'redirect'
      ? { ...part, action: { kind: 'redirect', redirect: { status: 303, to: [{ kind: 'path' }] } } as const }
      : part,
  );
  const { diagnostics } = traefikTarget.render(
    tableOf([routeOf('r', 'a.io', '/', { action: { kind: 'split', parts } })], poolOf('p', [1])),
    SETTINGS,
  );

  assert.ok(diagnostics.some(({ code }) => code === 'TRAEFIK_REDIRECT_STATUS'));
});

test('traefikTarget answers itself with the statuses that Go has a name for', () => {
  const answered = Array.from({ length: 700 }, (_, status) => status).filter(canAnswer);

  assert.deepEqual(
    answered.join(' '),
    '200 201 202 203 204 205 206 207 208 226 300 301 302 303 304 305 307 308 400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 418 421 422 423 424 425 426 428 429 431 451 500 501 502 503 504 505 506 507 508 510 511',
  );
});

test('traefikTarget says where it cannot answer unknown hosts as asked', () => {
  const said = (unknownHost: RenderSettings['unknownHost']): readonly string[] =>
    traefikTarget.render(tableOf([]), { ...SETTINGS, unknownHost }).diagnostics.map(({ code, message }) => `${code} ${message}`);
  const status = ['TRAEFIK_APPROXIMATED Cannot answer unknown hosts with 299: Traefik answers 404'];

  for (const known of [404, 410, 503]) assert.deepEqual(said({ status: known }), []);
  assert.deepEqual(said({ status: 299 }), status);
  assert.deepEqual(said({ status: 299, body: 'x' }), status);
  assert.deepEqual(said({ status: 410, body: 'x' }), [
    'TRAEFIK_APPROXIMATED Cannot answer unknown hosts with a body: Traefik answers 410 with a text of its own',
  ]);
});

/** The whole dynamic configuration of a table with one route, and who answers for its lines. */
function rendered(wishes: Partial<RenderSettings>): { readonly config: Record<string, unknown>; readonly units: readonly string[] } {
  const route = routeOf('r', 'a.io', '/', { action: to('p') });
  const [file] = traefikTarget.render(tableOf([route], poolOf('p', [1])), { ...SETTINGS, ...wishes }).value.files;
  assert.ok(file);
  const lines = file.content.split('\n');
  return {
    config: JSON.parse(lines.filter((line) => !line.startsWith('#')).join('\n')) as Record<string, unknown>,
    units: file.units.map(
      ({ unit, firstLine, lastLine }) =>
        `${unit}: ${lines
          .slice(firstLine - 1, lastLine)
          .join('')
          .trim()}`,
    ),
  };
}

interface Http {
  readonly http: { readonly routers: Record<string, { readonly priority: number }>; readonly middlewares: Record<string, unknown> };
}

test('traefikTarget numbers routers downwards, those for unknown hosts last, and gives the API one of its own', () => {
  const numbered = (wishes: Partial<RenderSettings>): readonly string[] => {
    const { http } = rendered(wishes).config as unknown as Http;
    return Object.entries(http.routers).map(([name, { priority }]) => `${name} ${priority}`);
  };
  const middlewares = (wishes: Partial<RenderSettings>): readonly string[] =>
    Object.keys((rendered(wishes).config as unknown as Http).http.middlewares);
  const unknown = ['r 4', 'r-tls 3', 'hind-proxy-unknown 2', 'hind-proxy-unknown-tls 1', 'hind-proxy-api 1'];

  assert.deepEqual(numbered({}), ['r 2', 'r-tls 1', 'hind-proxy-api 1']);
  assert.deepEqual(numbered({ unknownHost: { status: 299 } }), numbered({}));
  assert.deepEqual(numbered({ unknownHost: { status: 410 } }), unknown);
  assert.deepEqual(numbered({ unknownHost: { status: 503 } }), unknown);
  assert.deepEqual(middlewares({}), ['hind-proxy-retry-after', 'hind-proxy-generation']);
  assert.deepEqual(middlewares({ unknownHost: { status: 503 } }), middlewares({}));
  assert.deepEqual(middlewares({ unknownHost: { status: 410 } }), [
    'hind-proxy-retry-after',
    'hind-proxy-answer-410',
    'hind-proxy-generation',
  ]);
  assert.deepEqual(middlewares({ traefik: { ...SETTINGS.traefik, apiUsers: ['a:b'] } }), [
    'hind-proxy-retry-after',
    'hind-proxy-api-auth',
    'hind-proxy-generation',
  ]);
});

test('traefikTarget answers unknown hosts on every path', () => {
  const { http } = rendered({ unknownHost: { status: 410 } }).config as unknown as Http;

  assert.deepEqual(http.routers['hind-proxy-unknown'], {
    rule: 'PathPrefix(`/`)',
    service: 'hind-proxy-unavailable',
    middlewares: ['hind-proxy-answer-410'],
    entryPoints: ['web'],
    priority: 2,
  });
});

test('traefikTarget starts with a file that answers 503 to everybody', () => {
  const [file] = traefikTarget.renderBoot(SETTINGS).files;
  const { http } = JSON.parse(file?.content.replace(/^#.*\n/gm, '') ?? '') as Http;

  assert.deepEqual(Object.keys(http.routers), ['hind-proxy-unknown', 'hind-proxy-unknown-tls', 'hind-proxy-api']);
  assert.deepEqual(http.middlewares['hind-proxy-generation'], {
    headers: { customRequestHeaders: { 'X-Hind-Proxy-Generation': 'boot' } },
  });
});

test('traefikTarget writes routes of connections and datagrams beside those of requests', () => {
  const table = tableOf(
    [
      routeOf('t', 'a.io', '/', { protocol: 'tcp', entryPoints: ['raw'], action: to('p') }),
      routeOf('u', '*', '/', { protocol: 'udp', entryPoints: ['datagrams'], action: to('p') }),
    ],
    poolOf('p', [1]),
  );
  const [file] = traefikTarget.render(table, SETTINGS).value.files;
  const { tcp, udp } = JSON.parse(file?.content.replace(/^#.*\n/gm, '') ?? '') as Readonly<Record<string, unknown>>;
  const services = (name: string): object => ({ [name]: { loadBalancer: { servers: [{ address: '127.0.0.1:1' }] } } });

  assert.deepEqual(tcp, {
    routers: { t: { rule: 'HostSNI(`a.io`)', entryPoints: ['raw'], service: 't', tls: {}, priority: 1 } },
    services: services('t'),
  });
  assert.deepEqual(udp, { routers: { u: { entryPoints: ['datagrams'], service: 'u' } }, services: services('u') });
  assert.deepEqual(
    file?.units.map(({ unit }) => unit),
    ['default a.io', 'default a.io', 'default *', 'default *'],
  );
});

test('traefikTarget writes each router on a line of its own, for which its unit answers', () => {
  assert.deepEqual(rendered({}).units, [
    'default a.io: "r": { "rule": "Host(`a.io`)", "service": "p", "entryPoints": ["web"], "priority": 2 },',
    'default a.io: "r-tls": { "rule": "Host(`a.io`)", "service": "p", "entryPoints": ["websecure"], "tls": { }, "priority": 1 },',
  ]);
});

test('traefikTarget asks users of the API for a password where there are any', () => {
  const { http } = rendered({ traefik: { ...SETTINGS.traefik, apiUsers: ['a:b'] } }).config as unknown as Http;
  const open = rendered({}).config as unknown as Http;
  const api = { rule: 'PathPrefix(`/api`)', priority: 1, entryPoints: ['hind-proxy-api'], service: 'api@internal' };

  assert.deepEqual(http.routers['hind-proxy-api'], { ...api, middlewares: ['hind-proxy-api-auth'] });
  assert.deepEqual(http.middlewares['hind-proxy-api-auth'], { basicAuth: { users: ['a:b'], removeHeader: true } });
  assert.deepEqual(open.http.routers['hind-proxy-api'], api);
});

test('traefikTarget writes the certificates of files, and always our own for strangers', () => {
  const tls = (wishes: Partial<RenderSettings['tls']>): unknown => rendered({ tls: { ...SETTINGS.tls, ...wishes } }).config['tls'];
  const certificates = [{ cert: '/c', key: '/k' }];
  const stores = { default: { defaultCertificate: { certFile: '/srv/default.crt', keyFile: '/srv/default.key' } } };

  assert.deepEqual(tls({}), { options: { default: { minVersion: 'VersionTLS12' } }, stores });
  assert.deepEqual(tls({ certificates, minVersion: '1.3' }), { options: { default: { minVersion: 'VersionTLS13' } }, stores });
  assert.deepEqual(tls({ mode: 'files', certificates }), {
    certificates: [{ certFile: '/c', keyFile: '/k' }],
    options: { default: { minVersion: 'VersionTLS12' } },
    stores,
  });
});

test('traefikTarget.renderStatic() opens the entry points, and trusts only whom the operator trusts', () => {
  const start = (wishes: Partial<RenderSettings>): unknown => {
    const [file] = traefikTarget.renderStatic({ ...SETTINGS, ...wishes });
    return JSON.parse(file?.content.replace(/^#.*\n/, '') ?? '');
  };
  const transport = { lifeCycle: { graceTimeOut: '5m' } };
  const opened = (port_: number): object => ({ address: `127.0.0.1:${port_}`, reusePort: true, transport });
  const raw = { address: ':9000', reusePort: true, transport };
  const datagrams = { address: ':9001/udp', reusePort: true };
  const api = { address: '127.0.0.1:1', reusePort: true };
  const common = { global: { checkNewVersion: false, sendAnonymousUsage: false }, log: { level: 'WARN' }, api: { dashboard: false } };
  const providers = (directory: string): object => ({ providersThrottleDuration: '0s', file: { directory, watch: true } });
  const forwardedHeaders = { trustedIPs: ['10.0.0.1/32'] };

  assert.deepEqual(start({}), {
    ...common,
    entryPoints: { web: opened(80), websecure: opened(443), raw, datagrams, 'hind-proxy-api': api },
    providers: providers('/srv/dynamic'),
  });
  assert.deepEqual(start({ trustedProxies: ['10.0.0.1/32'], accessLogs: true }), {
    ...common,
    accessLog: { format: 'json' },
    entryPoints: {
      web: { ...opened(80), forwardedHeaders },
      websecure: { ...opened(443), forwardedHeaders },
      raw,
      datagrams,
      'hind-proxy-api': api,
    },
    providers: providers('/srv/dynamic'),
  });
  assert.deepEqual(start({ tls: { ...SETTINGS.tls, mode: 'off' }, traefik: { ...SETTINGS.traefik, dynamicFile: '/x.yml' } }), {
    ...common,
    entryPoints: { web: opened(80), raw, datagrams, 'hind-proxy-api': api },
    providers: providers('/'),
  });
});

test('traefikTarget takes HTTP routes off the TLS entry points where connections of their host go elsewhere', () => {
  const connections = (overrides: Partial<Route>, of = 'a.io'): Route =>
    routeOf('t', of, '/', { protocol: 'tcp', entryPoints: ['raw', 'websecure'], ...overrides });
  const http = [routeOf('h', 'a.io', '/'), routeOf('o', 'b.io', '/'), routeOf('w', '*', '/')];
  const left = (routes: readonly Route[], settings = SETTINGS): readonly string[] =>
    withoutTakenHosts([...routes, ...http], settings)
      .filter(({ protocol }) => protocol === 'http')
      .map(({ id, entryPoints }) => `${id} ${entryPoints.join()}`);
  const all = ['h web,websecure', 'o web,websecure', 'w web,websecure'];
  const taken = ['h web', 'o web,websecure', 'w web,websecure'];

  assert.deepEqual(left([]), all);
  assert.deepEqual(left([connections({})]), taken);
  assert.deepEqual(left([connections({ entryPoints: ['websecure'] }), connections({ entryPoints: ['raw'] })]), taken);
  assert.deepEqual(left([connections({}, '*')]), all);
  assert.deepEqual(left([connections({ entryPoints: ['raw', 'web'] })]), all);
  assert.deepEqual(left([connections({ protocol: 'udp' })]), all);
  assert.deepEqual(left([connections({})], { ...SETTINGS, tls: { ...SETTINGS.tls, mode: 'off' } }), all);
});
