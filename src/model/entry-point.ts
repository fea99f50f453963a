import { once } from '../lib/memo.ts';
import { parsePort, type Port } from './names.ts';

/** A place where a proxy listens. `tls` says whether it ends TLS. */
export interface EntryPoint {
  readonly name: string;
  /** `host:port` or `:port`. */
  readonly address: string;
  readonly port: Port;
  readonly protocol: 'http' | 'tcp' | 'udp';
  readonly tls: boolean;
}

/** The name of an entry point that is opened because a route asks for its port; no configured one can have such a name. */
export function openedName(port: Port): string {
  return String(port);
}

/**
 * The entry points that routes open beside the configured ones: like the first of these that ends TLS, on another port. Sorted by port.
 */
export function openedEntryPoints(
  routes: readonly { readonly entryPoints: readonly string[] }[],
  configured: readonly EntryPoint[],
): readonly EntryPoint[] {
  const like = configured.find(({ protocol, tls }) => protocol === 'http' && tls);
  const names = new Set(routes.flatMap(({ entryPoints }) => entryPoints.filter((name) => /^\d/.test(name))));
  const ports = [...names].flatMap((name) => parsePort(name) ?? []).toSorted((a, b) => a - b);
  if (!like) return [];
  return ports.map((port) => openedLike(like, port));
}

function openedLike(like: EntryPoint, port: Port): EntryPoint {
  const opened = openedOf(like);
  const entryPoint = opened.get(port) ?? {
    ...like,
    name: openedName(port),
    address: `${like.address.replace(/:\d+$/, '')}:${port}`,
    port,
  };
  opened.set(port, entryPoint);
  return entryPoint;
}

/** The same objects each time: what is remembered for an entry point is found again. */
const openedOf = once((_like: EntryPoint) => new Map<Port, EntryPoint>());

/**
 * Which entry points an intent asks for, in a tag's own words; the compiler resolves it to names.
 * `kind`: every http entry point that is plain, ends TLS, or either. `named`: these, as far as their kind fits `tls`.
 * `secondary`: of an intent that follows from another one of the same tag; nothing is said where no entry point fits.
 * `port`: the entry point on that port. `tcp`, `udp`: the entry point of that protocol on that port or of those names; any, where none is named.
 * `beforeTls`: also http entry points that end TLS, where connections for its server name are handed on undecrypted instead.
 */
export type EntryPointChoice =
  | { readonly kind: 'plain' | 'tls' | 'both'; readonly secondary?: true }
  | { readonly kind: 'named'; readonly names: readonly string[]; readonly tls: boolean }
  | { readonly kind: 'port'; readonly port: Port; readonly tls: boolean }
  | { readonly kind: 'tcp' | 'udp'; readonly port?: Port; readonly names?: readonly string[]; readonly beforeTls?: true };

/** Whether a choice is that of an intent which follows from another one of its tag: that one alone speaks for the tag. */
export function isSecondary(choice: EntryPointChoice): boolean {
  return 'secondary' in choice;
}

/** The protocol of the entry points that a choice can stand for. */
export function protocolOf({ kind }: EntryPointChoice): EntryPoint['protocol'] {
  return kind === 'tcp' || kind === 'udp' ? kind : 'http';
}
