import { dirname, join } from 'node:path';
import { causesOf } from '../lib/abort.ts';
import { sleep } from '../lib/async.ts';
import { readTextFile, writeFileAtomic } from '../lib/files.ts';
import type { ApplyOutcome } from '../model/generation.ts';
import { digest } from '../model/names.ts';
import type { RenderedConfig, RenderedFile } from '../model/rendered.ts';
import { createAdminClient, type AdminAnswer } from './admin-client.ts';
import type { CheckOutcome, Deployer, DiskState, LiveState } from './deployer.ts';
import { runProgram } from './exec.ts';

/** What the hands on a Caddy need. */
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
const MARKER = '/config/logging/logs/hind-proxy-generation';
const PROBE_MS = 2000;
const LOAD_MS = 60_000;

/**
 * Applies a Caddyfile over Caddy's admin API: adapted (its errors name the line), then written with `POST /config/` under the ETag of
 * our marker, so that nobody else's change is overwritten unseen; the marker is read back; only then the file is renamed into place.
 * 200 means serving; any error leaves the old configuration (caddyserver/caddy:caddy.go changeConfig).
 */
export function createCaddyDeployer(options: CaddyDeployerOptions): Deployer {
  const { file, admin, stagingDir, binary, verifyTimeoutMs } = options;
  const client = createAdminClient(admin);
  const write = (content: string): Promise<void> => writeFileAtomic(file, content, { stagingDir });
  return { server: 'caddy', check, apply, live, disk, version };

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
    const adapted = await client
      .call('POST', '/adapt', { timeoutMs: LOAD_MS, signal, body: rendered.content, headers: { 'content-type': 'text/caddyfile' } })
      .catch((error: unknown) => causesOf(error));
    if (typeof adapted === 'string') return whileDown(config, adapted, signal);
    if (adapted.status !== 200) return refused(adapted, rendered);
    const before = await disk();
    const loaded = await load(resultOf(adapted.body), signal).catch((error: unknown) => causesOf(error));
    if (typeof loaded === 'string') return { kind: 'failed', reason: `Caddy did not answer while it loaded: ${loaded}` };
    if (loaded.status === 412) return { kind: 'failed', reason: 'somebody else changed the configuration of Caddy at the same moment' };
    if (loaded.status !== 200) return refused(loaded, rendered);
    if (!(await serves(config, signal))) {
      const restored = await restore(before, signal);
      return { kind: 'rolledBack', reason: `Caddy accepted the configuration and does not answer with its digest; ${restored}` };
    }
    await write(rendered.content);
    return { kind: 'applied', durationMs: performance.now() - startedAtMs };
  }

  /** A Caddy that is down gets the checked file to boot from. */
  async function whileDown(config: RenderedConfig, reason: string, signal: AbortSignal): Promise<ApplyOutcome> {
    const checked = await check(config, signal);
    if (checked.kind === 'refused') return { kind: 'rejected', reason: checked.reason, units: checked.units };
    if (checked.kind === 'accepted') await write(mainFile(config).content);
    return { kind: 'failed', reason: `Caddy does not answer at ${admin}: ${reason}` };
  }

  async function load(json: string, signal: AbortSignal): Promise<AdminAnswer> {
    const { status, etag } = await client.call('GET', MARKER, { timeoutMs: PROBE_MS, signal });
    const headers = status === 200 && etag !== undefined ? { 'if-match': etag } : {};
    return client.call('POST', '/config/', { timeoutMs: LOAD_MS, signal, body: json, headers });
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

  async function restore(before: DiskState, signal: AbortSignal): Promise<string> {
    const content = before.kind === 'absent' ? undefined : before.contents.get(file);
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
    const answer = await client
      .call('GET', `${MARKER}/include/0`, { timeoutMs: PROBE_MS, signal })
      .catch((error: unknown) => causesOf(error));
    if (typeof answer === 'string') return { kind: 'down', reason: answer };
    const marker = answer.status === 200 ? /^"hind-proxy\.([0-9a-z]+)"\s*$/.exec(answer.body)?.[1] : undefined;
    return marker === undefined
      ? { kind: 'foreign', description: 'a configuration without our marker' }
      : { kind: 'ours', digest: digest(marker) };
  }

  async function disk(): Promise<DiskState> {
    const content = await readTextFile(file);
    if (content === undefined) return { kind: 'absent' };
    const contents = new Map([[file, content]]);
    const marker = /^# hind-proxy table ([0-9a-f]{64})$/m.exec(content)?.[1];
    return marker === undefined ? { kind: 'foreign', contents } : { kind: 'ours', digest: digest(marker), contents };
  }

  async function version(signal: AbortSignal): Promise<string | undefined> {
    if (binary === undefined) return undefined;
    const run = await runProgram(binary, ['version'], { env: { HOME: dirname(file) }, timeoutMs: 5000, signal });
    return run.kind === 'exited' ? run.stdout.split(' ')[0]?.replace(/^v/, '') : undefined;
  }
}

function mainFile({ files }: RenderedConfig): RenderedFile {
  const [file] = files;
  if (!file) throw new RangeError('Cannot apply a configuration without files');
  return file;
}

/** The configuration inside the adapter's answer, as it came. */
function resultOf(body: string): string {
  return JSON.stringify((JSON.parse(body) as { readonly result: unknown }).result);
}

function refused({ body }: AdminAnswer, file: RenderedFile): ApplyOutcome {
  const reason = errorOf(body);
  return { kind: 'rejected', reason, units: unitsIn(reason, file) };
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
