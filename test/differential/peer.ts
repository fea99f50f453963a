import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RenderSettings } from '../../src/targets/target.ts';
import { freePorts, startProcess, tempDir, type Ending } from '../support/process.ts';
import { until } from '../support/until.ts';
import type { Original, OriginalKind } from './arena.ts';
import { ASK_HEADER } from './client.ts';

/** Traefik with its own provider of Consul's catalog. */
export interface Peer extends Original {
  /** The routers that answered, by the id of the request, since the last call. */
  routersAsked(): Promise<ReadonlyMap<string, string>>;
  /** Its routers by name, without the provider: rule, state and what it says is wrong. */
  routers(): Promise<ReadonlyMap<string, PeerRouter>>;
  output(): string;
}

/** What the peer says of a router. */
export interface PeerRouter {
  readonly rule: string;
  readonly status: string;
  readonly priority: number;
  readonly errors: readonly string[];
}

/** Traefik as an original. */
export function traefikOriginal(binary: string): OriginalKind<Peer> {
  return {
    start: (t, world) => startPeer(t, { binary, ...world }),
    sentinelTags: (service) => ['traefik.enable=true', `traefik.http.routers.${service}.rule=Host(\`${service}.test\`)`],
  };
}

/** What both sides get from their operator: the same entry points, trusted proxies, certificate, and a transport `skip`. */
async function startPeer(
  t: Ending,
  { binary, consul, settings }: { readonly binary: string; readonly consul: string; readonly settings: RenderSettings },
): Promise<Peer> {
  const [web = 0, websecure = 0, alt = 0, api = 0] = await freePorts(4);
  const dir = await tempDir(t);
  const [dynamicDir, staticFile, accessLog] = [join(dir, 'dynamic'), join(dir, 'traefik.yml'), join(dir, 'access.log')];
  await mkdir(dynamicDir);
  const { cert, key } = settings.traefik.defaultCertificate;
  await writeFile(
    join(dynamicDir, 'operator.yml'),
    JSON.stringify({
      http: { serversTransports: { skip: { insecureSkipVerify: true } } },
      tls: { stores: { default: { defaultCertificate: { certFile: cert, keyFile: key } } } },
    }),
  );
  const at = (port: number): object => ({ address: `127.0.0.1:${port}`, forwardedHeaders: { trustedIPs: settings.trustedProxies } });
  await writeFile(
    staticFile,
    JSON.stringify({
      global: { checkNewVersion: false, sendAnonymousUsage: false },
      log: { level: 'ERROR' },
      accessLog: { filePath: accessLog, format: 'json', fields: { headers: { names: { [ASK_HEADER]: 'keep' } } } },
      api: { insecure: true },
      entryPoints: { web: at(web), websecure: at(websecure), alt: at(alt), traefik: { address: `127.0.0.1:${api}` } },
      providers: {
        providersThrottleDuration: '0s',
        file: { directory: dynamicDir },
        consulCatalog: {
          endpoint: { address: consul },
          watch: true,
          exposedByDefault: false,
          defaultRule: 'Host(`{{ normalize .Name }}.test`)',
        },
      },
    }),
  );
  const traefik = startProcess(t, binary, [`--configFile=${staticFile}`], { env: { HOME: dir } });
  const get = async (path: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${api}${path}`)).json();
  await until('the peer', async () => Array.isArray(await get('/api/http/routers'))).catch((error: unknown) => {
    throw new Error(`Cannot start the peer: ${traefik.output().slice(-2000)}`, { cause: error });
  });
  return {
    web,
    websecure,
    output: () => traefik.output(),
    async whenKnows(service) {
      await until(
        `the peer to know ${service}`,
        async () => (await fetch(`http://127.0.0.1:${api}/api/http/routers/${service}@consulcatalog`)).ok,
        60_000,
      );
    },
    async routersAsked() {
      const log = await readFile(accessLog, 'utf8');
      await truncate(accessLog);
      return routersIn(log);
    },
    async routers() {
      const routers = (await allPages(get, '/api/http/routers')) as readonly (Omit<PeerRouter, 'errors'> & {
        readonly name: string;
        readonly error?: readonly string[];
      })[];
      return new Map(
        routers
          .filter(({ name }) => name.endsWith('@consulcatalog'))
          .map(({ name, error = [], ...told }) => [name.replace(/@.*/, ''), { ...told, errors: error }]),
      );
    },
  };
}

/** The routers that answered, by the id of the request: the first of that id, as others follow from other addresses. */
export function routersIn(log: string): ReadonlyMap<string, string> {
  const lines = log.split('\n').filter((line) => line !== '');
  return new Map(lines.toReversed().map(askedIn));
}

function askedIn(line: string): readonly [string, string] {
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const [id, router] = [entry['request_X-Ask'], entry['RouterName']];
  return [typeof id === 'string' ? id : '', typeof router === 'string' ? router.replace(/@.*/, '') : ''];
}

/** The API gives a hundred at once. */
async function allPages(get: (path: string) => Promise<unknown>, path: string): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (let page = 1; ; page += 1) {
    const found = await get(`${path}?page=${page}&per_page=1000`);
    if (!Array.isArray(found)) return all;
    all.push(...(found as readonly unknown[]));
    if (found.length < 1000) return all;
  }
}
