import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Env } from '../config/environment.ts';
import { addressPort, type Config, type ProxyConfig } from '../config/options.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Server } from '../model/rendered.ts';

/** Where everything of one proxy lives; all absolute. */
export interface Paths {
  readonly stateDir: string;
  readonly stagingDir: string;
  /** Absent: no admin socket. */
  readonly socket?: string;
  readonly caddyfile: string;
  readonly traefikStatic: string;
  readonly traefikDynamic: string;
  readonly defaultCertificate: { readonly cert: string; readonly key: string };
}

/**
 * The places that a configuration leaves open: the system's for root, else the user's own state and runtime directories with the
 * proxy's files below the state directory.
 */
export function resolvePaths(config: Config, { env, isRoot }: { readonly env: Env; readonly isRoot: boolean }): Paths {
  const { caddy, traefik } = proxyOf(config);
  const home = env['HOME'] ?? homedir();
  const own = config.stateDir === undefined && !isRoot;
  const stateDir = resolve(
    config.stateDir ?? (isRoot ? '/var/lib/hind-proxy' : join(env['XDG_STATE_HOME'] ?? join(home, '.local/state'), 'hind-proxy')),
  );
  const runtime = isRoot ? '/run' : env['XDG_RUNTIME_DIR'];
  const usualSocket = runtime === undefined ? undefined : join(runtime, 'hind-proxy/admin.sock');
  const socket = config.admin.socket === undefined ? usualSocket : (config.admin.socket ?? undefined);
  const place = (path: string | undefined, system: string, ours: string): string => resolve(path ?? (own ? join(stateDir, ours) : system));
  return {
    stateDir,
    stagingDir: join(stateDir, 'staging'),
    ...(socket !== undefined && { socket: resolve(socket) }),
    caddyfile: place(caddy.file, '/etc/Caddyfile', 'proxy/Caddyfile'),
    traefikStatic: place(traefik.staticFile, '/etc/traefik/traefik.yaml', 'proxy/traefik.yaml'),
    traefikDynamic: place(traefik.dynamicFile, '/etc/traefik/dynamic/hind-proxy.yml', 'proxy/dynamic/hind-proxy.yml'),
    defaultCertificate: { cert: join(stateDir, 'tls/default.crt'), key: join(stateDir, 'tls/default.key') },
  };
}

/** The file that the program of a proxy is started with. */
export function startFileOf(server: Server, { caddyfile, traefikStatic }: Paths): string {
  return server === 'caddy' ? caddyfile : traefikStatic;
}

/** The one proxy of a configuration. */
export function proxyOf({ proxies }: Config): ProxyConfig {
  const [proxy] = proxies;
  if (!proxy) throw new RangeError('Cannot use a configuration without a proxy');
  return proxy;
}

/** Its entry points; without any, the usual ports for root, 8080 and 8443 for others. */
export function entryPointsOf({ entrypoints }: ProxyConfig, isRoot: boolean): readonly EntryPoint[] {
  const usual = {
    web: { address: isRoot ? ':80' : ':8080', tls: false, protocol: 'http' },
    websecure: { address: isRoot ? ':443' : ':8443', tls: true, protocol: 'http' },
  } as const;
  const points = Object.keys(entrypoints).length > 0 ? entrypoints : usual;
  return Object.entries(points).flatMap(([name, { address, tls, protocol }]) => {
    const port = addressPort(address);
    return port === undefined ? [] : [{ name, address, port, protocol, tls }];
  });
}
