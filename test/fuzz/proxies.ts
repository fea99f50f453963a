import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { writeFileAtomic } from '../../src/lib/files.ts';
import type { RenderedConfig } from '../../src/model/rendered.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { port } from '../support/intents.ts';
import { freePorts, startProcess, tempDir, type Ending } from '../support/process.ts';
import { until } from '../support/until.ts';
import { CANARY } from './attacks.ts';

/** Real programs that read configurations: each says what it has against one, undefined where nothing. */
export interface Readers {
  readonly settings: RenderSettings;
  caddy(config: RenderedConfig): Promise<string | undefined>;
  traefik(config: RenderedConfig): Promise<string | undefined>;
}

/** Where the programs are; one that is absent reads nothing. */
export interface Binaries {
  readonly caddy?: string | undefined;
  readonly traefik?: string | undefined;
}

/** A Traefik that reads what is put before it, and the way to ask Caddy. Both hold a secret in their environment; they end with `t`. */
export async function openReaders(t: Ending, { caddy, traefik }: Binaries): Promise<Readers> {
  const dir = await tempDir(t);
  const env = { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, [CANARY.name]: CANARY.value };
  const [api = 0] = await freePorts(1);
  const settings = await fuzzSettings(dir, api);
  return {
    settings,
    caddy: caddy === undefined ? () => Promise.resolve(undefined) : caddyReader(caddy, { dir, env }),
    traefik: traefik === undefined ? () => Promise.resolve(undefined) : await traefikReader(t, { binary: traefik, dir, env, settings }),
  };
}

/** The usual ports, in the text of configurations: nothing listens on them. */
async function fuzzSettings(dir: string, api: number): Promise<RenderSettings> {
  const base = caddySettings({ dir, admin: 'http://127.0.0.1:2019', web: 80, websecure: 443 });
  const raw = { name: 'raw', address: '127.0.0.1:3306', port: port(3306), protocol: 'tcp', tls: false } as const;
  const datagrams = { name: 'datagrams', address: '127.0.0.1:53', port: port(53), protocol: 'udp', tls: false } as const;
  return {
    ...base,
    entryPoints: [...base.entryPoints, raw, datagrams],
    traefik: { ...base.traefik, api: `http://127.0.0.1:${api}`, defaultCertificate: await ensureDefaultCertificate(join(dir, 'tls')) },
  };
}

interface Place {
  readonly dir: string;
  readonly env: Record<string, string>;
}

/** Has Caddy adapt and provision a file. */
function caddyReader(binary: string, { dir, env }: Place): Readers['caddy'] {
  const file = join(dir, 'Caddyfile');
  return async ({ files }) => {
    await writeFile(file, files[0]?.content ?? '');
    const run = await new Promise<{ readonly failed: boolean; readonly stdout: string; readonly stderr: string }>((resolve) => {
      const args = ['adapt', '--validate', '--adapter', 'caddyfile', '--config', file];
      execFile(binary, args, { env, maxBuffer: 2 ** 28, timeout: 120_000 }, (error, stdout, stderr) =>
        resolve({ failed: error !== null, stdout, stderr }),
      );
    });
    if (run.failed) return `Caddy refuses it: ${run.stderr.trim().split('\n').at(-1) ?? ''}`;
    return run.stdout.includes(CANARY.value) ? 'Caddy shows the secret' : undefined;
  };
}

/** Has a running Traefik load a file, and looks at every part of what it made of it. */
async function traefikReader(
  t: Ending,
  { binary, dir, env, settings }: Place & { readonly binary: string; readonly settings: RenderSettings },
): Promise<Readers['traefik']> {
  const stagingDir = join(dir, 'staging');
  await mkdir(stagingDir);
  const ports = await freePorts(settings.entryPoints.length);
  const listening = settings.entryPoints.map((point, index) => ({ ...point, address: `127.0.0.1:${ports[index] ?? 0}` }));
  const boot = [...traefikTarget.renderStatic({ ...settings, entryPoints: listening }), ...traefikTarget.renderBoot(settings).files];
  for (const { path, content } of boot) await writeFileAtomic(path, content, { stagingDir });
  const running = startProcess(t, binary, [`--configFile=${settings.traefik.staticFile}`], { env, logFile: join(dir, 'traefik.log') });
  const { dynamicFile: file, api } = settings.traefik;
  const deployer = createTraefikDeployer({ file, api, stagingDir, binary, verifyTimeoutMs: 5000 });
  await until(`Traefik answers (${running.output()})`, async () => (await deployer.live(AbortSignal.timeout(1000))).kind === 'ours');
  return async (config) => {
    const outcome = await deployer.apply(config, AbortSignal.timeout(60_000));
    if (outcome.kind !== 'applied') return `Traefik refuses it: ${JSON.stringify(outcome).slice(0, 600)} ${running.output().slice(-600)}`;
    const seen = await (await fetch(`${api}/api/rawdata`, { signal: AbortSignal.timeout(30_000) })).text();
    if (seen.includes(CANARY.value)) return 'Traefik shows the secret';
    const [complaint] = complaintsIn(JSON.parse(seen) as RawData);
    return complaint;
  };
}

/** Everything that Traefik runs, by kind and name. */
type RawData = Readonly<
  Record<string, Readonly<Record<string, { readonly status?: string; readonly error?: readonly string[] | string }>>>
>;

function complaintsIn(data: RawData): readonly string[] {
  return Object.entries(data).flatMap(([kind, parts]) =>
    Object.entries(parts).flatMap(([name, { status = 'enabled', error = [] }]) =>
      status === 'enabled' && error.length === 0 ? [] : [`Traefik does not serve ${kind} ${name}: ${status}, ${String(error)}`],
    ),
  );
}
