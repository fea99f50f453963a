import type { ClientCriterion, HeaderValue, Middleware } from '../model/middleware.ts';
import { parseHostname } from '../model/names.ts';
import type { Policy } from '../model/policy.ts';
import type { Transport } from '../model/pool.ts';
import type { TlsProfile } from '../model/route.ts';
import type { PolicyConfig, TransportConfig } from './policy-schema.ts';

/** The policies of a configuration by name. `trustsProxies`: addresses are taken from X-Forwarded-For where a trusted proxy set it. */
export function policiesOf(
  policies: Readonly<Record<string, PolicyConfig>>,
  { trustsProxies }: { readonly trustsProxies: boolean },
): ReadonlyMap<string, Policy> {
  return new Map(
    Object.entries(policies).map(([name, policy]) => {
      const tlsProfile = tlsProfileOf(name, policy);
      return [name, { name, middlewares: middlewaresOf(name, policy, trustsProxies), ...(tlsProfile && { tlsProfile }) }];
    }),
  );
}

/** The transports of a configuration by name. */
export function transportsOf(transports: Readonly<Record<string, TransportConfig>>): ReadonlyMap<string, Transport> {
  return new Map(
    Object.entries(transports).map(([name, { serverName, skipVerify, rootCAs, timeouts }]) => {
      const host = serverName === undefined ? undefined : parseHostname(serverName);
      const transport: Transport = {
        skipVerify,
        ...(host !== undefined && { serverName: host }),
        ...(rootCAs.length > 0 && { rootCas: rootCAs }),
        ...(timeouts.dial !== undefined && { dialTimeoutMs: timeouts.dial }),
        ...(timeouts.response !== undefined && { responseTimeoutMs: timeouts.response }),
        ...(timeouts.idle !== undefined && { idleTimeoutMs: timeouts.idle }),
      };
      return [name, transport];
    }),
  );
}

/** In the order in which they act: cheap refusals, then https, then the question for a name, then what changes requests and answers. */
function middlewaresOf(name: string, policy: PolicyConfig, trustsProxies: boolean): readonly Middleware[] {
  const of = { kind: trustsProxies ? 'client' : 'peer' } as const;
  const { ipAllow, ipDeny, redirectHttps, rateLimit, inFlight, basicAuth, forwardAuth, maxBody, retry, compress, hsts } = policy;
  const by = (text: string): ClientCriterion =>
    text === 'ip' ? { kind: 'address', of } : text === 'host' ? { kind: 'host' } : { kind: 'header', name: text.slice('header:'.length) };
  const wishes: readonly (Middleware | false | undefined)[] = [
    ipAllow && { kind: 'ipAllow', cidrs: ipAllow, of },
    ipDeny && { kind: 'ipDeny', cidrs: ipDeny, of },
    Boolean(redirectHttps) && {
      kind: 'redirectScheme',
      scheme: 'https',
      permanent: typeof redirectHttps === 'object' && redirectHttps.permanent,
    },
    rateLimit && {
      kind: 'rateLimit',
      average: rateLimit.average,
      periodMs: rateLimit.period,
      burst: rateLimit.burst,
      by: by(rateLimit.by),
    },
    inFlight && { kind: 'inFlight', amount: inFlight.amount, by: by(inFlight.by) },
    basicAuth && {
      kind: 'basicAuth',
      users: { kind: 'policy', policy: name },
      ...(basicAuth.realm !== undefined && { realm: basicAuth.realm }),
      ...(basicAuth.removeHeader && { removeHeader: true }),
    },
    forwardAuth && { kind: 'forwardAuth', ...forwardAuth },
    maxBody !== undefined && { kind: 'maxBody', bytes: maxBody },
    retry && {
      kind: 'retry',
      attempts: retry.attempts,
      ...(retry.initialInterval !== undefined && { initialIntervalMs: retry.initialInterval }),
    },
    Boolean(compress) && {
      kind: 'compress',
      ...(typeof compress === 'object' && { encodings: compress.encodings }),
      ...(typeof compress === 'object' && compress.minBytes !== undefined && { minBytes: compress.minBytes }),
    },
    hsts && {
      kind: 'hsts',
      maxAgeSeconds: Math.round(hsts.maxAge / 1000),
      includeSubdomains: hsts.includeSubdomains,
      preload: hsts.preload,
      always: false,
    },
    headersOf(policy),
  ];
  return wishes.flatMap((middleware) => (middleware ? [middleware] : []));
}

/** What a careful browser is told; X-XSS-Protection is obsolete and switched off (OWASP secure headers project). */
const SECURITY_HEADERS: readonly HeaderValue[] = [
  { name: 'Permissions-Policy', value: 'accelerometer=(), camera=(), geolocation=(), microphone=()' },
  { name: 'Referrer-Policy', value: 'strict-origin-when-cross-origin' },
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'X-Frame-Options', value: 'SAMEORIGIN' },
  { name: 'X-XSS-Protection', value: '0' },
];

function headersOf({ headers, securityHeaders }: PolicyConfig): Middleware | undefined {
  const response = valuesOf(headers);
  const stated = new Set(response.map(({ name }) => name.toLowerCase()));
  const preset = securityHeaders ? SECURITY_HEADERS.filter(({ name }) => !stated.has(name.toLowerCase())) : [];
  const request = valuesOf(headers?.request);
  const all = [...response, ...preset].toSorted(byName);
  return all.length + request.length > 0 ? { kind: 'headers', request, response: all } : undefined;
}

function valuesOf(
  headers: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] } | undefined,
): readonly HeaderValue[] {
  if (!headers) return [];
  const set = Object.entries(headers.set).map(([name, value]) => ({ name, value }));
  return [...set, ...headers.remove.map((name) => ({ name, value: '' }))].toSorted(byName);
}

function byName(a: HeaderValue, b: HeaderValue): number {
  return a.name < b.name ? -1 : 1;
}

function tlsProfileOf(name: string, { tls, clientAuth }: PolicyConfig): TlsProfile | undefined {
  if (!tls && !clientAuth) return undefined;
  return {
    name,
    ...(tls?.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls?.cipherSuites && { cipherSuites: tls.cipherSuites }),
    ...(tls?.curves && { curves: tls.curves }),
    ...(clientAuth && { clientAuth }),
  };
}
