import type { RouteIntent } from '../../../model/intent.ts';
import type { HostMatch, PathMatch } from '../../../model/match.ts';
import type { HealthCheck, PoolOptions } from '../../../model/pool.ts';
import type { Redirect } from '../../../model/route.ts';
import type { FabioProtocol } from '../destination.ts';
import { BALANCING } from '../extensions.ts';
import type { FabioSettings } from '../route.ts';
import { globOf } from './glob-of.ts';

/** An intent that a Fabio tag says exactly. */
export interface Sayable
  extends Pick<RouteIntent, 'entryPoints' | 'match' | 'middlewares' | 'action' | 'protocol' | 'pool' | 'share' | 'kept'> {
  readonly spoken: FabioProtocol;
  /** The host of a TCP route that names its port by address. */
  readonly address?: string;
}

/** The tag of an intent: options in one order, each only where it says something. */
export function printTag(sayable: Sayable, { tagPrefix }: Pick<FabioSettings, 'tagPrefix'>): string {
  return [`${tagPrefix}${routeText(sayable)}`, ...optionTexts(sayable)].join(' ');
}

function routeText({ entryPoints, match: { host, path }, address }: Sayable): string {
  if (entryPoints.kind === 'tcp') return entryPoints.port === undefined ? `${hostText(host)}/` : `${address ?? ''}:${entryPoints.port}`;
  const port = entryPoints.kind === 'plain' ? ':80' : entryPoints.kind === 'tls' ? ':443' : '';
  const text = `${hostText(host)}${port}`;
  // a host without path is not searched for variables
  return path.kind === 'any' && text.includes('$') ? text : `${text}${pathText(path)}`;
}

function hostText(host: HostMatch): string {
  if (host.kind === 'any' || host.kind === 'regexp') return '';
  const port = typeof host.port === 'number' ? `:${host.port}` : '';
  return `${host.kind === 'exact' ? host.host : host.pattern}${port}`;
}

function pathText(path: PathMatch): string {
  return path.kind === 'any' ? '/' : path.kind === 'regexp' ? (globOf(path.regexp)?.pattern ?? '/') : path.path;
}

function optionTexts({ middlewares, action, spoken, pool, share, kept = [] }: Sayable): readonly string[] {
  const { transport, upstreamHost, proxyProtocol } = pool;
  const steps = middlewares.flatMap((step): readonly string[] => {
    if (step.kind === 'stripPrefix') return [`strip=${step.prefixes.join()}`];
    if (step.kind === 'addPrefix') return [`prepend=${step.prefix}`];
    if (step.kind === 'ipAllow') return [`allow=${step.cidrs.map((cidr) => `ip:${cidr}`).join()}`];
    if (step.kind === 'ipDeny') return [`deny=${step.cidrs.map((cidr) => `ip:${cidr}`).join()}`];
    return step.kind === 'reference' ? [`auth=${step.name}`] : [];
  });
  const isCall = spoken === 'grpc' || spoken === 'grpcs';
  const hostOption =
    upstreamHost.kind === 'endpoint' ? 'dst' : upstreamHost.kind === 'fixed' ? (upstreamHost.header ?? upstreamHost.host) : '';
  return [
    ...(action.kind === 'redirect' ? [] : spoken === 'http' ? [] : [`proto=${spoken}`]),
    ...(hostOption === '' || isCall ? [] : [`host=${hostOption}`]),
    ...(transport.skipVerify ? ['tlsskipverify=true'] : []),
    ...(spoken === 'grpcs' && transport.serverName !== undefined ? [`grpcservername=${transport.serverName}`] : []),
    ...(proxyProtocol === 1 ? ['pxyproto=true'] : []),
    ...(share === undefined ? [] : [`weight=${share}`]),
    ...steps,
    ...(action.kind === 'redirect' ? stripTexts(action.redirect) : []),
    ...(action.kind === 'redirect' ? [`redirect=${action.redirect.status},${urlText(action.redirect)}`] : extensionTexts(pool)),
    ...kept,
  ];
}

/** What is cut off the path that a redirect takes. */
function stripTexts({ to }: Redirect): readonly string[] {
  return to.flatMap((part) => (part.kind === 'path' && part.strip !== undefined ? [`strip=${part.strip}`] : []));
}

/** The URL of a redirect; a comma, which would end it, as the encoded byte that Fabio decodes. */
function urlText({ to }: Redirect): string {
  const text = to.map((part) => (part.kind === 'text' ? part.text : part.kind === 'path' ? '$path' : '$host')).join('');
  const query = text.includes('?') ? text.indexOf('?') : text.length;
  return text.slice(0, query).replaceAll(',', '%2C') + text.slice(query);
}

function extensionTexts({ loadBalancing, sticky, healthCheck, passiveHealthCheck }: PoolOptions): readonly string[] {
  const lb = [...BALANCING].find(([, policy]) => policy === loadBalancing)?.[0];
  const passive: readonly (readonly [string, string | number | undefined])[] = [
    ['health.maxfails', passiveHealthCheck?.maxFailures],
    ['health.window', durationText(passiveHealthCheck?.windowMs)],
  ];
  return [
    ...(loadBalancing === 'random' || lb === undefined ? [] : [`lb=${lb}`]),
    ...(sticky ? [sticky.name === undefined ? 'sticky' : `sticky=${sticky.name}`] : []),
    ...(healthCheck ? checkTexts(healthCheck) : []),
    ...pairTexts(passive),
  ];
}

function checkTexts({ mode, path, scheme, host, port, method, status, intervalMs, timeoutMs }: HealthCheck): readonly string[] {
  const isPlain = mode === 'http' || path !== '/';
  return pairTexts([
    ['health', mode === 'tcp' || !isPlain ? undefined : (path ?? '/')],
    ['health.mode', mode === 'http' ? undefined : mode],
    ['health.scheme', scheme],
    ['health.host', host],
    ['health.port', port],
    ['health.method', method],
    ['health.status', status],
    ['health.interval', durationText(intervalMs)],
    ['health.timeout', durationText(timeoutMs)],
  ]);
}

function pairTexts(pairs: readonly (readonly [string, string | number | undefined])[]): readonly string[] {
  return pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
}

function durationText(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
