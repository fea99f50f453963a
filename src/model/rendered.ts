import type { Digest } from './names.ts';

/** The proxies we program. */
export const SERVERS = ['caddy', 'traefik'] as const;
export type Server = (typeof SERVERS)[number];

/** One file as the proxy reads it. */
export interface RenderedFile {
  /** Absolute path of its destination. */
  readonly path: string;
  readonly content: string;
  readonly sha256: Digest;
  /** Which lines belong to which unit (1-based, inclusive), to name the culprit when a proxy refuses a line. */
  readonly units: readonly { readonly unit: string; readonly firstLine: number; readonly lastLine: number }[];
}

/** A whole configuration of one proxy. Equal tables give equal bytes. */
export interface RenderedConfig {
  readonly server: Server;
  /** Sorted by path. */
  readonly files: readonly RenderedFile[];
  /** Digest of the table it serves; the running proxy answers with it when it is live. */
  readonly tableDigest: Digest;
}
