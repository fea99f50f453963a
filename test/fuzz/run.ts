import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Ending } from '../support/process.ts';
import { strangerAt, VICTIM_OWNER } from './generator.ts';
import { createJudge, type Judge, type Rendering } from './judge.ts';
import { openReaders, type Binaries, type Readers } from './proxies.ts';

/** What is run. `first`: the number of the first set. */
export interface RunOptions {
  readonly seed: string;
  readonly first: number;
  readonly sets: number;
  /** Sets that are rendered into one configuration for the real programs. */
  readonly batch: number;
  readonly binaries: Binaries;
}

/** Something that must not be, and the tags that do it. */
export interface Finding {
  /** The set, or the first of the batch. */
  readonly number: number;
  readonly problem: string;
  readonly tags: readonly string[];
}

/** What became of sets. */
export interface Figures {
  readonly sets: number;
  /** Sets that gave at least one route. */
  readonly routed: number;
  readonly routes: number;
  /** Configurations of several sets, and the bytes of what the real programs read. */
  readonly batches: number;
  readonly bytes: number;
  /** The longest time that reading one set took, in ms. */
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

/** Figures of nothing. */
export const NOTHING: Figures = { sets: 0, routed: 0, routes: 0, batches: 0, bytes: 0, slowestMs: 0, findings: [] };

/** Figures of two runs together. */
export function together(a: Figures, b: Figures): Figures {
  return {
    sets: a.sets + b.sets,
    routed: a.routed + b.routed,
    routes: a.routes + b.routes,
    batches: a.batches + b.batches,
    bytes: a.bytes + b.bytes,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    findings: [...a.findings, ...b.findings],
  };
}

/** No set may take longer to read. */
const HANG_MS = 50;

/**
 * Judges sets beside the victim, alone or a few together, and in batches through the real programs: while these read one batch, the next is made.
 * `report` gets the figures of each batch; where it answers false, the run ends.
 */
export async function fuzz(t: Ending, options: RunOptions, report: (figures: Figures) => boolean): Promise<void> {
  const readers = await openReaders(t, options.binaries);
  const judge = createJudge(readers.settings);
  let reading: Promise<readonly Finding[]> = Promise.resolve([]);
  for (let at = options.first; at < options.first + options.sets; at += options.batch) {
    const count = Math.min(options.batch, options.first + options.sets - at);
    const strangers = Array.from({ length: count }, (_, index) => strangerAt(options.seed, at + index));
    const numbered = strangers.map((stranger, index) => ({ stranger, number: at + index }));
    const alone = groupsOf(numbered)
      .map((group) => judgeGroup(group, judge))
      .reduce(together, NOTHING);
    const before = await reading;
    const batch = renderBatch(strangers, at, judge);
    reading = batch.rendering ? read(batch.rendering, { strangers, number: at, judge, readers }) : Promise.resolve([]);
    if (!report(together(together(alone, batch.figures), { ...NOTHING, findings: before }))) break;
  }
  report({ ...NOTHING, findings: await reading });
}

interface Numbered {
  readonly stranger: ServiceInstance;
  readonly number: number;
}

/** Sets that are judged together: those of another owner, which may not change the victim whatever they say. The rest alone. */
function groupsOf(numbered: readonly Numbered[]): readonly (readonly Numbered[])[] {
  const [careless, hostile] = [numbered.filter(isCareless), numbered.filter((one) => !isCareless(one))];
  const groups = Array.from({ length: Math.ceil(hostile.length / GROUP) }, (_, index) => hostile.slice(index * GROUP, (index + 1) * GROUP));
  return [...careless.map((one) => [one]), ...groups];
}

const GROUP = 20;

function isCareless({ stranger }: Numbered): boolean {
  return stranger.owner === VICTIM_OWNER;
}

/** Judges sets in one configuration; where something is wrong, each alone, so that the one that does it is named. */
function judgeGroup(group: readonly Numbered[], judge: Judge): Figures {
  const [first] = group;
  if (!first) return NOTHING;
  const figures = group.map(({ stranger, number }) => readOne(stranger, number, judge)).reduce(together, NOTHING);
  const problems = problemsOf(group, judge);
  const routed = new Set(problems.routed);
  const found = (number: number, tags: readonly string[], list: readonly string[]): readonly Finding[] =>
    list.map((problem) => ({ number, problem, tags }));
  const own =
    problems.list.length === 0 || group.length === 1
      ? []
      : group.flatMap((one) => found(one.number, one.stranger.tags, problemsOf([one], judge).list));
  const rest =
    own.length > 0
      ? []
      : found(
          first.number,
          group.flatMap(({ stranger }) => stranger.tags),
          problems.list,
        );
  return { ...figures, routed: routed.size, routes: problems.routed.length, findings: [...figures.findings, ...own, ...rest] };
}

/** What is wrong with sets in one configuration, and the service of each route that they give. */
function problemsOf(group: readonly Numbered[], judge: Judge): { readonly list: readonly string[]; readonly routed: readonly string[] } {
  try {
    const rendering = judge.render(group.map(({ stranger }) => stranger));
    const names = new Set<string>(group.map(({ stranger }) => stranger.service));
    const routed = rendering.table.routes.flatMap(({ services }) => services.filter((service) => names.has(service)));
    return { list: judge.problemsOf(rendering), routed };
  } catch (error) {
    return { list: [crashOf(error)], routed: [] };
  }
}

/** Reads the tags of one set, and takes the time. */
function readOne(stranger: ServiceInstance, number: number, judge: Judge): Figures {
  const startedAtMs = performance.now();
  try {
    judge.read(stranger);
    const tookMs = fastest(performance.now() - startedAtMs, () => judge.read({ ...stranger }));
    const findings = tookMs > HANG_MS ? [{ number, problem: `takes ${Math.round(tookMs)} ms`, tags: stranger.tags }] : [];
    return { ...NOTHING, sets: 1, slowestMs: tookMs, findings };
  } catch {
    // told by the rendering, which reads it too
    return { ...NOTHING, sets: 1 };
  }
}

/** A time that is too long is taken again: other programs may have had the processor. */
function fastest(tookMs: number, again: () => unknown): number {
  let best = tookMs;
  for (let time = 0; time < 3 && best > HANG_MS; time += 1) {
    const startedAtMs = performance.now();
    again();
    best = Math.min(best, performance.now() - startedAtMs);
  }
  return best;
}

function crashOf(error: unknown): string {
  return `crash: ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : String(error)}`;
}

interface Batch {
  readonly figures: Figures;
  readonly rendering?: Rendering;
}

function renderBatch(strangers: readonly ServiceInstance[], number: number, judge: Judge): Batch {
  const figures = { ...NOTHING, batches: 1 };
  try {
    const rendering = judge.render(strangers);
    const bytes = [...rendering.caddy.files, ...rendering.traefik.files].reduce((sum, { content }) => sum + content.length, 0);
    const findings = judge.problemsOf(rendering).map((problem) => ({ number, problem: `in a batch: ${problem}`, tags: [] }));
    return { figures: { ...figures, bytes, findings }, rendering };
  } catch (error) {
    return { figures: { ...figures, findings: [{ number, problem: `in a batch: ${crashOf(error)}`, tags: [] }] } };
  }
}

/** What the real programs have against a batch, with the smallest part of it that they refuse. */
async function read(
  rendering: Rendering,
  {
    strangers,
    number,
    judge,
    readers,
  }: {
    readonly strangers: readonly ServiceInstance[];
    readonly number: number;
    readonly judge: Judge;
    readonly readers: Readers;
  },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const server of ['caddy', 'traefik'] as const) {
    const refusal = await readers[server](rendering[server]);
    if (refusal === undefined) continue;
    const culprits = await smallest(strangers, async (part) => (await readers[server](judge.render(part)[server])) !== undefined);
    findings.push({ number, problem: refusal, tags: culprits.flatMap(({ tags }) => tags) });
  }
  return findings;
}

/** The first half that is refused by itself, again and again. */
async function smallest(
  strangers: readonly ServiceInstance[],
  isRefused: (part: readonly ServiceInstance[]) => Promise<boolean>,
): Promise<readonly ServiceInstance[]> {
  if (strangers.length < 2) return strangers;
  const middle = strangers.length >> 1;
  for (const half of [strangers.slice(0, middle), strangers.slice(middle)]) if (await isRefused(half)) return smallest(half, isRefused);
  return strangers;
}
