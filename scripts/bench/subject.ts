import type { Running } from '../../test/support/process.ts';
import { backendOf } from './answer.ts';
import { hostOf, type Catalog } from './consul.ts';
import { waitFor, type Lab } from './lab.ts';

/** What can be measured: this program before each proxy, and Traefik with its own Consul provider. */
export const SUBJECTS = ['caddy', 'traefik', 'peer'] as const;

/** One of them. */
export type SubjectName = (typeof SUBJECTS)[number];

/** Something that serves what a catalog says. */
export interface Subject {
  readonly name: SubjectName;
  /** The port that serves. */
  readonly web: number;
  /** Processes by what they are: `controller` is absent where the proxy reads the catalog by itself. */
  readonly pids: { readonly controller?: number; readonly proxy: number };
  /** ms from the start of what reads the catalog to the first answer of a configuration that has every service. */
  readonly coldMs: number;
  /** Whether it was at rest for this many ms: nothing applied, and the proxy verified to serve what was applied last. */
  isIdle(restMs: number): Promise<boolean>;
  /** ms that the proxy needs to take a slightly different configuration directly, once per time asked; ends the controller. */
  ownApplyMs(times: number): Promise<readonly number[]>;
  /** Ends it: nothing of it may stay. */
  stop(): Promise<void>;
}

/** Waits until the last of the services is served; returns ms since `startedAtMs`, of `performance.now()`. */
export async function whenComplete(
  lab: Lab,
  { web, catalog, startedAtMs }: { readonly web: number; readonly catalog: Catalog; readonly startedAtMs: number },
): Promise<number> {
  // in the order in which a list that grows would be served last
  for (const service of [catalog.count, 1, Math.ceil(catalog.count / 2)])
    await waitFor(`service ${service} to be served`, async () => (await backendOf(web, hostOf(service))) !== undefined, {
      signal: lab.signal,
      everyMs: 5,
    });
  return performance.now() - startedAtMs;
}

/** The id of a process that was started. */
export function pidOf(running: Running): number {
  const { pid } = running.child;
  if (pid === undefined) throw new Error(`Cannot start a program: ${running.output()}`);
  return pid;
}
