import { parseHostname, parsePort } from '../../model/names.ts';
import { PLAIN_POOL, type PoolOptions, type Transport, type UpstreamHost, type UpstreamProtocol } from '../../model/pool.ts';
import type { Destination, FabioProtocol } from './destination.ts';
import type { Option } from './lex.ts';
import { readExtensions, type Extended } from './extensions.ts';
import { refuse, type Note, type Read } from './note.ts';

/** How the instances of a route are chosen and talked to. */
export interface Upstream {
  readonly protocol: UpstreamProtocol;
  readonly pool: PoolOptions;
}

/**
 * Reads what concerns the way to the instance (fabiolb/fabio:route/route.go addTarget, proxy/grpc_handler.go): `host` sets the Host
 * header and, for https, the TLS name; gRPC instances are always asked under their own address and named by `grpcservername`; only TLS
 * upstreams know `tlsskipverify`, only TCP ones `pxyproto`. A redirect asks nobody.
 */
export function readUpstream(protocol: FabioProtocol, { redirect, others }: Destination): Read<Upstream> {
  const extended = readExtensions(others);
  if (redirect && protocol !== 'tcp') return { value: { protocol: 'http', pool: PLAIN_POOL }, notes: extended.notes };
  const skipVerify = others.get('tlsskipverify')?.value === 'true';
  const { loadBalancing, healthCheck } = extended.value;
  switch (protocol) {
    case 'tcp': {
      const proxied = others.get('pxyproto')?.value === 'true';
      const chosen = poolOf(
        { skipVerify: false },
        { kind: 'client' },
        { loadBalancing, ...(healthCheck?.mode === 'tcp' && { healthCheck }) },
      );
      const pool: PoolOptions = { ...chosen, ...(proxied && { proxyProtocol: 1 }) };
      return { value: { protocol: 'tcp', pool }, notes: extended.notes };
    }
    case 'grpc':
    case 'grpcs': {
      const tls = protocol === 'grpcs';
      const name = tls ? readServerName(others.get('grpcservername')) : { value: undefined, notes: [] };
      const transport = { skipVerify: tls && skipVerify, ...(name.value !== undefined && { serverName: name.value }) };
      const pool = poolOf(transport, { kind: 'endpoint' }, extended.value);
      return { value: { protocol: tls ? 'https' : 'h2c', pool }, notes: [...extended.notes, ...name.notes] };
    }
    case 'http':
    case 'https': {
      const tls = protocol === 'https';
      const host = readHost(others.get('host'));
      const named = tls && host.value.kind === 'fixed' ? { serverName: host.value.host } : {};
      const pool = poolOf({ skipVerify: tls && skipVerify, ...named }, host.value, extended.value);
      return { value: { protocol, pool }, notes: [...extended.notes, ...host.notes] };
    }
    default:
      throw new TypeError(`Cannot read an upstream: ${JSON.stringify(protocol satisfies never)}`);
  }
}

/** Parts in the order in which every dialect has them: pools are compared as text. */
function poolOf(transport: Transport, upstreamHost: UpstreamHost, { loadBalancing, ...checks }: Extended): PoolOptions {
  return { transport, upstreamHost, loadBalancing, ...checks };
}

/** `dst` is the instance's own address; anything else is sent as it stands, with its capitals and port. */
function readHost(option: Option | undefined): Read<UpstreamHost> {
  if (!option || option.value === '') return { value: { kind: 'client' }, notes: [] };
  if (option.value === 'dst') return { value: { kind: 'endpoint' }, notes: [] };
  const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(option.value) ?? [];
  const host = parseHostname(name);
  if (host !== undefined && (port === undefined || parsePort(port) !== undefined))
    return { value: { kind: 'fixed', host, ...(option.value !== host && { header: option.value }) }, notes: [] };
  const message = `Cannot send Host "${option.value}": expected a host name, with a port or without, or \`dst\``;
  return { value: { kind: 'client' }, notes: [refuse(option, 'FABIO_OPTION_VALUE', message)] };
}

function readServerName(option: Option | undefined): Read<ReturnType<typeof parseHostname>> {
  if (!option || option.value === '') return { value: undefined, notes: [] };
  const name = parseHostname(option.value);
  const notes: readonly Note[] =
    name === undefined ? [refuse(option, 'FABIO_OPTION_VALUE', `Cannot ask for TLS name "${option.value}": expected a host name`)] : [];
  return { value: name, notes };
}
