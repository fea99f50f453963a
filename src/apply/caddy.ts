import { dirname, join } from 'node:path';
import { withGrace } from '../lib/abort.ts';
import { causesOf } from '../lib/errors.ts';
import { sleep } from '../lib/async.ts';
import { readTextFile, stageFile, writeFileAtomic } from '../lib/files.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import { digest } from '../model/names.ts';
import type { RenderedConfig, RenderedFile } from '../model/rendered.ts';
import { createAdminClient, type AdminAnswer } from './admin-client.ts';
import { createCaddyAdapter } from './caddy-adapter.ts';
import type { CheckOutcome, Deployer, LiveState } from './deployer.ts';
import { downOf, type DownState } from './down-state.ts';
import { runProgram } from './exec.ts';
import { mainFile, readDiskState } from './main-file.ts';

/** What a deployer of Caddy needs. */
export interface CaddyDeployerOptions {
  /** The Caddyfile that Caddy boots from. */
  readonly file: string;
  /** `http://host:port` or `unix//path`. */
  readonly admin: string;
  /** Directory on the same filesystem for files that are not in place yet. */
  readonly stagingDir: string;
  /** The program, for checks while no Caddy runs. */
  readonly binary?: string | undefined;
  readonly verifyTimeoutMs: number;
}

/** Where the digest stands in every configuration of ours, loaded or booted (see the Caddy target). */
const MARKER = '/config/logging/logs/hind-proxy-generation/include/0';
const PROBE_MS = 2000;
/** How long Caddy may take to print all that it was given. */
const WHOLE_MS = 10_000;
const LOAD_MS = 60_000;
/** What a load that has begun may still take when the controller is told to end. */
const GRACE_MS = 5000;

/**
 * Applies a Caddyfile over Caddy's admin API: adapted (its errors name the line), then written with `POST /config/` under the ETag that
 * our marker had when it was last seen, so that nobody else's change is overwritten unseen; the marker is read back; only then the file,
 * which was staged meanwhile, is renamed into place.
 * 200 means serving; any error leaves the old configuration (caddyserver/caddy:caddy.go changeConfig).
 */
export function createCaddyDeployer(options: CaddyDeployerOptions): Deployer {
  const { file, admin, stagingDir, binary, verifyTimeoutMs } = options;
  const client = createAdminClient(admin);
  /** For questions: a load closes its connection. */
  const kept = createAdminClient(admin, { keepAlive: true });
  const adapt = createCaddyAdapter((caddyfile, signal) =>
    kept.call('POST', '/adapt', {
      timeoutMs: LOAD_MS,
      signal,
      body: caddyfile,
      headers: { 'content-type': 'text/caddyfile' },
      isQuestion: true,
    }),
  );
  /** Of the marker as it was last seen. */
  let etag: string | undefined;
  return { server: 'caddy', check, apply, trial: apply, live, disk: () => readDiskState(file), fingerprint, isSilent, foreign, version };

  async function check(config: RenderedConfig, signal: AbortSignal): Promise<CheckOutcome> {
    if (binary === undefined) return { kind: 'unchecked', reason: 'no caddy program was found' };
    const staged = join(stagingDir, 'Caddyfile.check');
    await writeFileAtomic(staged, mainFile(config).content);
    const env = { HOME: stagingDir, XDG_DATA_HOME: stagingDir, XDG_CONFIG_HOME: stagingDir };
    const run = await runProgram(binary, ['validate', '--adapter', 'caddyfile', '--config', staged], { env, timeoutMs: 20_000, signal });
    if (run.kind === 'failed') return { kind: 'unchecked', reason: run.reason };
    if (run.code === 0) return { kind: 'accepted' };
    const reason = lastError(run.stderr);
    return { kind: 'refused', reason, units: unitsIn(reason, mainFile(config)) };
  }

  async function apply(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome> {
    const rendered = mainFile(config);
    const startedAtMs = performance.now();
    const adapted = await adapt(rendered.content, signal).catch(downOf);
    if (adapted.kind === 'down') return whileDown(config, adapted, signal);
    if (adapted.kind === 'refused') return refused(adapted.answer, rendered);
    const [staged, failure] = await Promise.all([
      stageFile(file, rendered.content, { stagingDir }),
      // a load that is given up may be taken all the same: the file would say something else
      withGrace(GRACE_MS, signal, (later) => loadAndVerify(config, { json: adapted.json, signal: later })),
    ]);
    if (failure) await staged.discard();
    else await (await staged.place()).onDisk;
    return failure ?? { kind: 'applied', durationMs: performance.now() - startedAtMs };
  }

  /** Undefined where Caddy serves it. */
  async function loadAndVerify(
    config: RenderedConfig,
    { json, signal }: { readonly json: string; readonly signal: AbortSignal },
  ): Promise<ApplyOutcome | undefined> {
    const loaded = await load(json, signal).catch(downOf);
    if ('kind' in loaded) {
      // where nothing had to be adapted, this is the first question
      const now = await live(signal);
      return now.kind === 'down' && !signal.aborted
        ? whileDown(config, loaded, signal)
        : { kind: 'failed', reason: `Caddy did not answer while it loaded: ${loaded.reason}` };
    }
    if (loaded.status === 412) return { kind: 'failed', reason: 'somebody else changed the configuration of Caddy at the same moment' };
    if (loaded.status !== 200) return refused(loaded, mainFile(config));
    if (await serves(config, signal)) return undefined;
    const restored = await restore(signal);
    return { kind: 'rolledBack', reason: `Caddy accepted the configuration and does not answer with its digest; ${restored}` };
  }

  /** A Caddy that is down gets the checked file to boot from. */
  async function whileDown(config: RenderedConfig, { reason, isSilent: isThere }: DownState, signal: AbortSignal): Promise<ApplyOutcome> {
    const checked = await check(config, signal);
    if (checked.kind === 'refused') return { kind: 'rejected', reason: checked.reason, units: checked.units };
    if (checked.kind === 'accepted') await writeFileAtomic(file, mainFile(config).content, { stagingDir });
    return { kind: 'failed', reason: `Caddy does not answer at ${admin}: ${reason}`, ...(!isThere && { isDown: true }) };
  }

  async function load(json: string, signal: AbortSignal): Promise<AdminAnswer> {
    const seen = etag;
    const answer = await write(json, seen ?? (await currentTag(signal)), signal);
    if (answer.status === 200 || seen === undefined) return answer;
    // a Caddy that was started anew, or given something else, refuses the tag of before and not the configuration
    const now = await currentTag(signal);
    return now === seen ? answer : write(json, now, signal);
  }

  function write(json: string, tag: string | undefined, signal: AbortSignal): Promise<AdminAnswer> {
    const headers = tag === undefined ? {} : { 'if-match': tag };
    return client.call('POST', '/config/', { timeoutMs: LOAD_MS, signal, body: json, headers });
  }

  async function currentTag(signal: AbortSignal): Promise<string | undefined> {
    const { status, etag: tag } = await client.call('GET', MARKER, { timeoutMs: PROBE_MS, signal });
    return status === 200 ? tag : undefined;
  }

  async function serves({ tableDigest }: RenderedConfig, signal: AbortSignal): Promise<boolean> {
    const giveUpAtMs = performance.now() + verifyTimeoutMs;
    for (let waitMs = 5; ; waitMs = Math.min(200, waitMs * 2)) {
      const state = await live(signal);
      if (state.kind === 'ours' && state.digest === tableDigest) return true;
      if (performance.now() > giveUpAtMs || signal.aborted) return false;
      await sleep(waitMs, signal);
    }
  }

  async function restore(signal: AbortSignal): Promise<string> {
    const content = await readTextFile(file);
    if (content === undefined) return 'there was none before to put back';
    const headers = { 'content-type': 'text/caddyfile' };
    const answer = await client
      .call('POST', '/load', { timeoutMs: LOAD_MS, signal, body: content, headers })
      .catch((error: unknown) => causesOf(error));
    return typeof answer !== 'string' && answer.status === 200
      ? 'the last good one was put back'
      : 'the last good one could not be put back';
  }

  async function live(signal: AbortSignal): Promise<LiveState> {
    const answer = await kept.call('GET', MARKER, { timeoutMs: PROBE_MS, signal }).catch(downOf);
    if ('kind' in answer) return answer;
    etag = answer.status === 200 ? answer.etag : undefined;
    const marker = answer.status === 200 ? /^"hind-proxy\.([0-9a-z]+)"\s*$/.exec(answer.body)?.[1] : undefined;
    return marker === undefined
      ? { kind: 'foreign', description: 'a configuration without our marker' }
      : { kind: 'ours', digest: digest(marker) };
  }

  async function fingerprint(signal: AbortSignal): Promise<string | undefined> {
    const answer = await kept.call('GET', '/config/', { timeoutMs: WHOLE_MS, signal, withoutBody: true }).catch(downOf);
    return 'status' in answer && answer.status === 200 ? answer.etag : undefined;
  }

  async function isSilent(signal: AbortSignal): Promise<boolean> {
    const answer = await client.call('GET', '/', { timeoutMs: PROBE_MS, signal }).catch(downOf);
    return 'kind' in answer && answer.isSilent;
  }

  async function foreign(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { status, body } = await kept.call('GET', '/config/', { timeoutMs: WHOLE_MS, signal });
    if (status !== 200) throw new Error(`Caddy answers ${status} to GET /config/, expected 200`);
    return new Map(body.trim() === 'null' ? [] : [[`${admin}/config/`, body]]);
  }

  async function version(signal: AbortSignal): Promise<string | undefined> {
    if (binary === undefined) return undefined;
    const run = await runProgram(binary, ['version'], { env: { HOME: dirname(file) }, timeoutMs: 5000, signal });
    return run.kind === 'exited' ? run.stdout.split(' ')[0]?.replace(/^v/, '') : undefined;
  }
}

function refused({ body }: AdminAnswer, file: RenderedFile): ApplyOutcome {
  const reason = errorOf(body);
  return { kind: 'rejected', reason, units: unitsIn(reason, file), ports: portsIn(reason) };
}

/** The ports that Caddy could not listen on: something else does. */
function portsIn(reason: string): readonly number[] {
  return [...reason.matchAll(/listen (?:tcp|udp)[46]? \S*:(\d+): bind/g)].map(([, port]) => Number(port));
}

function errorOf(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: string };
    return error ?? body.slice(0, 500);
  } catch {
    return body.slice(0, 500);
  }
}

function lastError(stderr: string): string {
  return (stderr.split('\n').findLast((text) => text.startsWith('Error:')) ?? stderr.slice(-500)).replace(/^Error: /, '');
}

/** The innermost units whose lines an error names. */
function unitsIn(reason: string, { units }: RenderedFile): readonly string[] {
  const lines = [...reason.matchAll(/(?:Caddyfile[^:\s]*:|line )(\d+)/g)].map(([, digits]) => Number(digits));
  const hit = lines.flatMap((line) =>
    units
      .filter(({ firstLine, lastLine }) => firstLine <= line && line <= lastLine)
      .toSorted((a, b) => a.lastLine - a.firstLine - (b.lastLine - b.firstLine))
      .slice(0, 1),
  );
  return [...new Set(hit.map(({ unit }) => unit))];
}
