import { join } from 'node:path';
import { mkdir, stat } from 'node:fs/promises';
import { sleep } from '../lib/async.ts';
import { messageOf } from '../lib/abort.ts';
import type { Log } from '../lib/log.ts';
import type { Server } from '../model/rendered.ts';
import { readProxyState, readWanted, writeProxyState, type SwitchOutcome, type SwitchRequest } from './proxy-files.ts';
import { adoptProxy, prepareFiles, spawnProxy, writeStaticFiles, type ProxyProcess, type ProxyProgram } from './proxy-process.ts';
import { listenerOf, startOf } from './sockets.ts';
import { end, takePlace } from './take-place.ts';

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
/** An older request is one of a program that is gone: nobody waits for it. */
const REQUEST_MS = 60_000;

/**
 * Runs a proxy as a child until it ends or `signal` aborts, from the files in place where it takes them, else from the last good
 * generation, else from the boot configuration. A proxy of an earlier parent that still runs is taken over as it is. Where `proxy.json`
 * asks for the other proxy, that one takes its place, and the old one goes on where this fails. Returns the exit code of the proxy that
 * served last; 128 + n where a signal ended it.
 */
export async function runLauncher(options: LauncherOptions, signal: AbortSignal): Promise<number> {
  const { stateDir, log, programOf } = options;
  await mkdir(join(stateDir, 'staging'), { recursive: true, mode: 0o750 });
  const answered = (await readProxyState(stateDir))?.outcome;
  let running = (await adopted(options)) ?? (await begun(options, signal));
  if (!running) return 0;
  let [isListening, outcome] = [false, answered];
  await tell(running);
  const retiring = new Set<Promise<void>>();
  const over = new AbortController();
  let [seenAtMs, doneId] = [0, answered?.id];
  while (!signal.aborted && !running.process.hasEnded()) {
    if (!isListening && (await running.program.live(signal)).kind !== 'down') {
      isListening = true;
      await tell(running);
    }
    const changedAtMs = await stat(join(stateDir, 'proxy.json')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    const request = changedAtMs === seenAtMs ? undefined : (await readWanted(stateDir))?.switch;
    seenAtMs = changedAtMs;
    if (request && request.id !== doneId && Date.now() - request.atMs < REQUEST_MS) {
      doneId = request.id;
      running = await replaced(running, request);
    } else await Promise.race([sleep(WATCH_MS, signal), running.process.ended.catch(() => undefined)]);
  }
  over.abort();
  const code = running.process.hasEnded() ? await running.process.ended : await end(running.process);
  await Promise.all(retiring);
  return signal.aborted && code === 143 ? 0 : code;

  async function replaced(from: Running, { id, to, digest }: SwitchRequest): Promise<Running> {
    if (to === from.process.server) return noted(from, { id, kind: 'switched' });
    log.info({ component: 'launcher', event: 'switch_begins', proxy: to, id }, 'The other proxy is started beside the running one');
    const ending = AbortSignal.any([signal, over.signal]);
    try {
      const program = await programOf(to);
      const taken = await takePlace({ ...options, id, from, program, digest }, ending);
      if (!('process' in taken)) return await noted(from, taken.outcome);
      isListening = true;
      const now = await noted({ program, process: taken.process }, taken.outcome);
      const retirement: Promise<void> = taken.finish().finally(() => retiring.delete(retirement));
      retiring.add(retirement);
      log.info({ component: to, event: 'switched', pid: now.process.pid }, 'The proxy runs in the place of the other one');
      return now;
    } catch (error) {
      return noted(from, { id, kind: 'failed', stage: 'files', reason: messageOf(error) });
    }
  }

  async function noted(now: Running, ended: SwitchOutcome): Promise<Running> {
    if (ended.kind === 'failed')
      log.error(
        { component: 'launcher', event: 'switch_failed', stage: ended.stage, reason: ended.reason },
        'The switch failed; the proxy of before serves on',
      );
    outcome = ended;
    await tell(now);
    return now;
  }

  async function tell({ process: proxy }: Running): Promise<void> {
    const start = await startOf(proxy.pid);
    await writeProxyState(stateDir, {
      launcher: process.pid,
      pid: proxy.pid,
      server: proxy.server,
      since: new Date(proxy.sinceMs).toISOString(),
      ...(start !== undefined && { start }),
      listening: isListening,
      ...(outcome && { outcome }),
    });
  }
}

/**
 * A proxy that runs without a parent: of a launcher that was killed, or one that somebody else has started where ours should listen. One
 * that is not wanted any more is ended.
 */
async function adopted({ stateDir, programOf, server, log }: LauncherOptions): Promise<Running | undefined> {
  const state = await readProxyState(stateDir);
  const known = state?.start !== undefined && (await startOf(state.pid)) === state.start ? state : undefined;
  const program = await programOf(known?.server ?? server);
  const [first] = program.listens;
  const pid = known?.pid ?? (first && (await listenerOf(first.port, program.server)));
  const start = pid === undefined ? undefined : await startOf(pid);
  if (pid === undefined || start === undefined) return undefined;
  const process = adoptProxy({ server: program.server, pid, start });
  if (program.server !== server) {
    await end(process);
    return undefined;
  }
  log.warn({ component: program.server, event: 'proxy_adopted', pid }, 'A proxy runs already; it is taken over as it is');
  return { program, process };
}

/** A proxy that was started; undefined where `signal` aborted before. */
async function begun({ programOf, server, stateDir, output, log }: LauncherOptions, signal: AbortSignal): Promise<Running | undefined> {
  const program = await programOf(server);
  await writeStaticFiles(program, stateDir);
  await prepareFiles(program, { stateDir, log, signal });
  if (signal.aborted) return undefined;
  const process = await spawnProxy(program, { output });
  log.info({ component: server, event: 'proxy_started', pid: process.pid, file: program.configFile }, 'The proxy runs');
  return { program, process };
}
