import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createCaddyDeployer } from '../../src/apply/caddy.ts';
import type { Deployer } from '../../src/apply/deployer.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { port } from './intents.ts';
import { freePorts, startProcess, tempDir, type Running } from './process.ts';
import { until } from './until.ts';

/** Settings with a plain entry point `web` and a TLS one `websecure` on loopback. */
export function caddySettings(options: {
  readonly dir: string;
  readonly admin: string;
  readonly web: number;
  readonly websecure: number;
}): RenderSettings {
  const { dir, admin, web, websecure } = options;
  return {
    entryPoints: [
      { name: 'web', address: `127.0.0.1:${web}`, port: port(web), protocol: 'http', tls: false },
      { name: 'websecure', address: `127.0.0.1:${websecure}`, port: port(websecure), protocol: 'http', tls: true },
    ],
    unknownHost: { status: 404 },
    tls: { mode: 'internal', certificates: [], minVersion: '1.2' },
    trustedProxies: [],
    accessLogs: false,
    modules: new Set(),
    caddy: { file: join(dir, 'Caddyfile'), admin },
    traefik: {
      staticFile: join(dir, 'traefik.yaml'),
      dynamicFile: join(dir, 'dynamic/hind-proxy.yml'),
      api: 'http://127.0.0.1:1',
      apiUsers: [],
      defaultCertificate: { cert: join(dir, 'default.crt'), key: join(dir, 'default.key') },
    },
  };
}

/** A real Caddy that booted from `renderBoot`, with a deployer for it. */
export interface RunningCaddy {
  readonly settings: RenderSettings;
  readonly deployer: Deployer;
  readonly web: number;
  readonly websecure: number;
  readonly process: Running;
}

/** Starts a Caddy on free loopback ports, or with its admin endpoint on a unix socket; it ends with the test. */
export async function startCaddy(
  t: TestContext,
  binary: string,
  { socket = false }: { readonly socket?: boolean } = {},
): Promise<RunningCaddy> {
  const dir = await tempDir(t);
  const [adminPort = 0, web = 0, websecure = 0] = await freePorts(3);
  const admin = socket ? `unix/${join(dir, 'admin.sock')}` : `http://127.0.0.1:${adminPort}`;
  const settings = caddySettings({ dir, admin, web, websecure });
  const stagingDir = join(dir, 'staging');
  await mkdir(stagingDir);
  const { file } = settings.caddy;
  await writeFile(file, caddyTarget.renderBoot(settings).files[0]?.content ?? '');
  const env = { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const running = startProcess(t, binary, ['run', '--adapter', 'caddyfile', '--config', file], { env });
  const deployer = createCaddyDeployer({ file, admin, stagingDir, binary, verifyTimeoutMs: 5000 });
  await until('Caddy answers', async () => (await deployer.live(AbortSignal.timeout(2000))).kind !== 'down').catch((error: unknown) => {
    throw new Error(`Cannot start Caddy: ${running.output().slice(-2000)}`, { cause: error });
  });
  return { settings, deployer, web, websecure, process: running };
}

/** What an echo backend received. */
export interface Echo {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** A backend that answers with what it received; returns its port. */
export async function startEcho(t: TestContext, name: string): Promise<number> {
  const server = createServer(({ method, url, headers }, response) => response.end(JSON.stringify({ name, method, url, headers })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot start a backend: it has no port');
  return address.port;
}

/** An answer of the proxy; `echo` where a backend gave it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly echo?: Echo;
}

/** Sends one request with its path as it stands. */
export function ask(
  to: { readonly port: number; readonly tls?: boolean },
  options: {
    readonly host: string;
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
    /** Source address; absent: the machine's choice. */
    readonly from?: string;
  },
): Promise<Answer> {
  const { host, path = '/', method = 'GET', headers = {}, body: sent, from } = options;
  const send = to.tls === true ? tlsRequest : request;
  return new Promise((resolve, reject) => {
    const asked = send(
      {
        host: '127.0.0.1',
        port: to.port,
        path,
        method,
        headers: { ...headers, host },
        agent: false,
        ...(from !== undefined && { localAddress: from }),
        signal: AbortSignal.timeout(10_000),
        ...(to.tls === true && { servername: host.replace(/:\d+$/, ''), rejectUnauthorized: false }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (data: string) => (body += data));
        response.on('end', () => {
          const echo = body.startsWith('{"name":') ? (JSON.parse(body) as Echo) : undefined;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, ...(echo && { echo }) });
        });
      },
    );
    asked.once('error', reject);
    asked.end(sent);
  });
}
