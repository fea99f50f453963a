import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer as createHttp } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ProxyStateFile } from '../../src/apply/proxy-files.ts';
import type { DiagnosticView, StatusView } from '../../src/controller/views.ts';
import { findBinary } from '../../src/lib/binaries.ts';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import { ask, startEcho } from '../support/echo.ts';
import { acceptOf } from '../support/load.ts';
import { freePorts, needServer, startProcess, tempDir, whenEnded, type Running } from '../support/process.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src/main.ts');

/** How a command ended, and all that it said. */
export interface Ended {
  readonly code: number | string;
  readonly output: string;
}

/** A directory with a configuration, service files and free ports for both proxies, of which none runs yet. */
export interface Site {
  readonly dir: string;
  readonly web: number;
  readonly websecure: number;
  /** A tcp entry point, where only Traefik listens. */
  readonly raw: number;
  readonly config: string;
  readonly env: Record<string, string>;
  /** What the service file says from now on, beside the services that are always there. */
  readonly serve: (services: readonly object[]) => Promise<void>;
  readonly start: (command: 'run' | 'exec-proxy', env?: Record<string, string>) => Running;
  /** Starts a command that is to be ended in another way. */
  readonly begin: (args: readonly string[], env?: Record<string, string>) => Running;
  /** Runs a command to its end. */
  readonly command: (args: readonly string[], env?: Record<string, string>) => Promise<Ended>;
  readonly status: () => Promise<StatusView | undefined>;
  /** What the controller says of tags; empty where it does not answer. */
  readonly diagnostics: () => Promise<readonly DiagnosticView[]>;
  readonly metrics: () => Promise<string>;
  readonly running: () => Promise<ProxyStateFile>;
}

/** Undefined where a server is missing and the test was skipped. */
export async function openSite(t: TestContext, server: Server): Promise<Site | undefined> {
  if (SERVERS.some((name) => needServer(t, name) === undefined)) return undefined;
  const dir = await tempDir(t);
  const [web = 0, websecure = 0, caddy = 0, traefik = 0, listen = 0, raw = 0] = await freePorts(6);
  await mkdir(join(dir, 'services'));
  await mkdir(join(dir, 'tmp'));
  const echo = await startEcho(t, 'web-1');
  const socketPort = await startSocketBackend(t);
  const config = join(dir, 'hind-proxy.json');
  await writeFile(
    config,
    JSON.stringify({
      stateDir: join(dir, 'state'),
      sources: { file: { path: join(dir, 'services'), poll: '1s' } },
      routes: { tombstone: '0s' },
      tls: { mode: 'internal' },
      proxies: [
        {
          server,
          entrypoints: {
            web: `127.0.0.1:${web}`,
            websecure: { address: `127.0.0.1:${websecure}`, tls: true },
            raw: { address: `127.0.0.1:${raw}`, protocol: 'tcp' },
          },
          caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${caddy}` },
          traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml'), api: `http://127.0.0.1:${traefik}` },
        },
      ],
      admin: { listen: `127.0.0.1:${listen}`, socket: null },
    }),
  );
  const base = { HOME: dir, TMPDIR: join(dir, 'tmp'), XDG_DATA_HOME: join(dir, 'data'), XDG_CONFIG_HOME: join(dir, 'data') };
  const always = [
    { name: 'web', id: 'web-1', address: '127.0.0.1', port: echo.port, tags: ['urlprefix-web.test/', 'urlprefix-web.test/cut strip=/cut'] },
    { name: 'sock', id: 'sock-1', address: '127.0.0.1', port: socketPort, tags: ['urlprefix-sock.test/'] },
  ];
  const serve = (services: readonly object[]): Promise<void> =>
    writeFile(join(dir, 'services/all.json'), JSON.stringify([...always, ...services]));
  await serve([]);
  const begin = (args: readonly string[], env: Record<string, string> = {}): Running =>
    startProcess(t, process.execPath, [MAIN, ...args, '--config', config], { env: { ...base, ...env } });
  const said = (what: string): Promise<unknown> =>
    fetch(`http://127.0.0.1:${listen}/v1/${what}`).then(
      (answer) => answer.json(),
      () => undefined,
    );
  return {
    dir,
    web,
    websecure,
    raw,
    config,
    env: base,
    serve,
    begin,
    start: (command, env) => begin([command], env),
    async command(args, env) {
      const running = begin(args, env);
      const code = await running.ended;
      return { code, output: running.output() };
    },
    status: async () => (await said('status')) as StatusView | undefined,
    diagnostics: async () => ((await said('diagnostics')) ?? []) as readonly DiagnosticView[],
    metrics: async () => (await fetch(`http://127.0.0.1:${listen}/metrics`)).text(),
    running: async () => JSON.parse(await readFile(join(dir, 'state/proxy-state.json'), 'utf8')) as ProxyStateFile,
  };
}

/** A backend that upgrades and then sends back every byte. */
async function startSocketBackend(t: TestContext): Promise<number> {
  const server = createHttp((_, response) => response.end('sock'));
  server.on('upgrade', ({ headers }, socket) => {
    const accept = acceptOf(headers['sec-websocket-key'] ?? '');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenEnded(t, async () => {
    server.closeAllConnections();
    server.close();
    await Promise.resolve();
  });
  return (server.address() as AddressInfo).port;
}

/** Whether the proxy serves a host. */
export const serves = async ({ web }: Site, host = 'web.test'): Promise<boolean> => (await ask(web, { host })).status === 200;
/** Whether the controller serves by this proxy, and has verified it. */
export const runs = async (site: Site, server: Server): Promise<boolean> => {
  const status = await site.status();
  return status?.ready === true && status.proxies[0]?.server === server && status.proxies[0].verified;
};

/** exec-proxy and a controller that serve. */
export async function startBoth(
  site: Site,
  env: { readonly parent?: Record<string, string>; readonly controller?: Record<string, string> } = {},
): Promise<{ readonly parent: Running; readonly controller: Running }> {
  const parent = site.start('exec-proxy', env.parent);
  const controller = site.start('run', env.controller);
  await until('the services to be served', async () => (await serves(site)) && (await site.status())?.ready === true, 30_000).catch(
    (error: unknown) => {
      throw new Error(parent.output() + controller.output(), { cause: error });
    },
  );
  return { parent, controller };
}

/** An environment with a program that runs a real proxy in another way; `script` gets its arguments and the real one as `$REAL`. */
export async function wrapped(dir: string, server: Server, script: string): Promise<Record<string, string>> {
  const path = join(dir, `${server}-wrapped`);
  await writeFile(path, `#!/bin/sh\nREAL='${findBinary(server, process.env) ?? ''}'\n${script}\n`);
  await chmod(path, 0o755);
  return { [`${server.toUpperCase()}_BIN`]: path };
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
