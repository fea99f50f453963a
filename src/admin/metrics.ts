import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { CODES } from '../model/codes.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ApplyOutcome } from '../model/generation.ts';

/** What a cycle tells the metrics. */
export interface CycleFigures {
  readonly outcome: ApplyOutcome['kind'] | 'pinned' | 'planned';
  readonly applyMs: number;
  readonly compileMs: number;
  readonly propagationMs?: number;
  readonly diagnostics: readonly Diagnostic[];
  /** Routes by state. */
  readonly routes: ReadonlyMap<string, number>;
  readonly heldRoutes: number;
}

/** The metrics of one controller, all with the prefix `hind_proxy_`. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  cycle(figures: CycleFigures): void;
  source(source: string, state: { readonly up: boolean; readonly index: number; readonly services: number }): void;
  proxy(state: { readonly up: boolean; readonly verified: boolean }): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics on a registry of their own, labelled with the proxy. */
export function createMetrics({
  proxy,
  server,
  version,
}: {
  readonly proxy: string;
  readonly server: string;
  readonly version: string;
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = ['proxy']): Gauge =>
    new Gauge({ name: `hind_proxy_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string): Histogram =>
    new Histogram({ name: `hind_proxy_${name}`, help, labelNames: ['proxy'], buckets: SECONDS, registers });

  gauge('build_info', 'Version of the program', ['version', 'nodeversion', 'proxy']).set(
    { version, nodeversion: process.version, proxy: server },
    1,
  );
  const applies = new Counter({
    name: 'hind_proxy_applies_total',
    help: 'Configurations given to the proxy, by result',
    labelNames: ['proxy', 'result'],
    registers,
  });
  const applyDuration = histogram('apply_duration_seconds', 'Time the proxy took to accept a configuration');
  const syncDuration = histogram('sync_duration_seconds', 'Time from snapshots to a planned table');
  const propagation = histogram('propagation_seconds', 'Time from a change in a catalog to its configuration being served');
  const routes = gauge('routes', 'Routes that are served, by state', ['proxy', 'state']);
  const held = gauge('guard_held_routes', 'Routes whose removal is held until it is confirmed');
  const diagnostics = gauge('diagnostics', 'Diagnostics that hold now, by code', ['code']);
  const successful = gauge('config_last_reload_successful', 'Whether the proxy took the last configuration');
  const successAt = gauge('config_last_reload_success_timestamp_seconds', 'When the proxy took a configuration for the last time');
  const syncAt = gauge('last_successful_sync_timestamp_seconds', 'When a cycle ended well for the last time', []);
  const up = gauge('proxy_up', 'Whether the proxy answers');
  const pending = gauge('config_pending', 'Whether the proxy was not seen to serve what it was given last');
  const catalogUp = gauge('catalog_up', 'Whether the catalog could be read', ['source']);
  const catalogIndex = gauge('catalog_index', 'Index of the catalog', ['source']);
  const services = gauge('services', 'Services that the catalog has', ['source']);

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    cycle(figures) {
      const { outcome } = figures;
      const good = outcome === 'applied' || outcome === 'unchanged' || outcome === 'pinned';
      applies.inc({ proxy, result: outcome });
      syncDuration.observe({ proxy }, figures.compileMs / 1000);
      if (outcome === 'applied') {
        applyDuration.observe({ proxy }, figures.applyMs / 1000);
        if (figures.propagationMs !== undefined) propagation.observe({ proxy }, figures.propagationMs / 1000);
        successAt.set({ proxy }, Date.now() / 1000);
      }
      successful.set({ proxy }, good ? 1 : 0);
      if (good) syncAt.set(Date.now() / 1000);
      held.set({ proxy }, figures.heldRoutes);
      routes.reset();
      for (const [state, count] of figures.routes) routes.set({ proxy, state }, count);
      diagnostics.reset();
      for (const { code } of figures.diagnostics) if (code in CODES) diagnostics.inc({ code });
    },
    source(source, { up: isUp, index, services: count }) {
      catalogUp.set({ source }, isUp ? 1 : 0);
      if (Number.isFinite(index)) catalogIndex.set({ source }, index);
      services.set({ source }, count);
    },
    proxy({ up: isUp, verified }) {
      up.set({ proxy }, isUp ? 1 : 0);
      pending.set({ proxy }, verified ? 0 : 1);
    },
  };
}
