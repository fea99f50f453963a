import { joinHostPort } from '../../lib/host.ts';
import type { Middleware, MiddlewareOf } from '../../model/middleware.ts';
import type { Backend, Endpoint, HealthCheck, LoadBalancing, PassiveHealthCheck } from '../../model/pool.ts';
import { block, line, text, type Node } from './ast.ts';
import { attributesLine, cookieName } from './cookies.ts';
import { headerName } from './headers.ts';
import { literalUrl, literalValue } from './quote.ts';
import { smallWeights } from './weights.ts';

/** What a pool is sent: some middlewares are wishes to it; `more`: further lines of ours. */
interface Wishes {
  readonly middlewares: readonly Middleware[];
  readonly more?: readonly Node[];
}

/** Sends requests to a pool, and gives the cookie that it sets its attributes. */
export function forward(backend: Backend, wishes: Wishes): readonly Node[] {
  const proxied = proxyTo(backend, wishes);
  return backend.sticky ? [attributesLine(backend.id, backend.sticky), proxied] : [proxied];
}

/** Sends requests to a pool. */
export function proxyTo(backend: Backend, { middlewares, more = [] }: Wishes): Node {
  const endpoints = sameScheme(backend.endpoints);
  const protocol = endpoints[0]?.protocol ?? 'http';
  const { healthCheck, passiveHealthCheck, flushIntervalMs } = backend;
  const nodes: readonly Node[] = [
    ...(endpoints.length > 1 || backend.sticky ? [choiceOf(backend, { endpoints, isRetried: middlewares.some(isRetry) })] : []),
    ...attempts(middlewares.find(isRetry), endpoints),
    ...(healthCheck ? healthLines(healthCheck) : []),
    ...(passiveHealthCheck ? failureLines(passiveHealthCheck) : []),
    ...(flushIntervalMs === undefined ? [] : [line('flush_interval', flushIntervalMs < 0 ? '-1' : duration(flushIntervalMs))]),
    ...bufferLines(middlewares.find(isBuffering), middlewares.find(isRetry)),
    ...upstreamHost(backend, protocol),
    line('stream_close_delay', '5m'),
    ...more,
    ...transportOf(backend, protocol),
  ];
  return block(['reverse_proxy', ...endpoints.map(({ address, port }) => joinHostPort(address, port))], nodes);
}

/** A Caddy upstream pool has one scheme: that of most instances, https where they are equal. */
export function sameScheme(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const count = (protocol: Endpoint['protocol']): number => endpoints.filter((endpoint) => endpoint.protocol === protocol).length;
  const [chosen] = (['https', 'http', 'h2c', 'tcp'] as const).toSorted((a, b) => count(b) - count(a));
  return endpoints.filter(({ protocol }) => protocol === chosen);
}

const isRetry = (middleware: Middleware): middleware is MiddlewareOf<'retry'> => middleware.kind === 'retry';
const isBuffering = (middleware: Middleware): middleware is MiddlewareOf<'buffering'> => middleware.kind === 'buffering';

/** `random_choose 2` would send everything to the first of two idle instances; `least_conn` chooses among idle ones at random. */
const POLICIES: Readonly<Record<LoadBalancing, string>> = {
  random: 'random',
  roundRobin: 'round_robin',
  ipHash: 'ip_hash',
  leastConnections: 'least_conn',
  powerOfTwo: 'least_conn',
  leastTime: 'least_conn',
};

/**
 * How an instance is chosen: by weight where they differ, else by policy; by a cookie first where one is asked for. Where another attempt
 * is asked for they take turns: chance would choose the same again. A cookie is set for a single instance too, as by Traefik.
 */
function choiceOf(
  { id, loadBalancing, sticky }: Backend,
  { endpoints, isRetried }: { readonly endpoints: readonly Endpoint[]; readonly isRetried: boolean },
): Node {
  const turn = isRetried && loadBalancing === 'random' ? 'roundRobin' : loadBalancing;
  const weights = endpoints.map(({ weight }) => weight);
  const policy = new Set(weights).size > 1 ? ['weighted_round_robin', ...smallWeights(weights).map(String)] : [POLICIES[turn]];
  if (!sticky) return line('lb_policy', ...policy);
  return block(['lb_policy', 'cookie', text(cookieName(id, sticky))], [line('fallback', ...policy)]);
}

/** Where nothing is asked, another instance is tried when one does not take the connection. */
function attempts(retry: MiddlewareOf<'retry'> | undefined, endpoints: readonly Endpoint[]): readonly Node[] {
  if (!retry) return endpoints.length > 1 ? [line('lb_retries', '2')] : [];
  if (retry.attempts < 2) return [];
  const { initialIntervalMs, timeoutMs, statuses = [] } = retry;
  return [
    line('lb_retries', String(retry.attempts - 1)),
    ...(timeoutMs === undefined ? [] : [line('lb_try_duration', duration(timeoutMs))]),
    ...(initialIntervalMs === undefined ? [] : [line('lb_try_interval', duration(initialIntervalMs))]),
    ...(statuses.length > 0 ? [block(['lb_retry_match'], againFor(retry))] : []),
  ];
}

/** A request is sent again only where its body, if it has one, was kept. */
function againFor(retry: MiddlewareOf<'retry'>): readonly Node[] {
  const status = '{http.reverse_proxy.status_code}';
  const length = '{http.request.header.Content-Length}';
  const ranges = (retry.statuses ?? []).map(({ from, to }) => `${status} >= ${from} && ${status} <= ${to}`);
  const isKept = `${length} == "" || int(${length}) <= ${keptBytes(retry)}`;
  return [
    line('expression', text(`(${ranges.join(' || ')}) && (${isKept})`)),
    ...(retry.anyMethod ? [] : [block(['not'], [line('method', 'POST', 'PATCH', 'LOCK')])]),
  ];
}

/** As much as Traefik keeps in memory. */
const BUFFER_BYTES = 1024 * 1024;

/** How much of a body is kept for another attempt. */
function keptBytes({ statuses = [], maxBodyBytes = 0 }: MiddlewareOf<'retry'>): number {
  if (statuses.length === 0) return 0;
  return maxBodyBytes > 0 ? maxBodyBytes : BUFFER_BYTES;
}

function bufferLines(buffering: MiddlewareOf<'buffering'> | undefined, retry: MiddlewareOf<'retry'> | undefined): readonly Node[] {
  const request = Math.max(buffering ? (buffering.memRequestBytes ?? BUFFER_BYTES) : 0, retry ? keptBytes(retry) : 0);
  return [
    ...(request > 0 ? [line('request_buffers', String(request))] : []),
    ...(buffering ? [line('response_buffers', String(buffering.memResponseBytes ?? BUFFER_BYTES))] : []),
  ];
}

function healthLines(check: HealthCheck): readonly Node[] {
  const { path = '/', port, method, host, headers, status, intervalMs, timeoutMs, followRedirects } = check;
  const named = [...headers, ...(host === undefined ? [] : [{ name: 'Host', value: host }])];
  return [
    line('health_uri', text(literalUrl(path))),
    ...(port === undefined ? [] : [line('health_port', String(port))]),
    ...(method === undefined ? [] : [line('health_method', text(method))]),
    ...(intervalMs === undefined ? [] : [line('health_interval', duration(intervalMs))]),
    ...(timeoutMs === undefined ? [] : [line('health_timeout', duration(timeoutMs))]),
    ...(status === undefined ? [] : [line('health_status', String(status))]),
    ...(followRedirects ? [line('health_follow_redirects')] : []),
    ...(named.length > 0
      ? [
          block(
            ['health_headers'],
            named.map(({ name, value }) => line(headerName(name), text(literalValue(value)))),
          ),
        ]
      : []),
  ];
}

/** Failed connections and answers from 500 on count, as in Traefik, and what it does where nothing is said. */
function failureLines({ maxFailures = 1, windowMs = 10_000 }: PassiveHealthCheck): readonly Node[] {
  return [line('fail_duration', duration(windowMs)), line('max_fails', String(maxFailures)), line('unhealthy_status', '5xx')];
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Caddy itself passes the client's Host on to plain instances, and names the instance to https ones. */
function upstreamHost({ upstreamHost: host }: Backend, protocol: Endpoint['protocol']): readonly Node[] {
  if (host.kind === 'client') return protocol === 'https' ? [line('header_up', 'Host', text('{http.request.hostport}'))] : [];
  const value = host.kind === 'endpoint' ? '{http.reverse_proxy.upstream.hostport}' : (host.header ?? host.host);
  return [line('header_up', 'Host', text(value))];
}

function transportOf({ transport }: Backend, protocol: Endpoint['protocol']): readonly Node[] {
  const { skipVerify, serverName, rootCas, dialTimeoutMs, responseTimeoutMs, idleTimeoutMs } = transport;
  const times = [
    ['dial_timeout', dialTimeoutMs],
    ['response_header_timeout', responseTimeoutMs],
    ['keepalive', idleTimeoutMs],
  ] as const;
  const lines = [
    ...(protocol === 'h2c' ? [line('versions', 'h2c')] : []),
    ...(protocol === 'https' ? [line('tls')] : []),
    ...(protocol === 'https' && skipVerify ? [line('tls_insecure_skip_verify')] : []),
    ...(protocol === 'https' && serverName !== undefined ? [line('tls_server_name', text(serverName))] : []),
    ...(protocol === 'https' && rootCas && !skipVerify ? [line('tls_trust_pool', 'file', ...rootCas.map(text))] : []),
    ...times.flatMap(([name, ms]) => (ms === undefined ? [] : [line(name, duration(ms))])),
  ];
  return lines.length > 0 ? [block(['transport', 'http'], lines)] : [];
}
