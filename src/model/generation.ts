import type { Cause } from './cause.ts';
import type { RenderedConfig, Server } from './rendered.ts';
import type { RoutingTable } from './route.ts';
import type { Digest } from './names.ts';

/**
 * How an apply ended. `unchanged`: the proxy already had it. `applied`: checked, loaded, read back. `rejected`: the proxy or
 * its validator refused it, what ran before still runs; `ports`: it could not listen there. `rolledBack`: it was loaded but could not be
 * read back, the last good one was put back. `failed`: the proxy could not be reached; the validated files are in place where possible;
 * `isDown`: nothing answers in its place.
 */
export type ApplyOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'applied'; readonly durationMs: number }
  | { readonly kind: 'rejected'; readonly reason: string; readonly units: readonly string[]; readonly ports?: readonly number[] }
  | { readonly kind: 'rolledBack'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly isDown?: true };

/** How the apply of what is kept may have ended. */
export const APPLY_OUTCOMES = ['unchanged', 'applied', 'rejected', 'rolledBack', 'failed'] as const;

/** One configuration that a proxy was given: `generations/N/`. Generation 0 is a configuration found at the start that is not ours. */
export interface Generation {
  readonly id: number;
  readonly proxy: string;
  readonly server: Server;
  readonly digest: Digest;
  readonly table: RoutingTable;
  readonly config: RenderedConfig;
  /** Versions of this program and of the proxy it was made for. */
  readonly versions: { readonly hindProxy: string; readonly proxy?: string };
  readonly appliedAtMs: number;
  readonly outcome: (typeof APPLY_OUTCOMES)[number];
  /** Absent: it was kept by a version that did not note it. */
  readonly cause?: Cause;
}
