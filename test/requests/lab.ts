import { mkdir } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createCaddyDeployer } from '../../src/apply/caddy.ts';
import { ensureDefaultCertificate, type CertificatePaths } from '../../src/apply/certificates.ts';
import type { Deployer } from '../../src/apply/deployer.ts';
import { startArguments } from '../../src/apply/proxy-process.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { writeFileAtomic } from '../../src/lib/files.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import type { Backend, Endpoint } from '../../src/model/pool.ts';
import type { Server } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { createTable } from '../../src/model/table.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings, Target } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import type { AskedRequest } from '../../src/verify/request.ts';
import { caddySettings } from '../support/caddy.ts';
import { port } from '../support/intents.ts';
import { freePorts, needServer, startProcess, tempDir, whenEnded, type Ending } from '../support/process.ts';
import { until } from '../support/until.ts';
import { TRUSTED_PROXY } from './model.ts';

/** A real proxy on free loopback ports that serves one table after the other. */
export interface Lab {
  readonly target: Target;
  readonly settings: RenderSettings;
  /** Renders a table and waits until it is served. Throws where the proxy does not take it. */
  serve(table: RoutingTable): Promise<void>;
  ask(request: AskedRequest): Promise<RealAnswer>;
}

/** What came back; `echo`: what the instance received that answered. Status 0: the connection was closed. */
export interface RealAnswer {
  readonly status: number;
  readonly location?: string;
  readonly echo?: {
    readonly instance: string;
    readonly path: string;
    readonly host: string;
    readonly prefix?: string;
    readonly method: string;
  };
}

/** The password `oracle`. */
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';
const TARGETS: Readonly<Record<Server, Target>> = { caddy: caddyTarget, traefik: traefikTarget };

/** Starts a proxy with the entry points `web`, `websecure` and `alt` (TLS) and four for tcp; undefined where the test was skipped for want of it. */
export async function startLab(t: TestContext, server: Server): Promise<Lab | undefined> {
  const binary = needServer(t, server);
  if (binary === undefined) return undefined;
  const { target, settings, deployer } = await startProxy(t, { server, binary });
  return {
    target,
    settings,
    async serve(table) {
      const outcome = await deployer.apply(target.render(table, settings).value, AbortSignal.any([t.signal, AbortSignal.timeout(20_000)]));
      if (outcome.kind !== 'applied' && outcome.kind !== 'unchanged') throw new Error(`Cannot serve the table: ${JSON.stringify(outcome)}`);
    },
    ask: (request) => send(request, settings.entryPoints),
  };
}

/** A real proxy that booted from our boot configuration, and its deployer. */
export interface StartedProxy {
  readonly target: Target;
  readonly settings: RenderSettings;
  readonly deployer: Deployer;
}

/** Starts the program of a proxy on free loopback ports, set up as `labSettings` says; it ends with `t`. */
export async function startProxy(
  t: Ending,
  { server, binary }: { readonly server: Server; readonly binary: string },
): Promise<StartedProxy> {
  const dir = await tempDir(t);
  const settings = await labSettings(dir);
  const stagingDir = join(dir, 'staging');
  await mkdir(stagingDir);
  const target = TARGETS[server];
  for (const { path, content } of [...target.renderStatic(settings), ...target.renderBoot(settings).files])
    await writeFileAtomic(path, content, { stagingDir });
  const args = startArguments(server, server === 'caddy' ? settings.caddy.file : settings.traefik.staticFile);
  const running = startProcess(t, binary, args, { env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir } });
  const deployer = deployerOf(server, { settings, stagingDir, binary });
  await until(`${server} answers`, async () => (await deployer.live(AbortSignal.timeout(2000))).kind !== 'down').catch((error: unknown) => {
    throw new Error(`Cannot start ${server}: ${running.output().slice(-2000)}`, { cause: error });
  });
  return { target, settings, deployer };
}

function deployerOf(
  server: Server,
  { settings, stagingDir, binary }: { readonly settings: RenderSettings; readonly stagingDir: string; readonly binary: string },
): Deployer {
  const common = { stagingDir, binary, verifyTimeoutMs: 10_000 };
  return server === 'caddy'
    ? createCaddyDeployer({ ...common, file: settings.caddy.file, admin: settings.caddy.admin })
    : createTraefikDeployer({ ...common, file: settings.traefik.dynamicFile, api: settings.traefik.api });
}

/** Settings of a lab whose files lie in `dir`, on ports that are free. */
export async function labSettings(dir: string): Promise<RenderSettings> {
  const [web = 0, websecure = 0, alt = 0, admin = 0, api = 0, ...tcp] = await freePorts(9);
  const base = caddySettings({ dir, admin: `http://127.0.0.1:${admin}`, web, websecure });
  const { cert, key } = await ensureDefaultCertificate(join(dir, 'tls'));
  const at = (name: string, number: number, protocol: EntryPoint['protocol'], tls: boolean): EntryPoint => ({
    name,
    address: `127.0.0.1:${number}`,
    port: port(number),
    protocol,
    tls,
  });
  const credentials = { usersFile: join(dir, 'users'), users: [{ name: 'oracle', hash: new Secret(HASH) }] };
  return {
    ...base,
    trustedProxies: [`${TRUSTED_PROXY}/32`],
    entryPoints: [
      ...base.entryPoints,
      at('alt', alt, 'http', true),
      ...['gopher', 'postgres', 'gophersecure', 'terraria-tcp'].map((name, index) => at(name, tcp[index] ?? 0, 'tcp', false)),
    ],
    tls: { mode: 'files', certificates: [{ cert, key }], minVersion: '1.2' },
    credentials: new Map([
      ['mybasicauth', credentials],
      ['users', credentials],
    ]),
    traefik: { ...base.traefik, api: `http://127.0.0.1:${api}`, defaultCertificate: { cert, key } },
  };
}

/** Programs that answer with what they received, as many as are needed. */
export interface Echoes {
  /** The table with an address of ours in the place of every instance. Equal instances stay equal. */
  standIn(table: RoutingTable): Promise<RoutingTable>;
}

/** Echo programs that end with the test. */
export function startEchoes(t: TestContext, certificate: CertificatePaths): Echoes {
  const free: Record<'http' | 'https', Endpoint['port'][]> = { http: [], https: [] };
  return {
    async standIn(table) {
      const counts = { http: 0, https: 0 };
      const places = new Map<string, Endpoint>();
      const backends: Backend[] = [];
      for (const backend of table.backends) {
        const endpoints: Endpoint[] = [];
        for (const endpoint of backend.endpoints) {
          const key = `${endpoint.protocol} ${endpoint.address} ${endpoint.port}`;
          const place = places.get(key) ?? (await placeFor(endpoint, counts));
          places.set(key, place);
          endpoints.push({ ...endpoint, address: place.address, port: place.port });
        }
        backends.push({ ...backend, endpoints });
      }
      return createTable(table.routes, new Map(backends.map((backend) => [backend.id, backend])));
    },
  };

  async function placeFor(endpoint: Endpoint, counts: Record<'http' | 'https', number>): Promise<Endpoint> {
    const kind = endpoint.protocol === 'https' ? 'https' : 'http';
    const used = counts[kind];
    counts[kind] += 1;
    const known = free[kind][used] ?? (await startEcho(kind));
    free[kind][used] = known;
    return { ...endpoint, address: '127.0.0.1', port: known };
  }

  async function startEcho(kind: 'http' | 'https'): Promise<Endpoint['port']> {
    const { cert, key } = certificate;
    const listener: RequestListener = (received, response) => {
      const address = server.address();
      const own = typeof address === 'object' ? address?.port : 0;
      response.setHeader('x-echo', JSON.stringify({ instance: `127.0.0.1:${own}`, ...echoOf(received) }));
      response.end();
    };
    const server =
      kind === 'https' ? createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    whenEnded(t, async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    });
    const address = server.address();
    return port(typeof address === 'object' ? (address?.port ?? 0) : 0);
  }
}

function echoOf({ url = '', headers, method = '' }: IncomingMessage): Omit<NonNullable<RealAnswer['echo']>, 'instance'> {
  const prefix = headers['x-forwarded-prefix'];
  return { path: url, host: headers.host ?? '', method, ...(typeof prefix === 'string' && { prefix }) };
}

function send(request: AskedRequest, entryPoints: readonly EntryPoint[]): Promise<RealAnswer> {
  const { host, path, method, headers, from, sni } = request;
  const entryPoint = entryPoints.find(({ name }) => name === request.entryPoint);
  const name = (sni ?? host).replace(/\.?(:\d*)?$/, '');
  const servername = /^[A-Za-z0-9_.-]+$/.test(name) && !/^[\d.]+$/.test(name) ? name : '';
  const listed: Record<string, string[]> = {};
  for (const header of headers) (listed[header.name] ??= []).push(header.value);
  return new Promise((resolve) => {
    const asked = (entryPoint?.tls ? httpsRequest : httpRequest)(
      {
        host: '127.0.0.1',
        port: entryPoint?.port,
        path,
        method,
        setHost: false,
        headers: { host, ...listed },
        agent: false,
        localAddress: from,
        signal: AbortSignal.timeout(10_000),
        ...(entryPoint?.tls && { servername, rejectUnauthorized: false }),
      },
      (response) => {
        const { 'x-echo': echo, location } = response.headers;
        resolve({
          status: response.statusCode ?? 0,
          ...(location !== undefined && { location }),
          ...(typeof echo === 'string' && { echo: JSON.parse(echo) as NonNullable<RealAnswer['echo']> }),
        });
        response.resume();
      },
    );
    asked.once('error', () => resolve({ status: 0 }));
    asked.once('upgrade', (_response, socket) => {
      socket.destroy();
      resolve({ status: 101 });
    });
    asked.end();
  });
}
