import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { changeWanted, readProxyState, type SwitchOutcome, type WantedProxy } from '../apply/proxy-files.ts';
import { ConfigError } from '../config/load.ts';
import type { GenerationMeta, GenerationStore } from '../controller/generations.ts';
import type { SwitchStage, SwitchView } from '../controller/views.ts';
import { messageOf } from '../lib/errors.ts';
import { sleep } from '../lib/async.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { visible } from '../lib/text.ts';
import type { Mutex } from '../lib/mutex.ts';
import { redactedText } from '../model/redact.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { backendsOf, createTable } from '../model/table.ts';
import { setUpOther } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { isLocked, LAUNCHER } from './lock.ts';
import { proxyOf } from './paths.ts';
import { proxyBinary } from './proxy-binary.ts';
import { createDeployer } from './runtime.ts';
import { portsOf } from './served.ts';
import type { Setup } from './setup.ts';
import { startLauncher } from './start-launcher.ts';
import { tryBeside } from './switch-trial.ts';

/** A switch to the other proxy. */
export interface SwitchOrder {
  /** Of the proxy that runs now. */
  readonly setup: Setup;
  /** Flags with which `exec-proxy` is started where none runs. */
  readonly flags: GlobalFlags;
  readonly generations: GenerationStore;
  /** The table that is served at this moment. */
  readonly serving: () => RoutingTable;
  /** Put back as it was: the files of a generation of the other proxy, which is pinned, and which needs no trial because it has served. */
  readonly generation?: { readonly id: number; readonly config: RenderedConfig; readonly table: RoutingTable };
  /** Switch although the other proxy answers some requests otherwise. */
  readonly acceptDifferences: boolean;
  /** Does something while the running proxy is given nothing else. Default: at once, because nobody else gives it anything. */
  readonly exclusively?: Mutex;
  /** Called within that, when the other proxy runs. */
  readonly onSwitched?: () => void;
  readonly signal: AbortSignal;
}

/** The switch ended at a stage. `left`: how things are now; by default the proxy of before serves on. */
export class SwitchError extends Error {
  override readonly name = 'SwitchError';
  readonly stage: SwitchStage;
  /** What to do. */
  readonly hint: string;

  constructor(
    stage: SwitchStage,
    {
      to,
      reason,
      hint,
      left = 'the proxy of before serves on',
    }: { readonly to: string; readonly reason: string; readonly hint: string; readonly left?: string },
  ) {
    super(`Cannot switch to ${to} (stage ${stage}): ${reason}; ${left}`);
    this.stage = stage;
    this.hint = hint;
  }
}

/** How often a table that changed during its trial is tried anew before changes have to wait. */
const TRIALS = 3;
/** So many differences are named. */
const SHOWN = 10;
/** Longer than a proxy may take to start. */
const LAUNCH_MS = 60_000;
const HINTS: Readonly<Record<SwitchStage, string>> = {
  render: 'Correct what is named, then switch again',
  check: 'hind-proxy render --target shows what is refused; hind-proxy capabilities shows what each proxy can do',
  verify: 'Look at what the new proxy says, then switch again',
  ports: 'Give the proxies addresses that nobody else has, then switch again',
  files: 'Make the files and the program of the new proxy usable, then switch again',
  start: 'Look at the log of exec-proxy and of the new proxy, then switch again',
};

/**
 * Changes the running proxy: the other one's configuration is rendered and checked, served on free ports of loopback and compared there
 * request by request with the running proxy; only then it is started on the real addresses by `exec-proxy`, which stops the old one.
 * Throws `SwitchError` where a stage fails; then the old one serves on.
 */
export async function switchProxy(order: SwitchOrder): Promise<SwitchView> {
  const { setup, signal, exclusively = (task) => task() } = order;
  const to = setup.server === 'caddy' ? 'traefik' : 'caddy';
  /** ms of each stage, in order; of one that was tried anew all together. */
  const times = new Map<SwitchStage, number>();
  const at = async <T>(stage: SwitchStage, task: () => Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    try {
      return await task();
    } catch (error) {
      if (error instanceof SwitchError || error instanceof TypeError) throw error;
      throw new SwitchError(stage, { to, reason: reasonOf(error), hint: HINTS[stage] });
    } finally {
      times.set(stage, (times.get(stage) ?? 0) + performance.now() - startedAtMs);
    }
  };
  if (proxyOf(setup.config).start === 'external')
    throw new SwitchError('start', {
      to,
      reason: 'somebody else starts the proxy (start: external)',
      hint: `Set start: auto and run it by hind-proxy exec-proxy, or set server: ${to} and let its own supervisor start it`,
    });
  const other = await at('render', () => setUpOther(setup).catch(configFault));
  const deployer = createDeployer(other);

  for (let round = 1; ; round += 1) {
    const table = order.generation?.table ?? order.serving();
    const isLast = round >= TRIALS;
    const attempt = async (): Promise<SwitchView | undefined> => {
      // `setup` is not of the proxy that runs any more where another switch had the turn before
      if (signal.aborted)
        throw new SwitchError('start', {
          to,
          reason: 'another switch or the end of this controller came first',
          left: 'this one changed nothing',
          hint: 'hind-proxy status says which proxy runs',
        });
      const trial = isLast ? await prepared(table) : early;
      const isSame = order.generation !== undefined || order.serving().digest === table.digest;
      return isSame || isLast ? begin(table, trial as Prepared) : undefined;
    };
    const early = isLast ? undefined : await prepared(table);
    const done = await exclusively(attempt);
    if (done) return done;
  }

  async function prepared(table: RoutingTable): Promise<Prepared> {
    const config = await at('render', () => Promise.resolve(order.generation?.config ?? renderedFor(other, table)));
    await at('check', async () => {
      const checked = await deployer.check(config, signal);
      if (checked.kind === 'refused') throw new Error(checked.reason);
    });
    if (order.generation) return { config, requests: 0, differences: 0 };
    const trial = await at('verify', () => tryBeside({ running: setup, other, table: servedBy(other, table), signal }));
    if (trial.silence !== undefined && !order.acceptDifferences)
      throw new SwitchError('verify', {
        to,
        reason: `${setup.server} does not answer (${trial.silence}), so there is nothing to compare ${to} with`,
        left: 'nothing was changed',
        hint: `Start ${setup.server} with hind-proxy exec-proxy and switch again; --accept-differences switches without a comparison`,
      });
    if (trial.differing.length > 0 && !order.acceptDifferences)
      throw new SwitchError('verify', {
        to,
        reason: `${to} answers ${trial.differing.length} of ${trial.requests} requests otherwise`,
        hint: [...trial.differing.slice(0, SHOWN), 'Look at the differences; --accept-differences switches all the same'].join('\n'),
      });
    return { config, requests: trial.requests, differences: trial.differing.length };
  }

  async function begin(table: RoutingTable, { config, requests, differences }: Prepared): Promise<SwitchView> {
    const outcome = await launched(config);
    const meta = await kept(table, config);
    await changeWanted(setup.paths.stateDir, (before) => before && { ...before, generation: meta.id });
    order.onSwitched?.();
    setup.log.warn({ component: 'controller', event: 'switched', proxy: to, generation: meta.id }, 'The other proxy runs');
    const stages = [...times].map(([stage, ms]) => ({ stage, ms: Math.round(ms) }));
    const gate = outcome.kind === 'switched' ? outcome.gate : undefined;
    return { from: setup.server, to, generation: meta.id, requests, differences, stages, ...(gate !== undefined && { gate }) };
  }

  /** Has the parent of the proxies start the other one. */
  async function launched(config: RenderedConfig): Promise<SwitchOutcome> {
    const { stateDir, stagingDir } = setup.paths;
    const configured = setup.loaded.configured ?? setup.server;
    const id = randomUUID();
    const stayed = ({ switch: _over, ...before }: Partial<WantedProxy> = {}): WantedProxy => ({
      ...before,
      server: setup.server,
      configured,
    });
    await at('files', async () => {
      const disk = await deployer.disk();
      if (disk.kind === 'foreign')
        throw new Error(`${[...disk.contents.keys()].join(', ')} is not ours; move it away, or configure another file`);
      for (const { path, content } of config.files) await writeFileAtomic(path, content, { stagingDir });
    });
    const outcome = await at('start', async () => {
      const request = { id, to, digest: config.tableDigest, atMs: Date.now() } as const;
      await changeWanted(stateDir, (before) => ({ ...before, server: setup.server, configured, switch: request }));
      const answer = await startLauncher(setup, order.flags).then(
        () => outcomeOf(id),
        (error: unknown) => messageOf(error),
      );
      if (typeof answer !== 'string') return answer;
      // where we are told to end, exec-proxy may still do it, and what it notes counts
      if (!signal.aborted) await changeWanted(stateDir, stayed);
      throw new Error(answer);
    });
    await changeWanted(stateDir, outcome.kind === 'switched' ? () => ({ server: to, configured, ports: portsOf(other) }) : stayed);
    if (outcome.kind === 'failed') throw new SwitchError(outcome.stage, { to, reason: outcome.reason, hint: HINTS[outcome.stage] });
    return outcome;
  }

  async function outcomeOf(id: string): Promise<SwitchOutcome | string> {
    const giveUpAtMs = performance.now() + LAUNCH_MS;
    while (performance.now() < giveUpAtMs && !signal.aborted) {
      const { outcome } = (await readProxyState(setup.paths.stateDir)) ?? {};
      if (outcome?.id === id) return outcome;
      await sleep(50, signal);
    }
    const runs = await isLocked(setup.paths.stateDir, LAUNCHER);
    return runs
      ? `exec-proxy did not answer within ${LAUNCH_MS / 1000} s`
      : `exec-proxy does not run; ${join(setup.paths.stateDir, 'exec-proxy.log')} may say why`;
  }

  /** What runs now as a generation; what was pinned is pinned for the other proxy. */
  async function kept(table: RoutingTable, config: RenderedConfig): Promise<GenerationMeta> {
    const { generations, generation } = order;
    const known = generations.list().find(({ id }) => id === generation?.id);
    if (known) {
      await generations.pin(known.id);
      return known;
    }
    const version = await deployer.version(signal);
    const meta = await generations.add({
      proxy: proxyOf(setup.config).name,
      server: to,
      digest: config.tableDigest,
      table,
      config,
      versions: { hindProxy: setup.version, ...(version !== undefined && { proxy: version }) },
      appliedAtMs: Date.now(),
      outcome: 'applied',
      cause: { services: [], more: 0, switched: true },
    });
    if (generations.pinned() !== undefined) await generations.pin(meta.id);
    return meta;
  }

  function configFault(error: unknown): never {
    if (error instanceof ConfigError) throw new SwitchError('render', { to, reason: error.message, hint: HINTS.render });
    throw error;
  }
}

interface Prepared {
  readonly config: RenderedConfig;
  readonly requests: number;
  readonly differences: number;
}

/** What went wrong in one line; of what a proxy has said only that in which it speaks of an error. */
function reasonOf(error: unknown): string {
  const [first = '', ...others] = messageOf(error).replaceAll(COLOURS, '').split('\n');
  const detail = others.findLast((line) => /\berr(or)?\b/i.test(line));
  return redactedText(visible(detail === undefined ? first : `${first}: ${detail.slice(0, 300)}`));
}

// oxlint-disable-next-line no-control-regex -- escapes that colour a terminal are what is looked for
const COLOURS = /\x1b\[[0-9;]*m/g;

function renderedFor(other: Setup, table: RoutingTable): RenderedConfig {
  // asked here, so that a program that is not there is told before anything is tried
  proxyBinary(other);
  return other.target.render(servedBy(other, table), other.settings).value;
}

/** The table without entry points that the other proxy does not open; a route that is left with none goes. */
function servedBy({ target, settings }: Setup, table: RoutingTable): RoutingTable {
  const names = new Set(target.entryPoints(table, settings).map(({ name }) => name));
  if (table.routes.every(({ entryPoints }) => entryPoints.every((name) => names.has(name)))) return table;
  const routes = table.routes.flatMap((route) => {
    const entryPoints = route.entryPoints.filter((name) => names.has(name));
    return entryPoints.length === 0 ? [] : [{ ...route, entryPoints }];
  });
  return createTable(routes, backendsOf(table));
}
