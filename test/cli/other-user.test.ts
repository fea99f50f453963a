import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openGenerations } from '../../src/controller/generations.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
import { digest } from '../../src/model/names.ts';
import { freePorts, startProcess, tempDir, whenEnded } from '../support/process.ts';
import { plainTable } from '../support/tables.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Who may do nothing with files of ours: another user, or, where only root could be one, ourselves without the rights. */
const OTHER = process.getuid?.() === 0 ? { uid: 65_534 } : {};

interface Place {
  readonly dir: string;
  readonly listen: number;
  readonly stateDir: string;
  readonly config: string;
  /** Runs a command as another user. */
  readonly asOther: (args: readonly string[]) => Promise<{ readonly code: number | string; readonly output: string }>;
}

/** A state directory with one generation, which is pinned. */
async function openPlace(t: TestContext, admin: (dir: string, listen: number) => object): Promise<Place> {
  const dir = await tempDir(t);
  const [caddy = 0, web = 0, listen = 0] = await freePorts(3);
  const [stateDir, config] = [join(dir, 'state'), join(dir, 'hind-proxy.json')];
  await mkdir(join(dir, 'services'));
  await chmod(dir, 0o755);
  const proxy = {
    entrypoints: { web: `127.0.0.1:${web}` },
    caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${caddy}` },
    traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml') },
  };
  const sources = { file: { path: join(dir, 'services') } };
  await writeFile(config, JSON.stringify({ stateDir, sources, proxies: [proxy], admin: admin(dir, listen) }));
  const generations = await openGenerations(stateDir, { keep: 20, log: silentLog });
  const table = plainTable('web');
  const content = `# hind-proxy table ${table.digest}`;
  const file = { path: join(dir, 'Caddyfile'), content, sha256: digest(sha256(content)), units: [] };
  await generations.add({
    proxy: 'proxy',
    server: 'caddy',
    digest: table.digest,
    table,
    config: { server: 'caddy', files: [file], tableDigest: table.digest },
    versions: { hindProxy: '1' },
    appliedAtMs: 0,
    outcome: 'applied',
  });
  await generations.pin(1);
  return {
    dir,
    listen,
    stateDir,
    config,
    async asOther(args) {
      const running = startProcess(t, process.execPath, [MAIN, ...args, '--config', config], { env: { HOME: dir }, ...OTHER });
      const code = await running.ended;
      return { code, output: running.output() };
    },
  };
}

/** Takes the rights on a file or directory away for the time of a test. */
async function lock(t: TestContext, path: string): Promise<void> {
  await chmod(path, 0);
  whenEnded(t, () => chmod(path, 0o700));
}

test('commands on generations say that another user has to run them where the state directory cannot be read', async (t) => {
  const { stateDir, dir, asOther } = await openPlace(t, (_, listen) => ({ listen: `127.0.0.1:${listen}`, socket: null }));
  await lock(t, stateDir);
  const before = await readdir(dir);
  for (const args of [
    ['generations'],
    ['generations', '--json'],
    ['unpin'],
    ['diff', '1'],
    ['rollback'],
    ['switch', 'traefik'],
    ['plan'],
    ['run', '--once', '--dry-run'],
  ]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(
      output,
      /^Cannot .*: this user \(id \d+\) may not read the state directory .*state \(EACCES\)\. Run the command as the user .* \(id \d+\)/,
    );
  }
  assert.deepEqual(await readdir(dir), before);
});

test('commands that change what runs say that another user has to run them where the controller takes no orders', async (t) => {
  const { listen, config, stateDir, asOther } = await openPlace(t, (_, port) => ({ listen: `127.0.0.1:${port}`, socket: null }));
  startProcess(t, process.execPath, [MAIN, 'run', '--config', config]);
  await until(
    'the controller',
    () =>
      fetch(`http://127.0.0.1:${listen}/v1/status`)
        .then(({ ok }) => ok)
        .catch(() => false),
    20_000,
  );
  await lock(t, join(stateDir, 'admin.token'));
  for (const args of [['unpin'], ['rollback'], ['switch', 'traefik'], ['guard', 'accept']]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(output, /^Cannot tell the controller what to do: this user \(id \d+\) may neither .*admin\.token\. Run the command as/);
  }
});

test('commands say that another user has to run them where only the socket would answer', async (t) => {
  const { dir, config, asOther } = await openPlace(t, (place) => ({ listen: null, socket: join(place, 'admin.sock') }));
  startProcess(t, process.execPath, [MAIN, 'run', '--config', config]);
  await until('the socket', async () => (await readdir(dir)).includes('admin.sock'), 20_000);
  await lock(t, join(dir, 'admin.sock'));
  for (const args of [['status'], ['rollback'], ['routes']]) {
    const { code, output } = await asOther(args);
    assert.equal(code, 1, output);
    assert.match(output, /^Cannot ask the controller: this user \(id \d+\) may not use its socket .*admin\.sock\. Run the command as/);
  }
});
