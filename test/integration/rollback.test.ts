import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DamagedGeneration, GenerationView, RollbackView, StatusView } from '../../src/controller/views.ts';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import { ask, startEcho } from '../support/echo.ts';
import { freePorts, needServer, startProcess, tempDir, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src/main.ts');

interface Site {
  readonly dir: string;
  readonly web: number;
  readonly config: string;
  readonly env: Record<string, string>;
  /** What the service file says from now on. */
  readonly serve: (tags: readonly string[]) => Promise<void>;
  /** Runs a command to its end, which must be a good one; returns what it printed. */
  readonly command: (file: string, args: readonly string[]) => string;
  status(): Promise<StatusView>;
}

async function openSite(t: TestContext, server: Server): Promise<Site | undefined> {
  if (needServer(t, server) === undefined) return undefined;
  const dir = await tempDir(t);
  const [web = 0, admin = 0, api = 0, listen = 0, nobody = 0] = await freePorts(5);
  const { port } = await startEcho(t, 'web-1');
  await mkdir(join(dir, 'services'));
  const config = join(dir, 'hind-proxy.json');
  const sources = { file: { path: join(dir, 'services'), poll: '1s' }, consul: false };
  const text = {
    stateDir: join(dir, 'state'),
    sources,
    proxies: [
      {
        server,
        entrypoints: { web: `127.0.0.1:${web}` },
        caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${admin}` },
        traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml'), api: `http://127.0.0.1:${api}` },
      },
    ],
    routes: { tombstone: '0s' },
    admin: { listen: `127.0.0.1:${listen}`, socket: null },
  };
  await writeFile(config, JSON.stringify(text));
  const offline = join(dir, 'offline.json');
  await writeFile(offline, JSON.stringify({ ...text, sources: { consul: { address: `http://127.0.0.1:${nobody}` } } }));
  const env = { HOME: dir, XDG_DATA_HOME: join(dir, 'data'), XDG_CONFIG_HOME: join(dir, 'data') };
  return {
    dir,
    web,
    config,
    env,
    serve: (tags) =>
      writeFile(join(dir, 'services/web.json'), JSON.stringify([{ name: 'web', id: 'web-1', address: '127.0.0.1', port, tags }])),
    command(file, args) {
      const options = { env: { PATH: process.env['PATH'] ?? '', ...env }, timeout: 30_000, encoding: 'utf8' } as const;
      // without a catalog that answers: only `apply` needs one
      const chosen = args.includes('apply') ? config : offline;
      const run = spawnSync(file, [...args, '--config', chosen], options);
      assert.equal(run.status, 0, `${file} ${args.join(' ')}: ${run.stdout}${run.stderr}`);
      return run.stdout;
    },
    status: async () => (await (await fetch(`http://127.0.0.1:${listen}/v1/status`)).json()) as StatusView,
  };
}

for (const server of SERVERS)
  test(`scripts/rollback serves the generation before again with ${server} while controller and Consul are down`, {
    timeout: 120_000,
  }, async (t) => {
    const site = await openSite(t, server);
    if (!site) return;
    const { command, serve, web } = site;
    const script = join(ROOT, 'scripts/rollback');
    const answers = async (host: string, status: number): Promise<boolean> => (await ask(web, { host })).status === status;
    const rollBack = (args: readonly string[]): readonly [RollbackView, number] => {
      const startedAtMs = performance.now();
      return [JSON.parse(command(script, args)) as RollbackView, performance.now() - startedAtMs];
    };
    const parent = startProcess(t, process.execPath, [MAIN, 'exec-proxy', '--config', site.config], { env: site.env });
    await serve(['urlprefix-good.test/']);
    await until('the proxy to answer', () => answers('good.test', 503), 20_000);
    command(process.execPath, [MAIN, 'apply']);
    await serve(['urlprefix-bad.test/']);
    command(process.execPath, [MAIN, 'apply']);
    assert.deepEqual([await answers('good.test', 404), await answers('bad.test', 200)], [true, true]);

    const generations = JSON.parse(command(process.execPath, [MAIN, 'generations', '--json'])) as readonly GenerationView[];
    assert.deepEqual(generations[0]?.cause?.services[0]?.tagsAdded, ['urlprefix-bad.test/']);
    assert.deepEqual(generations[0]?.cause?.services[0]?.tagsRemoved, ['urlprefix-good.test/']);

    const [done, firstMs] = rollBack(['--json']);
    // a machine with other work may be slow once, a slow rollback is slow each time
    let tookMs = firstMs;
    for (let round = 1; round < 5 && tookMs >= 2000; round += 1) tookMs = Math.min(tookMs, rollBack([String(done.id), '--json'])[1]);
    t.diagnostic(`${server}: served and verified ${Math.round(tookMs)} ms after scripts/rollback was started`);
    assert.equal(done.served, true);
    assert.deepEqual([await answers('good.test', 200), await answers('bad.test', 404)], [true, true]);
    assert.ok(tookMs < 2000, `it took ${Math.round(tookMs)} ms, expected less than 2 s`);

    await t.test('a proxy that does not run, and files that are broken', async () => {
      await parent.stop();
      await breakFiles(site, server);
      const [started] = rollBack([String(done.id), '--json']);
      const { launcher } = JSON.parse(await readFile(join(site.dir, 'state/proxy-state.json'), 'utf8')) as { readonly launcher: number };
      whenEnded(t, async () => {
        process.kill(launcher, 'SIGTERM');
        await until('the started proxy to end', async () => (await ask(web, { host: 'good.test' })).status === 0, 15_000);
      });
      assert.equal(started.launcher, launcher);
      assert.ok(await answers('good.test', 200));
    });

    await t.test('a controller that is started afterwards keeps it until unpin', async () => {
      const controller = startProcess(t, process.execPath, [MAIN, 'run', '--config', site.config], { env: site.env });
      await until('the controller', async () => (await site.status().catch(() => undefined))?.ready === true, 20_000).catch(
        (error: unknown) => {
          throw new Error(controller.output(), { cause: error });
        },
      );
      assert.equal((await site.status()).proxies[0]?.pinned, done.id);
      assert.ok(await answers('good.test', 200));
      command(process.execPath, [MAIN, 'unpin']);
      await until('the catalog to be followed', () => answers('bad.test', 200), 20_000);
      await controller.stop();
    });
  });

for (const server of SERVERS)
  test(`scripts/rollback passes over generations that are damaged on disk with ${server}, and says which`, {
    timeout: 120_000,
  }, async (t) => {
    const site = await openSite(t, server);
    if (!site) return;
    const { command, serve, web } = site;
    startProcess(t, process.execPath, [MAIN, 'exec-proxy', '--config', site.config], { env: site.env });
    await until('the proxy to answer', async () => (await ask(web, { host: 'good.test' })).status === 503, 20_000);
    for (const name of ['good', 'torn', 'bad']) {
      await serve([`urlprefix-${name}.test/`]);
      command(process.execPath, [MAIN, 'apply']);
    }
    const generations = join(site.dir, 'state/generations');
    await writeFile(join(generations, '2/table.json'), (await readFile(join(generations, '2/table.json'), 'utf8')).slice(0, 100));
    await writeFile(join(generations, '3/files/0'), Buffer.from([0, 255, 1, 254]));

    const listed = JSON.parse(command(process.execPath, [MAIN, 'generations', '--json'])) as readonly (
      | GenerationView
      | DamagedGeneration
    )[];
    assert.deepEqual(
      listed.map((view) => ('damaged' in view ? `${view.id} damaged` : `${view.id} ${view.routes}`)),
      ['3 damaged', '2 damaged', '1 1'],
    );
    const compared = spawnSync(process.execPath, [MAIN, 'diff', '2', '1', '--config', site.config], { encoding: 'utf8' });
    assert.equal(compared.status, 2);
    assert.match(compared.stderr, /^Cannot compare generation "2": it is damaged on disk, expected one of 1\n/);

    const done = JSON.parse(command(join(ROOT, 'scripts/rollback'), ['--json'])) as RollbackView;
    assert.deepEqual([done.id, done.served, done.damaged], [1, true, [3, 2]]);
    assert.deepEqual([(await ask(web, { host: 'good.test' })).status, (await ask(web, { host: 'bad.test' })).status], [200, 404]);
  });

/** What a bad hand leaves behind: files that no proxy takes. */
async function breakFiles({ dir }: Site, server: Server): Promise<void> {
  if (server === 'caddy') await writeFile(join(dir, 'Caddyfile'), '# hind-proxy table\n:bad {{{\n');
  else await writeFile(join(dir, 'dynamic/hp.yml'), '{"http": {"routers": {"x": {"nonsense": true}}}}');
}
