import type { Route, TlsProfile } from '../../model/route.ts';
import type { RenderSettings } from '../target.ts';
import { named, orNone, type Named } from './named.ts';
import type { DynamicConfig, TlsOptions } from './schema.ts';

/** The options of TLS of a route, where it has a policy that Traefik can follow. */
export function tlsOptionsOf(route: Route, settings: Pick<RenderSettings, 'tls'>): Named<TlsOptions> | undefined {
  return route.tlsProfile && canChooseTls(route) ? optionsOf(route.tlsProfile, settings) : undefined;
}

/**
 * Whether Traefik can tell how to end TLS before it knows the request: for an HTTP route by its exact host alone
 * (traefik/traefik:pkg/server/router/tcp/manager.go), for a TCP route that ends TLS by all of its rule.
 */
export function canChooseTls({ protocol, match: { host }, tcpTls }: Route): boolean {
  if (protocol === 'http') return host.kind === 'exact' && !host.host.startsWith('[');
  return protocol === 'tcp' && tcpTls === 'terminate';
}

/** Named by their content. */
function optionsOf(profile: TlsProfile, { tls }: Pick<RenderSettings, 'tls'>): Named<TlsOptions> {
  const { minVersion = tls.minVersion, cipherSuites, curves, clientAuth } = profile;
  return named<TlsOptions>('tls', {
    minVersion: VERSIONS[minVersion],
    cipherSuites,
    curvePreferences: curves?.map((curve) => CURVES[curve] ?? curve),
    clientAuth: clientAuth && { caFiles: clientAuth.caFiles, clientAuthType: CLIENT_AUTH[clientAuth.mode] },
  });
}

/** A default certificate of ours always: without one every reload makes a key (68 ms instead of 2.7). */
export function tlsParts({ tls, traefik }: RenderSettings, profiles: readonly Named<TlsOptions>[]): DynamicConfig['tls'] {
  const { cert, key } = traefik.defaultCertificate;
  const certificates = tls.mode === 'files' ? tls.certificates.map((files) => ({ certFile: files.cert, keyFile: files.key })) : [];
  return {
    certificates: orNone(certificates),
    options: {
      default: { minVersion: VERSIONS[tls.minVersion] },
      ...Object.fromEntries(profiles.map(({ name, value }) => [name, value])),
    },
    stores: { default: { defaultCertificate: { certFile: cert, keyFile: key } } },
  };
}

const VERSIONS = { '1.2': 'VersionTLS12', '1.3': 'VersionTLS13' } as const;

/** Go's names for the curves of a policy. */
const CURVES: Readonly<Record<string, string>> = { P256: 'CurveP256', P384: 'CurveP384', P521: 'CurveP521' };

const CLIENT_AUTH = {
  request: 'RequestClientCert',
  require: 'RequireAnyClientCert',
  verifyIfGiven: 'VerifyClientCertIfGiven',
  requireAndVerify: 'RequireAndVerifyClientCert',
} as const;
