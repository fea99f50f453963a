import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEcho } from '../support/echo.ts';
import { until } from '../support/until.ts';
import { openSite, serves, startBoth } from './site.ts';

test('what is wrong with a tag is told while the proxy takes its time', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  const { pid } = await site.running();
  const { port } = await startEcho(t, 'later');
  process.kill(pid, 'SIGSTOP');
  try {
    const tags = ['urlprefix-later.test/', 'urlprefix-later.test/cut stripp=/cut'];
    await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags }]);

    await until('the tag to be told of', async () => (await site.diagnostics()).some(({ service }) => service === 'later'), 20_000);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until('the other tag to be served', () => serves(site, 'later.test'), 20_000);
  assert.equal((await site.running()).pid, pid);
});

test('status says what starts a proxy that does not answer any more', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent } = await startBoth(site);
  assert.doesNotMatch((await site.command(['status'])).output, /Start caddy/);

  await parent.stop();

  const said = async (): Promise<boolean> => /Start caddy: hind-proxy exec-proxy/.test((await site.command(['status'])).output);
  await until('the status to say it', said, 20_000);
});

test('status, health and metrics say of a proxy that hangs how long it has not answered, also while it is given something', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  const { pid } = await site.running();
  const { port } = await startEcho(t, 'later');
  process.kill(pid, 'SIGSTOP');
  try {
    await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);

    const proxy = async () => (await site.status())?.proxies[0];
    await until('the silence to be told', async () => /^caddy has not answered for \d+ s$/.test((await proxy())?.problem ?? ''), 12_000);
    const { problem: first } = (await proxy()) ?? {};
    await until('a longer silence to be told', async () => (await proxy())?.problem !== first, 12_000);

    const { up, verified } = (await proxy()) ?? {};
    assert.deepEqual([up, verified], [false, false]);
    assert.match((await site.command(['health'])).output, /^degraded\ncaddy "[^"]*": caddy has not answered for \d+ s\n/);
    const told = (await site.command(['status'])).output;
    assert.match(told, /End caddy, which runs and does not answer, and start it again/);
    assert.doesNotMatch(told, /Start caddy/);
    const metrics = await site.metrics();
    assert.match(metrics, /^hind_proxy_proxy_up\{[^}]*\} 0$/m);
    assert.match(metrics, /^hind_proxy_config_pending\{[^}]*\} 1$/m);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until('the other service to be served', () => serves(site, 'later.test'), 20_000);
  await until('the proxy to be verified', async () => (await site.status())?.health === 'ok', 20_000);
  assert.match(await site.metrics(), /^hind_proxy_proxy_up\{[^}]*\} 1$/m);
});
