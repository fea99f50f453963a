import type { PoolMember } from '../../../model/intent.ts';
import type { Port } from '../../../model/names.ts';
import type { HealthCheck, LoadBalancing, StickyCookie } from '../../../model/pool.ts';
import type { DialectName } from '../../../model/route.ts';
import { approximated, impossible, unsupported, type Loss } from '../../loss.ts';
import { printDurationMs } from '../values.ts';
import type { FieldText } from './parts.ts';

/** The labels of a service behind its name, and what they leave out. No labels: the service that every instance has anyway. */
export interface ServiceText {
  readonly fields: readonly FieldText[];
  readonly losses: readonly Loss[];
}

/** Prints what an instance adds to a pool. */
export function serviceText(member: PoolMember, { port, dialect }: { readonly port: Port; readonly dialect: DialectName }): ServiceText {
  const { protocol, endpoint } = member;
  const ownPort: readonly FieldText[] = endpoint.port === port ? [] : [['loadbalancer.server.port', String(endpoint.port)]];
  if (protocol === 'udp') return { fields: ownPort, losses: [] };
  const text = protocol === 'tcp' ? tcpText(member) : httpText(member, dialect);
  return { fields: [...ownPort, ...text.fields], losses: [...transportLosses(member), ...text.losses] };
}

/** A label that declares a service and changes nothing. */
export function neutralField({ protocol, endpoint }: PoolMember): FieldText {
  return protocol === 'tcp' || protocol === 'udp'
    ? ['loadbalancer.server.port', String(endpoint.port)]
    : ['loadbalancer.passhostheader', 'true'];
}

function httpText({ protocol, pool, transport, weight, share }: PoolMember, dialect: DialectName): ServiceText {
  const { loadBalancing, upstreamHost, sticky, healthCheck, passiveHealthCheck, flushIntervalMs } = pool;
  // a hash of the address knows no cookies
  const strategy = sticky && loadBalancing === 'ipHash' ? 'wrr' : STRATEGIES[loadBalancing];
  const fields: readonly FieldText[] = [
    ...(protocol === 'http' ? [] : [['loadbalancer.server.scheme', protocol] as const]),
    ...weightFields(weight, share),
    ...(strategy === 'wrr' ? [] : [['loadbalancer.strategy', strategy] as const]),
    ...(upstreamHost.kind === 'endpoint' ? [['loadbalancer.passhostheader', 'false'] as const] : []),
    ...(transport ? [['loadbalancer.serverstransport', `${transport.name}@file`] as const] : []),
    ...(sticky ? stickyFields(sticky) : []),
    ...(healthCheck ? healthFields(healthCheck) : []),
    ...optional('loadbalancer.passivehealthcheck.maxfailedattempts', passiveHealthCheck?.maxFailures),
    ...duration('loadbalancer.passivehealthcheck.failurewindow', passiveHealthCheck?.windowMs),
    ...(passiveHealthCheck && Object.keys(passiveHealthCheck).length === 0
      ? [['loadbalancer.passivehealthcheck.maxfailedattempts', '1'] as const]
      : []),
    ...duration('loadbalancer.responseforwarding.flushinterval', flushIntervalMs),
  ];
  return { fields, losses: [...balancingLosses(loadBalancing, dialect), ...shareLosses(share)] };
}

function tcpText({ pool, tls, transport }: PoolMember): ServiceText {
  const { proxyProtocol, terminationDelayMs, healthCheck } = pool;
  const fields: readonly FieldText[] = [
    ...(tls ? [['loadbalancer.server.tls', 'true'] as const] : []),
    ...optional('loadbalancer.proxyprotocol.version', proxyProtocol),
    ...optional('loadbalancer.terminationdelay', terminationDelayMs),
    ...(transport ? [['loadbalancer.serverstransport', `${transport.name}@file`] as const] : []),
    ...(healthCheck ? healthFields(healthCheck) : []),
  ];
  return { fields, losses: [] };
}

const STRATEGIES: Readonly<Record<LoadBalancing, string>> = {
  random: 'wrr',
  roundRobin: 'wrr',
  leastConnections: 'p2c',
  powerOfTwo: 'p2c',
  ipHash: 'hrw',
  leastTime: 'leasttime',
};

function balancingLosses(loadBalancing: LoadBalancing, dialect: DialectName): readonly Loss[] {
  if (loadBalancing === 'leastConnections') return [approximated('the less busy of two instances is taken, not the least busy of all')];
  return loadBalancing === 'ipHash' && dialect !== 'traefik'
    ? [approximated('clients stay at an instance by another hash, so some change theirs once')]
    : [];
}

/** Fabio's share of all requests as one of Traefik's weights, which compare with those of the other instances only. */
function weightFields(weight: number | undefined, share: number | undefined): readonly FieldText[] {
  if (weight !== undefined) return [['loadbalancer.server.weight', String(weight)]];
  return share === undefined ? [] : [['loadbalancer.server.weight', String(Math.max(1, Math.round(share * 100)))]];
}

function shareLosses(share: number | undefined): readonly Loss[] {
  if (share === undefined) return [];
  const weight = Math.max(1, Math.round(share * 100));
  const what = `the share ${share} is the weight ${weight}, and instances without a weight have 1 beside it, not what is left`;
  return [approximated(what, 'Give every instance a weight')];
}

function stickyFields(sticky: StickyCookie): readonly FieldText[] {
  const part = 'loadbalancer.sticky.cookie';
  const fields = [
    ...optional(`${part}.name`, sticky.name),
    ...(sticky.secure ? [[`${part}.secure`, 'true'] as const] : []),
    ...(sticky.httpOnly ? [[`${part}.httponly`, 'true'] as const] : []),
    ...optional(`${part}.samesite`, sticky.sameSite),
    ...optional(`${part}.maxage`, sticky.maxAgeSeconds),
    ...optional(`${part}.path`, sticky.path),
    ...optional(`${part}.domain`, sticky.domain),
  ];
  return fields.length > 0 ? fields : [[part, 'true']];
}

function healthFields(check: HealthCheck): readonly FieldText[] {
  const part = 'loadbalancer.healthcheck';
  const fields = [
    ...(check.mode === 'grpc' ? [[`${part}.mode`, 'grpc'] as const] : []),
    ...optional(`${part}.path`, check.path),
    ...optional(`${part}.scheme`, check.scheme),
    ...optional(`${part}.hostname`, check.host),
    ...optional(`${part}.port`, check.port),
    ...optional(`${part}.method`, check.method),
    ...check.headers.map(({ name, value }) => [`${part}.headers.${name}`, value] as const),
    ...optional(`${part}.status`, check.status),
    ...duration(`${part}.interval`, check.intervalMs),
    ...duration(`${part}.unhealthyinterval`, check.unhealthyIntervalMs),
    ...duration(`${part}.timeout`, check.timeoutMs),
    ...(check.followRedirects === false ? [[`${part}.followredirects`, 'false'] as const] : []),
    ...optional(`${part}.send`, check.send),
    ...optional(`${part}.expect`, check.expect),
  ];
  if (fields.length > 0) return fields;
  return [check.mode === 'tcp' ? [part, 'true'] : [`${part}.mode`, 'http']];
}

const IN_FILE = 'Define a transport in a file, and write loadbalancer.serverstransport=NAME@file';
const STAYS = 'Leave the tag as it is, or define a transport in a file and write labels with loadbalancer.serverstransport=NAME@file';

/**
 * What only a transport of a file can say. A route that verified what is not to be verified would take the requests of the tag and not
 * reach its instances: it is not written.
 */
function transportLosses({ pool: { transport }, protocol }: PoolMember): readonly Loss[] {
  const losses: readonly (Loss | false)[] = [
    transport.skipVerify && impossible('that certificates of instances are not checked', STAYS),
    transport.serverName !== undefined && unsupported(`the TLS name "${transport.serverName}" of instances`, IN_FILE),
    transport.rootCas !== undefined && impossible('certificate authorities of instances', STAYS),
    (transport.dialTimeoutMs ?? transport.responseTimeoutMs ?? transport.idleTimeoutMs) !== undefined &&
      unsupported('time limits of instances', IN_FILE),
  ];
  return protocol === 'udp' ? [] : losses.filter((loss) => loss !== false);
}

function optional(field: string, value: string | number | undefined): readonly FieldText[] {
  return value === undefined ? [] : [[field, String(value)]];
}

function duration(field: string, ms: number | undefined): readonly FieldText[] {
  return ms === undefined ? [] : [[field, printDurationMs(ms)]];
}
