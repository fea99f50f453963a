import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Agent, request } from 'undici';
import type { DiagnosticView, StatusView } from '../../src/controller/views.ts';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import { freePorts, needServer, startProcess, tempDir, type Running } from '../support/process.ts';
import { until } from '../support/until.ts';

/** One registration with Consul. */
export interface Registration {
  readonly service: string;
  readonly id: string;
  readonly port: number;
  readonly tags: readonly string[];
}

/** Consul, the controller and a proxy under a real supervisord, as `deploy/supervisord.conf` starts them. */
export interface World {
  readonly web: number;
  readonly websecure: number;
  /** Holds `hind-proxy.json`, the configuration, and all that belongs to this world. */
  readonly dir: string;
  /** The address of Consul's API. */
  readonly consul: string;
  readonly supervisor: Running;
  register(registration: Registration): Promise<void>;
  deregister(id: string): Promise<void>;
  setCheck(id: string, status: 'passing' | 'critical'): Promise<void>;
  status(): Promise<StatusView>;
  diagnostics(service: string): Promise<readonly DiagnosticView[]>;
  post(path: string, body?: unknown): Promise<unknown>;
  /** Asks supervisord to start or stop a program; waits for it. */
  supervise(action: 'startProcess' | 'stopProcess', program: 'consul' | 'proxy' | 'hind-proxy'): Promise<void>;
  pidOf(program: 'consul' | 'proxy' | 'hind-proxy'): Promise<number>;
  consulAnswers(): Promise<boolean>;
}

const ROOT = join(import.meta.dirname, '../..');

/** Starts everything; ends it when the test ends. Undefined where a server is missing and the test was skipped. */
export async function startWorld(t: TestContext, server: Server): Promise<World | undefined> {
  const supervisord = needServer(t, 'supervisord');
  const consul = needServer(t, 'consul');
  const binaries = SERVERS.map((name) => needServer(t, name));
  if (supervisord === undefined || consul === undefined || binaries.includes(undefined)) return undefined;
  const dir = await tempDir(t);
  await mkdir(join(dir, 'run'));
  const [web = 0, websecure = 0, caddyAdmin = 0, traefikApi = 0, admin = 0, http = 0, rpc = 0, serf = 0] = await freePorts(8);
  const config = join(dir, 'hind-proxy.json');
  await writeFile(
    config,
    JSON.stringify(configuration({ dir, server, ports: { web, websecure, caddyAdmin, traefikApi, admin, consul: http } }), null, 1),
  );
  const off = '-grpc-port -1 -grpc-tls-port -1 -dns-port -1 -serf-wan-port -1';
  const env = {
    HIND_PROXY: join(ROOT, 'scripts/hind-proxy'),
    HIND_PROXY_CONFIG: config,
    HIND_PROXY_RUN: join(dir, 'run'),
    CONSUL_COMMAND: `${consul} agent -dev -bind 127.0.0.1 -client 127.0.0.1 -http-port ${http} -server-port ${rpc} -serf-lan-port ${serf} ${off} -log-level error`,
    PROXY_SERVER: server,
    HOME: dir,
    XDG_DATA_HOME: join(dir, 'data'),
    XDG_CONFIG_HOME: join(dir, 'data'),
  };
  const supervisor = startProcess(t, supervisord, ['-c', join(ROOT, 'deploy/supervisord.conf')], {
    cwd: dir,
    env,
    logFile: join(dir, 'supervisord.log'),
  });
  const consulBase = `http://127.0.0.1:${http}/v1`;
  const adminBase = `http://127.0.0.1:${admin}`;
  const consulAnswers = async (): Promise<boolean> =>
    fetch(`${consulBase}/status/leader`).then(
      async (answer) => answer.ok && (await answer.text()).length > 4,
      () => false,
    );
  const get = async (path: string): Promise<unknown> => (await fetch(`${adminBase}${path}`)).json();
  await until('Consul to have a leader', consulAnswers, 30_000).catch((error: unknown) => {
    throw new Error(supervisor.output(), { cause: error });
  });
  await until(
    'the controller to see Consul',
    async () => JSON.stringify(await get('/v1/status').catch(() => '')).includes('"synced"'),
    30_000,
  ).catch((error: unknown) => {
    throw new Error(supervisor.output(), { cause: error });
  });
  return {
    web,
    websecure,
    dir,
    consul: `http://127.0.0.1:${http}`,
    supervisor,
    consulAnswers,
    async register({ service, id, port, tags }) {
      const body = {
        Name: service,
        ID: id,
        Address: '127.0.0.1',
        Port: port,
        Tags: tags,
        Check: { CheckID: `check-${id}`, Name: 'up', TTL: '24h', Status: 'passing' },
      };
      await put(`${consulBase}/agent/service/register`, body);
    },
    deregister: (id) => put(`${consulBase}/agent/service/deregister/${id}`),
    setCheck: (id, status) => put(`${consulBase}/agent/check/update/check-${id}`, { Status: status }),
    status: async () => (await get('/v1/status')) as StatusView,
    diagnostics: async (service) => (await get(`/v1/diagnostics?service=${encodeURIComponent(service)}`)) as readonly DiagnosticView[],
    post: (path, body = {}) => overSocket(join(dir, 'admin.sock'), path, JSON.stringify(body), 'application/json'),
    async supervise(action, program) {
      await rpcCall(join(dir, 'run/supervisor.sock'), `supervisor.${action}`, program);
    },
    async pidOf(program) {
      const answer = await rpcCall(join(dir, 'run/supervisor.sock'), 'supervisor.getProcessInfo', program);
      return Number(/<name>pid<\/name>\s*<value><int>(\d+)<\/int>/.exec(answer)?.[1] ?? 0);
    },
  };
}

function configuration({
  dir,
  server,
  ports,
}: {
  readonly dir: string;
  readonly server: Server;
  readonly ports: Readonly<Record<'web' | 'websecure' | 'caddyAdmin' | 'traefikApi' | 'admin' | 'consul', number>>;
}): object {
  const at = (port: number): string => `127.0.0.1:${port}`;
  return {
    stateDir: join(dir, 'state'),
    sources: { consul: { address: `http://${at(ports.consul)}` } },
    routes: { tombstone: '2s' },
    tls: { mode: 'internal' },
    proxies: [
      {
        name: 'edge',
        server,
        entrypoints: { web: at(ports.web), websecure: { address: at(ports.websecure), tls: true } },
        caddy: { file: join(dir, 'Caddyfile'), admin: `http://${at(ports.caddyAdmin)}` },
        traefik: {
          staticFile: join(dir, 'traefik.yaml'),
          dynamicFile: join(dir, 'dynamic/hind-proxy.yml'),
          api: `http://${at(ports.traefikApi)}`,
        },
      },
    ],
    admin: { listen: at(ports.admin), socket: join(dir, 'admin.sock') },
  };
}

async function put(url: string, body?: object): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', ...(body && { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${url}: ${answer.status} ${await answer.text()}`);
}

async function rpcCall(socketPath: string, method: string, program: string): Promise<string> {
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params><param><value><string>${program}</string></value></param></params></methodCall>`;
  return (await overSocket(socketPath, '/RPC2', body, 'text/xml')) as string;
}

async function overSocket(socketPath: string, path: string, body: string, contentType: string): Promise<unknown> {
  const dispatcher = new Agent({ connect: { socketPath } });
  try {
    const answer = await request(`http://localhost${path}`, { method: 'POST', dispatcher, body, headers: { 'content-type': contentType } });
    const text = await answer.body.text();
    assert.ok(answer.statusCode < 300, `${path}: ${answer.statusCode} ${text}`);
    return contentType === 'application/json' ? (JSON.parse(text) as unknown) : text;
  } finally {
    await dispatcher.close();
  }
}
