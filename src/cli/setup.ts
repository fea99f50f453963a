import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { ensureApiPassword, ensureDefaultCertificate, htpasswdLine } from '../apply/certificates.ts';
import { addedModules } from '../apply/modules.ts';
import { readCredentials } from '../config/credentials.ts';
import type { Env } from '../config/environment.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Config } from '../config/options.ts';
import { findBinary } from '../lib/binaries.ts';
import { readTextFile } from '../lib/files.ts';
import type { Log } from '../lib/log.ts';
import { Secret } from '../lib/secret.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Server } from '../model/rendered.ts';
import type { RenderSettings, Target } from '../targets/target.ts';
import { takeLock } from './lock.ts';
import { entryPointsOf, proxyOf, resolvePaths, type Paths } from './paths.ts';
import { targetOf } from './targets.ts';

/** A configuration with everything that follows from it and from the machine, before anything is opened. */
export interface Setup {
  readonly config: Config;
  readonly loaded: LoadedConfig;
  readonly env: Env;
  readonly paths: Paths;
  readonly server: Server;
  readonly target: Target;
  readonly entryPoints: readonly EntryPoint[];
  readonly settings: RenderSettings;
  readonly log: Log;
  readonly version: string;
  /** The password of Traefik's API. */
  readonly apiPassword?: Secret;
}

/** The set-up of a configuration on this machine. For Traefik it makes the certificate and the password of its API, where they are missing. */
export async function setUp({
  loaded,
  env,
  log,
  version,
  looksOnly = false,
}: {
  readonly loaded: LoadedConfig;
  readonly env: Env;
  readonly log: Log;
  readonly version: string;
  /** Make nothing: a password that is missing is one of this set-up alone. */
  readonly looksOnly?: boolean;
}): Promise<Setup> {
  const { config } = loaded;
  const isRoot = process.getuid?.() === 0;
  const proxy = proxyOf(config);
  const paths = resolvePaths(config, { env, isRoot });
  const entryPoints = entryPointsOf(proxy, isRoot);
  const { server } = proxy;
  const apiPassword =
    server === 'traefik' ? await (looksOnly ? presentPassword(config, paths) : prepareTraefik(config, paths, log)) : undefined;
  const settings: RenderSettings = {
    entryPoints,
    unknownHost: {
      status: config.routes.unknownHost.status,
      ...(config.routes.unknownHost.body !== undefined && { body: config.routes.unknownHost.body }),
    },
    tls: config.tls,
    trustedProxies: config.trustedProxies,
    accessLogs: config.logging.accessLogs,
    modules: await modulesOf(server, { env, paths, looksOnly }),
    credentials: readCredentials(config.policies),
    caddy: { file: paths.caddyfile, admin: proxy.caddy.admin },
    traefik: {
      staticFile: paths.traefikStatic,
      dynamicFile: paths.traefikDynamic,
      api: proxy.traefik.api,
      apiUsers: apiPassword === undefined ? [] : [htpasswdLine(API_USER, apiPassword)],
      defaultCertificate: paths.defaultCertificate,
    },
  };
  return {
    config,
    loaded,
    env,
    paths,
    server,
    target: await targetOf(server),
    entryPoints,
    settings,
    log,
    version,
    ...(apiPassword !== undefined && { apiPassword: new Secret(apiPassword) }),
  };
}

/** The modules that the program of a proxy has beyond its stock build; only Caddy has any. They are remembered unless a command only looks. */
export async function modulesOf(
  server: Server,
  {
    env,
    paths: { stateDir },
    looksOnly = true,
  }: { readonly env: Env; readonly paths: Pick<Paths, 'stateDir'>; readonly looksOnly?: boolean },
): Promise<ReadonlySet<string>> {
  if (server !== 'caddy') return new Set();
  return addedModules(findBinary('caddy', env), {
    cacheFile: join(stateDir, 'modules.json'),
    looksOnly,
    signal: AbortSignal.timeout(10_000),
  });
}

/** The user of Traefik's API. */
export const API_USER = 'hind-proxy';

/** One that was stopped while it made them must not keep others from serving. */
const MAKING_MS = 10_000;

/** Makes what every Traefik of ours needs; returns the password of its API. */
async function prepareTraefik(config: Config, { stateDir, defaultCertificate }: Paths, log: Log): Promise<string> {
  // where something is damaged, programs that begin at the same time would each set aside what another one has just made
  await ensureDirectory(stateDir);
  const signal = AbortSignal.timeout(MAKING_MS);
  const release = await takeLock(stateDir, { role: 'making', signal, onWait: () => undefined, retryMs: 10 });
  try {
    await ensureDefaultCertificate(dirname(defaultCertificate.cert), log);
    const isOurs = proxyOf(config).traefik.apiPasswordFile === undefined;
    return await ensureApiPassword(passwordFile(config, { stateDir }), isOurs ? log : undefined);
  } finally {
    await release?.();
  }
}

/** The password of Traefik's API where one was made; else one that no Traefik knows. */
async function presentPassword(config: Config, paths: Paths): Promise<string> {
  return (await readTextFile(passwordFile(config, paths)))?.trim() || randomUUID();
}

function passwordFile(config: Config, { stateDir }: Pick<Paths, 'stateDir'>): string {
  return proxyOf(config).traefik.apiPasswordFile ?? join(stateDir, 'traefik-api.password');
}
