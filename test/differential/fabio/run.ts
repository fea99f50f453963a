import { mapLimited } from '../../../src/lib/async.ts';
import type { Server } from '../../../src/model/rendered.ts';
import type { Arena, Loaded, Original } from '../arena.ts';
import type { ProxyPorts } from '../client.ts';
import type { Asked } from '../requests.ts';
import type { RunOptions } from '../run.ts';
import { generateFabioCatalog, type FabioCatalog } from './catalog.ts';
import { differencesOf, tallyOf, type FabioDifference, type Tally } from './compare.ts';
import { explainFabio, type FabioExplanation } from './explain.ts';
import { generateFabioRequests } from './requests.ts';

/** One difference between Fabio and a proxy of ours. */
export interface FabioFinding extends FabioExplanation {
  readonly server: Server;
  readonly catalog: FabioCatalog;
  readonly asked: Asked;
  readonly differences: readonly FabioDifference[];
}

/** What a run came to. */
export interface FabioResult {
  readonly catalogs: number;
  readonly requests: number;
  /** Requests that an instance answered, by Fabio. */
  readonly forwarded: number;
  readonly findings: readonly FabioFinding[];
  /** What proxies of ours refused. */
  readonly refused: readonly string[];
}

/** Loads generated catalogs, asks Fabio and ours, and compares. `tell` hears of every batch. */
export async function compareFabioCatalogs(
  arena: Arena<Original>,
  options: RunOptions,
  tell: (progress: FabioResult) => void = () => undefined,
): Promise<FabioResult> {
  const { seed, catalogs, requests, first = 0, batch = 50 } = options;
  let result: FabioResult = { catalogs: 0, requests: 0, forwarded: 0, findings: [], refused: [] };
  for (let from = first; from < first + catalogs; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, first + catalogs - from) }, (_, index) => from + index);
    const generated = numbers.map((number, place) =>
      generateFabioCatalog(seed, number, { place, ports: arena.echoes.ports, isAlone: batch === 1 }),
    );
    const loaded = await arena.load(generated);
    const compared = await mapLimited(generated, 12, (catalog) => compareCatalog(arena, { catalog, loaded, requests }));
    result = {
      catalogs: result.catalogs + generated.length,
      requests: result.requests + generated.length * requests,
      forwarded: result.forwarded + compared.reduce((sum, { forwarded }) => sum + forwarded, 0),
      findings: [...result.findings, ...compared.flatMap(({ findings }) => findings)],
      refused: [...result.refused, ...[...loaded.values()].flatMap(({ refused }) => refused)],
    };
    tell(result);
  }
  return result;
}

interface Comparing {
  readonly catalog: FabioCatalog;
  readonly loaded: ReadonlyMap<Server, Loaded>;
  readonly requests: number;
}

async function compareCatalog(
  { client, peer }: Arena<Original>,
  { catalog, loaded, requests }: Comparing,
): Promise<{ readonly forwarded: number; readonly findings: readonly FabioFinding[] }> {
  const findings: FabioFinding[] = [];
  const known = new Set<string>();
  let forwarded = 0;
  for (const [index, asked] of generateFabioRequests(catalog, requests).entries()) {
    const sides: readonly ProxyPorts[] = [peer, ...loaded.values()];
    const ask = async (times: number): Promise<readonly Tally[]> =>
      Promise.all(
        sides.map(async (side) => tallyOf(asked, await repeated(times, () => client.ask(side, asked, { id: `${catalog.name}-${index}` })))),
      );
    const [once = new Map()] = await ask(1);
    const instances = [...once.values()].flatMap(({ facts }) => (facts.instance === '' ? [] : [facts.instance]));
    forwarded += instances.length;
    const tallies = await settled(ask, { isNew: instances.some((instance) => !known.has(instance)) });
    for (const instance of instances) known.add(instance);
    const [fabio = new Map()] = tallies;
    for (const [at, [server, one]] of [...loaded].entries()) {
      const ours = tallies[at + 1] ?? new Map();
      const differences = differencesOf(fabio, ours);
      if (differences.length === 0) continue;
      const explanation = explainFabio({ catalog, asked, server, loaded: one, fabio, ours, differences });
      findings.push({ server, catalog, asked, differences, ...explanation });
    }
  }
  return { forwarded, findings };
}

/** Asks as often as it takes to know the shares: once where the sides agree on one known instance. */
async function settled(
  ask: (times: number) => Promise<readonly Tally[]>,
  { isNew }: { readonly isNew: boolean },
): Promise<readonly Tally[]> {
  const single = (tallies: readonly Tally[]): boolean => tallies.every(({ size }) => size === 1);
  const agree = ([first, ...others]: readonly Tally[]): boolean =>
    others.every((other) => !first || differencesOf(first, other).length === 0);
  const once = await ask(1);
  if (!isNew && agree(once)) return once;
  const some = await ask(20);
  if (single(some)) return some;
  const many = await ask(150);
  // chance makes shares differ now and then, but not twice
  return agree(many) ? many : ask(600);
}

async function repeated<T>(times: number, act: () => Promise<T>): Promise<readonly T[]> {
  return mapLimited(Array.from({ length: times }), 5, act);
}
