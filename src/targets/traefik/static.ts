import type { EntryPoint } from '../../model/entry-point.ts';
import type { RenderSettings } from '../target.ts';
import type { JsonObject } from './json.ts';

/** The entry point on loopback where only Traefik's API is. */
export const API_ENTRY_POINT = 'hind-proxy-api';

/** The entry points that Traefik opens: those that end TLS only where TLS is on. */
export function servedEntryPoints({ entryPoints, tls }: RenderSettings): readonly EntryPoint[] {
  return entryPoints.filter((entryPoint) => !entryPoint.tls || tls.mode !== 'off');
}

/** What Traefik reads at its start: entry points, its API, the directory of the dynamic file. */
export function staticConfig(settings: RenderSettings): JsonObject {
  const { traefik, trustedProxies, accessLogs } = settings;
  const forwardedHeaders = trustedProxies.length > 0 ? { forwardedHeaders: { trustedIPs: trustedProxies } } : {};
  const points = servedEntryPoints(settings).map(({ name, address, protocol }): [string, JsonObject] => [
    name,
    {
      address: protocol === 'udp' ? `${address}/udp` : address,
      reusePort: true,
      // upgraded connections outlive it by so much as they outlive a reload of Caddy; all others end with their request
      ...(protocol !== 'udp' && { transport: { lifeCycle: { graceTimeOut: '5m' } } }),
      ...(protocol === 'http' && forwardedHeaders),
    },
  ]);
  return {
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: 'WARN' },
    ...(accessLogs && { accessLog: { format: 'json' } }),
    api: { dashboard: false },
    entryPoints: Object.fromEntries([...points, [API_ENTRY_POINT, { address: new URL(traefik.api).host, reusePort: true }]]),
    providers: {
      providersThrottleDuration: '0s',
      file: { directory: traefik.dynamicFile.replace(/\/[^/]*$/, '') || '/', watch: true },
    },
  };
}
