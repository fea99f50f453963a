import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { ensureDirectory } from '../lib/ensure-directory.ts';
import { sleep } from '../lib/async.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { startOf } from '../lib/process-mark.ts';
import type { Server } from '../model/rendered.ts';
import { isRecent, isRunning, readProxyState, readWanted, type SwitchRequest } from './proxy-files.ts';
import { adoptProxy, prepareFiles, spawnProxy, writeStaticFiles, type ProxyProcess, type ProxyProgram } from './proxy-process.ts';
import { isFree, listenerOfOurs, takenText } from './sockets.ts';
import { end, takePlace, type TakenPlace } from './take-place.ts';
import { createTeller, type Teller } from './teller.ts';

/** What the parent of a proxy needs. */
export interface LauncherOptions {
  /** The proxy that is wanted at the start. */
  readonly server: Server;
  /** Everything about a proxy; asked again for each start, because the configuration may have changed. Rejects where it cannot be run. */
  readonly programOf: (server: Server) => Promise<ProxyProgram>;
  readonly stateDir: string;
  /** What becomes of the proxy's own output: ours, or nothing. */
  readonly output: 'inherit' | 'ignore';
  readonly log: Log;
}

interface Running {
  readonly program: ProxyProgram;
  readonly process: ProxyProcess;
}

/** How often `proxy.json` is looked at. */
const WATCH_MS = 100;

/**
 * Runs a proxy as a child until it ends or `signal` aborts, from the files in place where it takes them, else from the last good
 * generation, else from the boot configuration. A proxy of an earlier parent that still runs is taken over as it is. Where `proxy.json`
 * asks for the other proxy, that one takes its place, and the old one goes on where this fails. Returns the exit code of the proxy that
 * served last; 128 + n where a signal ended it.
 */
export async function runLauncher(options: LauncherOptions, signal: AbortSignal): Promise<number> {
  const { stateDir, log } = options;
  // what cannot be written is told where it is written
  await ensureDirectory(join(stateDir, 'staging')).catch(() => undefined);
  const answered = (await readProxyState(stateDir))?.outcome;
  const first = (await adopted(options)) ?? (await begun(options, signal));
  if (!first) return 0;
  const teller = createTeller({ stateDir, log, ...(answered && { outcome: answered }) });
  await teller.tell(first.process);
  const over = new AbortController();
  const retiring = new Set<Promise<void>>();
  const requests = createRequests(stateDir, answered?.id);
  const { process } = await serve(first, { ...options, teller, requests, retiring, over: over.signal }, signal);
  over.abort();
  const code = process.hasEnded() ? await process.ended : await end(process);
  await Promise.all(retiring);
  return signal.aborted && code === 143 ? 0 : code;
}

/** What the parent of a proxy keeps while one runs. */
interface Parent extends LauncherOptions {
  readonly teller: Teller;
  readonly requests: Requests;
  /** Proxies that serve their open connections to the end. */
  readonly retiring: Set<Promise<void>>;
  /** Aborts when the proxy that serves has ended. */
  readonly over: AbortSignal;
}

/** Does what is asked for until the proxy ends or `signal` aborts. Returns the one that served last. */
async function serve(first: Running, parent: Parent, signal: AbortSignal): Promise<Running> {
  const { teller, requests } = parent;
  let running = first;
  while (!signal.aborted && !running.process.hasEnded()) {
    if (!teller.isListening() && (await running.program.live(signal)).kind !== 'down') await teller.tellListening(running.process);
    await teller.tellAgain(running.process);
    const request = await requests.next();
    if (request) running = await replaced(running, request, { parent, signal });
    else await Promise.race([sleep(WATCH_MS, signal), running.process.ended.catch(() => undefined)]);
  }
  return running;
}

/** The proxy that serves after a request: the one that was asked for, or that of before where this fails. How it ended is told. */
async function replaced(
  from: Running,
  { id, to, digest }: SwitchRequest,
  { parent, signal }: { readonly parent: Parent; readonly signal: AbortSignal },
): Promise<Running> {
  const { teller, log, programOf, over } = parent;
  if (to === from.process.server) {
    await teller.tellEnd(from.process, { id, kind: 'switched' });
    return from;
  }
  log.info({ component: 'launcher', event: 'switch_begins', proxy: to, id }, 'The other proxy is started beside the running one');
  try {
    const program = await programOf(to);
    const onStarted = (started: ProxyProcess): Promise<void> => teller.tellBeside(from.process, started);
    const taken = await takePlace({ ...parent, id, from, program, digest, onStarted }, AbortSignal.any([signal, over]));
    if ('process' in taken) return await changedTo({ program, process: taken.process }, { from, taken, parent });
    await teller.tellEnd(from.process, taken.outcome);
  } catch (error) {
    await teller.tellEnd(from.process, { id, kind: 'failed', stage: 'files', reason: messageOf(error) });
  }
  return from;
}

/** Makes a proxy that took the place of another one the one that runs, and lets the other one come to its end meanwhile. */
async function changedTo(
  now: Running,
  {
    from,
    taken,
    parent: { teller, retiring, log },
  }: { readonly from: Running; readonly taken: Extract<TakenPlace, { process: ProxyProcess }>; readonly parent: Parent },
): Promise<Running> {
  await teller.tellChange(now.process, { from: from.process, outcome: taken.outcome });
  const retirement: Promise<void> = taken.finish().finally(() => {
    retiring.delete(retirement);
    teller.forget(from.process);
  });
  retiring.add(retirement);
  log.info({ component: now.process.server, event: 'switched', pid: now.process.pid }, 'The proxy runs in the place of the other one');
  return now;
}

/** The requests in `proxy.json`. */
interface Requests {
  /** One that was not given yet; undefined where there is none, or nobody waits for it any more. */
  next(): Promise<SwitchRequest | undefined>;
}

/** `doneId`: the request that was answered last. */
function createRequests(stateDir: string, doneId: string | undefined): Requests {
  let [seenAtMs, givenId] = [0, doneId];
  return {
    async next() {
      const changedAtMs = await stat(join(stateDir, 'proxy.json')).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      const request = changedAtMs === seenAtMs ? undefined : (await readWanted(stateDir))?.switch;
      seenAtMs = changedAtMs;
      if (!request || request.id === givenId || !isRecent(request)) return undefined;
      givenId = request.id;
      return request;
    },
  };
}

/**
 * A proxy that runs without a parent: of a launcher that was killed, or one that somebody else has started from our file where ours should
 * listen. One that is not wanted any more is ended, and so is what ran beside it: a parent that was killed while it changed proxies leaves
 * two that share the addresses.
 */
async function adopted({ stateDir, programOf, server, log }: LauncherOptions): Promise<Running | undefined> {
  const state = await readProxyState(stateDir);
  for (const left of state?.beside ?? []) {
    if ((await startOf(left.pid)) !== left.start) continue;
    log.warn({ component: left.server, event: 'proxy_left', pid: left.pid }, 'A proxy was left by a change that did not end; it is ended');
    await end(adoptProxy(left));
  }
  const known = state && (await isRunning(state)) ? state : undefined;
  const program = await programOf(known?.server ?? server);
  const [first] = program.listens;
  // nobody has written down one that was started when the disk was full
  const pid = known?.pid ?? (first && (await listenerOfOurs({ server: program.server, file: program.configFile }, first.port)));
  const start = pid === undefined ? undefined : await startOf(pid);
  if (pid === undefined || start === undefined) return undefined;
  const process = adoptProxy({ server: program.server, pid, start, ...(known && { sinceMs: Date.parse(known.since) }) });
  if (program.server !== server) {
    await end(process);
    return undefined;
  }
  log.warn({ component: program.server, event: 'proxy_adopted', pid }, 'A proxy runs already; it is taken over as it is');
  return { program, process };
}

/** Throws where the proxy could not listen, or would share what it gets with a program of its kind. */
async function assertFree({ server, listens, endpoint }: ProxyProgram): Promise<void> {
  for (const address of [...listens, ...(endpoint ? [endpoint] : [])]) {
    // where we may not listen the proxy may, and says itself what is wrong
    if (await isFree(address).catch(() => true)) continue;
    throw new Error(
      `Cannot run ${server}: ${await takenText(address)}, expected a free address. End that program, or give the proxy another address (entrypoints, caddy.admin and traefik.api of the proxy in the configuration)`,
    );
  }
}

/** A proxy that was started; undefined where `signal` aborted before. */
async function begun({ programOf, server, stateDir, output, log }: LauncherOptions, signal: AbortSignal): Promise<Running | undefined> {
  const program = await programOf(server);
  await assertFree(program);
  await writeStaticFiles(program, { stateDir, log });
  await prepareFiles(program, { stateDir, log, signal });
  if (signal.aborted) return undefined;
  const process = await spawnProxy(program, { output });
  log.info({ component: server, event: 'proxy_started', pid: process.pid, file: program.configFile }, 'The proxy runs');
  return { program, process };
}
