import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate } from '../compile/evaluate.ts';
import { parseGoUrl } from '../lib/go-url.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Evaluation } from '../model/evaluation.ts';
import { fitTable } from '../targets/fit.ts';
import { compareSides, type Side } from '../verify/compare.ts';
import { partDifferences, type Answering, type Difference } from '../verify/differences.ts';
import { openEchoes, type Echoes } from '../verify/echoes.ts';
import { factsOf, sharesOf } from '../verify/facts.ts';
import { LabError, openLab } from '../verify/lab.ts';
import { quieted } from '../verify/relocate.ts';
import { requestKey, type AskedRequest } from '../verify/request.ts';
import { openRunning, UnreachableError } from '../verify/running.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import { proxyBinary } from './proxy-binary.ts';
import { isComplete, isCounted, verifyJson, verifyText, type Found, type VerifyReport } from './verify-report.ts';
import { asksRunning, chooseRequests, type RequestFlags, type VerifyRequest } from './verify-requests.ts';
import { exitCodeFor, guessedText, unreadText, withTextsAsWritten } from './unread.ts';
import { readSides, type Connections, type SideFlags, type TagSide, type TagSides } from './verify-sides.ts';

/** What `migrate verify` takes. */
export interface VerifyFlags extends SideFlags, RequestFlags {
  readonly json?: boolean;
}

const PROGRESS_MS = 5000;
/** How often a request that several instances share is asked, at least and at most. */
const FEWEST_TIMES = 40;
const MOST_TIMES = 3000;

/**
 * Asks two renderings, or two running proxies, the same requests and prints in what they differ; exit 3 where tags make a difference or a
 * proxy serves or refuses less, and as `unread.ts` says where something could not be looked at.
 */
export async function migrateVerify(paths: readonly string[], flags: VerifyFlags, context: Context): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const { path: dir } = opened.use(await mkdtempDisposable(join(tmpdir(), 'hind-proxy-verify-')));
  const isRunning = asksRunning(flags);
  const sides = await readSides(paths, flags, { context, stateDir: join(dir, 'state'), needsDifference: !isRunning });
  const models = { old: modelOf(sides.old), new: modelOf(sides.new), oldOnNew: modelOf(sides.oldOnNew) };
  const points = pointsOf(sides);
  const tables = [sides.old.table, sides.new.table];
  const { unread, guessed, asWritten } = sides;
  for (const line of [...unreadText(unread), ...guessedText(guessed)]) context.printer.say(line);
  const notCompared = mostOf(sides.old.connections, sides.new.connections);
  const { requests, leftOut } = await chooseRequests({ tables, points, notCompared }, { flags, printer: context.printer });
  const answering: Answering = isRunning ? 'programs' : 'echoes';
  const echoes = opened.use(await openEchoes(join(dir, 'echoes')));
  const open = async (side: TagSide, urls: readonly string[] | undefined): Promise<Side> =>
    opened.use(await (urls ? openRunning(urls, { entryPoints: points }).catch(refuse) : startLab(side, { echoes, answering, context })));
  const [old, fresh] = await Promise.all([open(sides.old, flags.oldUrl), open(sides.new, flags.newUrl)]);

  const timesOf = (request: VerifyRequest): number => (answering === 'programs' ? 0 : timesFor(request, models));
  const onProgress = progressOf(requests.length, context);
  const { signal } = context;
  const differing = await compareSides(
    requests,
    { old, new: fresh },
    { answering, timesOf, sharedBy: sharedBetween(models.old, models.new), onProgress, signal },
  );
  const byKey = new Map(differing.map((one) => [requestKey(one.request), one.differences]));
  const found = requests.flatMap((request): readonly Found[] => {
    const answered = byKey.get(requestKey(request)) ?? [];
    if (answered.length === 0 && !request.own) return [];
    const [before, after] = [models.old(request), models.new(request)];
    const told = [...answered, ...(request.own ? factDifferences(before, after) : [])];
    if (told.length === 0) return [];
    return [{ request, differences: told, old: before?.route, new: after?.route, cause: 'tags' }];
  });
  const sorted =
    sides.old.setup.server === sides.new.setup.server || isRunning || found.length === 0
      ? found
      : await withCauses(found, { fresh, oldOnNew: await open(sides.oldOnNew, undefined), models, timesOf, signal });
  const report: VerifyReport = {
    old: { proxy: flags.oldUrl?.join(' ') ?? sides.old.setup.server, placeOf: sides.old.placeOf },
    new: { proxy: flags.newUrl?.join(' ') ?? sides.new.setup.server, placeOf: sides.new.placeOf },
    asked: requests.length,
    leftOut,
    notCompared,
    unread,
    guessed,
    found: sorted,
  };
  if (flags.json) context.printer.json(withTextsAsWritten(verifyJson(report), asWritten));
  else for (const line of verifyText(report, context.printer)) context.printer.out(asWritten(line));
  return exitCodeFor(unread, sorted.some(isCounted) ? EXIT.differences : isComplete(report) ? EXIT.ok : EXIT.losses);
}

/** How many routes of each kind there are on the side that has more of them. */
function mostOf(old: Connections, fresh: Connections): Connections {
  return { tcp: Math.max(old.tcp, fresh.tcp), udp: Math.max(old.udp, fresh.udp) };
}

/** What a table says of a request; undefined for one that it cannot be asked. */
type Model = (request: AskedRequest) => Evaluation | undefined;

interface Models {
  readonly old: Model;
  readonly new: Model;
  readonly oldOnNew: Model;
}

function modelOf({ setup: { target, settings }, table }: TagSide): Model {
  const { value: fitted } = fitTable(target, table, settings);
  const points = target.entryPoints(table, settings);
  const context = { proxy: target.reading(settings), trustedProxies: settings.trustedProxies };
  return ({ entryPoint: name, path, host, method, headers, from, sni }) => {
    const [entryPoint, url] = [points.find((point) => point.name === name), parseGoUrl(path)];
    if (!entryPoint || !url) return undefined;
    return evaluate(fitted, { entryPoint, host, url, method, headers, ip: from, ...(sni !== undefined && { sni }) }, context);
  };
}

/** Every http entry point of either side. */
function pointsOf({ old, new: fresh }: TagSides): readonly EntryPoint[] {
  const all = [old, fresh].flatMap(({ setup: { target, settings }, table }) => target.entryPoints(table, settings));
  return [...new Map(all.filter(({ protocol }) => protocol === 'http').map((point) => [point.name, point])).values()];
}

async function startLab(
  { setup, table }: TagSide,
  { echoes, answering, context }: { readonly echoes: Echoes; readonly answering: Answering; readonly context: Context },
): Promise<Side & AsyncDisposable> {
  const { server, target, settings, env } = setup;
  const binary = proxyBinary({ server, env });
  // fitted first: what the proxy cannot do is withheld, whether or not it would be left out here
  const served = answering === 'echoes' ? await echoes.standIn(quieted(fitTable(target, table, settings).value)) : table;
  return openLab({ target, binary, settings, table: served, answering }, context.signal).catch(refuse);
}

function refuse(error: unknown): never {
  if (error instanceof LabError) throw new CommandError(error.message, EXIT.refused);
  if (error instanceof UnreachableError) throw new CommandError(error.message, EXIT.unreachable);
  throw error;
}

/** So often that a difference between the shares that the tables promise would show. */
function timesFor(request: VerifyRequest, { old, new: fresh }: Models): number {
  if (!request.own) return 0;
  const [before, after] = [old(request), fresh(request)];
  const [left, right] = [sharesOf(before?.outcomes ?? []), sharesOf(after?.outcomes ?? [])];
  const ways = Math.max(left.size, right.size, before?.outcomes.length ?? 0, after?.outcomes.length ?? 0);
  if (ways <= 1) return 0;
  const gap = Math.max(...[...left.keys(), ...right.keys()].map((name) => Math.abs((left.get(name) ?? 0) - (right.get(name) ?? 0))), 0);
  // 4.5 standard deviations of the difference of two shares must fit into two thirds of the gap
  return gap < 0.001 ? FEWEST_TIMES : Math.min(MOST_TIMES, Math.max(FEWEST_TIMES, Math.ceil(23 / gap ** 2)));
}

/** The instances that either table lets answer a request; none where they let different ones. */
function sharedBetween(old: Model, fresh: Model): (request: AskedRequest) => ReadonlySet<string> {
  return (request) => {
    const [before, after] = [old, fresh].map((model) => new Set(sharesOf(model(request)?.outcomes ?? []).keys()));
    return before && after && before.symmetricDifference(after).size === 0 ? before : new Set();
  };
}

function factDifferences(old: Evaluation | undefined, fresh: Evaluation | undefined): readonly Difference[] {
  if (!old?.route || !fresh?.route) return [];
  return partDifferences(factsOf(old), factsOf(fresh)).map((difference) => ({ ...difference, what: `${difference.what} (by the tags)` }));
}

/** A difference that the old tags make on the new proxy too comes from the proxies, whatever the tags say. */
async function withCauses(
  found: readonly Found[],
  {
    fresh,
    oldOnNew,
    models,
    timesOf,
    signal,
  }: {
    readonly fresh: Side;
    readonly oldOnNew: Side;
    readonly models: Models;
    readonly timesOf: (request: VerifyRequest) => number;
    readonly signal: AbortSignal;
  },
): Promise<readonly Found[]> {
  const requests = found.map(({ request }) => request);
  const ofTags = await compareSides(
    requests,
    { old: oldOnNew, new: fresh },
    { timesOf, sharedBy: sharedBetween(models.oldOnNew, models.new), signal },
  );
  const keys = new Set(ofTags.map(({ request }) => requestKey(request)));
  return found.map((one) => {
    const isOfTags = keys.has(requestKey(one.request)) || factDifferences(models.oldOnNew(one.request), models.new(one.request)).length > 0;
    return isOfTags ? one : { ...one, cause: 'proxies' };
  });
}

function progressOf(total: number, { printer }: Context): (done: number) => void {
  let toldAtMs = performance.now();
  return (done) => {
    if (performance.now() - toldAtMs < PROGRESS_MS) return;
    toldAtMs = performance.now();
    printer.say(`${done} of ${total} requests asked`);
  };
}
