import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { startDemoBackends } from '../../src/cli/demo-backends.ts';
import type { StatusView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { freePorts } from '../../test/support/process.ts';
import { backendOf } from './answer.ts';
import { waitFor, type Lab } from './lab.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src/start.js');

/** How a program ended, what it printed on each stream, and what it took: ms on the clock, and of CPU with the programs that it waited for. */
export interface Timed {
  readonly code: number;
  readonly out: string;
  readonly told: string;
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Services in a file, a proxy that `exec-proxy` runs, and the commands of a fleet. */
export interface Fleet {
  /** Serves so many services from now on, one route each, the first under this host. */
  serve(host: string): Promise<void>;
  /** Whether the proxy answers for a host. */
  answers(host: string): Promise<boolean>;
  /** Runs a command to its end, `scripts/rollback` by that name. Consul is down for those that put something back. */
  command(args: readonly string[]): Promise<Timed>;
  startController(): void;
  /** Undefined where no controller answers. */
  status(): Promise<StatusView | undefined>;
  readonly web: number;
}

/** Starts the proxy of a fleet of so many services; no controller runs yet. */
export async function startFleet(lab: Lab, { server, services }: { readonly server: Server; readonly services: number }): Promise<Fleet> {
  const [web = 0, admin = 0, api = 0, listen = 0, nobody = 0] = await freePorts(5);
  const dir = await lab.dir(`fleet-${server}-${web}`);
  const echoes = await startDemoBackends(['echo']);
  lab.after(() => echoes.close());
  const port = echoes.backends[0]?.port ?? 0;
  const file = join(await lab.dir(`fleet-${server}-${web}/services`), 'all.json');
  const config = {
    stateDir: join(dir, 'state'),
    sources: { file: { path: join(dir, 'services'), poll: '1s' }, consul: false },
    routes: { tombstone: '0s' },
    proxies: [
      {
        server,
        entrypoints: { web: `127.0.0.1:${web}` },
        caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${admin}` },
        traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml'), api: `http://127.0.0.1:${api}` },
      },
    ],
    admin: { listen: `127.0.0.1:${listen}`, socket: null },
  };
  const paths = { online: join(dir, 'online.json'), offline: join(dir, 'offline.json') };
  await writeFile(paths.online, JSON.stringify(config));
  // Consul is down where a rollback is measured
  await writeFile(paths.offline, JSON.stringify({ ...config, sources: { consul: { address: `http://127.0.0.1:${nobody}` } } }));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: dir,
    XDG_CACHE_HOME: await lab.dir('cache'),
    XDG_DATA_HOME: join(dir, 'data'),
    XDG_CONFIG_HOME: join(dir, 'data'),
  };
  lab.start(process.execPath, [MAIN, 'exec-proxy', '--config', paths.online], env);
  const answers = async (host: string): Promise<boolean> => (await backendOf(web, host)) !== undefined;
  await waitFor(
    `${server} to answer`,
    () =>
      fetch(`http://127.0.0.1:${web}`).then(
        () => true,
        () => false,
      ),
    { signal: lab.signal },
  );
  return {
    web,
    answers,
    serve: (host) =>
      writeFile(
        file,
        JSON.stringify(
          Array.from({ length: services }, (_, index) => ({
            name: `s${index}`,
            id: `s${index}`,
            address: '127.0.0.1',
            port,
            tags: [`urlprefix-${index === 0 ? host : `s${index}.bench`}/`],
          })),
        ),
      ),
    command([name = '', ...rest]) {
      const program = name === 'scripts/rollback' ? [join(ROOT, name)] : [process.execPath, MAIN, name];
      const [path = '', ...first] = program;
      const chosen = name.endsWith('rollback') ? paths.offline : paths.online;
      return timed(path, [...first, ...rest, '--config', chosen], env);
    },
    startController: () => void lab.start(process.execPath, [MAIN, 'run', '--config', paths.online], env),
    status: () =>
      fetch(`http://127.0.0.1:${listen}/v1/status`).then(
        async (answer) => (await answer.json()) as StatusView,
        () => undefined,
      ),
  };
}

/** Runs a program to its end; the shell around it tells what it has used. */
export async function timed(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Timed> {
  const startedAtMs = performance.now();
  const child = spawn('/bin/sh', ['-c', '"$@" 3>&-; code=$?; times >&3; exit $code', 'sh', file, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [out, told, times] = await Promise.all(child.stdio.slice(1).map((stream) => text(stream as Readable)));
  const wallMs = performance.now() - startedAtMs;
  // the second line is of what it ran: minutes and seconds of its own, and in the kernel
  const used = [...(times?.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  const code = child.exitCode ?? (await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1))));
  return { code, out: out ?? '', told: told ?? '', wallMs, cpuMs: 1000 * used.reduce((sum, seconds) => sum + seconds, 0) };
}
