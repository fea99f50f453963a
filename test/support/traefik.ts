import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import type { Deployer } from '../../src/apply/deployer.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { writeFileAtomic } from '../../src/lib/files.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { port } from './intents.ts';
import { freePorts, needServer, startProcess, tempDir, type Running } from './process.ts';
import { until } from './until.ts';

/** A real Traefik that booted from our boot configuration. */
export interface RunningTraefik {
  readonly settings: RenderSettings;
  readonly deployer: Deployer;
  readonly web: number;
  readonly websecure: number;
  readonly tcp: number;
  readonly process: Running;
}

/** Starts Traefik with a plain entry point `web`, a TLS one `websecure` and a TCP one `raw`; undefined where the test was skipped for want of it. */
export async function startTraefik(t: TestContext): Promise<RunningTraefik | undefined> {
  const binary = needServer(t, 'traefik');
  if (!binary) return undefined;
  const dir = await tempDir(t);
  const [web = 0, websecure = 0, api = 0, tcp = 0] = await freePorts(4);
  const settings: RenderSettings = {
    entryPoints: [
      { name: 'web', address: `127.0.0.1:${web}`, port: port(web), protocol: 'http', tls: false },
      { name: 'websecure', address: `127.0.0.1:${websecure}`, port: port(websecure), protocol: 'http', tls: true },
      { name: 'raw', address: `127.0.0.1:${tcp}`, port: port(tcp), protocol: 'tcp', tls: false },
    ],
    unknownHost: { status: 404 },
    tls: { mode: 'internal', certificates: [], minVersion: '1.2' },
    trustedProxies: [],
    accessLogs: false,
    modules: new Set(),
    caddy: { file: join(dir, 'Caddyfile'), admin: 'http://127.0.0.1:1' },
    traefik: {
      staticFile: join(dir, 'traefik.yaml'),
      dynamicFile: join(dir, 'dynamic/hind-proxy.yml'),
      api: `http://127.0.0.1:${api}`,
      apiUsers: [],
      defaultCertificate: await ensureDefaultCertificate(join(dir, 'tls')),
    },
  };
  const stagingDir = join(dir, 'staging');
  await mkdir(stagingDir, { recursive: true });
  for (const { path, content } of [...traefikTarget.renderStatic(settings), ...traefikTarget.renderBoot(settings).files])
    await writeFileAtomic(path, content, { stagingDir });
  const process = startProcess(t, binary, [`--configFile=${settings.traefik.staticFile}`]);
  const { dynamicFile: file, api: apiUrl } = settings.traefik;
  const deployer = createTraefikDeployer({ file, api: apiUrl, stagingDir, binary, verifyTimeoutMs: 5000 });
  await until(`Traefik answers (${process.output()})`, async () => (await deployer.live(AbortSignal.timeout(1000))).kind === 'ours').catch(
    (error: unknown) => {
      throw new Error(`Cannot start Traefik: ${process.output()}`, { cause: error });
    },
  );
  return { settings, deployer, web, websecure, tcp, process };
}
