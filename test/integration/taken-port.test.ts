import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAdminClient } from '../../src/apply/admin-client.ts';
import { freePorts, needServer, startProcess, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';
import { isAlive, openSite, serves, startBoth, type Site } from './site.ts';

/** A Caddy of somebody else on the address of ours. */
async function startStranger(t: Parameters<typeof startProcess>[0], { dir, web }: Site, binary: string) {
  const file = join(dir, 'strange.Caddyfile');
  await writeFile(file, `{\n  admin off\n}\nhttp://127.0.0.1:${web} {\n  bind 127.0.0.1\n  respond strange\n}\n`);
  const stranger = startProcess(t, binary, ['run', '--adapter', 'caddyfile', '--config', file], { env: { HOME: dir } });
  const answers = async (): Promise<boolean> => (await (await fetch(`http://127.0.0.1:${web}/`)).text()) === 'strange';
  await until('the stranger to answer', () => answers().catch(() => false), 20_000);
  return { stranger, answers };
}

/** Where the configuration of a site has its Caddy. */
async function caddyOf({ config }: Site): Promise<{ readonly admin: string }> {
  const { proxies } = JSON.parse(await readFile(config, 'utf8')) as { readonly proxies: readonly [{ readonly caddy: { admin: string } }] };
  return proxies[0].caddy;
}

test('exec-proxy leaves a proxy of somebody else alone, and says which process has the port', { timeout: 60_000 }, async (t) => {
  const binary = needServer(t, 'caddy');
  const site = await openSite(t, 'caddy');
  if (!site || binary === undefined) return;
  const { stranger, answers } = await startStranger(t, site, binary);

  const { code, output } = await site.command(['exec-proxy']);

  assert.equal(code, 1, output);
  const told = `Cannot run caddy: another program listens on 127.0.0.1:${site.web} (process ${stranger.child.pid}, caddy), expected a free address`;
  assert.ok(output.includes(told), output);
  assert.ok(await answers());
});

test('exec-proxy takes over a proxy of ours that nobody has written down', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  const { pid } = await site.running();
  whenEnded(t, async () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await Promise.resolve();
  });
  await controller.stop();
  await parent.stop('SIGKILL');
  await rm(join(site.dir, 'state/proxy-state.json'));

  const next = site.start('exec-proxy');
  await until('the proxy to be written down', async () => (await site.running().catch(() => undefined))?.pid === pid, 20_000).catch(
    (error: unknown) => {
      throw new Error(next.output(), { cause: error });
    },
  );

  assert.match(next.output(), /"event":"proxy_adopted"/);
  assert.ok(await serves(site));
  assert.equal(await next.stop(), 0);
  assert.equal(await serves(site), false);
});

test('exec-proxy takes over its own proxy with the time since when it runs, and ends with 0 when it is told to end', {
  timeout: 60_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent } = await startBoth(site);
  const { pid, since } = await site.running();
  whenEnded(t, async () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await Promise.resolve();
  });
  await parent.stop('SIGKILL');

  const next = site.start('exec-proxy');
  await until('the proxy to be taken over', async () => (await site.running()).launcher === next.child.pid, 20_000);

  const state = await site.running();
  assert.deepEqual([state.pid, state.since], [pid, since]);
  assert.equal(await next.stop(), 0, next.output());
});

test('exec-proxy leaves the proxy of another exec-proxy alone that was started from the same file', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  const { pid } = await site.running();

  const { code, output } = await site.command(['exec-proxy', '--state-dir', join(site.dir, 'other')]);

  assert.equal(code, 1, output);
  assert.match(output, new RegExp(`another program listens on 127\\.0\\.0\\.1:${site.web} \\(process ${pid}, caddy\\)`));
  assert.ok(isAlive(pid) && (await serves(site)));
});

test('exec-proxy leaves a program alone that is no proxy and was started with the file of ours', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const script = `require('node:http').createServer((_, answer) => answer.end('mine')).listen(${site.web}, '127.0.0.1')`;
  const stranger = startProcess(t, process.execPath, ['-e', script, join(site.dir, 'Caddyfile')]);
  const answers = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${site.web}/`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('the stranger to answer', answers, 20_000);

  const { code, output } = await site.command(['exec-proxy']);

  assert.equal(code, 1, output);
  assert.match(output, new RegExp(`\\(process ${stranger.child.pid}, `));
  assert.ok(await answers());
});

test('run keeps what a Caddy of somebody else serves as generation 0 before it takes its place', { timeout: 60_000 }, async (t) => {
  const binary = needServer(t, 'caddy');
  const site = await openSite(t, 'caddy');
  if (!site || binary === undefined) return;
  const [own = 0] = await freePorts(1);
  const { admin } = await caddyOf(site);
  const file = join(site.dir, 'strange.Caddyfile');
  await writeFile(file, `{\n  admin ${new URL(admin).host}\n}\nhttp://127.0.0.1:${own} {\n  bind 127.0.0.1\n  respond strange\n}\n`);
  startProcess(t, binary, ['run', '--adapter', 'caddyfile', '--config', file], { env: { HOME: site.dir } });
  const answer = async (): Promise<string> => (await fetch(`http://127.0.0.1:${own}/`)).text();
  await until(
    'the stranger to answer',
    () =>
      answer().then(
        (text) => text === 'strange',
        () => false,
      ),
    20_000,
  );
  const api = createAdminClient(admin);
  const { body: served } = await api.call('GET', '/config/', { timeoutMs: 2000, signal: t.signal });

  const { code, output } = await site.command(['run', '--once']);

  assert.equal(code, 0, output);
  const generation = join(site.dir, 'state/generations/0');
  assert.ok(output.includes(`it is kept as generation 0 in ${generation}`), output);
  assert.ok(await serves(site));
  const kept = await readdir(join(generation, 'files'));
  const texts = await Promise.all(kept.map((name) => readFile(join(generation, 'files', name), 'utf8')));
  assert.deepEqual(texts, [served]);

  await api.call('POST', '/load', { timeoutMs: 5000, signal: t.signal, body: texts[0] ?? '' });
  assert.equal(await answer(), 'strange');
});

test('run gives its configuration again where somebody has changed it and left our marker', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { controller } = await startBoth(site);
  const { admin } = await caddyOf(site);

  const ended = await createAdminClient(admin).call('POST', '/config/apps', { timeoutMs: 5000, signal: t.signal, body: '{}' });

  assert.equal(ended.status, 200, ended.body);
  await until('the service to be served again', () => serves(site).catch(() => false), 20_000);
  assert.match(controller.output(), /"event":"foreign_change"/);
  await until('it to be verified', async () => (await site.status())?.health === 'ok', 20_000);
});

test('run writes the file of Traefik again where somebody has changed it and left our marker', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'traefik');
  if (!site) return;
  const { controller } = await startBoth(site);
  await until('it to be verified', async () => (await site.status())?.health === 'ok', 20_000);
  const file = join(site.dir, 'dynamic/hp.yml');
  const ours = await readFile(file, 'utf8');

  await writeFile(file, ours.replaceAll('web.test', 'other.test'));

  await until('the file to be ours again', async () => (await readFile(file, 'utf8')) === ours, 20_000);
  assert.match(controller.output(), /"event":"foreign_change"/);
  await until('the service to be served', () => serves(site), 20_000);
});
