import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { runLauncher } from '../../src/apply/launcher.ts';
import { writeStaticFiles, type ProxyProgram } from '../../src/apply/proxy-process.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { port } from '../support/intents.ts';
import { rememberingLog } from '../support/log.ts';
import { freePorts, needServer, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

test('writeStaticFiles() writes nothing that is there, so that a full disk lets the proxy start', async (t) => {
  const [dir, path] = [await tempDir(t), join(await tempDir(t), 'traefik.yaml')];
  const program = { staticFiles: [{ path, content: 'a: 1\n', units: [], sha256: sha256('a: 1\n') }] } as unknown as ProxyProgram;
  await writeFile(path, 'a: 1\n');
  // nothing can be written below a file
  await writeFile(join(dir, 'state'), '');

  await writeStaticFiles(program, join(dir, 'state'));

  await writeFile(path, 'a: 2\n');
  await assert.rejects(writeStaticFiles(program, join(dir, 'state')), /ENOTDIR|EEXIST/);
});

test('runLauncher() boots Traefik where nothing stands on disk, also where it cannot write what runs, and ends it when aborted', async (t) => {
  const binary = needServer(t, 'traefik');
  if (!binary) return;
  const dir = await tempDir(t);
  const [web = 0, apiPort = 0] = await freePorts(2);
  const [file, api] = [join(dir, 'dynamic/hind-proxy.yml'), `http://127.0.0.1:${apiPort}`];
  const settings = {
    entryPoints: [{ name: 'web', address: `127.0.0.1:${web}`, port: port(web), protocol: 'http', tls: false }],
    unknownHost: { status: 404 },
    tls: { mode: 'off', certificates: [], minVersion: '1.2' },
    trustedProxies: [],
    accessLogs: false,
    modules: new Set<string>(),
    caddy: { file: join(dir, 'Caddyfile'), admin: 'http://127.0.0.1:1' },
    traefik: {
      staticFile: join(dir, 'traefik.yaml'),
      dynamicFile: file,
      api,
      apiUsers: [],
      defaultCertificate: await ensureDefaultCertificate(join(dir, 'tls')),
    },
  } as const;
  const ending = new AbortController();
  t.after(() => ending.abort());
  const deployer = createTraefikDeployer({ file, api, stagingDir: join(dir, 'staging'), verifyTimeoutMs: 5000 });

  await mkdir(join(dir, 'proxy-state.json'));
  const program: ProxyProgram = {
    server: 'traefik',
    binary,
    configFile: settings.traefik.staticFile,
    boot: traefikTarget.renderBoot(settings),
    lastGood: [],
    staticFiles: traefikTarget.renderStatic(settings),
    env: { PATH: process.env['PATH'] ?? '', HOME: dir },
    listens: [{ host: '127.0.0.1', port: web }],
    live: (signal) => deployer.live(signal),
  };
  const programOf = (): Promise<ProxyProgram> => Promise.resolve(program);
  const log = rememberingLog();
  const ended = runLauncher({ server: 'traefik', programOf, stateDir: dir, output: 'ignore', log }, ending.signal);
  await until('Traefik shows our marker', async () => (await deployer.live(AbortSignal.timeout(1000))).kind === 'ours');
  const answer = await fetch(`http://127.0.0.1:${web}/`);
  ending.abort();

  const [boot] = log.told.filter(({ event }) => event === 'boot_config');
  assert.deepEqual(boot?.['files'], [file]);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '5');
  assert.equal(await ended, 0);
});
