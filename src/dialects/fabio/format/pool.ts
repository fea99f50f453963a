import type { RouteIntent } from '../../../model/intent.ts';
import type { HealthCheck, LoadBalancing, PoolOptions, StickyCookie, Transport, UpstreamHost } from '../../../model/pool.ts';
import { PLAIN_POOL } from '../../../model/pool.ts';
import type { DialectName } from '../../../model/route.ts';
import { impossible, nearly, said, unsaid, unsupported, type Loss, type Said } from '../../loss.ts';
import type { FabioProtocol } from '../destination.ts';

/** How Fabio speaks to the instance of an intent. */
export interface Speech extends Pick<RouteIntent, 'protocol' | 'pool' | 'share'> {
  readonly spoken: FabioProtocol;
}

/** The pool of an intent with what Fabio's options and our extensions can say of it. `isCall`: the intent answers gRPC calls only. */
export function sayPool(intent: RouteIntent, isCall: boolean): Said<Speech> {
  const spoken = spokenOf(intent, isCall);
  const share = sayShare(intent);
  const own = ownLosses(intent);
  if (spoken.value === 'tcp') return withAll(sayTcpPool(intent), [...spoken.losses, ...share.losses, ...own], share.value);
  const host = sayUpstreamHost(intent, spoken.value);
  const transport = sayTransport(intent, spoken.value, host.value);
  const { loadBalancing, sticky, healthCheck, passiveHealthCheck } = intent.pool;
  const cookie = saySticky(sticky);
  const check = sayHealthCheck(healthCheck);
  const pool: PoolOptions = {
    transport: transport.value,
    upstreamHost: transport.host ?? host.value,
    loadBalancing: sayBalancing(loadBalancing, intent.dialect),
    ...(cookie.value && { sticky: cookie.value }),
    ...(check.value && { healthCheck: check.value }),
    ...(passiveHealthCheck && { passiveHealthCheck }),
  };
  const losses = [spoken, share, host, transport, cookie, check].flatMap((part) => part.losses);
  const protocol = spoken.value === 'grpc' ? 'h2c' : spoken.value === 'grpcs' ? 'https' : spoken.value;
  return withAll(said({ spoken: spoken.value, protocol, pool }), [...losses, ...own], share.value);
}

function withAll({ value, losses }: Said<Speech>, more: readonly Loss[], share: number | undefined): Said<Speech> {
  return { value: { ...value, ...(share !== undefined && { share }) }, losses: [...losses, ...more] };
}

function spokenOf({ protocol, tls }: RouteIntent, isCall: boolean): Said<FabioProtocol> {
  if (protocol === 'udp') return unsaid('tcp', 'Fabio forwards no UDP');
  if (protocol === 'tcp') return tls ? unsaid('tcp', 'TLS to the instance of a TCP route') : said('tcp');
  if (protocol === 'h2c') return isCall ? said('grpc') : nearly('grpc', '`proto=grpc` answers gRPC calls only');
  return said(protocol === 'https' && isCall ? 'grpcs' : protocol);
}

/** What of a pool no tag says. */
function ownLosses({ pool, transport, backend, endpoint: _endpoint, tlsProfile, tcpTls }: RouteIntent): readonly Loss[] {
  const { rootCas, dialTimeoutMs, responseTimeoutMs, idleTimeoutMs } = pool.transport;
  const timed = dialTimeoutMs ?? responseTimeoutMs ?? idleTimeoutMs;
  return [
    transport && impossible(`transport "${transport.name}", which the operator configures`),
    backend && impossible(`service "${backend.name}" in the place of the tag's own`),
    tlsProfile && impossible(`the TLS options of policy "${tlsProfile.name}"`),
    tcpTls === 'terminate' && impossible('a TCP route that ends TLS'),
    rootCas && unsupported("certificate authorities of the instance; the system's are asked"),
    timed !== undefined && unsupported('timeouts; the route is written without them'),
    pool.flushIntervalMs !== undefined && unsupported('the flush interval; the route is written without it'),
  ].filter((loss) => typeof loss === 'object');
}

function sayTcpPool({ pool, dialect }: RouteIntent): Said<Speech> {
  const { loadBalancing, healthCheck, proxyProtocol } = pool;
  const checked = healthCheck?.mode === 'tcp' ? sayHealthCheck(healthCheck) : said(undefined);
  const plain: PoolOptions = {
    ...PLAIN_POOL,
    loadBalancing: sayBalancing(loadBalancing, dialect),
    ...(checked.value && { healthCheck: checked.value }),
    ...(proxyProtocol === 1 && { proxyProtocol }),
  };
  const version = proxyProtocol === 2 ? [impossible('version 2 of the PROXY protocol')] : [];
  return { value: { spoken: 'tcp', protocol: 'tcp', pool: plain }, losses: [...checked.losses, ...version] };
}

/** A dialect's own default is none of Fabio's business, but HinD's clients rely on theirs. */
function sayBalancing(loadBalancing: LoadBalancing, dialect: DialectName): LoadBalancing {
  return dialect === 'traefik' && loadBalancing === 'roundRobin' ? 'random' : loadBalancing;
}

/** Fabio's share; an integer weight says the same where every instance states one. */
function sayShare({ share, weight }: RouteIntent): Said<number | undefined> {
  if (share !== undefined || weight === undefined) return said(share);
  if (weight === 0) return unsaid(undefined, 'a weight of 0, which keeps an instance without requests');
  return nearly(weight, `\`weight=${weight}\` is a share of the weights of all instances only where each of them states one`);
}

/** gRPC instances are asked under their own address. */
function sayUpstreamHost({ pool: { upstreamHost } }: RouteIntent, spoken: FabioProtocol): Said<UpstreamHost> {
  if (spoken !== 'grpc' && spoken !== 'grpcs') return said(upstreamHost);
  const own: UpstreamHost = { kind: 'endpoint' };
  return upstreamHost.kind === 'endpoint' ? said(own) : nearly(own, 'the instance gets its own address as host');
}

/** For https one name is Host and TLS name alike. */
function sayTransport(
  { pool }: RouteIntent,
  spoken: FabioProtocol,
  host: UpstreamHost,
): Said<Transport> & { readonly host?: UpstreamHost } {
  const { skipVerify, serverName } = pool.transport;
  if (spoken === 'http' || spoken === 'grpc') return said({ skipVerify: false });
  if (spoken === 'grpcs') return said({ skipVerify, ...(serverName !== undefined && { serverName }) });
  if (host.kind === 'fixed') {
    const transport: Transport = { skipVerify, serverName: host.host };
    return serverName === host.host ? said(transport) : nearly(transport, `"${host.host}" is the TLS name too`);
  }
  if (serverName === undefined) return said({ skipVerify });
  return { ...nearly({ skipVerify, serverName }, `"${serverName}" is the Host header too`), host: { kind: 'fixed', host: serverName } };
}

function saySticky(cookie: StickyCookie | undefined): Said<StickyCookie | undefined> {
  if (!cookie) return said(cookie);
  const { name, ...attributes } = cookie;
  const plain = name === undefined ? {} : { name };
  return Object.keys(attributes).length === 0 ? said(plain) : nearly(plain, 'the cookie has no attributes');
}

function sayHealthCheck(check: HealthCheck | undefined): Said<HealthCheck | undefined> {
  if (!check) return said(check);
  const { headers, unhealthyIntervalMs, followRedirects, send, expect, path, ...rest } = check;
  const plain: HealthCheck = { ...rest, headers: [], ...(check.mode === 'tcp' ? {} : { path: path ?? '/' }) };
  const lost = headers.length > 0 || [unhealthyIntervalMs, followRedirects, send, expect].some((part) => part !== undefined);
  return lost ? nearly(plain, 'health checks ask without headers, bodies and second interval') : said(plain);
}
