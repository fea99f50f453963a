import { deadline } from '../lib/abort.ts';
import { messageOf } from '../lib/errors.ts';
import { sleep } from '../lib/async.ts';
import type { Log } from '../lib/log.ts';
import { openGate, type Gate, type ListenAddress } from './gate.ts';
import { spawnProxy, writeStaticFiles, type ProxyProcess, type ProxyProgram } from './proxy-process.ts';
import type { SwitchOutcome } from './proxy-files.ts';
import { isFree, openConnections, takenText } from './sockets.ts';
import { untilShown } from './until-shown.ts';

/** One proxy that is to take the place of another. */
export interface TakePlaceOptions {
  readonly id: string;
  readonly from: { readonly program: ProxyProgram; readonly process: ProxyProcess };
  readonly program: ProxyProgram;
  /** Of the table that it must show before it gets connections. */
  readonly digest: string;
  readonly stateDir: string;
  /** Called when the new proxy has been started, before anything waits for it. */
  readonly onStarted: (process: ProxyProcess) => Promise<void>;
  readonly output: 'inherit' | 'ignore';
  readonly log: Log;
}

/** How that ended. Where it failed, nothing of the new proxy is left and the old one serves. */
export type TakenPlace =
  | { readonly outcome: Extract<SwitchOutcome, { kind: 'switched' }>; readonly process: ProxyProcess; finish(): Promise<void> }
  | { readonly outcome: Extract<SwitchOutcome, { kind: 'failed' }> };

/** How long a new proxy may take until it answers. */
const START_MS = 30_000;
const POLL_MS = 20;
/** So long what waits to be accepted by the old proxy may take. */
const SETTLE_MS = 100;
/** So long open connections may go on (as `stream_close_delay` of our Caddyfiles and `graceTimeOut` of our Traefik files). */
const DRAIN_MS = 300_000;
const DRAIN_POLL_MS = 500;
/** How long a proxy that was told to end may take before it is killed. */
const KILL_MS = 8000;

/**
 * Starts a proxy on the addresses of the running one, and makes it the one that gets connections when it has shown that it serves the
 * wanted table: a gate keeps new connections with the old one until then, where the system lets it. What `finish` does is left to do
 * when the new one is known as the one that runs: the old one stops accepting, serves its open connections to their end, and ends.
 */
export async function takePlace(options: TakePlaceOptions, signal: AbortSignal): Promise<TakenPlace> {
  const { id, from, program, stateDir, output, log } = options;
  const failed = (stage: 'ports' | 'files' | 'start', reason: string): TakenPlace => ({ outcome: { id, kind: 'failed', stage, reason } });
  const ports = await sharedAddresses(from.program, program).catch((error: unknown) => messageOf(error));
  if (typeof ports === 'string') return failed('ports', ports);
  const gate = ports.length === 0 ? undefined : await openGate(ports);
  if (typeof gate === 'string' && /EADDRINUSE/.test(gate)) return failed('ports', `the running program does not share its port: ${gate}`);
  const opened = typeof gate === 'string' ? undefined : gate;
  const process = await writeStaticFiles(program, { stateDir, log })
    .then(() => spawnProxy(program, { output }))
    .catch((error: unknown) => messageOf(error));
  if (typeof process === 'string') {
    await opened?.end();
    return failed('files', process);
  }
  await options.onStarted(process);
  const problem = (await answersWith(options, process, signal)) ?? (await handOver(opened, process));
  if (problem !== undefined) {
    await end(process);
    await opened?.end();
    return failed('start', problem);
  }
  return {
    outcome: { id, kind: 'switched', ...(typeof gate === 'string' && { gate }) },
    process,
    finish: () => retire(options, opened, signal),
  };
}

/** Ends a proxy: TERM, then KILL. Returns its exit code. */
export async function end(process: ProxyProcess): Promise<number> {
  process.kill('SIGTERM');
  const killer = setTimeout(() => process.kill('SIGKILL'), KILL_MS);
  const code = await process.ended.catch(() => 1);
  clearTimeout(killer);
  return code;
}

/** The addresses that both listen on. Rejects where somebody else has one that only the new proxy needs. */
async function sharedAddresses(from: ProxyProgram, program: ProxyProgram): Promise<readonly ListenAddress[]> {
  const known = (address: ListenAddress): boolean => from.listens.some(({ host, port }) => host === address.host && port === address.port);
  const shared: ListenAddress[] = [];
  for (const address of program.listens) {
    const free = await isFree(address);
    if (!free && !known(address)) throw new Error(await takenText(address));
    if (!free) shared.push(address);
  }
  const { endpoint } = program;
  if (endpoint && endpoint.port === from.endpoint?.port)
    throw new Error(`both proxies have their own endpoint on port ${endpoint.port}; give caddy.admin and traefik.api different ports`);
  if (endpoint && !(await isFree(endpoint))) throw new Error(await takenText(endpoint));
  return shared;
}

/** Why the new proxy does not come to serve the wanted table; undefined where it does. */
async function answersWith({ program, digest }: TakePlaceOptions, process: ProxyProcess, signal: AbortSignal): Promise<string | undefined> {
  const waiting = deadline(START_MS, signal);
  const shown = await untilShown(digest, { live: (probe) => program.live(probe), isOver: process.hasEnded, pollMs: POLL_MS }, waiting);
  if (shown === undefined) return undefined;
  if (process.hasEnded()) return `it ended with ${await process.ended.catch(messageOf)} before it served; its own log says why`;
  return signal.aborted ? 'exec-proxy was told to end' : `it does not serve the configuration within ${START_MS / 1000} s: ${shown}`;
}

async function handOver(gate: Gate | undefined, process: ProxyProcess): Promise<string | undefined> {
  try {
    await gate?.hand();
  } catch (error) {
    return messageOf(error);
  }
  await Promise.race([sleep(SETTLE_MS), process.ended.catch(() => undefined)]);
  return process.hasEnded() ? 'it ended just after it had begun to serve' : undefined;
}

/** The old proxy stops accepting, its connections go on to their end, then it ends. */
async function retire({ from, log }: TakePlaceOptions, gate: Gate | undefined, signal: AbortSignal): Promise<void> {
  const { process, program } = from;
  const told = { component: process.server, pid: process.pid };
  log.info({ ...told, event: 'proxy_draining' }, 'The old proxy accepts no more connections and serves those that are open');
  const retired = await program.retire?.(signal).then(
    () => true,
    (error: unknown) => {
      log.warn(
        { ...told, event: 'drain_failed', err: { message: messageOf(error) } },
        'The old proxy does not stop accepting; it is ended',
      );
      return false;
    },
  );
  if (retired !== true) process.kill('SIGTERM');
  await sleep(SETTLE_MS);
  await gate?.end();
  await drained(process, new Set(program.listens.map(({ port }) => port)), signal);
  if (!process.hasEnded()) await end(process);
  log.info({ ...told, event: 'proxy_ended' }, 'The old proxy has ended');
}

async function drained(process: ProxyProcess, ports: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
  const waiting = deadline(DRAIN_MS, signal);
  while (!waiting.aborted && !process.hasEnded()) {
    await sleep(DRAIN_POLL_MS, waiting);
    if ((await openConnections(process.pid, ports)) === 0) return;
  }
}
