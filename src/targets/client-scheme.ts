import { isInsideAny, parseIp } from '../lib/ip.ts';
import type { ProxyRequest } from '../model/request.ts';

/** The scheme that the client asked for: of the entry point, or the one that a trusted proxy before ours names, as Traefik reads it. */
export function clientScheme({ entryPoint, headers, ip }: ProxyRequest, trustedProxies: readonly string[]): 'http' | 'https' {
  const peer = parseIp(ip);
  const isTrusted = peer !== undefined && isInsideAny(peer, trustedProxies);
  const said = isTrusted ? (headers.find(({ name }) => name.toLowerCase() === 'x-forwarded-proto')?.value.toLowerCase() ?? '') : '';
  return SCHEMES.get(said) ?? (entryPoint.tls ? 'https' : 'http');
}

const SCHEMES: ReadonlyMap<string, 'http' | 'https'> = new Map([
  ['https', 'https'],
  ['wss', 'https'],
  ['http', 'http'],
  ['ws', 'http'],
]);
