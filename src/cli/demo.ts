import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RawConfig } from '../config/environment.ts';
import type { Cycle } from '../controller/cycle.ts';
import { routeViews } from '../controller/views.ts';
import { sleep } from '../lib/async.ts';
import { findBinary, usableBinary, type BinaryName } from '../lib/binaries.ts';
import { reservePorts } from '../lib/ports.ts';
import { programmingSetUpFor, type Context } from './context.ts';
import { startDemoBackends, type DemoBackend } from './demo-backends.ts';
import { CommandError, EXIT } from './errors.ts';
import { fittedBy } from './scene.ts';
import { launchProxy } from './exec-proxy.ts';
import type { GlobalFlags } from './flags.ts';
import { loadFor } from './load-for.ts';
import { proxyOf } from './paths.ts';
import { runController } from './run.ts';
import type { Setup } from './setup.ts';
import { routesTable } from './show.ts';

/** What `demo` takes. */
export interface DemoFlags {
  readonly proxy?: string;
  /** With a Consul agent instead of a service file. */
  readonly consul?: boolean;
  readonly verbose?: boolean;
}

/** One registration of the demonstration. */
interface DemoService {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
}

/** Ports of one demonstration, all free a moment ago. */
interface DemoPorts {
  readonly web: number;
  readonly websecure: number;
  readonly caddyAdmin: number;
  readonly traefikApi: number;
  readonly admin: number;
  readonly consul: number;
  readonly consulRpc: number;
  readonly consulSerf: number;
}

/**
 * Runs everything on loopback in a directory of its own: three small services with tags in the three dialects, the controller, the proxy
 * and, where asked for, a Consul agent. Prints what to call, what to change and with which commands to look at it: they take the
 * configuration that stands there. Ends with nothing left when `signal` aborts or its terminal is closed.
 */
export async function demo(flags: DemoFlags, context: Context): Promise<number> {
  const { printer, signal } = context;
  const env = withoutOptions(context.env);
  const server = (flags.proxy ?? context.env['PROXY_SERVER'] ?? 'caddy').toLowerCase();
  const directory = await mkdtemp(join(tmpdir(), 'hind-proxy-demo-'));
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  // the terminal was closed
  const onHangUp = (): void => ended.abort();
  process.on('SIGHUP', onHangUp);
  const orphaned = context.env['npm_lifecycle_event'] === undefined ? undefined : whenOrphaned(() => ended.abort());
  const backends = await startDemoBackends(['web-1', 'web-2', 'api-1', 'shop-1']);
  const running: Promise<unknown>[] = [];
  try {
    await using reserved = await reservePorts(8);
    const ports = demoPorts(reserved.ports);
    const file = join(directory, 'services', 'demo.json');
    const config = join(directory, 'hind-proxy.json');
    await writeJson(config, demoConfig({ directory, server, ports, consul: flags.consul ?? false }));
    const own = { config, ...(flags.verbose && { verbose: true }) };
    const readSetup = (): Promise<Setup> => programmingSetUpFor(own, { ...context, env }, { quiet: true });
    const named = proxyOf(loadFor(own, { env }).config).server;
    await ensureServers([named, ...(flags.consul ? (['consul'] as const) : [])], context);
    if (stop.aborted) return EXIT.ok;
    const services = demoServices(backends.backends);
    if (flags.consul) running.push((await startConsul({ env, ports, services, directory, stop })).ended);
    else await writeJson(file, services);
    const setup = await readSetup();
    let told = false;
    const proxy = launchProxy(setup, { setUpAnew: readSetup, output: flags.verbose ? 'inherit' : 'ignore', signal: stop }).then((code) => {
      if (!stop.aborted) throw new CommandError(`The proxy ended with ${code}`);
    });
    const tell = ({ change, diagnostics, outcome }: Cycle): void => {
      if (told || (outcome.kind !== 'applied' && outcome.kind !== 'unchanged') || change.serving.routes.length === 0) return;
      told = true;
      printer.out(routesTable(routeViews(change.serving, { held: change.held, diagnostics, fitted: fittedBy(setup)(change.serving) })));
      for (const line of instructions({ ports, server, config, services, ...(!flags.consul && { file }) })) printer.out(line);
    };
    const controller = runControllers(setup, { flags: own, onReady: tell, readSetup, signal: stop });
    running.push(proxy, controller);
    await Promise.race([...running, aborted(stop)]);
    return EXIT.ok;
  } finally {
    clearInterval(orphaned);
    ended.abort();
    await Promise.allSettled(running);
    await backends.close();
    await rm(directory, { recursive: true, force: true });
    printer.say('Ended; nothing is left running');
    process.off('SIGHUP', onHangUp);
  }
}

/** A controller, and after each switch of the proxy another one for that. */
async function runControllers(
  first: Setup,
  {
    flags,
    onReady,
    readSetup,
    signal,
  }: {
    readonly flags: GlobalFlags;
    readonly onReady: (cycle: Cycle) => void;
    readonly readSetup: () => Promise<Setup>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  for (let setup = first; !signal.aborted; setup = await readSetup()) {
    const switched = new AbortController();
    const onSwitched = (): void => switched.abort();
    await runController(setup, { adopt: true, flags, onReady, onSwitched, signal: AbortSignal.any([signal, switched.signal]) });
  }
}

function demoServices(backends: readonly DemoBackend[]): readonly DemoService[] {
  const tagsOf: Readonly<Record<string, readonly string[]>> = {
    web: ['urlprefix-web.localhost/', 'urlprefix-web.localhost/files strip=/files'],
    api: [
      'traefik.enable=true',
      'traefik.http.routers.api.rule=Host(`api.localhost`) && PathPrefix(`/v1`)',
      'traefik.http.routers.api.entrypoints=web',
      'traefik.http.routers.api.middlewares=cut',
      'traefik.http.middlewares.cut.stripprefix.prefixes=/v1',
    ],
    shop: ['https://shop.localhost'],
  };
  return backends.map(({ name: id, port }) => {
    const name = id.replace(/-\d+$/, '');
    return { name, id, address: '127.0.0.1', port, tags: tagsOf[name] ?? [] };
  });
}

function demoConfig({
  directory,
  server,
  ports,
  consul,
}: {
  readonly directory: string;
  readonly server: string;
  readonly ports: DemoPorts;
  readonly consul: boolean;
}): RawConfig {
  const at = (port: number): string => `127.0.0.1:${port}`;
  return {
    stateDir: join(directory, 'state'),
    sources: consul ? { consul: { address: `http://${at(ports.consul)}` } } : { file: { path: join(directory, 'services'), poll: '1s' } },
    tls: { mode: 'internal' },
    routes: { tombstone: '5s' },
    proxies: [
      {
        name: 'demo',
        server,
        entrypoints: { web: at(ports.web), websecure: { address: at(ports.websecure), tls: true } },
        caddy: { file: join(directory, 'proxy/Caddyfile'), admin: `http://${at(ports.caddyAdmin)}` },
        traefik: {
          staticFile: join(directory, 'proxy/traefik.yaml'),
          dynamicFile: join(directory, 'proxy/dynamic/hind-proxy.yml'),
          api: `http://${at(ports.traefikApi)}`,
        },
      },
    ],
    admin: { listen: at(ports.admin), socket: null },
  };
}

/** The environment without what would change the demonstration. */
function withoutOptions(env: Context['env']): Context['env'] {
  const isOption = (name: string): boolean =>
    /^(HIND_PROXY_|PROXY_SERVER$|CONSUL_|NOMAD_|FQDN$|DOMAIN_SUFFIX$|TRAEFIK_PROVIDER)/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOption(name)));
}

/** What runs from any directory. */
const PROGRAM = join(import.meta.dirname, '../../scripts/hind-proxy');

function instructions({
  ports,
  server,
  config,
  services,
  file,
}: {
  readonly ports: DemoPorts;
  readonly server: string;
  readonly config: string;
  readonly services: readonly DemoService[];
  readonly file?: string;
}): readonly string[] {
  const command = (text: string): string => `  ${PROGRAM} ${text} --config ${config}`;
  const http = `http://127.0.0.1:${ports.web}`;
  const consul = `http://127.0.0.1:${ports.consul}`;
  const port = services.find(({ name }) => name === 'web')?.port;
  // Fabio's tags are read of services with a check
  const check = { TCP: `127.0.0.1:${port}`, Interval: '1s', Status: 'passing' };
  const example = { Name: 'new', Address: '127.0.0.1', Port: port, Tags: ['urlprefix-new.localhost/'], Check: check };
  return [
    '',
    `Served by ${server}. Try:`,
    `  curl -H 'Host: web.localhost' ${http}/`,
    `  curl -H 'Host: web.localhost' ${http}/files/a.txt`,
    `  curl -H 'Host: api.localhost' ${http}/v1/users`,
    `  curl -k --resolve shop.localhost:${ports.websecure}:127.0.0.1 https://shop.localhost:${ports.websecure}/`,
    '',
    ...(file === undefined
      ? [
          `Register or deregister services with the Consul agent at ${consul} (to look at: ${consul}/ui) and see the answers change:`,
          `  curl -X PUT ${consul}/v1/agent/service/register -d '${JSON.stringify(example)}'`,
          `  curl -H 'Host: new.localhost' ${http}/`,
          `  curl -X PUT ${consul}/v1/agent/service/deregister/new`,
        ]
      : [
          `Edit ${file} (change web.localhost to new.localhost, say) and see the answers change:`,
          `  curl -H 'Host: new.localhost' ${http}/`,
        ]),
    'Look inside (status, services, test, generations and diff likewise), or change the proxy while it serves:',
    command('routes'),
    command('explain http://web.localhost/files/a.txt'),
    command(`switch ${server === 'caddy' ? 'traefik' : 'caddy'}`),
    `State: curl http://127.0.0.1:${ports.admin}/v1/status    routes: /v1/routes    what is wrong: /v1/diagnostics    metrics: /metrics`,
    'Ctrl-C ends everything.',
  ];
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Installs what is missing, with progress. */
async function ensureServers(names: readonly BinaryName[], { env, printer, signal }: Context): Promise<void> {
  const missing = names.filter((name) => usableBinary(name, env) === undefined);
  if (missing.length === 0) return;
  printer.say(`Installing ${missing.join(' and ')} into .servers (once)`);
  const script = join(import.meta.dirname, '../../scripts/servers.ts');
  const child = spawn(process.execPath, [script, ...missing], { stdio: ['ignore', 'inherit', 'inherit'], signal });
  const code = await new Promise<number>((resolve) =>
    child.once('error', () => resolve(1)).once('exit', (exitCode) => resolve(exitCode ?? 1)),
  );
  if (code !== 0 && !signal.aborted)
    throw new CommandError(`Cannot install ${missing.join(' and ')}: scripts/servers.ts ended with ${code}`);
}

/** Starts a development agent and registers the services; the returned promise is settled when the agent has ended. */
async function startConsul(options: {
  readonly env: Context['env'];
  readonly ports: DemoPorts;
  readonly services: readonly DemoService[];
  readonly directory: string;
  readonly stop: AbortSignal;
}): Promise<{ readonly ended: Promise<void> }> {
  const { env, ports, services, directory, stop } = options;
  const binary = findBinary('consul', env);
  if (binary === undefined) throw new CommandError('Cannot run consul: no such program');
  const off = ['-grpc-port', '-1', '-grpc-tls-port', '-1', '-dns-port', '-1', '-serf-wan-port', '-1'];
  const args = [
    'agent',
    '-dev',
    '-bind',
    '127.0.0.1',
    '-client',
    '127.0.0.1',
    '-http-port',
    String(ports.consul),
    '-server-port',
    String(ports.consulRpc),
    '-serf-lan-port',
    String(ports.consulSerf),
    '-log-level',
    'error',
    ...off,
  ];
  const child = spawn(binary, args, { cwd: directory, env: { PATH: env['PATH'] ?? '', HOME: directory }, stdio: 'ignore' });
  const ended = childEnd(child, stop);
  const base = `http://127.0.0.1:${ports.consul}/v1`;
  while (!stop.aborted && !(await isLeader(base, stop))) await sleep(100, stop);
  for (const { name, id, address, port, tags } of services) {
    const body = { Name: name, ID: id, Address: address, Port: port, Tags: tags, Check: { Name: 'up', TTL: '24h', Status: 'passing' } };
    await fetch(`${base}/agent/service/register`, { method: 'PUT', body: JSON.stringify(body), signal: stop });
  }
  return { ended };
}

async function isLeader(base: string, stop: AbortSignal): Promise<boolean> {
  return fetch(`${base}/status/leader`, { signal: stop }).then(
    async (answer) => answer.ok && (await answer.text()).length > 4,
    () => false,
  );
}

async function childEnd(child: ChildProcess, stop: AbortSignal): Promise<void> {
  stop.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  await new Promise<void>((resolve) => child.once('error', () => resolve()).once('exit', () => resolve()));
  if (!stop.aborted) throw new CommandError('The Consul agent has ended');
}

function demoPorts(ports: readonly number[]): DemoPorts {
  const [web = 0, websecure = 0, caddyAdmin = 0, traefikApi = 0, admin = 0, consul = 0, consulRpc = 0, consulSerf = 0] = ports;
  return { web, websecure, caddyAdmin, traefikApi, admin, consul, consulRpc, consulSerf };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** npm that is killed takes its shell with it and does not tell the program. */
function whenOrphaned(act: () => void): NodeJS.Timeout {
  const parent = process.ppid;
  return setInterval(() => process.ppid !== parent && act(), 500);
}
