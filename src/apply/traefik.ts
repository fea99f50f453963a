import { dirname } from 'node:path';
import { sleep } from '../lib/async.ts';
import { readTextFile, stageFile, writeFileAtomic } from '../lib/files.ts';
import { sha256 } from '../lib/hash.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import { digest } from '../model/names.ts';
import type { RenderedConfig, RenderedFile } from '../model/rendered.ts';
import { createAdminClient, type AdminAnswer } from './admin-client.ts';
import type { CheckOutcome, Deployer, DiskState, LiveState } from './deployer.ts';
import { downOf, type DownState } from './down-state.ts';
import { runProgram } from './exec.ts';
import { mainFile, readDiskState } from './main-file.ts';

/** What a deployer of Traefik needs. */
export interface TraefikDeployerOptions {
  /** The dynamic file; its directory is watched by Traefik. */
  readonly file: string;
  /** `http://host:port`. */
  readonly api: string;
  /** The value of the Authorization header for the API, where it asks for one. */
  readonly authorization?: string | undefined;
  /** Directory on the same filesystem, outside the watched one. */
  readonly stagingDir: string;
  /** The program, for its version where none runs. */
  readonly binary?: string | undefined;
  readonly verifyTimeoutMs: number;
}

const PROBE_MS = 2000;
/** The shortest wait for a file that may well be refused. */
const TRIAL_MS = 1000;
const MARKER = '/api/http/middlewares/hind-proxy-generation@file';

/**
 * Applies a dynamic file by renaming it into the directory that Traefik watches, then reads the digest back over Traefik's API.
 * Traefik has no validator: a file that it refuses never shows its digest, and the one before is put back. A router that it disabled
 * is named in the outcome, and everything is put back too, so that its unit can be rendered otherwise. Which unit a file is refused for is
 * found by trials of parts of it.
 */
export function createTraefikDeployer(options: TraefikDeployerOptions): Deployer {
  const { file, api, authorization, stagingDir, binary, verifyTimeoutMs } = options;
  const client = createAdminClient(api, { keepAlive: true });
  const headers = authorization === undefined ? {} : { authorization };
  const write = (content: string): Promise<void> => writeFileAtomic(file, content, { stagingDir });
  /** How long the last file took until Traefik showed it; undefined before the first. */
  let shownMs: number | undefined;
  return { server: 'traefik', check, apply, trial, live, disk: () => readDiskState(file), fingerprint, isSilent, foreign, version };

  function check(): Promise<CheckOutcome> {
    return Promise.resolve({ kind: 'unchecked', reason: 'Traefik has no validator; what it takes is read back after the write' });
  }

  function apply(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome> {
    return place(config, { patienceMs: patienceFor(config), signal });
  }

  function trial(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome> {
    return place(config, { patienceMs: Math.min(patienceFor(config), Math.max(TRIAL_MS, 10 * (shownMs ?? verifyTimeoutMs))), signal });
  }

  function patienceFor({ files }: RenderedConfig): number {
    return verifyTimeoutMs + files.reduce((sum, { units }) => sum + units.length, 0);
  }

  async function place(
    config: RenderedConfig,
    { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
  ): Promise<ApplyOutcome> {
    const startedAtMs = performance.now();
    const rendered = mainFile(config);
    const [before, staged] = await Promise.all([readDiskState(file), stageFile(file, rendered.content, { stagingDir })]);
    const { onDisk } = await staged.place();
    const [seen] = await Promise.all([waitForDigest(config, { patienceMs, signal }), onDisk]);
    if (seen.kind === 'down')
      return { kind: 'failed', reason: `Traefik does not answer at ${api}: ${seen.reason}`, ...(!seen.isSilent && { isDown: true }) };
    if (seen.kind === 'missing') {
      const restored = await restore(before);
      return { kind: 'rolledBack', reason: `Traefik does not show the digest of the new file; ${restored}` };
    }
    shownMs = performance.now() - startedAtMs;
    const disabled = await disabledRouters(rendered, signal);
    if (disabled.length === 0) return { kind: 'applied', durationMs: performance.now() - startedAtMs };
    await restore(before);
    const reason = disabled.map(({ name, error }) => `${name}: ${error}`).join('; ');
    return { kind: 'rejected', reason, units: [...new Set(disabled.flatMap(({ unit }) => unit ?? []))] };
  }

  /** Whether Traefik comes to show a digest; `down`: it does not answer at the first question. */
  async function waitForDigest(
    { tableDigest }: RenderedConfig,
    { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
  ): Promise<Seen> {
    const startedAtMs = performance.now();
    for (let isFirst = true; ; isFirst = false) {
      const state = await live(signal);
      if (state.kind === 'ours' && state.digest === tableDigest) return { kind: 'shown' };
      if (isFirst && state.kind === 'down') return state;
      const waitedMs = performance.now() - startedAtMs;
      if (waitedMs > patienceMs || signal.aborted) return { kind: 'missing' };
      // asked so often that little is lost whatever the size, and so seldom that it costs little: it has the same processors to load with
      await sleep(Math.min(50, Math.max(2, waitedMs / 8, (shownMs ?? 0) / 2 - waitedMs)), signal);
    }
  }

  async function restore(before: DiskState): Promise<string> {
    const content = before.kind === 'absent' ? undefined : before.contents.get(file);
    if (content === undefined) return 'there was none before to put back';
    await write(content);
    return 'the last good one was put back';
  }

  async function disabledRouters(rendered: RenderedFile, signal: AbortSignal): Promise<readonly DisabledRouter[]> {
    const answers = await Promise.all(['http', 'tcp'].map((kind) => ask(`/api/${kind}/routers?status=disabled&per_page=1000`, signal)));
    return answers.flatMap((answer) => ('status' in answer && answer.status === 200 ? routersIn(answer.body, rendered) : []));
  }

  function ask(path: string, signal: AbortSignal): Promise<AdminAnswer | DownState> {
    return client.call('GET', path, { timeoutMs: PROBE_MS, signal, headers }).catch(downOf);
  }

  async function live(signal: AbortSignal): Promise<LiveState> {
    const answer = await ask(MARKER, signal);
    if ('kind' in answer) return answer;
    const marker = answer.status === 200 ? /"X-Hind-Proxy-Generation":\s*"([0-9a-z]+)"/i.exec(answer.body)?.[1] : undefined;
    return marker === undefined
      ? { kind: 'foreign', description: `an API that answers ${answer.status} without our marker` }
      : { kind: 'ours', digest: digest(marker) };
  }

  async function fingerprint(): Promise<string | undefined> {
    const content = await readTextFile(file).catch(() => undefined);
    return sha256(content ?? '');
  }

  async function isSilent(signal: AbortSignal): Promise<boolean> {
    const state = await live(signal);
    return state.kind === 'down' && state.isSilent === true;
  }

  /** Traefik goes on with every other file, and with its other providers. */
  function foreign(): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(new Map());
  }

  async function version(signal: AbortSignal): Promise<string | undefined> {
    if (binary === undefined) return undefined;
    const run = await runProgram(binary, ['version'], { env: { HOME: dirname(file) }, timeoutMs: 5000, signal });
    return run.kind === 'exited' ? /^Version:\s+(\S+)/m.exec(run.stdout)?.[1] : undefined;
  }
}

type Seen = { readonly kind: 'shown' } | { readonly kind: 'missing' } | Extract<LiveState, { kind: 'down' }>;

interface DisabledRouter {
  readonly name: string;
  readonly error: string;
  readonly unit: string | undefined;
}

function routersIn(body: string, { content, units }: RenderedFile): readonly DisabledRouter[] {
  const lines = content.split('\n');
  return listIn(body).flatMap((router) => {
    const { name, error } = Object(router) as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string' || !name.endsWith('@file')) return [];
    const key = `"${name.replace(/@file$/, '')}":`;
    const unit = units.find(({ firstLine }) => lines[firstLine - 1]?.trimStart().startsWith(key))?.unit;
    return [{ name, error: Array.isArray(error) ? error.join(', ') : 'disabled', unit }];
  });
}

/** The list in an answer; empty for what is none: something else than Traefik may answer there. */
function listIn(body: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
