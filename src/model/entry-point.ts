import type { Port } from './names.ts';

/** A place where a proxy listens. `tls` says whether it ends TLS. */
export interface EntryPoint {
  readonly name: string;
  /** `host:port` or `:port`. */
  readonly address: string;
  readonly port: Port;
  readonly protocol: 'http' | 'tcp' | 'udp';
  readonly tls: boolean;
}

/**
 * Which entry points an intent asks for, in a tag's own words; the compiler resolves it to names.
 * `kind`: every http entry point that is plain, ends TLS, or either. `named`: these, as far as their kind fits `tls`.
 * `aside`: a part of another intent of the same tag; nothing is said where no entry point fits.
 * `port`: the entry point on that port. `tcp`, `udp`: the entry point of that protocol on that port or of those names; any, where none is named.
 * `beforeTls`: also http entry points that end TLS, where connections for its server name are handed on undecrypted instead.
 */
export type EntryPointChoice =
  | { readonly kind: 'plain' | 'tls' | 'both'; readonly aside?: true }
  | { readonly kind: 'named'; readonly names: readonly string[]; readonly tls: boolean }
  | { readonly kind: 'port'; readonly port: Port; readonly tls: boolean }
  | { readonly kind: 'tcp' | 'udp'; readonly port?: Port; readonly names?: readonly string[]; readonly beforeTls?: true };
