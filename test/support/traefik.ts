import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import type { Deployer } from '../../src/apply/deployer.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { writeFileAtomic } from '../../src/lib/files.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { RoutingTable } from '../../src/model/route.ts';
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
  readonly udp: number;
  readonly process: Running;
}

/**
 * Starts Traefik with a plain entry point `web`, a TLS one `websecure`, a TCP one `raw` and a UDP one `datagrams`; undefined where the test
 * was skipped for want of it.
 */
export async function startTraefik(
  t: TestContext,
  wishes: Partial<Pick<RenderSettings, 'trustedProxies' | 'unknownHost' | 'credentials'>> = {},
): Promise<RunningTraefik | undefined> {
  const binary = needServer(t, 'traefik');
  if (!binary) return undefined;
  const dir = await tempDir(t);
  const [web = 0, websecure = 0, api = 0, tcp = 0, udp = 0] = await freePorts(5);
  const settings: RenderSettings = {
    entryPoints: [
      { name: 'web', address: `127.0.0.1:${web}`, port: port(web), protocol: 'http', tls: false },
      { name: 'websecure', address: `127.0.0.1:${websecure}`, port: port(websecure), protocol: 'http', tls: true },
      { name: 'raw', address: `127.0.0.1:${tcp}`, port: port(tcp), protocol: 'tcp', tls: false },
      { name: 'datagrams', address: `127.0.0.1:${udp}`, port: port(udp), protocol: 'udp', tls: false },
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
    ...wishes,
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
  return { settings, deployer, web, websecure, tcp, udp, process };
}

/** Applies a table; Traefik must take every part of it without a word. Returns what the rendering reported. */
export async function serveTable({ deployer, settings }: RunningTraefik, table: RoutingTable): Promise<readonly Diagnostic[]> {
  const { value, diagnostics } = traefikTarget.render(table, settings);
  const outcome = await deployer.apply(value, AbortSignal.timeout(20_000));
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  assert.deepEqual(await complaintsOf(settings), []);
  return diagnostics;
}

const PARTS = [
  'http/routers',
  'http/services',
  'http/middlewares',
  'tcp/routers',
  'tcp/services',
  'tcp/middlewares',
  'udp/routers',
  'udp/services',
];

/** Every part of the running configuration that Traefik disabled or warns of, with its words. */
export async function complaintsOf({ traefik: { api } }: RenderSettings): Promise<readonly string[]> {
  const lists = await Promise.all(
    PARTS.map(async (part) => {
      const answer = await fetch(`${api}/api/${part}?per_page=5000`);
      const items = (await answer.json()) as readonly {
        readonly name: string;
        readonly status: string;
        readonly error?: readonly string[];
      }[];
      return items
        .filter(({ status, error = [] }) => status !== 'enabled' || error.length > 0)
        .map(({ name, status, error = [] }) => `${part} ${name} ${status}: ${error.join(', ')}`);
    }),
  );
  return lists.flat();
}
