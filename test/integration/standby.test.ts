import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startEcho } from '../support/echo.ts';
import { until } from '../support/until.ts';
import { openSite, runs, serves, startBoth, type Site } from './site.ts';

/*
 * Programs that have one state directory: those that wait for their turn know what changed meanwhile, those that may not have it leave it
 * alone, and what stands on disk counts, not what a program has in memory.
 */

async function switched(site: Site, to: string): Promise<void> {
  const { code, output } = await site.command(['switch', to]);
  assert.equal(code, 0, output);
}

test('a controller and an exec-proxy that have waited while another one switched go on with the proxy that was chosen', {
  timeout: 180_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  const [nextParent, nextController] = [site.start('exec-proxy'), site.start('run')];
  await until('both to wait', () => [nextParent, nextController].every((one) => one.output().includes('standby')), 20_000);
  await switched(site, 'traefik');
  await until('the controller to follow', () => runs(site, 'traefik'), 20_000);

  await controller.stop();
  await until('the next controller to serve by traefik', () => runs(site, 'traefik'), 20_000).catch((error: unknown) => {
    throw new Error(nextController.output(), { cause: error });
  });
  const { pid } = await site.running();
  await parent.stop();
  await until('the next exec-proxy to run a proxy', async () => (await site.running()).pid !== pid && (await serves(site)), 30_000);

  assert.equal((await site.running()).server, 'traefik');
  assert.ok(await runs(site, 'traefik'));
});

test('apply leaves the state directory to a controller that runs, which keeps every generation after it', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);

  const { code, output } = await site.command(['apply']);

  assert.equal(code, 1, output);
  assert.match(output, /Cannot apply: a controller .*hind-proxy status/);
  const { port } = await startEcho(t, 'later');
  await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);
  await until('the next one to be kept', async () => (await readdir(join(site.dir, 'state/generations'))).includes('2'), 20_000);
  assert.deepEqual((await readdir(join(site.dir, 'state/generations'))).toSorted(), ['1', '2']);
});

test('a switch back to Traefik works when the password of its API was made anew meanwhile', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'traefik');
  if (!site) return;
  await startBoth(site);
  await switched(site, 'caddy');
  await until('the controller to follow', () => runs(site, 'caddy'), 20_000);
  await rm(join(site.dir, 'state/traefik-api.password'));

  await switched(site, 'traefik');

  await until('the controller to serve by traefik', () => runs(site, 'traefik'), 20_000);
});

test('exec-proxy serves on after SIGHUP, with which controllers read their configuration anew', { timeout: 60_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const parent = site.start('exec-proxy');
  site.start('run');
  await until('the proxy to serve', async () => serves(site), 30_000);
  const { pid } = await site.running();

  parent.child.kill('SIGHUP');

  await until('it to say so', () => parent.output().includes('SIGHUP changes nothing here'));
  assert.ok(await serves(site));
  assert.equal((await site.running()).pid, pid);
  assert.equal(await parent.stop(), 0);
  assert.equal(await serves(site).catch(() => false), false);
});
