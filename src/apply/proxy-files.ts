import { join } from 'node:path';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import { SERVERS, type Server } from '../model/rendered.ts';

/** Which proxy is wanted: `proxy.json`, written by `switch` and `rollback`, read by `exec-proxy` and everybody who starts. */
export interface WantedProxy {
  readonly server: Server;
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

/** What runs as it was written last; undefined where nothing ever did, or the file cannot be read. */
export async function readProxyState(stateDir: string): Promise<ProxyStateFile | undefined> {
  const value = await readJson(stateFile(stateDir));
  return isServer(value['server']) && typeof value['pid'] === 'number' ? (value as unknown as ProxyStateFile) : undefined;
}

/** Writes what runs. */
export async function writeProxyState(stateDir: string, state: ProxyStateFile): Promise<void> {
  await writeFileAtomic(stateFile(stateDir), `${JSON.stringify(state)}\n`, { mode: 0o640, stagingDir: join(stateDir, 'staging') });
}

/** The proxy that the last switch chose, or the configured one. */
export async function wantedServer(stateDir: string, configured: Server): Promise<Server> {
  const wanted = await readWanted(stateDir);
  if (!wanted || wanted.configured !== configured) return configured;
  const { outcome } = (await readProxyState(stateDir)) ?? {};
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
