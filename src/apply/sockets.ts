import { readdir, readFile, readlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { systemCode } from '../lib/errors.ts';
import { joinHostPort } from '../lib/host.ts';
import { parentOf } from '../lib/process-mark.ts';
import type { Server } from '../model/rendered.ts';
import type { ListenAddress } from './gate.ts';

/** States of a TCP socket as `/proc/net/tcp` writes them. */
const STATES = { established: '01', listening: '0A' } as const;

/** How many connections of clients a program has on these ports; undefined where the system does not say. */
export async function openConnections(pid: number, ports: ReadonlySet<number>): Promise<number | undefined> {
  try {
    const own = await socketsOf(pid);
    const rows = await tcpRows(`/proc/${pid}/net`);
    return rows.filter(({ port, state, inode }) => state === STATES.established && ports.has(port) && own.has(inode)).length;
  } catch {
    return undefined;
  }
}

/** A program that accepts connections. */
interface Listener {
  readonly pid: number;
  readonly name: string;
  /** With what it was started, its own path first. */
  readonly command: readonly string[];
}

/** The programs that listen on a port, on whatever address; none where the system does not say, as of those of other users. */
export async function listenersOf(port: number): Promise<readonly Listener[]> {
  const inodes = new Set((await listeningRows(port)).map(({ inode }) => inode));
  if (inodes.size === 0) return [];
  const listeners: Listener[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const own = await socketsOf(Number(entry)).catch(() => new Set<string>());
    if (!own.isDisjointFrom(inodes)) listeners.push(await listenerAt(Number(entry)));
  }
  return listeners;
}

async function listenerAt(pid: number): Promise<Listener> {
  const [name, command] = await Promise.all(['comm', 'cmdline'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')));
  return { pid, name: name?.trim() ?? '', command: command?.split('\0').slice(0, -1) ?? [] };
}

/** How a proxy of ours is known among others. */
export interface OwnProxy {
  readonly server: Server;
  /** With which ours start: the Caddyfile, or Traefik's static file. */
  readonly file: string;
}

/** The proxy that listens on a port and is ours, without a parent that would miss it. */
export async function listenerOfOurs(own: OwnProxy, port: number): Promise<number | undefined> {
  for (const listener of await listenersOf(port)) if (await isOurs(listener, own)) return listener.pid;
  return undefined;
}

async function isOurs({ pid, command }: Listener, { server, file }: OwnProxy): Promise<boolean> {
  if (!command.some((word) => word === file || word.endsWith(`=${file}`))) return false;
  const program = await readlink(`/proc/${pid}/exe`).catch(() => command[0] ?? '');
  if (!basename(program).includes(server)) return false;
  const parent = await parentOf(pid);
  return parent === undefined || parent === process.pid || !(await listenerAt(parent)).command.includes('exec-proxy');
}

/** That somebody else listens on an address, in words: who it is, as far as the system says. */
export async function takenText({ host, port }: ListenAddress): Promise<string> {
  const [listener] = await listenersOf(port);
  const who = listener ? ` (process ${listener.pid}, ${listener.name})` : '';
  return `another program listens on ${joinHostPort(host, port)}${who}`;
}

/**
 * Says that a program which is no proxy of ours listens on one of these addresses; undefined where none does, or the system does not say.
 * Unlike `isFree` this is in nobody's way for a moment.
 */
export async function strangerText(addresses: readonly ListenAddress[], own: OwnProxy): Promise<string | undefined> {
  for (const address of addresses)
    if ((await isListenedOn(address)) && (await listenerOfOurs(own, address.port)) === undefined) return takenText(address);
  return undefined;
}

async function isListenedOn({ host, port }: ListenAddress): Promise<boolean> {
  const own = ['::', '0.0.0.0'].includes(host) ? undefined : hexOf(host);
  return (await listeningRows(port)).some((row) => own === undefined || row.host === own || /^0+$/.test(row.host));
}

/** An IPv4 address as `/proc/net/tcp` writes it. */
function hexOf(host: string): string {
  const bytes = host.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return bytes.toReversed().join('').toUpperCase();
}

/** Whether nobody listens on an address. Rejects with the error of the system where one may not listen there. */
export async function isFree({ host, port }: ListenAddress): Promise<boolean> {
  const server = createServer((connection) => connection.destroy());
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port, exclusive: true }, resolve));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return false;
    throw error;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/**
 * `[HOST]:PORT` as the address that a proxy listens on: every address where no host is named; a name other than localhost cannot be one.
 */
export function listenAddress(text: string): ListenAddress | undefined {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text);
  if (!match) return undefined;
  const [, host = '', digits] = match;
  const port = Number(digits);
  // Go takes the one for the other: it listens on both families
  if (host === '' || host === '0.0.0.0') return { host: everyHost(), port };
  if (host === 'localhost') return { host: '127.0.0.1', port };
  return /^[\d.]+$|:/.test(host) ? { host, port } : undefined;
}

/** What Go listens on where no host is named: both families, or IPv4 alone where the system has no other. */
function everyHost(): string {
  return existsSync('/proc/net') && !existsSync('/proc/net/tcp6') ? '0.0.0.0' : '::';
}

interface TcpRow {
  /** In the system's own way. */
  readonly host: string;
  readonly port: number;
  readonly state: string;
  readonly inode: string;
}

async function listeningRows(port: number): Promise<readonly TcpRow[]> {
  return (await tcpRows('/proc/net').catch(() => [])).filter((row) => row.port === port && row.state === STATES.listening);
}

async function tcpRows(dir: string): Promise<readonly TcpRow[]> {
  const texts = await Promise.all([readFile(`${dir}/tcp`, 'utf8'), readFile(`${dir}/tcp6`, 'utf8').catch(() => '')]);
  return texts
    .flatMap((text) => text.split('\n').slice(1))
    .flatMap((line): readonly TcpRow[] => {
      const [, local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
      const [host = '', port = ''] = local.split(':');
      return inode === '' ? [] : [{ host, port: Number.parseInt(port, 16), state, inode }];
    });
}

async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const dir = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(dir)).map((name) => readlink(`${dir}/${name}`).catch(() => '')));
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}
