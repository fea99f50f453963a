import { bytesOfText, parseGoUrl, type GoUrl } from '../lib/go-url.ts';
import { isHostHeader, splitHost } from '../lib/host.ts';
import { parseIp } from '../lib/ip.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { HeaderValue } from '../model/middleware.ts';
import type { ProxyRequest } from '../model/request.ts';

/** A URL as somebody types it: a scheme or none, then host and path. */
export interface AskedUrl {
  readonly scheme?: 'http' | 'https' | 'tcp';
  /** Host and port as a client would send them; empty for a path alone. */
  readonly host: string;
  readonly port?: number;
  readonly url: GoUrl;
}

/** What a request has beside its URL. */
export interface AskedRequest {
  /** GET by default. */
  readonly method?: string | undefined;
  /** Lines `Name: value`. */
  readonly headers?: readonly string[] | undefined;
  /** The client's address; loopback by default. */
  readonly ip?: string | undefined;
}

const PORTS = { http: 80, https: 443, tcp: undefined } as const;

/** Reads `http(s)://host[:port]/path?query`, `host/path`, `/path` or `tcp://host:port`. Throws `RangeError` where it is none of them. */
export function readAskedUrl(text: string): AskedUrl {
  const refuse = (state: string): never => {
    throw new RangeError(`Cannot read the URL "${text}": ${state}, expected https://host/path or host/path`);
  };
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)/.exec(text.trim());
  const [, given = '', authority = '', rest = ''] = found ?? [];
  const scheme = given.toLowerCase();
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https' && scheme !== 'tcp') return refuse(`it begins with ${given}://`);
  if (authority.includes('@')) return refuse('it holds a user name');
  if (!isHostHeader(authority)) return refuse('its host holds characters that no host has');
  const { name, port: portText } = splitHost(authority);
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) return refuse('its port is no port');
  if (name === '' && (scheme !== '' || rest === '')) return refuse('it names no host');
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const url = parseGoUrl(bytesOfText(path).replace(/[^!-~]/g, escaped)) ?? refuse('an escape in its path is broken');
  const isUsual = scheme !== '' && port === PORTS[scheme];
  return {
    ...(scheme !== '' && { scheme }),
    host: isUsual ? authority.replace(/:\d+$/, '') : authority,
    ...(port !== undefined && { port }),
    url,
  };
}

/**
 * The requests that a URL stands for: one at the entry point of its scheme and port; without a scheme one at the first plain entry point
 * and one at the first that ends TLS. Throws `RangeError` where no entry point takes it, or where method, header or address are none.
 */
export function requestsOf(
  { scheme, host, port, url }: AskedUrl,
  { method = 'GET', headers = [], ip = '127.0.0.1' }: AskedRequest,
  entryPoints: readonly EntryPoint[],
): readonly ProxyRequest[] {
  if (!/^[A-Za-z-]{1,32}$/.test(method)) throw new RangeError(`Cannot ask with the method "${method}", expected a name such as GET`);
  if (!parseIp(ip)) throw new RangeError(`Cannot ask from "${ip}": it is no address, expected IPv4 or IPv6`);
  const given = headers.map(readHeader);
  const kinds = scheme === undefined ? (['http', 'https'] as const) : [scheme];
  const found = kinds.flatMap((kind) => entryPointFor(kind, port, entryPoints) ?? []);
  if (found.length === 0) {
    const listed = entryPoints.map(({ name, address, protocol, tls }) => `${name} ${address} ${tls ? 'https' : protocol}`).join(', ');
    throw new RangeError(`Cannot ask ${scheme ?? 'http'}: no entry point takes it, expected one of ${listed}`);
  }
  const named = given.find(({ name }) => name.toLowerCase() === 'host');
  const rest = given.filter((header) => header !== named);
  return found.map((entryPoint) => ({
    entryPoint,
    method: method.toUpperCase(),
    host: named?.value ?? host,
    url,
    headers: rest,
    ip,
    ...(entryPoint.tls && { sni: splitHost(host).name }),
  }));
}

function readHeader(line: string): HeaderValue {
  const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
  if (!found) throw new RangeError(`Cannot send the header "${line}", expected Name: value`);
  return { name: found[1] ?? '', value: (found[2] ?? '').trim() };
}

/** The entry point on the port that the URL names, else the usual one of its kind, else the first of its kind. */
function entryPointFor(
  kind: 'http' | 'https' | 'tcp',
  port: number | undefined,
  entryPoints: readonly EntryPoint[],
): EntryPoint | undefined {
  const fitting = entryPoints.filter(({ protocol, tls }) =>
    kind === 'tcp' ? protocol === 'tcp' : protocol === 'http' && tls === (kind === 'https'),
  );
  const onPort = (wanted: number | undefined): EntryPoint | undefined => fitting.find((entryPoint) => entryPoint.port === wanted);
  return onPort(port) ?? (kind === 'tcp' && port !== undefined ? undefined : (onPort(PORTS[kind]) ?? fitting[0]));
}

function escaped(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
