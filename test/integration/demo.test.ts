import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { needServer, startProcess, tempDir } from '../support/process.ts';
import { ask } from '../support/echo.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

for (const server of ['caddy', 'traefik'] as const)
  test(`demo serves with ${server}, follows the file it names and leaves nothing behind`, async (t) => {
    if (needServer(t, server) === undefined) return;
    const demo = await startDemo(t, ['--proxy', server]);
    const file = /Edit (\S+) .*\n +curl -H 'Host: new\.localhost'/.exec(demo.output())?.[1] ?? '';
    let bestMs = Number.POSITIVE_INFINITY;
    // a machine with other work may be slow once, a slow demo is slow each time
    for (let [host, round] = ['web.localhost', 0]; round < 5 && bestMs >= 1000; round += 1) {
      const other = `new-${round}.localhost`;
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll(host, other));
      const editedAtMs = performance.now();
      await until('the edited host to be served', async () => (await ask(demo.web, { host: other })).backend?.startsWith('web-') ?? false);
      bestMs = Math.min(bestMs, performance.now() - editedAtMs);
      host = other;
    }
    assert.ok(bestMs < 1000, `an edit took ${Math.round(bestMs)} ms at best, expected less than a second`);
    await demo.end();
    assert.equal(existsSync(dirname(dirname(file))), false);
  });

test('demo names commands that work on it, and its proxy can be changed', async (t) => {
  if (needServer(t, 'caddy') === undefined || needServer(t, 'traefik') === undefined) return;
  const demo = await startDemo(t, []);
  const commands = [...demo.output().matchAll(/^ +\S+\/scripts\/hind-proxy (.+)/gm)].map(([, line = '']) => line.split(' '));
  const answers: string[] = [];
  for (const args of [...commands, ['status', ...(commands[0] ?? []).slice(1)]]) {
    const command = startProcess(t, process.execPath, [MAIN, ...args]);
    assert.equal(await command.ended, 0, command.output());
    answers.push(command.output());
  }
  assert.match(answers[0] ?? '', /urlprefix-web\.localhost/);
  assert.match(answers[1] ?? '', /stripPrefix changes the path/);
  assert.match(answers[2] ?? '', /traefik runs in the place of caddy/);
  assert.match(answers[3] ?? '', /demo +traefik/);
  assert.match((await ask(demo.web, { host: 'web.localhost' })).body, /^web-\d answers/);
  await demo.end();
});

test('demo ends when npm is killed, which tells it nothing', async (t) => {
  if (needServer(t, 'caddy') === undefined) return;
  const home = await tempDir(t);
  const env = { HOME: home, XDG_DATA_HOME: home, TMPDIR: home };
  const npm = startProcess(t, 'npm', ['start'], { cwd: join(import.meta.dirname, '../..'), env });
  await until('the instructions', () => npm.output().includes('Ctrl-C ends everything'), 60_000);
  const web = Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(npm.output())?.[1]);

  await npm.stop('SIGTERM');

  await until('the ports to be closed', async () => !(await isListening(web)), 15_000);
  await until('the directory to be removed', async () => !(await readdir(home)).some((name) => name.startsWith('hind-proxy-demo-')));
});

test('demo leaves nothing behind when its terminal is closed, which tells all of its processes', async (t) => {
  if (needServer(t, 'caddy') === undefined) return;
  const home = await tempDir(t);
  const env = { HOME: home, XDG_DATA_HOME: home, TMPDIR: home };
  const demo = startProcess(t, 'setsid', [process.execPath, MAIN, 'demo'], { env });
  await until('the instructions', () => demo.output().includes('Ctrl-C ends everything'), 60_000);
  const web = Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(demo.output())?.[1]);

  assert.ok(demo.child.pid);
  process.kill(-demo.child.pid, 'SIGHUP');

  assert.equal(await demo.ended, 0, demo.output());
  await until('the ports to be closed', async () => !(await isListening(web)));
  assert.deepEqual(
    (await readdir(home)).filter((name) => name.startsWith('hind-proxy-demo-')),
    [],
  );
});

test('demo serves what a Consul agent knows', async (t) => {
  if (needServer(t, 'caddy') === undefined || needServer(t, 'consul') === undefined) return;
  const demo = await startDemo(t, ['--consul']);
  const [, url = '', body = ''] = /curl -X PUT (\S+) -d '(.+)'/.exec(demo.output()) ?? [];

  assert.equal((await fetch(url, { method: 'PUT', body })).status, 200);

  await until('the new host', async () => (await ask(demo.web, { host: 'new.localhost' })).backend === 'web-1');
  await demo.end();
});

interface Demo {
  readonly web: number;
  output(): string;
  /** Ctrl-C, and what must be true after it. */
  end(): Promise<void>;
}

async function startDemo(t: TestContext, flags: readonly string[]): Promise<Demo> {
  const home = await tempDir(t);
  const demo = startProcess(t, process.execPath, [MAIN, 'demo', ...flags], { env: { HOME: home, XDG_DATA_HOME: home } });
  await until('the instructions', () => demo.output().includes('Ctrl-C ends everything'), 60_000).catch((error: unknown) => {
    throw new Error(demo.output(), { cause: error });
  });
  const [web = 0] = [...demo.output().matchAll(/http:\/\/127\.0\.0\.1:(\d+)\//g)].map(([, port]) => Number(port));
  const websecure = Number(/https:\/\/shop\.localhost:(\d+)/.exec(demo.output())?.[1]);
  assert.match((await ask(web, { host: 'web.localhost', path: '/files/a.txt' })).body, /^web-\d answers GET \/a\.txt/);
  assert.match((await ask(web, { host: 'api.localhost', path: '/v1/users' })).body, /^api-1 answers GET \/users/);
  await until('the certificate', async () => (await ask(websecure, { host: 'shop.localhost', tls: true })).backend === 'shop-1');
  return {
    web,
    output: () => demo.output(),
    async end() {
      demo.child.kill('SIGINT');
      assert.equal(await demo.ended, 0, demo.output());
      for (const port of [web, websecure]) await until(`port ${port} to be free`, async () => !(await isListening(port)));
    },
  };
}

async function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}
