import { runningServer } from '../apply/proxy-files.ts';
import { explainView } from '../controller/explain.ts';
import type { GenerationMeta, GenerationStore } from '../controller/generations.ts';
import { generationToPutBack, type PutBack } from '../controller/rollback.ts';
import { routesLeftOut, withheldRoutes } from '../controller/route-state.ts';
import type { Scene } from '../controller/scene.ts';
import { testView } from '../controller/request-view.ts';
import {
  conflictViews,
  diagnosticView,
  routeViews,
  serviceViews,
  snapshotViews,
  type ControllerViews,
  type DamagedGeneration,
  type GenerationView,
  type RollbackView,
  type StatusView,
} from '../controller/views.ts';
import type { WatchedSource } from '../controller/watcher.ts';
import { messageOf } from '../lib/errors.ts';
import { createUnlessBusy } from '../lib/unless-busy.ts';
import { compareDiagnostics, isConflict } from '../model/diagnostic.ts';
import { redactedText } from '../model/redact.ts';
import type { Server } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { configView } from './config-view.ts';
import type { GlobalFlags } from './flags.ts';
import { unansweredOf } from './read-once.ts';
import { guardOptions, type Runtime } from './runtime.ts';
import { fittedBy, sceneOf } from './scene.ts';
import type { SwitchOrder } from './switch-proxy.ts';

/** What the views of a controller are made from. */
export interface ViewsOptions extends Runtime {
  readonly proxy: string;
  readonly server: Server;
  readonly version: string;
  /** Flags with which `exec-proxy` is started where none runs. */
  readonly flags: GlobalFlags;
  /** Called when the other proxy runs; the controller is then to be made anew for it. */
  readonly onSwitched: () => void;
  /** Ends a rollback that takes too long. */
  readonly signal: AbortSignal;
}

/** The views on a running controller, each made anew when it is asked for. */
export function controllerViews(options: ViewsOptions): ControllerViews {
  const { controller, generations, snapshots, signal } = options;
  const scene = (): Scene => sceneOf(options, { state: controller.state, watched: true });
  const unlessBusy = createUnlessBusy();
  return {
    status: () => statusView(options),
    routes: () =>
      routeViews(controller.state.serving, {
        held: controller.state.held,
        diagnostics: controller.state.diagnostics,
        fitted: fittedBy(options.setup)(controller.state.serving),
      }),
    services: () => serviceViews([...snapshots.all().values()].flatMap(({ snapshot }) => snapshot.instances)),
    snapshot: () => snapshotViews([...snapshots.all().values()]),
    config: () => configView(options.setup.config),
    diagnostics: (service) =>
      controller.state.diagnostics
        .filter(({ span }) => service === undefined || span?.service === service)
        .toSorted(compareDiagnostics)
        .map(diagnosticView),
    conflicts: () => conflictViews(controller.state.diagnostics),
    test: (asked) => testView(scene(), asked),
    explain: (url) => explainView(scene(), url),
    generations: () => generationViews(generations),
    rollback: (id, { acceptRemovals }) => rollback(id, acceptRemovals).catch(told('rollback_failed', options)),
    switchTo: (server, { acceptDifferences }) =>
      unlessBusy(`Cannot switch to ${server}: ${SWITCHING}`, async () => {
        // seldom used, and large
        const { switchFrom } = await import('./switch-from.ts');
        return switchFrom(orderOf(options, acceptDifferences), server);
      }).catch(told('switch_failed', options)),
    unpin: () => controller.unpin(),
    acceptRemovals: () => controller.acceptRemovals(),
    resync: () => controller.watcher.refresh(),
  };

  async function rollback(id: number | undefined, acceptRemovals: boolean): Promise<RollbackView> {
    const generation = await generationToPutBack(generations, id);
    const runs = (await runningServer(options.setup.paths.stateDir)) ?? options.server;
    if (generation.server === options.server && runs === options.server)
      return rollbackView(await controller.rollback(id, { acceptRemovals, signal }), generations);
    return unlessBusy(`Cannot roll back to generation ${generation.id}: ${SWITCHING}`, async () => {
      const { putBackOther } = await import('./put-back-other.ts');
      const order = orderOf(options, false);
      return rollbackView(
        await putBackOther(generation, { order, guard: guardOptions(options.setup.config), acceptRemovals }),
        generations,
      );
    });
  }
}

/** Notes what an operator wanted and did not get, and why. */
function told(event: string, { setup, proxy }: Pick<ViewsOptions, 'setup' | 'proxy'>): (error: unknown) => never {
  return (error) => {
    setup.log.error({ component: 'controller', event, proxy, reason: redactedText(messageOf(error)) }, 'What was asked for was not done');
    throw error;
  };
}

const SWITCHING = 'another switch is under way; wait for its end, then look at status';

function orderOf({ setup, controller, generations, flags, onSwitched, signal }: ViewsOptions, acceptDifferences: boolean): SwitchOrder {
  const serving = (): RoutingTable => controller.state.serving;
  return { setup, flags, generations, serving, acceptDifferences, exclusively: controller.exclusively, onSwitched, signal };
}

/** A generation as it is shown. */
function generationView(
  { id, server, digest, appliedAtMs, routes, outcome, cause }: GenerationMeta,
  generations: GenerationStore,
): GenerationView {
  const pinned = generations.pinned() === id;
  return { id, server, digest, appliedAt: new Date(appliedAtMs).toISOString(), routes, outcome, pinned, ...(cause && { cause }) };
}

/** Every generation, newest first; of those that were found damaged only that. */
export function generationViews(generations: GenerationStore): readonly (GenerationView | DamagedGeneration)[] {
  const damaged = generations.damaged();
  const whole = generations.list().filter(({ id }) => !damaged.includes(id));
  return [
    ...whole.map((meta) => generationView(meta, generations)),
    ...damaged.map((id) => ({ id, damaged: true as const, pinned: generations.pinned() === id })),
  ].toSorted((a, b) => b.id - a.id);
}

/** A rollback as it is shown. */
export function rollbackView({ meta, served, reason, replaced, launcher }: PutBack, generations: GenerationStore): RollbackView {
  const damaged = generations.damaged().filter((id) => id > meta.id);
  return {
    ...generationView(meta, generations),
    served,
    ...(damaged.length > 0 && { damaged }),
    ...(reason !== undefined && { reason: redactedText(reason) }),
    ...(replaced !== undefined && { replaced }),
    ...(launcher !== undefined && { launcher }),
  };
}

function statusView(options: ViewsOptions): StatusView {
  const { controller, generations, sources, proxy, server, version } = options;
  const { state, managedProxy } = controller;
  const pinned = generations.pinned();
  const { generation, digest, appliedAtMs, up, silent, verified, problem } = managedProxy.state;
  const guard = guardReason(options);
  const fitted = fittedBy(options.setup)(state.serving);
  const sourceViews = sources.map((source) => sourceView(source, options));
  return {
    version,
    ready: state.ready,
    health: healthOf(sourceViews, options),
    proxies: [
      {
        name: proxy,
        server,
        ...(generation !== undefined && { generation }),
        ...(digest !== undefined && { digest }),
        ...(appliedAtMs !== undefined && { appliedAt: new Date(appliedAtMs).toISOString() }),
        up,
        ...(silent && { silent }),
        verified,
        routes: state.serving.routes.length,
        ...(pinned !== undefined && { pinned }),
        ...(problem !== undefined && { problem }),
      },
    ],
    sources: sourceViews,
    ...waitingFor(options),
    conflicts: state.diagnostics.filter(isConflict).length,
    quarantined: state.held.filter((held) => held.state === 'quarantined').length,
    held: state.held.filter((held) => held.state === 'held').length,
    errors: state.diagnostics.filter(({ severity }) => severity === 'error').length,
    warnings: state.diagnostics.filter(({ severity }) => severity === 'warning').length,
    withheld: withheldRoutes(fitted).length,
    leftOut: routesLeftOut(state.serving, fitted).length,
    ...(guard !== undefined && { guard }),
  };
}

/** For what the first cycle waits, and what is served meanwhile. */
function waitingFor(options: ViewsOptions): Pick<StatusView, 'waiting'> {
  const { controller, generations, setup } = options;
  const awaited = unansweredOf(options).filter(({ required }) => required);
  if (controller.state.change !== undefined || awaited.length === 0) return {};
  const names = awaited.map(({ name }) => name).join(' and ');
  const isKnown = awaited.every(({ snapshotAt }) => snapshotAt !== undefined);
  const end = isKnown
    ? `up to ${setup.config.guards.startupWait / 1000} s after the start, then what it said last counts`
    : 'until it answers';
  const last = generations.current();
  const meanwhile = last === undefined ? '' : `; generation ${last}, which was applied last, is served meanwhile where the proxy runs`;
  return { waiting: `waiting for ${names} before anything is applied: ${end}${meanwhile}` };
}

type SourceView = StatusView['sources'][number];

function sourceView({ source }: WatchedSource, { controller, snapshots }: ViewsOptions): SourceView {
  const watched = controller.watcher.states().get(source.id);
  const snapshot = snapshots.all().get(source.id)?.snapshot;
  return {
    name: source.id,
    state: watched?.problem !== undefined ? 'failed' : watched?.synced ? 'synced' : snapshot ? 'stale' : 'waiting',
    ...(snapshot && { index: snapshot.revision, ageMs: Date.now() - snapshot.observedAtMs }),
    services: new Set(snapshot?.instances.map(({ service }) => service)).size,
    ...problemOf(watched?.problem ?? snapshot?.faults?.join('; ')),
  };
}

function problemOf(problem: string | undefined): Pick<SourceView, 'problem'> {
  return problem === undefined ? {} : { problem };
}

/** Why removals are held; while a generation is pinned nothing is removed anyhow. */
function guardReason({ controller: { state }, generations }: ViewsOptions): string | undefined {
  const verdict = generations.pinned() === undefined ? state.change?.verdict : undefined;
  return verdict?.kind === 'hold' ? verdict.reason : undefined;
}

/** `dead` and `degraded` by the required sources, or by all where none is required. */
function healthOf(views: readonly SourceView[], options: ViewsOptions): StatusView['health'] {
  const {
    controller: { state, managedProxy },
    snapshots,
    sources,
  } = options;
  const required = new Set<string>(sources.filter((source) => source.required).map(({ source }) => source.id));
  const needed = views.filter(({ name }) => required.size === 0 || required.has(name));
  if (!state.ready && needed.length > 0 && needed.every((source) => source.state === 'failed')) return 'dead';
  if (!state.ready && snapshots.all().size === 0) return 'waiting';
  const { verified, problem } = managedProxy.state;
  return !verified || problem !== undefined || guardReason(options) !== undefined || needed.some((source) => source.state !== 'synced')
    ? 'degraded'
    : 'ok';
}
