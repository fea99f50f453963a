import { join } from 'node:path';
import { mkdir, stat } from 'node:fs/promises';
import { sleep } from '../lib/async.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Server } from '../model/rendered.ts';
import { isRecent, readProxyState, readWanted, writeProxyState, type SwitchOutcome, type SwitchRequest } from './proxy-files.ts';
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
/** How often it is tried to write what runs where the disk does not let us. */
const TELL_MS = 1000;

/**
 * Runs a proxy as a child until it ends or `signal` aborts, from the files in place where it takes them, else from the last good
 * generation, else from the boot configuration. A proxy of an earlier parent that still runs is taken over as it is. Where `proxy.json`
 * asks for the other proxy, that one takes its place, and the old one goes on where this fails. Returns the exit code of the proxy that
 * served last; 128 + n where a signal ended it.
 */
export async function runLauncher(options: LauncherOptions, signal: AbortSignal): Promise<number> {
  const { stateDir, log, programOf } = options;
  // what cannot be written is told where it is written
  await mkdir(join(stateDir, 'staging'), { recursive: true, mode: 0o750 }).catch(() => undefined);
  const answered = (await readProxyState(stateDir))?.outcome;
  let running = (await adopted(options)) ?? (await begun(options, signal));
  if (!running) return 0;
  let [isListening, outcome] = [false, answered];
  /** Proxies that must not outlive us unknown: somebody else would share their addresses with them. */
  const beside = new Set<ProxyProcess>();
  let untoldAtMs: number | undefined;
  await tell(running);
  const retiring = new Set<Promise<void>>();
  const over = new AbortController();
  let [seenAtMs, doneId] = [0, answered?.id];
  while (!signal.aborted && !running.process.hasEnded()) {
    if (!isListening && (await running.program.live(signal)).kind !== 'down') {
      isListening = true;
      await tell(running);
    }
    if (untoldAtMs !== undefined && performance.now() - untoldAtMs > TELL_MS) await tell(running);
    const changedAtMs = await stat(join(stateDir, 'proxy.json')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    const request = changedAtMs === seenAtMs ? undefined : (await readWanted(stateDir))?.switch;
    seenAtMs = changedAtMs;
    if (request && request.id !== doneId && isRecent(request)) {
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
      const onStarted = async (started: ProxyProcess): Promise<void> => {
        beside.add(started);
        await tell(from);
      };
      const taken = await takePlace({ ...options, id, from, program, digest, onStarted }, ending);
      if (!('process' in taken)) return await noted(from, taken.outcome);
      beside.delete(taken.process);
      isListening = true;
      beside.add(from.process);
      const now = await noted({ program, process: taken.process }, taken.outcome);
      const retirement: Promise<void> = taken.finish().finally(() => {
        retiring.delete(retirement);
        beside.delete(from.process);
      });
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

  /** A disk that is full must not end the proxy: what runs is written as soon as that can be done. */
  async function tell({ process: proxy }: Running): Promise<void> {
    for (const other of beside) if (other.hasEnded()) beside.delete(other);
    const start = await startOf(proxy.pid);
    const others = await Promise.all([...beside].map(async ({ server, pid }) => ({ server, pid, start: await startOf(pid) })));
    const known = others.flatMap((other) => (other.start === undefined ? [] : [{ ...other, start: other.start }]));
    const written = writeProxyState(stateDir, {
      launcher: process.pid,
      pid: proxy.pid,
      server: proxy.server,
      since: new Date(proxy.sinceMs).toISOString(),
      ...(start !== undefined && { start }),
      listening: isListening,
      ...(known.length > 0 && { beside: known }),
      ...(outcome && { outcome }),
    });
    await written.then(
      () => (untoldAtMs = undefined),
      (error: unknown) => {
        if (untoldAtMs === undefined)
          log.error(
            { component: 'launcher', event: 'state_write_failed', err: { message: messageOf(error) } },
            'Cannot write which proxy runs; the proxy runs on, and it is tried again',
          );
        untoldAtMs = performance.now();
      },
    );
  }
}

/**
 * A proxy that runs without a parent: of a launcher that was killed, or one that somebody else has started where ours should listen. One
 * that is not wanted any more is ended, and so is what ran beside it: a parent that was killed while it changed proxies leaves two that share
 * the addresses.
 */
async function adopted({ stateDir, programOf, server, log }: LauncherOptions): Promise<Running | undefined> {
  const state = await readProxyState(stateDir);
  for (const left of state?.beside ?? []) {
    if ((await startOf(left.pid)) !== left.start) continue;
    log.warn({ component: left.server, event: 'proxy_left', pid: left.pid }, 'A proxy was left by a change that did not end; it is ended');
    await end(adoptProxy(left));
  }
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
