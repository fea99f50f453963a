import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { evaluate } from '../compile/evaluate.ts';
import { readAskedUrl, requestsOf as requestsOfUrl } from '../controller/asked-url.ts';
import { messageOf } from '../lib/abort.ts';
import { parseGoUrl, requestUri } from '../lib/go-url.ts';
import { sortedUnique } from '../lib/sort.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { Evaluation } from '../model/evaluation.ts';
import type { RoutingTable } from '../model/route.ts';
import { fitTable } from '../targets/fit.ts';
import { readAccessLog, readRequestList, type NotedRequest, type NotedRequests } from '../verify/access-log.ts';
import { compareSides, type Side } from '../verify/compare.ts';
import { partDifferences, type Answering, type Difference } from '../verify/differences.ts';
import { openEchoes, type Echoes } from '../verify/echoes.ts';
import { factsOf, sharesOf } from '../verify/facts.ts';
import { LabError, openLab } from '../verify/lab.ts';
import { quieted } from '../verify/relocate.ts';
import { distinctRequests, requestKey, SAFE_METHODS, type AskedRequest } from '../verify/request.ts';
import { requestsOf, type DerivedRequest } from '../verify/requests.ts';
import { openRunning } from '../verify/running.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './errors.ts';
import { proxyBinary } from './proxy-binary.ts';
import { verifyJson, verifyText, type Found, type VerifyReport } from './verify-report.ts';
import { readSides, type SideFlags, type TagSide, type TagSides } from './verify-sides.ts';

/** What `migrate verify` takes. */
export interface VerifyFlags extends SideFlags {
  readonly oldUrl?: readonly string[];
  readonly newUrl?: readonly string[];
  readonly requests?: string;
  readonly accessLog?: string;
  readonly host?: readonly string[];
  readonly derived?: boolean;
  readonly odd?: boolean;
  readonly allMethods?: boolean;
  readonly limit?: string;
  readonly json?: boolean;
}

/** A request, and how often it was found in a log. */
type VerifyRequest = DerivedRequest & { readonly times?: number };

const USUAL_LIMIT = 10_000;
const PROGRESS_MS = 5000;
/** How often a request that several instances share is asked, at least and at most. */
const FEWEST_TIMES = 40;
const MOST_TIMES = 3000;

/** Asks two renderings, or two running proxies, the same requests and prints in what they differ; exit 3 where tags make a difference. */
export async function migrateVerify(paths: readonly string[], flags: VerifyFlags, context: Context): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'hind-proxy-verify-'));
  opened.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const isRunning = Boolean(flags.oldUrl) || Boolean(flags.newUrl);
  const sides = await readSides(paths, flags, { context, stateDir: join(dir, 'state'), needsDifference: !isRunning });
  const models = { old: modelOf(sides.old), new: modelOf(sides.new), oldOnNew: modelOf(sides.oldOnNew) };
  const { requests, leftOut } = await requestsFor(sides, { flags, context });
  const answering: Answering = isRunning ? 'programs' : 'echoes';
  const echoes = opened.use(await openEchoes(join(dir, 'echoes')));
  const open = async (side: TagSide, urls: readonly string[] | undefined): Promise<Side> =>
    opened.use(urls ? openRunning(urls, { entryPoints: pointsOf(sides) }) : await startLab(side, { echoes, answering, context }));
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
    found: sorted,
  };
  if (flags.json) context.printer.json(verifyJson(report));
  else for (const line of verifyText(report, context.printer)) context.printer.out(line);
  return sorted.some(({ cause }) => cause === 'tags') ? EXIT.differences : EXIT.ok;
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
  try {
    return await openLab({ target, binary, settings, table: served }, context.signal);
  } catch (error) {
    if (error instanceof LabError) throw new CommandError(error.message, EXIT.refused);
    throw error;
  }
}

interface Chosen {
  readonly requests: readonly VerifyRequest[];
  /** Why requests are not asked, and how many. */
  readonly leftOut: readonly { readonly why: string; readonly count: number }[];
}

async function requestsFor(
  sides: TagSides,
  { flags, context }: { readonly flags: VerifyFlags; readonly context: Context },
): Promise<Chosen> {
  const points = pointsOf(sides);
  const tables = [sides.old.table, sides.new.table];
  const derived = flags.derived === false ? [] : tables.flatMap((table) => requestsOf(table, points, { odd: flags.odd ?? false }));
  const noted = [
    ...(flags.requests === undefined ? [] : [await readNotes(flags.requests, readRequestList)]),
    ...(flags.accessLog === undefined ? [] : [await readNotes(flags.accessLog, readAccessLog)]),
  ];
  const hosts = flags.host ?? exactHosts(tables);
  const given = noted.flatMap(({ requests }) => requests.map((request) => ({ request, asked: askedOf(request, { hosts, points }) })));
  const own = derived.filter(({ own }) => own);
  const all = distinctRequests<VerifyRequest>([...own, ...given.flatMap(({ asked }) => asked), ...derived]);
  const isRunning = Boolean(flags.oldUrl) || Boolean(flags.newUrl);
  const safe = isRunning && !flags.allMethods ? all.filter(({ method }) => SAFE_METHODS.has(method)) : all;
  const limit = limitOf(flags.limit, Math.max(USUAL_LIMIT, own.length));
  const connections = new Set(tables.flatMap(({ routes }) => routes.filter(({ protocol }) => protocol !== 'http').map(({ id }) => id)))
    .size;
  const unread = noted.reduce((sum, { unreadCount }) => sum + unreadCount, 0);
  for (const { line, text } of noted.flatMap((one) => one.unread)) context.printer.say(`line ${line} is no request: ${text}`);
  const leftOut = [
    { why: 'routes for tcp and udp', count: connections },
    { why: 'lines that are no requests', count: unread },
    { why: 'requests of a log that cannot be asked here', count: given.filter(({ asked }) => asked.length === 0).length },
    { why: 'requests that may change something (--all-methods asks them)', count: all.length - safe.length },
    { why: `requests beyond --limit ${limit}`, count: Math.max(0, safe.length - limit) },
  ].filter(({ count }) => count > 0);
  if (safe.length === 0)
    throw new CommandError('Cannot verify: there is no request to ask, expected routes, --requests or --access-log', EXIT.usage);
  return { requests: safe.slice(0, limit), leftOut };
}

async function readNotes(file: string, read: (lines: AsyncIterable<string>) => Promise<NotedRequests>): Promise<NotedRequests> {
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8');
  try {
    return await read(createInterface({ input, crlfDelay: Infinity }));
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${messageOf(error)}`, EXIT.usage);
  }
}

/** What a noted request is at the entry points; none where it cannot be asked there. */
function askedOf(
  { scheme, host, path, method, headers, times }: NotedRequest & { readonly times: number },
  { hosts, points }: { readonly hosts: readonly string[]; readonly points: readonly EntryPoint[] },
): readonly VerifyRequest[] {
  return (host === undefined ? hosts : [host]).flatMap((name) => {
    try {
      const asked = readAskedUrl(`${scheme === undefined ? '' : `${scheme}://`}${name}${path}`);
      return requestsOfUrl(asked, { method, headers }, points).map((request) => ({
        entryPoint: request.entryPoint.name,
        host: request.host,
        path: requestUri(request.url),
        method: request.method,
        headers: request.headers,
        from: '127.0.0.1',
        times,
      }));
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  });
}

function exactHosts(tables: readonly RoutingTable[]): readonly string[] {
  return sortedUnique(
    tables.flatMap(({ routes }) => routes.flatMap(({ match: { host } }): readonly string[] => (host.kind === 'exact' ? [host.host] : []))),
  );
}

function limitOf(text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new CommandError(`Cannot use --limit "${text}": expected a number from 1`, EXIT.usage);
  return Number(text);
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
