import { listenAddress } from '../apply/sockets.ts';
import { visible } from '../lib/text.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import type { RoutingTable } from '../model/route.ts';
import { createAsker } from '../verify/ask.ts';
import { compareSides, type Differing, type Side } from '../verify/compare.ts';
import { openLab } from '../verify/lab.ts';
import { answersByHistory } from '../verify/relocate.ts';
import { SAFE_METHODS } from '../verify/request.ts';
import { requestsOf, type DerivedRequest } from '../verify/requests.ts';
import { proxyBinary } from './proxy-binary.ts';
import type { Setup } from './setup.ts';

/** What a trial came to: how many requests were asked, and those that are answered otherwise, each in a line. */
export interface Trial {
  readonly requests: number;
  readonly differing: readonly string[];
  /** Why the running proxy gave no answer, where it gave none at all: then nothing was compared. */
  readonly silence?: string;
}

/** So many requests are asked at most: the instances are real ones. */
const MOST = 3000;

/**
 * Starts the other proxy with the table on free ports of loopback and asks both the requests that the table suggests: status, redirect
 * and what it asks for must be the same. The instances are the real ones and get requests without effects only. Throws `LabError` where
 * the proxy does not begin to serve.
 */
export async function tryBeside({
  running,
  other,
  table,
  signal,
}: {
  readonly running: Setup;
  readonly other: Setup;
  readonly table: RoutingTable;
  readonly signal: AbortSignal;
}): Promise<Trial> {
  const places = runningPlaces(running, table);
  const points = other.target.entryPoints(table, other.settings).filter(({ name }) => places.has(name));
  const quiet = table.routes.filter((route) => !answersByHistory(route));
  const requests = spread(requestsOf({ ...table, routes: quiet }, points).filter((request) => isAsked(request, places)));
  using asker = createAsker({ answering: 'programs' });
  let silence: string | undefined;
  let isHeard = false;
  const old: Side = {
    async ask(request, askSignal) {
      const point = places.get(request.entryPoint);
      const place = point && listenAddress(point.address);
      if (!point || !place) return { status: 0, headers: [], body: '', failure: 'it does not listen there' };
      const host = place.host === '::' || place.host === '0.0.0.0' ? '127.0.0.1' : place.host;
      const answer = await asker.ask({ host, port: place.port, tls: point.tls }, request, askSignal);
      if (answer.status > 0) isHeard = true;
      else silence = answer.failure;
      return answer;
    },
  };
  await using lab = await openLab(
    { target: other.target, binary: proxyBinary(other), settings: other.settings, table, answering: 'programs' },
    signal,
  );
  const differing = await compareSides(requests, { old, new: lab }, { signal });
  return {
    requests: requests.length,
    differing: differing.map(lineOf),
    ...(!isHeard && silence !== undefined && { silence }),
  };
}

function runningPlaces({ target, settings }: Setup, table: RoutingTable): ReadonlyMap<string, EntryPoint> {
  return new Map(target.entryPoints(table, settings).map((point) => [point.name, point]));
}

function isAsked({ method, from, entryPoint }: DerivedRequest, places: ReadonlyMap<string, EntryPoint>): boolean {
  const host = listenAddress(places.get(entryPoint)?.address ?? '')?.host ?? '';
  return SAFE_METHODS.has(method) && (from === '127.0.0.1' || host === '::' || host.startsWith('127.') || host === '0.0.0.0');
}

/** At most so many of them, from all over the table. */
function spread(requests: readonly DerivedRequest[]): readonly DerivedRequest[] {
  const step = Math.max(1, requests.length / MOST);
  return requests.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step) || index === 0);
}

function lineOf({ request, differences }: Differing<DerivedRequest>): string {
  const { method, host, path, entryPoint } = request;
  const parts = differences.map(({ what, old = 'none', new: fresh = 'none' }) => `${what} ${visible(old)} → ${visible(fresh)}`);
  return `${visible(`${method} ${host}${path}`)} at ${entryPoint}: ${parts.join(', ')}`;
}
