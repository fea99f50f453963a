import { joinHostPort } from '../../lib/host.ts';
import type { Backend, HealthCheck, LoadBalancing, StickyCookie } from '../../model/pool.ts';
import { byNameOrNone, duration, type Named } from './named.ts';
import type { Cookie, HttpService, ServerHealthCheck } from './schema.ts';
import { transportOf } from './transports.ts';

/** A service without servers: Traefik answers 503. */
export const UNAVAILABLE: Named<HttpService> = { name: 'hind-proxy-unavailable', value: { loadBalancer: { servers: [] } } };

/** An HTTP pool. Servers of weight 0 get nothing and are left out. */
export function serviceOf(backend: Backend): Named<HttpService> {
  const { id, endpoints, loadBalancing, upstreamHost, sticky, healthCheck, passiveHealthCheck, flushIntervalMs } = backend;
  const serving = endpoints.filter(({ weight }) => weight > 0);
  const weighted = serving.some(({ weight }) => weight !== 1);
  const strategy = STRATEGIES[loadBalancing];
  return {
    name: id,
    value: {
      loadBalancer: {
        servers: serving.map((endpoint) => ({
          url: `${endpoint.protocol}://${joinHostPort(endpoint.address, endpoint.port)}`,
          weight: weighted ? endpoint.weight : undefined,
        })),
        // a hash of the address knows no cookies
        strategy: sticky && strategy === 'hrw' ? undefined : strategy,
        sticky: sticky && { cookie: cookieOf(sticky) },
        healthCheck: healthCheck && healthCheck.mode !== 'tcp' ? healthCheckOf(healthCheck, healthCheck.mode) : undefined,
        passiveHealthCheck: passiveHealthCheck && {
          maxFailedAttempts: passiveHealthCheck.maxFailures,
          failureWindow: duration(passiveHealthCheck.windowMs),
        },
        passHostHeader: upstreamHost.kind === 'endpoint' ? false : undefined,
        responseForwarding: flushIntervalMs === undefined ? undefined : { flushInterval: duration(flushIntervalMs) },
        serversTransport: transportOf(backend)?.name,
      },
    },
  };
}

/** Undefined: weighted round robin, Traefik's own. */
const STRATEGIES: Readonly<Record<LoadBalancing, 'p2c' | 'hrw' | 'leasttime' | undefined>> = {
  random: undefined,
  roundRobin: undefined,
  leastConnections: 'p2c',
  ipHash: 'hrw',
  powerOfTwo: 'p2c',
  leastTime: 'leasttime',
};

/** A cookie that keeps a client. */
export function cookieOf({ name, secure, httpOnly, sameSite, maxAgeSeconds, path, domain }: StickyCookie): Cookie {
  return { name, secure, httpOnly, sameSite, maxAge: maxAgeSeconds, path, domain };
}

/** Methods that ask and change nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Traefik refuses the whole file where a check says nothing. */
function healthCheckOf(check: HealthCheck, mode: 'http' | 'grpc'): ServerHealthCheck {
  const asked: ServerHealthCheck = {
    mode: mode === 'grpc' ? mode : undefined,
    scheme: check.scheme,
    hostname: check.host,
    port: check.port,
    path: check.path,
    method: check.method,
    headers: byNameOrNone(check.headers),
    status: check.status,
    interval: duration(check.intervalMs),
    unhealthyInterval: duration(check.unhealthyIntervalMs),
    timeout: duration(check.timeoutMs),
    // what an instance answers must not choose where a request goes that changes something
    followRedirects: QUESTIONS.has(check.method ?? 'GET') ? check.followRedirects : false,
  };
  return Object.values(asked).every((value) => value === undefined) ? { mode: 'http' } : asked;
}
