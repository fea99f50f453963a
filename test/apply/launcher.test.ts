import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { runLauncher } from '../../src/apply/launcher.ts';
import { prepareFiles, writeStaticFiles, type ProxyProgram } from '../../src/apply/proxy-process.ts';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
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

  await writeStaticFiles(program, { stateDir: join(dir, 'state'), log: silentLog });

  await writeFile(path, 'a: 2\n');
  await assert.rejects(writeStaticFiles(program, { stateDir: join(dir, 'state'), log: silentLog }), /ENOTDIR|EEXIST/);
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

test('writeStaticFiles() keeps a file of somebody else beside ours, and no older one of ours', async (t) => {
  const dir = await tempDir(t);
  const path = join(dir, 'traefik.yaml');
  const files = async (): Promise<readonly string[]> => (await readdir(dir)).filter((name) => name.startsWith('traefik.yaml'));
  const write = (content: string): Promise<void> => {
    const program = { staticFiles: [{ path, content, units: [], sha256: sha256(content) }] } as unknown as ProxyProgram;
    return writeStaticFiles(program, { stateDir: dir, log: silentLog });
  };
  await writeFile(path, 'entryPoints: {}\n');

  await write('# Written by hind-proxy; 1\n');
  await write('# Written by hind-proxy; 2\n');

  const [ours, kept, ...more] = (await files()).toSorted();
  assert.deepEqual([ours, more], ['traefik.yaml', []]);
  assert.equal(await readFile(join(dir, kept ?? ''), 'utf8'), 'entryPoints: {}\n');
});

/** What `prepareFiles` needs of a Caddy that is run by a script; `$REAL` is the real one. */
async function caddyProgram(dir: string, { binary, script }: { readonly binary: string; readonly script: string }): Promise<ProxyProgram> {
  const wrapper = join(dir, 'caddy-wrapped');
  await writeFile(wrapper, `#!/bin/sh\nREAL='${binary}'\n${script}\nexec "$REAL" "$@"\n`);
  await chmod(wrapper, 0o755);
  const path = join(dir, 'Caddyfile');
  const content = `# Written by hind-proxy; changes are overwritten.\n# hind-proxy table ${'0'.repeat(64)}\nhttp://127.0.0.1:1 {\n}\n`;
  const boot = { server: 'caddy', files: [{ path, content, units: [], sha256: sha256(content) }], tableDigest: '' };
  return { server: 'caddy', binary: wrapper, configFile: path, boot, lastGood: [], env: { HOME: dir } } as unknown as ProxyProgram;
}

test('prepareFiles() keeps a file of somebody else that Caddy refuses beside the one that it boots from', async (t) => {
  const binary = needServer(t, 'caddy');
  if (!binary) return;
  const dir = await tempDir(t);
  const program = await caddyProgram(dir, { binary, script: '' });
  await writeFile(program.configFile, 'nonsense {{{\n');
  const log = rememberingLog();

  await prepareFiles(program, { stateDir: dir, log, signal: AbortSignal.timeout(20_000) });

  assert.match(await readFile(program.configFile, 'utf8'), /^# Written by hind-proxy/);
  const kept = log.told.find(({ event }) => event === 'state_file_damaged')?.['kept'];
  assert.equal(await readFile(String(kept), 'utf8'), 'nonsense {{{\n');
});

test('prepareFiles() leaves the file in place as it is when it is ended while Caddy looks at it', async (t) => {
  const binary = needServer(t, 'caddy');
  if (!binary) return;
  const dir = await tempDir(t);
  const note = join(dir, 'asked');
  const program = await caddyProgram(dir, { binary, script: `: > '${note}'; exec sleep 20` });
  await writeFile(program.configFile, ':80\n');
  const ending = new AbortController();

  const prepared = prepareFiles(program, { stateDir: dir, log: rememberingLog(), signal: ending.signal });
  await until('Caddy to be asked', () => existsSync(note));
  ending.abort();
  await prepared;

  assert.equal(await readFile(program.configFile, 'utf8'), ':80\n');
});
