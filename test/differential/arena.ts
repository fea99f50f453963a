import { createPipeline, type Pipeline } from '../../src/controller/pipeline.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { CompileOptions } from '../../src/compile/options.ts';
import type { CatalogSnapshot } from '../../src/model/catalog.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { sourceId } from '../../src/model/names.ts';
import type { Server } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { createConsulSource } from '../../src/sources/consul.ts';
import { fitTable } from '../../src/targets/fit.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { startProxy, type StartedProxy } from '../requests/lab.ts';
import { CASE_DIALECTS, OPTIONS } from '../support/intents.ts';
import { startConsul, type RealConsul } from '../support/consul.ts';
import type { Ending } from '../support/process.ts';
import type { Registered } from './generator.ts';
import { createClient, type Client, type ProxyPorts } from './client.ts';
import { startEchoes, type Echoes } from './echoes.ts';

/** What tags were written for: it serves from the same Consul by itself. */
export interface Original extends ProxyPorts {
  /** Waits until it serves what Consul holds since the service of this name was registered. */
  whenKnows(service: string): Promise<void>;
}

/** How an original is started, and what differs for it. */
export interface OriginalKind<P extends Original> {
  start(t: Ending, world: { readonly consul: string; readonly settings: RenderSettings }): Promise<P>;
  /** The tags of a service that it serves under `SERVICE.test`. */
  readonly sentinelTags: (service: string) => readonly string[];
  /** Decisions of the operator that make ours comparable. */
  readonly compile?: Partial<CompileOptions>;
}

/** The programs that are compared, one Consul for all of them. */
export interface Arena<P extends Original> {
  readonly echoes: Echoes;
  readonly peer: P;
  readonly client: Client;
  /** Replaces what Consul holds by these catalogs; returns when the peer and each of ours serve them. */
  load(catalogs: readonly { readonly instances: readonly Registered[] }[]): Promise<ReadonlyMap<Server, Loaded>>;
}

/** What one of our proxies serves, and how that came about. */
export interface Loaded extends ProxyPorts {
  readonly proxy: StartedProxy;
  /** As fitted to the proxy. */
  readonly table: RoutingTable;
  readonly diagnostics: readonly Diagnostic[];
  /** What the proxy said of units that it refused; they were left out. */
  readonly refused: readonly string[];
}

/** Where the programs are. */
export interface Binaries {
  readonly consul: string;
  readonly traefik: string;
  readonly caddy: string;
}

/** What an arena is made of. */
export interface ArenaParts<P extends Original> {
  readonly binaries: Binaries;
  /** The proxies of ours that are asked for, at least one. */
  readonly servers: readonly Server[];
  readonly original: OriginalKind<P>;
}

const SENTINEL = 'sentinel';
/** The node that everything is registered on. */
export const NODE = 'differential';

/** Starts Consul, the original and the proxies of ours that are asked for; all end with `t`. */
export async function openArena<P extends Original>(t: Ending, { binaries, servers, original }: ArenaParts<P>): Promise<Arena<P>> {
  const consul = await startConsul(t, binaries.consul, { config: { limits: { http_max_conns_per_client: 8192 } } });
  const ours: StartedProxy[] = [];
  for (const server of servers) ours.push(await startProxy(t, { server, binary: binaries[server] }));
  const [first] = ours;
  if (!first) throw new RangeError('Cannot compare without a proxy of ours');
  const echoes = await startEchoes(t, first.settings.traefik.defaultCertificate);
  const peer = await original.start(t, { consul: `127.0.0.1:${consul.port}`, settings: first.settings });
  const client = createClient();
  t.after(() => {
    client.close();
    return Promise.resolve();
  });
  let registered: readonly Registered[] = [];
  let turn = 0;
  return {
    echoes,
    peer,
    client,
    async load(catalogs) {
      turn += 1;
      const sentinel = `${SENTINEL}-${turn}`;
      const next = [...catalogs.flatMap(({ instances }) => instances), sentinelOf(sentinel, original.sentinelTags)];
      for (const { address } of next) await echoes.listen(address);
      await write(consul, [...registered.flatMap(removal), ...next.flatMap(registration)]);
      registered = next;
      const snapshot = await readCatalog(consul, sentinel);
      const loaded = new Map<Server, Loaded>();
      for (const proxy of ours) loaded.set(proxy.target.server, await serve(proxy, snapshot, original.compile));
      await peer.whenKnows(sentinel);
      return loaded;
    },
  };
}

/** Registered last: who knows it knows the others. */
function sentinelOf(service: string, tagsOf: (service: string) => readonly string[]): Registered {
  return { service, id: service, address: '127.19.0.1', port: 9, tags: tagsOf(service), status: 'passing' };
}

/** The most operations of one transaction. */
const AT_ONCE = 100;

async function write(consul: RealConsul, operations: readonly object[]): Promise<void> {
  await consul.put('/v1/txn', [{ Node: { Verb: 'set', Node: { Node: NODE, Address: '127.0.0.1' } } }]);
  for (let at = 0; at < operations.length; at += AT_ONCE) await consul.put('/v1/txn', operations.slice(at, at + AT_ONCE));
}

function registration({ service, id, address, port, tags, status }: Registered): readonly object[] {
  const own = { ID: id, Service: service, Address: address, Port: port, Tags: tags };
  const check = { Node: NODE, CheckID: `check-${id}`, Name: 'up', ServiceID: id, Status: status };
  return [
    { Service: { Verb: 'set', Node: NODE, Service: own } },
    ...(status === 'unchecked' ? [] : [{ Check: { Verb: 'set', Check: check } }]),
  ];
}

function removal({ service, id }: Registered): readonly object[] {
  return [{ Service: { Verb: 'delete', Node: NODE, Service: { ID: id, Service: service } } }];
}

/** What our source reads, with the service of that name in it. */
async function readCatalog(consul: RealConsul, service: string): Promise<CatalogSnapshot> {
  const source = createConsulSource({
    connection: consulConnection({ CONSUL_HTTP_ADDR: `127.0.0.1:${consul.port}` }),
    isRoutingTag: (tag) => CASE_DIALECTS.some((dialect) => dialect.recognises(tag)),
    resyncMs: 30_000,
    clock: systemClock,
    log: silentLog,
  });
  const ending = new AbortController();
  for await (const event of source.watch(AbortSignal.any([ending.signal, AbortSignal.timeout(60_000)]))) {
    if (event.kind === 'failed' || !event.snapshot.instances.some((instance) => instance.service === service)) continue;
    ending.abort();
    return event.snapshot;
  }
  throw new Error(`Cannot read the catalog: Consul does not show ${service}`);
}

/** Compiles, renders and puts in place; what the proxy refuses is left out, as the controller does. */
async function serve(proxy: StartedProxy, snapshot: CatalogSnapshot, decisions: Partial<CompileOptions> = {}): Promise<Loaded> {
  const { target, settings, deployer } = proxy;
  const pipeline: Pipeline = createPipeline({
    dialects: CASE_DIALECTS,
    compile: { ...OPTIONS, entryPoints: settings.entryPoints, transports: new Map([['skip', { skipVerify: true }]]), ...decisions },
    primary: sourceId('nomad'),
    merge: 'primary-wins',
  });
  const refused: string[] = [];
  for (;;) {
    const { value, diagnostics } = pipeline.compile([snapshot], new Map());
    const rendered = target.render(value.table, settings);
    const outcome = await deployer.apply(rendered.value, AbortSignal.timeout(60_000));
    if (outcome.kind === 'applied' || outcome.kind === 'unchanged') {
      const [web = 0, websecure = 0] = ['web', 'websecure'].map(
        (name) => settings.entryPoints.find((point) => point.name === name)?.port ?? 0,
      );
      const table = fitTable(target, value.table, settings).value;
      return { proxy, table, diagnostics: [...diagnostics, ...rendered.diagnostics], refused, web, websecure };
    }
    if (outcome.kind !== 'rejected' || refused.length > 20 || !pipeline.refuse(outcome, value.table, 0))
      throw new Error(`Cannot serve the catalogs by ${target.server}: ${JSON.stringify(outcome).slice(0, 2000)}`);
    refused.push(outcome.reason);
  }
}
