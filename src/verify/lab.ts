import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createCaddyDeployer } from '../apply/caddy.ts';
import { ensureDefaultCertificate } from '../apply/certificates.ts';
import type { Deployer } from '../apply/deployer.ts';
import { startArguments } from '../apply/proxy-process.ts';
import { createTraefikDeployer } from '../apply/traefik.ts';
import { untilShown } from '../apply/until-shown.ts';
import { deadline } from '../lib/abort.ts';
import { sleep } from '../lib/async.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { reservePorts } from '../lib/ports.ts';
import type { Server } from '../model/rendered.ts';
import type { RoutingTable } from '../model/route.ts';
import type { RenderSettings, Target } from '../targets/target.ts';
import type { Answer } from './answer.ts';
import { createAsker } from './ask.ts';
import type { Answering } from './differences.ts';
import { spawnLeashed } from './leash.ts';
import { portsNeeded, relocate, type Relocation } from './relocate.ts';
import type { AskedRequest } from './request.ts';

/** What is to be served. */
export interface LabOptions {
  readonly target: Target;
  /** The program of the proxy. */
  readonly binary: string;
  /** As the proxy is configured; where it listens and keeps files there does not count. */
  readonly settings: RenderSettings;
  /** Its instances are asked as they stand in it; `Echoes.standIn` puts programs of ours in their place. */
  readonly table: RoutingTable;
  /** Who answers there: programs of ours, or real instances. */
  readonly answering: Answering;
}

/** A real proxy of its own that serves one table on free ports of loopback. Disposing of it ends the program and removes its files. */
export interface Lab extends AsyncDisposable {
  readonly server: Server;
  /**
   * What the proxy answers, told as if it listened where it is configured to. Rejects where `signal` aborts, and with `LabError` where the
   * proxy has ended.
   */
  ask(request: AskedRequest, signal?: AbortSignal): Promise<Answer>;
}

/** The proxy did not begin to serve, or has ended since. `output`: the end of what it said. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly output: string;

  constructor(message: string, options: { readonly output: string; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.output = options.output;
  }
}

const START_MS = 30_000;
const POLL_MS = 25;
const PROBE_MS = 2000;
/** How long the end of a program may come after that of its listeners. */
const OVER_MS = 1000;
/** How long a proxy may take to end before it is killed. */
const END_MS = 5000;

/**
 * Starts the program of a proxy with the rendered table, in a directory and on ports of its own, and returns when it serves it. Throws
 * `LabError` where it does not within 30 s; then nothing of it is left.
 */
export async function openLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  await using starting = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'hind-proxy-verify-'));
  starting.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  // a program that is ended at once still leaves nothing
  const leaving = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', leaving);
  starting.defer(() => void process.off('exit', leaving));
  const { target, settings, table, answering } = options;
  const certificate = await ensureDefaultCertificate(join(dir, 'tls'));
  const { ports } = starting.use(await reservePorts(portsNeeded(options)));
  const place = relocate({ target, settings, table, dir, certificate, ports });
  const digest = await writeFiles(target, place, join(dir, 'staging'));
  const program = startProgram(options, { settings: place.settings, dir });
  starting.defer(() => program.end());
  await untilServed({ program, digest, deployer: deployerOf(target.server, place.settings, dir), server: target.server }, signal);
  const asker = starting.use(createAsker({ answering }));
  const started = starting.move();
  return {
    server: target.server,
    async ask(request, askSignal) {
      const sent = place.sent(request);
      const point = place.settings.entryPoints.find(({ name }) => name === sent.entryPoint);
      if (!point) return { status: 0, headers: [], body: '', failure: `it does not listen at ${request.entryPoint}` };
      const answer = await asker.ask({ host: '127.0.0.1', port: point.port, tls: point.tls }, sent, askSignal);
      if (answer.failure === 'ECONNREFUSED') await throwIfOver(program, target.server);
      return place.told(answer);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Writes everything that the proxy reads; returns the digest that it will show. */
async function writeFiles(target: Target, { settings, table }: Relocation, stagingDir: string): Promise<string> {
  await mkdir(stagingDir);
  const { files, tableDigest } = target.render(table, settings).value;
  for (const { path, content } of [...target.renderStatic(settings), ...files]) {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, content, { stagingDir });
  }
  return tableDigest;
}

interface Program {
  /** How it ended, once it has. */
  ended(): string | undefined;
  /** Resolves when it has ended. */
  readonly over: Promise<void>;
  output(): string;
  /** TERM, after 5 s KILL; returns when it has ended. */
  end(): Promise<void>;
}

function startProgram(
  { binary, target }: LabOptions,
  { settings, dir }: { readonly settings: RenderSettings; readonly dir: string },
): Program {
  const args = startArguments(target.server, target.server === 'caddy' ? settings.caddy.file : settings.traefik.staticFile);
  // nothing of our environment: what stands in it could be expanded by the program
  const env = { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const { child, release } = spawnLeashed(binary, args, { env, cwd: dir, dir });
  let text = '';
  let end: string | undefined;
  const heard = (data: Buffer): void => void (text = `${text}${data.toString()}`.slice(-20_000));
  child.stdout?.on('data', heard);
  child.stderr?.on('data', heard);
  const over = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      end = error.message;
      resolve();
    });
    child.once('exit', (code, name) => {
      end ??= `it ended with ${code ?? name ?? 'nothing'}`;
      release();
      resolve();
    });
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    ended: () => end,
    over,
    output: () => text,
    async end() {
      if (end === undefined) child.kill('SIGTERM');
      const killer = setTimeout(kill, END_MS);
      await over;
      clearTimeout(killer);
      process.off('exit', kill);
    },
  };
}

async function untilServed(
  {
    program,
    digest,
    deployer,
    server,
  }: { readonly program: Program; readonly digest: string; readonly deployer: Deployer; readonly server: Server },
  signal: AbortSignal,
): Promise<void> {
  const waiting = deadline(START_MS, signal);
  const isOver = (): boolean => program.ended() !== undefined;
  const shown = await untilShown(digest, { live: (probe) => deployer.live(deadline(PROBE_MS, probe)), isOver, pollMs: POLL_MS }, waiting);
  if (shown === undefined) return;
  signal.throwIfAborted();
  throw labError(`Cannot start ${server}: ${program.ended() ?? `after ${START_MS} ms: ${shown}`}`, program);
}

/** For a program that listens no more: throws `LabError` where it ends within `OVER_MS`. */
async function throwIfOver(program: Program, server: Server): Promise<void> {
  await Promise.race([program.over, sleep(OVER_MS)]);
  const end = program.ended();
  if (end !== undefined) throw labError(`Cannot ask ${server}: ${end}`, program);
}

function labError(problem: string, program: Program): LabError {
  const output = program.output().slice(-2000).trim();
  return new LabError(`${problem}\n${output}`, { output });
}

function deployerOf(server: Server, { caddy, traefik }: RenderSettings, dir: string): Deployer {
  const common = { stagingDir: join(dir, 'staging'), verifyTimeoutMs: START_MS };
  return server === 'caddy'
    ? createCaddyDeployer({ ...common, ...caddy })
    : createTraefikDeployer({ ...common, file: traefik.dynamicFile, api: traefik.api });
}
