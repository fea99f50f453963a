import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../support/echo.ts';
import { freePorts, needServer, startProcess, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const UNITS = join(ROOT, 'deploy/systemd');
const NAMES = ['hind-proxy-exec.service', 'hind-proxy.service'] as const;

test('the units of systemd are in order', async (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('SKIPPED: needs systemd-analyze');
  const dir = await tempDir(t);
  for (const name of NAMES) {
    const text = await readFile(join(UNITS, name), 'utf8');
    await writeFile(join(dir, name), text.replaceAll('/opt/hind-proxy', ROOT));
  }
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', ...NAMES.map((name) => join(dir, name))], {
    encoding: 'utf8',
  });
  assert.doesNotMatch(stderr, /hind-proxy(?:-exec)?\.service/);
});

test('what the units start serves, and the proxy outlives the controller', { timeout: 60_000 }, async (t) => {
  if (needServer(t, 'caddy') === undefined) return;
  const dir = await tempDir(t);
  const [web = 0, websecure = 0, admin = 0, listen = 0, nobody = 0] = await freePorts(5);
  await mkdir(join(dir, 'state'));
  const moved = (text: string): string =>
    text.replaceAll('/var/lib/hind-proxy', join(dir, 'state')).replaceAll('/run/hind-proxy', join(dir, 'run'));
  const config = join(dir, 'hind-proxy.yaml');
  const text = moved(await readFile(join(UNITS, 'hind-proxy.yaml'), 'utf8'))
    .replace('":80"', `"127.0.0.1:${web}"`)
    .replace('":443"', `{address: "127.0.0.1:${websecure}", tls: true}`)
    .replace('127.0.0.1:8500', `127.0.0.1:${nobody}`)
    .replace('{file:', `{admin: "http://127.0.0.1:${admin}", file:`)
    .replace('admin: {socket', `admin: {listen: "127.0.0.1:${listen}", socket`);
  await writeFile(config, text);
  const start = async (name: string): Promise<ReturnType<typeof startProcess>> => {
    const unit = moved(await readFile(join(UNITS, name), 'utf8'));
    const [program = '', command = '', ...flags] = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
    assert.equal(flags.join(' '), '--config /etc/hind-proxy/hind-proxy.yaml');
    const file = program.replace('/opt/hind-proxy', ROOT);
    return startProcess(t, file, [command, '--config', config], { env: { HOME: join(dir, 'state') } });
  };
  const parent = await start('hind-proxy-exec.service');
  const controller = await start('hind-proxy.service');
  const isUp = async (): Promise<boolean> => (await ask(web, { host: 'a.test' })).status === 503;
  const isAlive = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${listen}/v1/status`)).ok;
  await until('the proxy and the controller to answer', async () => (await isUp()) && (await isAlive()), 30_000).catch((error: unknown) => {
    throw new Error(parent.output() + controller.output(), { cause: error });
  });
  await controller.stop();
  assert.ok(await isUp(), 'the proxy ended with its controller');
  assert.equal(await parent.stop(), 0);
});
