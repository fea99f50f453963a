import type { Deployer } from '../apply/deployer.ts';
import type { Log } from '../lib/log.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { EMPTY_TABLE } from '../model/table.ts';
import { causeOf } from '../plan/cause.ts';
import type { GenerationMeta, GenerationStore } from './generations.ts';

/** A configuration that the proxy serves, with its table. */
export interface Served {
  readonly config: RenderedConfig;
  readonly table: RoutingTable;
  readonly appliedAtMs: number;
}

/**
 * Writes what the proxy serves as generations, one after the other. The next change need not wait for that: after a crash before it, the
 * next start begins with an earlier table, finds this configuration on disk and in the proxy, and keeps it then.
 */
export interface GenerationKeeper {
  /** Takes a configuration to keep, unless it is what was kept last or will be. */
  take(served: Served): void;
  /** Writes what was taken and is not kept yet. A failure is told, not thrown. */
  keep(signal: AbortSignal): Promise<void>;
}

/** A keeper that has taken nothing; `onKept` is called after each generation. */
export function createGenerationKeeper(options: {
  readonly proxy: string;
  readonly version: string;
  readonly deployer: Pick<Deployer, 'server' | 'version'>;
  readonly generations: GenerationStore;
  readonly onKept: (meta: GenerationMeta) => void;
  readonly log: Log;
}): GenerationKeeper {
  const { proxy, version, deployer, generations, onKept, log } = options;
  let waiting: readonly Served[] = [];
  let keeping: Promise<void> | undefined;
  let proxyVersion: string | undefined;
  /** Of the generation that was kept last. */
  let lastTable: RoutingTable | undefined;
  return {
    take(served) {
      if (!isNewest(served.config)) waiting = [...waiting, served];
    },
    keep(signal) {
      keeping ??= keepAll(signal).finally(() => (keeping = undefined));
      return keeping;
    },
  };

  function isNewest({ tableDigest, server }: RenderedConfig): boolean {
    const last = waiting.at(-1)?.config;
    if (last) return last.tableDigest === tableDigest && last.server === server;
    const [kept] = generations.list();
    return kept?.digest === tableDigest && kept.server === server;
  }

  async function keepAll(signal: AbortSignal): Promise<void> {
    for (let next = waiting[0]; next; next = waiting[0]) {
      await keepOne(next, signal);
      waiting = waiting.slice(1);
    }
  }

  async function keepOne({ config, table, appliedAtMs }: Served, signal: AbortSignal): Promise<void> {
    proxyVersion ??= await deployer.version(signal);
    const [before] = generations.list();
    lastTable ??= before && (await generations.read(before.id))?.table;
    const cause = causeOf(lastTable ?? EMPTY_TABLE, table);
    lastTable = table;
    const isSwitched = before !== undefined && before.server !== deployer.server;
    const meta = await generations
      .add({
        proxy,
        server: deployer.server,
        digest: config.tableDigest,
        table,
        config,
        versions: { hindProxy: version, ...(proxyVersion !== undefined && { proxy: proxyVersion }) },
        appliedAtMs,
        outcome: 'applied',
        cause: { ...cause, ...(isSwitched && { switched: true }) },
      })
      .catch((error: unknown) => {
        log.error(
          { component: 'state', event: 'generation_write_failed', err: { message: String(error) } },
          'Cannot keep a generation; the proxy serves it all the same',
        );
        return undefined;
      });
    if (meta) onKept(meta);
  }
}
