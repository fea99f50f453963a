import { join } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import type { Log } from '../lib/log.ts';
import { createMutex } from '../lib/mutex.ts';
import { startOf } from '../lib/process-mark.ts';
import { readOrSetAside } from '../lib/set-aside.ts';
import { SERVERS, type Server } from '../model/rendered.ts';

/** Which proxy is wanted: `proxy.json`, written by `run`, `switch` and `rollback`, read by `exec-proxy` and everybody who starts. */
export interface WantedProxy {
  readonly server: Server;
  /** What it was given last and has shown; absent until it has. */
  readonly generation?: number;
  /** Of its entry points, ascending. */
  readonly ports?: readonly number[];
  /** What the configuration said then: where it says something else now, it counts again. */
  readonly configured: Server;
  /** A switch that is under way, or of which nobody has noted the end. */
  readonly switch?: SwitchRequest;
}

/** What the parent of the proxy is asked to do. */
export interface SwitchRequest {
  readonly id: string;
  readonly to: Server;
  /** Of the table that the new proxy must show before it gets connections. */
  readonly digest: string;
  /** Epoch ms of the request: an old one is not followed any more. */
  readonly atMs: number;
}

/** What runs: `proxy-state.json`, written by `exec-proxy`. */
export interface ProxyStateFile {
  readonly launcher: number;
  readonly pid: number;
  readonly server: Server;
  readonly since: string;
  /** When the process was started, as the system counts: tells it from a later one with the same id. */
  readonly start?: string;
  /** Proxies that run beside it while it is changed: one that is to take its place, those that serve their open connections to the end. */
  readonly beside?: readonly { readonly server: Server; readonly pid: number; readonly start: string }[];
  /** The proxy answers. */
  readonly listening: boolean;
  /** What became of the last switch that was asked for. */
  readonly outcome?: SwitchOutcome;
}

/** How a switch ended. `gate`: why the kernel shared connections before the new proxy was ready, where it did. */
export type SwitchOutcome =
  | { readonly id: string; readonly kind: 'switched'; readonly gate?: string }
  | { readonly id: string; readonly kind: 'failed'; readonly stage: 'ports' | 'files' | 'start'; readonly reason: string };

/** The wanted proxy as it was written; undefined where nobody has, or the file cannot be read. */
export async function readWanted(stateDir: string): Promise<WantedProxy | undefined> {
  const value = await readJson(wantedFile(stateDir));
  return isServer(value['server']) && isServer(value['configured']) ? (value as unknown as WantedProxy) : undefined;
}

/** Writes which proxy is wanted. */
export async function writeWanted(stateDir: string, wanted: WantedProxy): Promise<void> {
  await writeFileAtomic(wantedFile(stateDir), `${JSON.stringify(wanted)}\n`, { mode: 0o640, stagingDir: join(stateDir, 'staging') });
}

/** What is written of a proxy that serves a generation. */
export type ServedProxy = Required<Omit<WantedProxy, 'switch'>>;

/**
 * Replaces what is written by something that is made of it; undefined: it stays. One change comes after the other: who writes here has
 * the lock of the state directory, and does it from several places at once.
 */
export function changeWanted(stateDir: string, change: (before: WantedProxy | undefined) => WantedProxy | undefined): Promise<void> {
  return exclusively(async () => {
    const next = change(await readWanted(stateDir));
    if (next) await writeWanted(stateDir, next);
  });
}

const exclusively = createMutex();

/** Notes what a proxy serves. Which one is wanted is not ours to say: where another one is, or a switch is under way, nothing is written. */
export async function noteServed(stateDir: string, served: ServedProxy): Promise<void> {
  const { outcome } = (await readProxyState(stateDir)) ?? {};
  await changeWanted(stateDir, (before) => {
    if (before?.switch && before.switch.id !== outcome?.id && isRecent(before.switch)) return undefined;
    return wantedOf(before, { configured: served.configured, outcome }) === served.server ? served : undefined;
  });
}

/** Whether somebody may still wait for what a request asks for. */
export function isRecent({ atMs }: SwitchRequest): boolean {
  return Date.now() - atMs < REQUEST_MS;
}

/** An older request is one of a program that is gone. */
const REQUEST_MS = 60_000;

/** What runs as it was written last; undefined where nothing ever did, or the file cannot be read. */
export async function readProxyState(stateDir: string): Promise<ProxyStateFile | undefined> {
  const value = await readJson(stateFile(stateDir));
  return isServer(value['server']) && typeof value['pid'] === 'number' ? (value as unknown as ProxyStateFile) : undefined;
}

/** Whether the proxy that was written down runs at this moment. */
export async function isRunning({ pid, start }: ProxyStateFile): Promise<boolean> {
  return start !== undefined && (await startOf(pid)) === start;
}

/** Which proxy `exec-proxy` runs at this moment; undefined where it runs none. */
export async function runningServer(stateDir: string): Promise<Server | undefined> {
  const state = await readProxyState(stateDir);
  return state && (await isRunning(state)) ? state.server : undefined;
}

/** Writes what runs. */
export async function writeProxyState(stateDir: string, state: ProxyStateFile): Promise<void> {
  await writeFileAtomic(stateFile(stateDir), `${JSON.stringify(state)}\n`, { mode: 0o640, stagingDir: join(stateDir, 'staging') });
}

/** Sets aside what stands in the place of the two files and can neither be read nor replaced, as a directory. */
export async function clearProxyFiles(stateDir: string, log: Log): Promise<void> {
  for (const file of [wantedFile(stateDir), stateFile(stateDir)]) await readOrSetAside(file, { log });
}

/** The proxy that the last switch chose, or the configured one. */
export async function wantedServer(stateDir: string, configured: Server): Promise<Server> {
  const { outcome } = (await readProxyState(stateDir)) ?? {};
  return wantedOf(await readWanted(stateDir), { configured, outcome });
}

function wantedOf(
  wanted: WantedProxy | undefined,
  { configured, outcome }: { readonly configured: Server; readonly outcome: SwitchOutcome | undefined },
): Server {
  if (!wanted || wanted.configured !== configured) return configured;
  const isDone = wanted.switch !== undefined && outcome?.kind === 'switched' && outcome.id === wanted.switch.id;
  return isDone ? wanted.switch.to : wanted.server;
}

function wantedFile(stateDir: string): string {
  return join(stateDir, 'proxy.json');
}

function stateFile(stateDir: string): string {
  return join(stateDir, 'proxy-state.json');
}

async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse((await readTextFile(path)) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function isServer(value: unknown): value is Server {
  return SERVERS.some((server) => server === value);
}
