import { hostname, networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { createCaddyDeployer } from '../apply/caddy.ts';
import type { Deployer } from '../apply/deployer.ts';
import { runningServer } from '../apply/proxy-files.ts';
import type { ListenAddress } from '../apply/gate.ts';
import { listenAddress, strangerText } from '../apply/sockets.ts';
import { createTraefikDeployer } from '../apply/traefik.ts';
import { controlKey } from '../compile/addresses.ts';
import type { Attachment, CompileOptions, Grant } from '../compile/options.ts';
import { policiesOf, transportsOf } from '../config/policies.ts';
import type { Config } from '../config/options.ts';
import { openClaims } from '../controller/claims.ts';
import { createController, type Controller } from '../controller/controller.ts';
import type { CycleObserver } from '../controller/cycle.ts';
import { openGenerations, type GenerationStore } from '../controller/generations.ts';
import type { HoldoffOptions } from '../controller/holdoff.ts';
import { openPlanMemory } from '../controller/plan-memory.ts';
import { createPipeline, type Pipeline } from '../controller/pipeline.ts';
import { openSnapshots, type SnapshotStore } from '../controller/snapshots.ts';
import type { WatchedSource } from '../controller/watcher.ts';
import { findBinary } from '../lib/binaries.ts';
import { systemClock } from '../lib/clock.ts';
import { parseCidr } from '../lib/ip.ts';
import { parseHostname, sourceId } from '../model/names.ts';
import { createDialects } from './dialects.ts';
import type { GuardOptions } from '../plan/guard.ts';
import { proxyOf, startFileOf } from './paths.ts';
import { knownSecrets } from './secrets.ts';
import { listensOf, servedNoter } from './served.ts';
import { API_USER, type Setup } from './setup.ts';
import { createSources } from './sources.ts';
import { assertProxyFiles, assertStaging } from './state-dir.ts';

/** Everything of one proxy opened: stores, sources, controller. */
export interface Runtime {
  readonly setup: Setup;
  readonly controller: Controller;
  readonly pipeline: Pipeline;
  readonly sources: readonly WatchedSource[];
  readonly snapshots: SnapshotStore;
  readonly generations: GenerationStore;
  readonly deployer: Deployer;
}

/** Makes the directories that a program needs which gives the proxy anything. Throws `CommandError` where something else is in the way. */
export async function makeDirectories(setup: Pick<Setup, 'server' | 'paths'>): Promise<void> {
  const { server, paths } = setup;
  await assertStaging(paths.stagingDir);
  await assertProxyFiles(setup);
  await ensureDirectory(dirname(server === 'caddy' ? paths.caddyfile : paths.traefikDynamic));
}

/** Opens the stores and makes the controller of a set-up. Nothing is written before it is given something to do. */
export async function openRuntime(
  setup: Setup,
  {
    adopt = false,
    looksOnly = false,
    observer,
  }: {
    readonly adopt?: boolean;
    /** State that cannot be used stays where it is. */
    readonly looksOnly?: boolean;
    readonly observer?: CycleObserver;
  },
): Promise<Runtime> {
  const { config, paths, log, target, settings, version } = setup;
  const proxy = proxyOf(config);
  const sources = await createSources(setup);
  const damage = { looksOnly, log };
  const snapshots = await openSnapshots(paths.stateDir, { sources: sources.map(({ source }) => source.id), ...damage });
  const generations = await openGenerations(paths.stateDir, { keep: proxy.apply.keepGenerations, ...damage });
  const claims = await openClaims(paths.stateDir, { ttlMs: config.ownership.claimTtl, ...damage });
  const deployer = tellingWhy(createDeployer(setup), setup);
  const dialects = createDialects(setup);
  const pipeline = createPipeline({
    dialects,
    compile: compileOptions(setup),
    primary: sourceId(config.sources.primary),
    merge: config.sources.merge,
  });
  const controller = await createController({
    proxy: proxy.name,
    version,
    sources,
    pipeline,
    target,
    settings,
    deployer,
    snapshots,
    generations,
    claims,
    memory: await openPlanMemory(paths.stateDir, damage),
    holdoff: holdoffOptions(setup),
    plan: { tombstoneMs: config.routes.tombstone, guard: guardOptions(config) },
    startupWaitMs: config.guards.startupWait,
    foreign: proxy.start === 'auto' || adopt ? 'adopt' : 'refuse',
    secrets: await knownSecrets(setup),
    onServed: servedNoter(setup),
    clock: systemClock,
    log,
    ...(observer && { observer }),
  });
  return { setup, controller, pipeline, sources, snapshots, generations, deployer };
}

/** When removals have to be confirmed. */
export function guardOptions({ guards: { maxRemovedPercent, minRemoved, allowEmpty } }: Config): GuardOptions {
  return { maxRemovedPercent, minRemoved, allowEmpty, holdMs: 60_000, rereadMs: 10_000 };
}

/** The deployer of the proxy of a set-up. */
export function createDeployer({ config, env, paths, apiPassword }: Setup): Deployer {
  const proxy = proxyOf(config);
  const binary = findBinary(proxy.server, env);
  const common = { stagingDir: paths.stagingDir, binary, verifyTimeoutMs: proxy.apply.verifyTimeout };
  if (proxy.server === 'caddy') return createCaddyDeployer({ ...common, file: paths.caddyfile, admin: proxy.caddy.admin });
  const authorization = apiPassword && `Basic ${Buffer.from(`${API_USER}:${apiPassword.reveal()}`).toString('base64')}`;
  return createTraefikDeployer({ ...common, file: paths.traefikDynamic, api: proxy.traefik.api, authorization });
}

/** The deployer, which says why its proxy does not answer: `exec-proxy` runs the other one, or cannot run it because its place is taken. */
function tellingWhy(deployer: Deployer, setup: Setup): Deployer {
  return {
    ...deployer,
    async apply(config, signal) {
      const outcome = await deployer.apply(config, signal);
      if (outcome.kind !== 'failed') return outcome;
      const other = await otherRuns(setup);
      if (other !== undefined) return { kind: 'failed', reason: other };
      const taken = outcome.isDown ? await takenPlace(setup) : undefined;
      return taken === undefined ? outcome : { ...outcome, reason: `${outcome.reason}. ${taken}` };
    },
    async live(signal) {
      const state = await deployer.live(signal);
      const reason = state.kind === 'down' ? await otherRuns(setup) : undefined;
      return reason === undefined ? state : { ...state, reason };
    },
  };
}

async function otherRuns({ paths, server }: Setup): Promise<string | undefined> {
  const runs = await runningServer(paths.stateDir);
  if (runs === undefined || runs === server) return undefined;
  return `exec-proxy runs ${runs} here, and this program gives ${server} its configuration: start both for the same proxy (--proxy, PROXY_SERVER), and change it with hind-proxy switch ${server}`;
}

/** Says that a proxy which is ours to start cannot listen, because another program does. */
async function takenPlace(setup: Setup): Promise<string | undefined> {
  const { config, paths, server } = setup;
  if (proxyOf(config).start !== 'auto' || (await runningServer(paths.stateDir)) !== undefined) return undefined;
  const stranger = await strangerText(listensOf(setup), { server, file: startFileOf(server, paths) });
  return stranger && `${server} cannot listen: ${stranger}; end that one, or name another address in entrypoints`;
}

/** What shapes the table of a set-up. */
export function compileOptions({ config, env, entryPoints, server }: Setup): CompileOptions {
  const { redirect } = config.https;
  const control = controlAddresses(config);
  const denied = config.backends.denyControlPorts ? control : [];
  const isHind = config.dialects.accept.join() === 'hind' || Boolean(env['FQDN']);
  const health = (['consul', 'nomad'] as const).flatMap((name) => {
    const source = config.sources[name];
    return source && source.health !== undefined ? ([[sourceId(name), source.health]] as const) : [];
  });
  return {
    accept: config.dialects.accept,
    entryPoints,
    openPorts: server === 'caddy' && config.dialects.hind.openPorts ? { except: new Set(control.map(({ port }) => port)) } : 'none',
    tls: config.tls.mode !== 'off',
    unhealthy: config.routes.unhealthy,
    requireChecks: config.dialects.fabio.requireChecks,
    checkingSources: new Set([sourceId('consul')]),
    health: new Map(health),
    ownership: config.ownership.mode,
    grants: new Map(Object.entries(config.ownership.allow).map(([key, list]) => [key, list.map(grantOf)])),
    reservedHosts: config.reservedHosts.flatMap((host) => parseHostname(host) ?? []),
    redirectHosts: config.redirectHosts,
    httpsRedirect: redirect === undefined ? 'hind' : redirect ? 'withoutPort' : 'never',
    redirectUnknownHosts: redirect !== false && isHind,
    addresses: {
      allow: config.backends.allow.flatMap((block) => parseCidr(block) ?? []),
      deny: config.backends.deny.flatMap((block) => parseCidr(block) ?? []),
      controlPorts: new Set(denied.flatMap(({ host, port }) => hostsOf(host).map((one) => controlKey(one, port)))),
      uncheckedPorts: new Set([...denied.map(({ port }) => port), ...catalogPorts(config, env)]),
    },
    policies: policiesOf(config.policies, { trustsProxies: config.trustedProxies.length > 0 }),
    attach: config.attach.map(({ match, policies }) => ({ match: definedOnly(match), policies })),
    transports: transportsOf(config.transports),
    limits: config.limits,
  };
}

/** `host/path` as the operator writes it. */
function grantOf(text: string): Grant {
  const slash = text.indexOf('/');
  return slash < 0 ? { host: text.toLowerCase(), prefix: '/' } : { host: text.slice(0, slash).toLowerCase(), prefix: text.slice(slash) };
}

function definedOnly(match: Config['attach'][number]['match']): Attachment['match'] {
  return Object.fromEntries(Object.entries(match).filter(([, pattern]) => pattern !== undefined));
}

/** Where the proxy and the controller are administered over TCP. */
function controlAddresses(config: Config): readonly ListenAddress[] {
  const { caddy, traefik } = proxyOf(config);
  const urls = [caddy.admin, traefik.api].filter((address) => address.startsWith('http')).map((address) => addressOf(new URL(address)));
  const own = config.admin.listen === null ? undefined : listenAddress(config.admin.listen);
  return own ? [...urls, own] : urls;
}

function addressOf({ hostname, port, protocol }: URL): ListenAddress {
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/** What a listener is reached by beside loopback: each address of this machine where it listens on all. */
function hostsOf(host: string): readonly string[] {
  if (host !== '::' && host !== '0.0.0.0') return [host];
  return [hostname(), ...Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address))];
}

/** Where Consul and Nomad are asked, or would be: whoever asks there may change everything. */
function catalogPorts({ sources }: Config, env: Setup['env']): readonly number[] {
  const { consul, nomad } = sources;
  const portIn = (address = '', usual: number): number => Number(/:(\d{1,5})(?:\/|$)/.exec(address)?.[1] ?? usual);
  return [portIn((consul && consul.address) || env['CONSUL_HTTP_ADDR'], 8500), portIn((nomad && nomad.address) || env['NOMAD_ADDR'], 4646)];
}

/** Caddy pins old configurations in memory and is given them more slowly than Traefik. */
function holdoffOptions({ config, server }: Setup): HoldoffOptions {
  const { minGap, maxDelay } = proxyOf(config).apply;
  const bucket =
    server === 'caddy' ? ({ kind: 'bucket', perSecond: 1, burst: 4 } as const) : ({ kind: 'bucket', perSecond: 5, burst: 10 } as const);
  return { quietMs: Math.min(10, maxDelay), maxWaitMs: maxDelay, pace: minGap === undefined ? bucket : { kind: 'gap', ms: minGap } };
}
