import { createReadStream } from 'node:fs';
import { readAskedUrl, requestsOf as requestsOfUrl } from '../controller/asked-url.ts';
import { messageOf } from '../lib/errors.ts';
import { requestUri } from '../lib/go-url.ts';
import { sortedUnique } from '../lib/sort.ts';
import { visible } from '../lib/text.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { RoutingTable } from '../model/route.ts';
import { linesOf, readAccessLog, readRequestList, type NotedRequest, type NotedRequests } from '../verify/access-log.ts';
import { distinctRequests, SAFE_METHODS } from '../verify/request.ts';
import { requestsOf, type DerivedRequest } from '../verify/requests.ts';
import { CommandError, EXIT } from './errors.ts';
import type { Connections } from './verify-sides.ts';
import type { Printer } from './print.ts';

/** What says which requests are asked, and of whom. */
export interface RequestFlags {
  readonly oldUrl?: readonly string[];
  readonly newUrl?: readonly string[];
  readonly requests?: string;
  readonly accessLog?: string;
  readonly host?: readonly string[];
  readonly derived?: boolean;
  readonly odd?: boolean;
  readonly allMethods?: boolean;
  readonly limit?: string;
}

/** A request, and how often it was found in a log. */
export type VerifyRequest = DerivedRequest & { readonly times?: number };

/** The requests that are asked, and why others are not. */
export interface ChosenRequests {
  readonly requests: readonly VerifyRequest[];
  readonly leftOut: readonly { readonly why: string; readonly count: number }[];
}

const USUAL_LIMIT = 10_000;

/** Requests that the tables suggest, that were noted, or both, at these entry points. Throws `CommandError` where there is none. */
export async function chooseRequests(
  {
    tables,
    points,
    notCompared: { tcp, udp },
  }: { readonly tables: readonly RoutingTable[]; readonly points: readonly EntryPoint[]; readonly notCompared: Connections },
  { flags, printer }: { readonly flags: RequestFlags; readonly printer: Pick<Printer, 'say'> },
): Promise<ChosenRequests> {
  const derived = flags.derived === false ? [] : tables.flatMap((table) => requestsOf(table, points, { odd: flags.odd ?? false }));
  const noted = [
    ...(flags.requests === undefined ? [] : [await readNotes(flags.requests, readRequestList)]),
    ...(flags.accessLog === undefined ? [] : [await readNotes(flags.accessLog, readAccessLog)]),
  ];
  const hosts = flags.host ?? exactHosts(tables);
  const own = derived.filter(({ own }) => own);
  const limit = limitOf(flags.limit, Math.max(USUAL_LIMIT, own.length));
  const isSafe = ({ method }: { readonly method: string }): boolean =>
    !asksRunning(flags) || flags.allMethods === true || SAFE_METHODS.has(method);
  const listed = noted.flatMap(({ requests }) => requests);
  const given = givenFrom(listed.filter(isSafe), { hosts, points, limit });
  const all = distinctRequests<VerifyRequest>([...own, ...given.asked, ...derived]);
  const safe = all.filter(isSafe);
  const unsafe = all.length - safe.length + listed.filter((one) => !isSafe(one)).length;
  const unread = noted.reduce((sum, { unreadCount }) => sum + unreadCount, 0);
  for (const { line, text } of noted.flatMap((one) => one.unread)) printer.say(visible(`line ${line} is no request: ${text}`));
  const leftOut = [
    { why: 'routes for tcp: connections are not compared', count: tcp },
    { why: 'routes for udp: connections are not compared', count: udp },
    { why: 'lines that are no requests', count: unread },
    { why: 'requests of a log that cannot be asked here', count: given.unaskable },
    { why: 'requests that may change something (--all-methods asks them)', count: unsafe },
    { why: `requests beyond --limit ${limit}`, count: Math.max(0, safe.length - limit) },
    { why: `requests of a log beyond --limit ${limit}`, count: given.beyond },
  ].filter(({ count }) => count > 0);
  if (safe.length === 0)
    throw new CommandError(
      `Cannot verify: there is no request to ask${tcp + udp > 0 ? ', as routes for tcp and udp are not compared' : ''}; expected routes, --requests or --access-log`,
      EXIT.usage,
    );
  return { requests: safe.slice(0, limit), leftOut };
}

async function readNotes(file: string, read: (lines: AsyncIterable<string>) => Promise<NotedRequests>): Promise<NotedRequests> {
  const input = file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8');
  try {
    return await read(linesOf(input as AsyncIterable<string>));
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${messageOf(error)}`, EXIT.usage);
  }
}

/** Whether a proxy that runs is asked. */
export function asksRunning({ oldUrl, newUrl }: RequestFlags): boolean {
  return Boolean(oldUrl) || Boolean(newUrl);
}

/** What noted requests are at the entry points, until there are `limit` of them: without a host each is one for every host. */
function givenFrom(
  requests: NotedRequests['requests'],
  { hosts, points, limit }: { readonly hosts: readonly string[]; readonly points: readonly EntryPoint[]; readonly limit: number },
): { readonly asked: readonly VerifyRequest[]; readonly unaskable: number; readonly beyond: number } {
  const asked: VerifyRequest[] = [];
  let [looked, unaskable] = [0, 0];
  for (const request of requests) {
    if (asked.length >= limit) break;
    looked += 1;
    const found = askedOf(request, { hosts, points });
    if (found.length === 0) unaskable += 1;
    asked.push(...found);
  }
  return { asked, unaskable, beyond: requests.length - looked };
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
