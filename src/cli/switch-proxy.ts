import { changeWanted } from '../apply/proxy-files.ts';
import type { Deployer } from '../apply/deployer.ts';
import { ConfigError } from '../config/error.ts';
import type { GenerationMeta, GenerationStore } from '../controller/generations.ts';
import type { SwitchView } from '../controller/views.ts';
import type { Mutex } from '../lib/mutex.ts';
import type { RenderedConfig, Server } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { setUpOther } from './context.ts';
import type { GlobalFlags } from './flags.ts';
import { proxyOf } from './paths.ts';
import { createDeployer } from './runtime.ts';
import type { Setup } from './setup.ts';
import { launched } from './switch-launch.ts';
import { prepared, type Prepared } from './switch-prepare.ts';
import { createStages, HINTS, SwitchError, type Stages } from './switch-stages.ts';

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

/** A switch that is under way: what each of its steps needs. */
export interface Course {
  readonly order: SwitchOrder;
  readonly to: Server;
  /** The set-up of the proxy that is to run. */
  readonly other: Setup;
  readonly deployer: Deployer;
  readonly stages: Stages;
}

/** How often a table that changed during its trial is tried anew before changes have to wait. */
const TRIALS = 3;

/**
 * Changes the running proxy: the other one's configuration is rendered and checked, served on free ports of loopback and compared there
 * request by request with the running proxy; only then it is started on the real addresses by `exec-proxy`, which stops the old one.
 * Throws `SwitchError` where a stage fails; then the old one serves on.
 */
export async function switchProxy(order: SwitchOrder): Promise<SwitchView> {
  const { exclusively = (task) => task() } = order;
  const course = await courseOf(order);
  for (let round = 1; ; round += 1) {
    const table = order.generation?.table ?? order.serving();
    const isLast = round >= TRIALS;
    const early = isLast ? undefined : await prepared(course, table);
    const done = await exclusively(async () => {
      assertNotOver(course);
      const trial = early ?? (await prepared(course, table));
      const isSame = order.generation !== undefined || order.serving().digest === table.digest;
      return isSame || isLast ? changed(course, trial) : undefined;
    });
    if (done) return done;
  }
}

/** Throws `SwitchError` where the proxy is not ours to start, or the other one cannot be set up. */
async function courseOf(order: SwitchOrder): Promise<Course> {
  const { setup } = order;
  const to = setup.server === 'caddy' ? 'traefik' : 'caddy';
  const stages = createStages(to);
  if (proxyOf(setup.config).start === 'external')
    throw new SwitchError('start', {
      to,
      reason: 'somebody else starts the proxy (start: external)',
      hint: `Set start: auto and run it by hind-proxy exec-proxy, or set server: ${to} and let its own supervisor start it`,
    });
  const other = await stages.run('render', () =>
    setUpOther(setup).catch((error: unknown) => {
      if (error instanceof ConfigError) throw new SwitchError('render', { to, reason: error.message, hint: HINTS.render });
      throw error;
    }),
  );
  return { order, to, other, deployer: createDeployer(other), stages };
}

/** The set-up of an order is not of the proxy that runs any more where another switch had the turn before. */
function assertNotOver({ order: { signal }, to }: Course): void {
  if (!signal.aborted) return;
  throw new SwitchError('start', {
    to,
    reason: 'another switch or the end of this controller came first',
    left: 'this one changed nothing',
    hint: 'hind-proxy status says which proxy runs',
  });
}

/** Changes the proxy and notes it: from here on the other one is the one that runs. */
async function changed(course: Course, trial: Prepared): Promise<SwitchView> {
  const { order, to, stages } = course;
  const { setup } = order;
  const { config, requests, differences, losses } = trial;
  const { gate, launcher } = await launched(course, config);
  const meta = await kept(course, trial);
  await changeWanted(setup.paths.stateDir, (before) => before && { ...before, generation: meta.id });
  order.onSwitched?.();
  setup.log.warn({ component: 'controller', event: 'switched', proxy: to, generation: meta.id }, 'The other proxy runs');
  return {
    from: setup.server,
    to,
    generation: meta.id,
    requests,
    differences,
    ...(losses > 0 && { losses }),
    stages: stages.times(),
    ...pinnedOf(order.generations),
    ...(gate !== undefined && { gate }),
    ...(launcher !== undefined && { launcher }),
  };
}

/** Which generation is pinned, where one is: a switch does not end that. */
export function pinnedOf(generations: GenerationStore): Pick<SwitchView, 'pinned'> {
  const pinned = generations.pinned();
  return pinned === undefined ? {} : { pinned };
}

/** What runs now as a generation; what was pinned is pinned for the other proxy. */
async function kept({ order, to, deployer }: Course, { table, config }: Prepared): Promise<GenerationMeta> {
  const { setup, generations, generation, signal } = order;
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
