import { parseIp } from '../../lib/ip.ts';
import type { EntryPoint } from '../../model/entry-point.ts';
import type { Route, TlsProfile } from '../../model/route.ts';
import type { RenderSettings } from '../target.ts';
import { block, line, text, type Node } from './ast.ts';

/** How the site of a host, or of every other one (`''`), ends TLS. */
export function tlsLines({ tls }: Pick<RenderSettings, 'tls'>, entryPoint: EntryPoint, site: TlsSite): readonly Node[] {
  if (!entryPoint.tls) return [];
  const { host, profile } = site;
  const minVersion = profile?.minVersion ?? tls.minVersion;
  const options = [...(minVersion === '1.3' ? [line('protocols', 'tls1.3')] : []), ...(profile ? profileLines(profile) : [])];
  if (tls.mode === 'files') {
    const files = tls.certificates.map(({ cert, key }) => block(['tls', text(cert), text(key)], options));
    return files.length > 0 || options.length === 0 ? files : [block(['tls'], options)];
  }
  // certificates of our own CA: ordered for the hosts that are known, made at the handshake for all others
  return [block(['tls'], [...options, block(['issuer', 'internal'], []), ...(host === '' ? [line('on_demand')] : [])])];
}

/** A host with the options of TLS that its routes ask for. */
export interface TlsSite {
  readonly host: string;
  readonly profile?: TlsProfile | undefined;
}

function profileLines({ cipherSuites = [], curves = [], clientAuth }: TlsProfile): readonly Node[] {
  return [
    ...(cipherSuites.length > 0 ? [line('ciphers', ...cipherSuites.map(text))] : []),
    ...(curves.length > 0 ? [line('curves', ...curves.map((curve) => text(CURVES[curve] ?? curve)))] : []),
    ...(clientAuth
      ? [block(['client_auth'], [line('mode', CLIENT_AUTH[clientAuth.mode]), line('trust_pool', 'file', ...clientAuth.caFiles.map(text))])]
      : []),
  ];
}

/** Answers 421 to requests that were greeted under another name, and so with other options: Caddy chooses the site by the Host header. */
export function greetedLines(
  entryPoint: EntryPoint,
  { host, profile }: TlsSite,
): {
  readonly matchers: readonly Node[];
  readonly directives: readonly Node[];
} {
  if (!profile || !entryPoint.tls) return { matchers: [], directives: [] };
  const other = block(['@misdirected'], [block(['not'], [line('vars', '{http.request.tls.server_name}', text(host))])]);
  return { matchers: [other], directives: [line('respond', '@misdirected', '421')] };
}

/** The options of TLS that the site of a route has; none where Caddy cannot follow them. */
export function tlsProfileOf(route: Route): TlsProfile | undefined {
  return tlsProblem(route) === undefined ? route.tlsProfile : undefined;
}

/** Why Caddy cannot end TLS as a route asks; undefined where it can. */
export function tlsProblem({ tlsProfile, match: { host } }: Route): string | undefined {
  if (!tlsProfile) return undefined;
  if (host.kind !== 'exact' || parseIp(host.host.replace(/^\[|\]$/g, '')))
    return `the policy "${tlsProfile.name}" says how TLS is ended, and Caddy can choose that for exact names only`;
  const suite = tlsProfile.cipherSuites?.find((name) => !CIPHER_SUITES.has(name));
  return suite === undefined ? undefined : `Caddy does not know the cipher suite ${suite} of the policy "${tlsProfile.name}"`;
}

/** Caddy's names for the curves of a policy. */
const CURVES: Readonly<Record<string, string>> = { X25519: 'x25519', P256: 'secp256r1', P384: 'secp384r1', P521: 'secp521r1' };

const CLIENT_AUTH = {
  request: 'request',
  require: 'require',
  verifyIfGiven: 'verify_if_given',
  requireAndVerify: 'require_and_verify',
} as const;

/** Those that Caddy knows (caddyserver/caddy:modules/caddytls/values.go); another would refuse the whole file. */
const CIPHER_SUITES: ReadonlySet<string> = new Set([
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
]);
