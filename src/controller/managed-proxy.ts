import type { Deployer, LiveState } from '../apply/deployer.ts';
import { sleep } from '../lib/async.ts';
import { causesOf } from '../lib/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Secret } from '../lib/secret.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import type { Digest } from '../model/names.ts';
import { redactedText } from '../model/redact.ts';
import type { RenderedConfig } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import { createGenerationKeeper } from './generation-keeper.ts';
import type { GenerationMeta, GenerationStore } from './generations.ts';
import { createTouchWatch } from './touch-watch.ts';

/** What the controller knows of its proxy. */
export interface ProxyState {
  readonly up: boolean;
  /** It takes connections and does not answer. */
  readonly silent: boolean;
  /** The configuration that was given last is the one that runs. */
  readonly verified: boolean;
  /** What runs, as it is kept; absent until it is. */
  readonly generation?: number;
  readonly digest?: Digest;
  readonly appliedAtMs?: number;
  readonly problem?: string;
  /** Where it is kept what somebody else had in our place until this controller took it. */
  readonly foreignKept?: string;
}

/** Gives configurations to one proxy and watches that it keeps them. */
export interface ManagedProxy {
  readonly state: ProxyState;
  /** Applies what differs from what runs; nothing while a generation is pinned. What is served then is to be kept with `keepGenerations`. */
  program(config: RenderedConfig, table: RoutingTable, signal: AbortSignal): Promise<ApplyOutcome | { readonly kind: 'pinned' }>;
  /** Applies without asking whether something is pinned, and keeps no new generation. */
  programPinned(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome>;
  /**
   * Gives the proxy a part of a configuration that it has refused: whether it serves it now. It is no generation. `patient`: the proxy's
   * word counts, however slow it is. Where the proxy is not ours yet, nothing is given.
   */
  tryOut(config: RenderedConfig, options: { readonly patient: boolean; readonly signal: AbortSignal }): Promise<boolean>;
  /** Writes the generations that are served and not kept yet. A failure is told, not thrown. */
  keepGenerations(signal: AbortSignal): Promise<void>;
  /** Asks the proxy; true where it should be given its configuration again. */
  hasDrifted(signal: AbortSignal): Promise<boolean>;
}

/** What a managed proxy needs of the controller's options. */
export interface ManagedProxyOptions {
  readonly proxy: string;
  readonly version: string;
  readonly deployer: Deployer;
  readonly generations: GenerationStore;
  readonly foreign: 'adopt' | 'refuse';
  /** A table as a configuration of this proxy. */
  readonly render: (table: RoutingTable) => RenderedConfig;
  /** What no configuration may hold, wherever it comes from. */
  readonly secrets: readonly Secret[];
  /** Told of the generation that is served whenever that is another one. */
  readonly onServed?: ((generation: number) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the proxy may say nothing to what it is given before it is asked whether it answers at all, and how often. */
const SILENCE_MS = 2000;
/** Configurations of somebody else are replaced this often within the time below, then only reported. */
const REASSERTS = { times: 3, withinMs: 600_000 } as const;

/** A proxy that was given nothing yet. */
export function createManagedProxy(options: ManagedProxyOptions): ManagedProxy {
  const { proxy, version, deployer, generations, foreign, render, secrets, onServed, clock, log } = options;
  const state: { -readonly [Key in keyof ProxyState]: ProxyState[Key] } = { up: false, silent: false, verified: false };
  let given: RenderedConfig | undefined;
  let settled = false;
  let isPlaceOurs = false;
  let isTouched = false;
  let reassertsAtMs: readonly number[] = [];
  let answeredAtMs = clock.monotonicMs();
  let telling: Promise<void> = Promise.resolve();
  const touchWatch = createTouchWatch({ deployer, clock });
  const keeper = createGenerationKeeper({ proxy, version, deployer, generations, onKept, log });
  return { state, program, programPinned, tryOut, keepGenerations, hasDrifted };

  async function program(config: RenderedConfig, table: RoutingTable, signal: AbortSignal): ReturnType<ManagedProxy['program']> {
    const pinned = generations.pinned();
    if (pinned !== undefined) {
      await holdPinned(pinned, signal);
      return { kind: 'pinned' };
    }
    if (settled && state.verified && given && sameBytes(given, config)) return { kind: 'unchanged' };
    const refused = await takePlace(signal);
    if (refused) return note(refused, config, signal);
    isPlaceOurs = true;
    // while another configuration of ours is verified, this one is not there yet
    const isThere = !isTouched && !(settled && state.verified) && (await alreadyThere(config, signal));
    const outcome = isThere ? ({ kind: 'unchanged' } as const) : await apply(config, signal);
    const isServed = outcome.kind === 'applied' || outcome.kind === 'unchanged';
    note(outcome, config, signal);
    if (isServed) keeper.take({ config, table, appliedAtMs: clock.nowMs() });
    return outcome;
  }

  async function keepGenerations(signal: AbortSignal): Promise<void> {
    await keeper.keep(signal);
    await telling;
  }

  function onKept({ id, digest }: GenerationMeta): void {
    if (digest === state.digest) serves(id);
  }

  /** After a restart the pinned generation is the one that must run. */
  async function holdPinned(id: number, signal: AbortSignal): Promise<void> {
    if (given) return;
    const generation = await generations.read(id);
    if (!generation) return noteUnreadablePin(id);
    // the operator has chosen the other proxy since
    const config = generation.server === deployer.server ? generation.config : render(generation.table);
    if (await alreadyThere(config, signal)) note({ kind: 'unchanged' }, config, signal);
    else await programPinned(config, signal);
  }

  /** What the proxy has, it goes on with; nobody knows what that should be. */
  function noteUnreadablePin(id: number): void {
    const problem = `generation ${id} is pinned and cannot be read: hind-proxy rollback puts the one before it back, hind-proxy unpin follows the catalogs`;
    if (state.problem === problem) return;
    state.problem = problem;
    log.error(
      { component: 'state', event: 'pinned_unreadable', proxy, generation: id },
      'The pinned generation cannot be read; the proxy is given nothing until unpin or rollback',
    );
  }

  async function programPinned(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome> {
    const outcome = note((await takePlace(signal)) ?? (await apply(config, signal)), config, signal);
    await telling;
    return outcome;
  }

  async function tryOut(
    config: RenderedConfig,
    { patient, signal }: { readonly patient: boolean; readonly signal: AbortSignal },
  ): Promise<boolean> {
    if (!isPlaceOurs || signal.aborted) return false;
    const outcome = await give(config, patient ? 'apply' : 'trial', signal);
    if (outcome.kind === 'applied') note(outcome, config, signal);
    return outcome.kind === 'applied';
  }

  function apply(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome> {
    return give(config, 'apply', signal);
  }

  async function give(config: RenderedConfig, how: 'apply' | 'trial', signal: AbortSignal): Promise<ApplyOutcome> {
    const units = secrets.map((secret) => unitsWith(secret.reveal(), config)).find((found) => found !== undefined);
    if (!units) {
      const over = new AbortController();
      void watchSilence(AbortSignal.any([signal, over.signal]));
      return deployer[how](config, signal)
        .catch(failureOf)
        .finally(() => over.abort());
    }
    return { kind: 'rejected', reason: 'it holds a token or password of this program or of a catalog', units };
  }

  /** While the proxy is given something nobody else asks it, and that may take as long as it likes. */
  async function watchSilence(signal: AbortSignal): Promise<void> {
    const { verified } = state;
    while (!signal.aborted) {
      await sleep(SILENCE_MS, signal);
      const isSilent = !signal.aborted && (await deployer.isSilent(signal));
      if (signal.aborted) return;
      if (isSilent) noteDown(`no answer within ${SILENCE_MS / 1000} s`, { isSilent });
      else if (state.silent) {
        noteUp();
        state.verified = verified;
        delete state.problem;
      }
    }
  }

  function noteDown(reason: string, { isSilent = false }: { readonly isSilent?: boolean | undefined }): void {
    if (state.up) log.warn({ component: deployer.server, event: 'proxy_down', proxy, reason }, 'The proxy does not answer');
    // what is known of it may be older than that it is silent
    if (isSilent || state.silent) delete state.problem;
    state.up = false;
    state.silent = isSilent;
    state.verified = false;
    const seconds = Math.round((clock.monotonicMs() - answeredAtMs) / 1000);
    state.problem ??= isSilent ? `${deployer.server} has not answered for ${seconds} s` : `it does not answer: ${reason}`;
  }

  function noteUp(): void {
    if (!state.up) log.info({ component: deployer.server, event: 'proxy_up', proxy }, 'The proxy answers');
    state.up = true;
    state.silent = false;
    answeredAtMs = clock.monotonicMs();
  }

  async function hasDrifted(signal: AbortSignal): Promise<boolean> {
    const live = await deployer.live(signal);
    if (signal.aborted) return false;
    if (live.kind === 'down') {
      noteDown(live.reason, live);
      return false;
    }
    noteUp();
    const config = given;
    if (!config) return false;
    const ours = live.kind === 'ours' && live.digest === config.tableDigest;
    if (ours && state.verified) {
      isTouched ||= await touchWatch.isTouched(signal);
      if (!isTouched || signal.aborted) return false;
      const touched = { kind: 'foreign', description: 'our configuration, changed' } as const;
      return generations.pinned() === undefined ? reassert(touched) : reassert(touched, () => programPinned(config, signal));
    }
    if (generations.pinned() === undefined) return ours ? true : reassert(live);
    if (!ours) return reassert(live, () => programPinned(config, signal));
    note({ kind: 'unchanged' }, config, signal);
    return false;
  }

  /** Puts our configuration back, but does not fight for it for ever. */
  async function reassert(live: LiveState, act?: () => Promise<unknown>): Promise<boolean> {
    const nowMs = clock.monotonicMs();
    reassertsAtMs = reassertsAtMs.filter((atMs) => nowMs - atMs < REASSERTS.withinMs);
    const foreignNow = live.kind === 'foreign' && state.verified;
    if (foreignNow && reassertsAtMs.length >= REASSERTS.times) {
      state.problem = 'somebody else keeps changing the proxy; it is left alone';
      return false;
    }
    if (foreignNow) {
      reassertsAtMs = [...reassertsAtMs, nowMs];
      log.warn(
        { component: deployer.server, event: 'foreign_change', proxy },
        'Somebody else changed the proxy; our configuration is put back',
      );
    }
    state.verified = false;
    await act?.();
    return act === undefined;
  }

  /** Before the first apply: what stands in our place and is not ours is kept or left alone. */
  async function takePlace(signal: AbortSignal): Promise<ApplyOutcome | undefined> {
    if (settled) return undefined;
    const disk = await deployer.disk();
    const live = await deployer.live(signal);
    if (disk.kind !== 'foreign' && live.kind !== 'foreign') return undefined;
    if (foreign === 'refuse')
      return refusal(
        'the proxy has a configuration that is not ours; start with --adopt to take over (it is kept as generation 0), or configure another file and admin address',
      );
    const served = live.kind === 'foreign' ? await deployer.foreign(signal).catch(causesOf) : new Map<string, string>();
    if (typeof served === 'string') return refusal(`what the proxy serves is not ours, and cannot be read to be kept: ${served}`);
    const files = new Map([...(disk.kind === 'foreign' ? disk.contents : []), ...served]);
    const kept = files.size === 0 ? undefined : await generations.keepForeign(files).catch(failureOf);
    if (kept === undefined || typeof kept === 'object') return kept;
    state.foreignKept = kept;
    log.warn(
      { component: deployer.server, event: 'foreign_kept', proxy, files: [...files.keys()], kept },
      'A configuration that is not ours is kept as generation 0 and replaced',
    );
    return undefined;
  }

  async function alreadyThere(config: RenderedConfig, signal: AbortSignal): Promise<boolean> {
    const disk = await deployer.disk();
    if (disk.kind !== 'ours' || !config.files.every(({ path, content }) => disk.contents.get(path) === content)) return false;
    const live = await deployer.live(signal);
    return live.kind === 'ours' && live.digest === config.tableDigest;
  }

  function note<T extends ApplyOutcome>(outcome: T, config: RenderedConfig, signal: AbortSignal): T {
    const fields = { component: deployer.server, proxy, digest: config.tableDigest };
    if (outcome.kind === 'applied' || outcome.kind === 'unchanged') {
      given = config;
      settled = true;
      isTouched = false;
      touchWatch.begin(signal);
      state.up = true;
      state.silent = false;
      answeredAtMs = clock.monotonicMs();
      state.verified = true;
      state.digest = config.tableDigest;
      delete state.problem;
      if (outcome.kind === 'applied' || state.appliedAtMs === undefined) state.appliedAtMs = clock.nowMs();
      const newest = generations.list()[0];
      const isKept = newest?.digest === config.tableDigest && newest.server === config.server;
      const id = generations.pinned() ?? (isKept ? newest.id : undefined);
      if (id === undefined) delete state.generation;
      else serves(id);
    } else {
      if (outcome.kind === 'failed') {
        given = config;
        state.up = false;
        state.verified = false;
      }
      // who was told to end has not failed
      if (outcome.kind === 'failed' && signal.aborted) return outcome;
      // a proxy's complaint may quote the line that it complains of
      const reason = redactedText(outcome.reason);
      if (state.problem !== reason) {
        state.problem = reason;
        const told = { ...fields, event: `config_${outcome.kind}`, reason };
        // both start at the same time: the first refusal to connect is no failure
        if (outcome.kind === 'failed' && !settled)
          log.info(told, 'The proxy does not answer yet; where none runs, start it: hind-proxy exec-proxy');
        else log.error(told, 'The proxy did not take the configuration');
      }
    }
    return outcome;
  }

  function serves(id: number): void {
    if (id === state.generation) return;
    state.generation = id;
    telling = telling
      .then(() => onServed?.(id))
      .catch((error: unknown) =>
        log.error(
          { component: 'state', event: 'served_write_failed', generation: id, err: { message: String(error) } },
          'Cannot note which generation is served; the proxy serves it all the same',
        ),
      );
  }
}

function refusal(reason: string): ApplyOutcome {
  return { kind: 'rejected', reason, units: [] };
}

/** The units whose lines hold a text; undefined where none of the files does. */
function unitsWith(text: string, { files }: RenderedConfig): readonly string[] | undefined {
  const holding = files.filter(({ content }) => content.includes(text));
  if (holding.length === 0) return undefined;
  const hits = holding.flatMap(({ content, units }) => {
    const lines = content.split('\n').flatMap((line, index) => (line.includes(text) ? [index + 1] : []));
    return units.filter(({ firstLine, lastLine }) => lines.some((line) => firstLine <= line && line <= lastLine));
  });
  return [...new Set(hits.map(({ unit }) => unit))];
}

function sameBytes(a: RenderedConfig, b: RenderedConfig): boolean {
  return (
    a.tableDigest === b.tableDigest &&
    a.files.length === b.files.length &&
    a.files.every((file, index) => file.sha256 === b.files[index]?.sha256)
  );
}

/** What a full or broken disk comes to: the same is tried again when the proxy is asked next. */
function failureOf(error: unknown): ApplyOutcome {
  if (!(error instanceof Error && 'syscall' in error)) throw error;
  return { kind: 'failed', reason: `its files cannot be written: ${causesOf(error)}` };
}
