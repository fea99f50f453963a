import { mapLimited } from '../../src/lib/async.ts';
import type { Server } from '../../src/model/rendered.ts';
import type { Arena, Loaded } from './arena.ts';
import { generateCatalog, type Catalog } from './generator.ts';
import type { Answer, ProxyPorts } from './client.ts';
import { differencesOf, isSameByTurns, type Difference } from './compare.ts';
import { choosesByItself, explain, ourRoute, type Explanation } from './explain.ts';
import type { Peer, PeerRouter } from './peer.ts';
import { generateRequests, type Asked } from './requests.ts';

/** How much is compared. */
export interface RunOptions {
  readonly seed: string;
  readonly catalogs: number;
  readonly requests: number;
  /** Number of the first catalog. */
  readonly first?: number;
  /** Catalogs that are loaded together. */
  readonly batch?: number;
}

/** One difference between the peer and a proxy of ours. */
export interface Finding extends Explanation {
  readonly server: Server;
  readonly catalog: Catalog;
  readonly asked: Asked;
  readonly differences: readonly Difference[];
  readonly peerRouter: string;
  readonly peerSays: PeerRouter | undefined;
}

/** What a run came to. */
export interface Result {
  readonly catalogs: number;
  readonly requests: number;
  /** Requests that an instance answered, by the peer. */
  readonly forwarded: number;
  readonly findings: readonly Finding[];
  /** What proxies of ours refused. */
  readonly refused: readonly string[];
}

/** Loads generated catalogs, asks both sides and compares. `tell` hears of every batch. */
export async function compareCatalogs(
  arena: Arena<Peer>,
  options: RunOptions,
  tell: (progress: Result) => void = () => undefined,
): Promise<Result> {
  const { seed, catalogs, requests, first = 0, batch = 50 } = options;
  let result: Result = { catalogs: 0, requests: 0, forwarded: 0, findings: [], refused: [] };
  for (let from = first; from < first + catalogs; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, first + catalogs - from) }, (_, index) => from + index);
    const generated = numbers.map((number, place) => generateCatalog(seed, number, { place, ports: arena.echoes.ports }));
    const loaded = await arena.load(generated);
    const compared = await mapLimited(generated, 12, (catalog) => compareCatalog(arena, { catalog, loaded, requests }));
    const asked = await arena.peer.routersAsked();
    const routers = await arena.peer.routers();
    const findings = compared.flatMap(({ differing }) =>
      differing.map((one): Finding => {
        const peerRouter = asked.get(one.id) ?? '';
        const { server, catalog, asked: request, differences } = one;
        const explanation = explain({ catalog, asked: request, loaded: one.loaded, peerRouter, peerRouters: routers, differences });
        return { server, catalog, asked: request, differences, peerRouter, peerSays: routers.get(peerRouter), ...explanation };
      }),
    );
    result = {
      catalogs: result.catalogs + generated.length,
      requests: result.requests + generated.length * requests,
      forwarded: result.forwarded + compared.reduce((sum, { forwarded }) => sum + forwarded, 0),
      findings: [...result.findings, ...findings],
      refused: [...result.refused, ...[...loaded.values()].flatMap(({ refused }) => refused)],
    };
    tell(result);
  }
  return result;
}

interface Differing {
  readonly id: string;
  readonly server: Server;
  readonly loaded: Loaded;
  readonly catalog: Catalog;
  readonly asked: Asked;
  readonly differences: readonly Difference[];
}

interface Comparing {
  readonly catalog: Catalog;
  readonly loaded: ReadonlyMap<Server, Loaded>;
  readonly requests: number;
}

/** One request after the other, each to the peer and then to ours, so that what counts requests counts the same. */
async function compareCatalog(
  { client, peer }: Arena<Peer>,
  { catalog, loaded, requests }: Comparing,
): Promise<{ readonly forwarded: number; readonly differing: readonly Differing[] }> {
  const differing: Differing[] = [];
  const pooled = new Set<string>();
  let forwarded = 0;
  for (const [index, asked] of generateRequests(catalog, requests).entries()) {
    const id = `${catalog.name}-${index}`;
    const expected = await client.ask(peer, asked, { id });
    const instance = expected.echo?.instance ?? '';
    const isNew = instance !== '' && !pooled.has(instance);
    forwarded += instance === '' ? 0 : 1;
    const others = new Map<Server, Answer>();
    for (const [server, one] of loaded) others.set(server, await client.ask(one, asked, { id }));
    const isOther = [...others.values()].some(({ echo }) => echo !== undefined && instance !== '' && echo.instance !== instance);
    const sources = sourcesFor(asked, [...loaded.values()]);
    const pools = isNew || isOther ? await poolsOf(client, { asked, id, sources, sides: [peer, ...loaded.values()] }) : [];
    for (const member of pools[0] ?? []) pooled.add(member);
    for (const [at, [server, one]] of [...loaded].entries()) {
      const answered = differencesOf(expected, others.get(server) ?? NO_ANSWER);
      const isFailure = answered.some(({ what }) => what === 'status');
      const differences = [
        ...(isFailure && (await isByTurns(client, { asked, id, sides: [peer, one] })) ? [] : answered),
        ...(choosesByItself({ asked, loaded: one }) ? [] : poolDifference(pools[0], pools[at + 1])),
      ];
      if (differences.length > 0) differing.push({ id, server, loaded: one, catalog, asked, differences });
    }
  }
  return { forwarded, differing };
}

/** How often a request is sent again to see all answers that it may get. */
const TURNS = 12;

/** Whether the two sides have several answers to a request, and the same ones. */
async function isByTurns(
  client: ArenaClient,
  { asked, id, sides: [peer, ours] }: { readonly asked: Asked; readonly id: string; readonly sides: readonly [ProxyPorts, ProxyPorts] },
): Promise<boolean> {
  const [theirs, own]: [Answer[], Answer[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn += 1) {
    theirs.push(await client.ask(peer, asked, { id }));
    own.push(await client.ask(ours, asked, { id }));
  }
  return isSameByTurns(theirs, own);
}

const NO_ANSWER: Answer = { status: 0, headers: {} };

/** Addresses that clients come from, so that those chosen by their address reach every instance. */
const CLIENTS = Array.from({ length: 24 }, (_, index) => `127.0.0.${100 + index}`);

/** The addresses that a request may as well come from: none of them leads to another route. Its own where none is left. */
function sourcesFor(asked: Asked, loaded: readonly Loaded[]): readonly string[] {
  if (asked.from !== '127.0.0.1') return [asked.from];
  const same = CLIENTS.filter((from) => loaded.every((one) => routeFrom({ ...asked, from }, one) === routeFrom(asked, one)));
  return same.length > 0 ? same : [asked.from];
}

function routeFrom(asked: Asked, loaded: Loaded): string | undefined {
  return ourRoute({ asked, loaded })?.id;
}

/** How many requests the first round of a pool has, and each one after it. */
const [FEW, MANY] = [8, CLIENTS.length];

/** The instances that answer each side; more requests are sent while the sides differ. */
async function poolsOf(
  client: ArenaClient,
  {
    asked,
    id,
    sources,
    sides,
  }: { readonly asked: Asked; readonly id: string; readonly sources: readonly string[]; readonly sides: readonly ProxyPorts[] },
): Promise<readonly ReadonlySet<string>[]> {
  const pools = sides.map(() => new Set<string>());
  for (let round = 0; round < 4; round += 1) {
    for (let turn = 0; turn < (round === 0 ? FEW : MANY); turn += 1) {
      const from = sources[turn % sources.length] ?? asked.from;
      for (const [at, side] of sides.entries()) {
        const { echo } = await client.ask(side, asked, { id, from });
        if (echo) pools[at]?.add(echo.instance);
      }
    }
    if (pools.every((pool) => textOf(pool) === textOf(pools[0]))) break;
  }
  return pools;
}

type ArenaClient = Arena<Peer>['client'];

function poolDifference(peer: ReadonlySet<string> | undefined, ours: ReadonlySet<string> | undefined): readonly Difference[] {
  if (!peer || !ours || textOf(peer) === textOf(ours)) return [];
  return [{ what: 'pool', peer: textOf(peer), ours: textOf(ours) }];
}

function textOf(pool: ReadonlySet<string> | undefined): string {
  return [...(pool ?? [])].toSorted().join(' ');
}
