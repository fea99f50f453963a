import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { test, type TestContext } from 'node:test';
import { messageOf } from '../../src/lib/errors.ts';
import { startEcho } from '../support/echo.ts';
import { startLoad, type LoadFigures } from '../support/load.ts';
import { whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';
import { isAlive, openSite, runs, serves, startBoth, type Site } from './site.ts';

/*
 * The moments just after new connections were handed over: the parent of the proxies is killed before it has said so anywhere, and the
 * catalog changes before the old proxy has ended.
 */

/** Which proxy answers a request on a new connection, or why none does. */
function answerer({ web }: Site): Promise<string> {
  return new Promise((resolve) => {
    get({ port: web, host: '127.0.0.1', headers: { host: 'web.test' }, agent: false }, (answer) => {
      answer.resume();
      const name = answer.headers.via?.includes('Caddy') ? 'caddy' : 'traefik';
      answer.once('end', () => resolve(answer.statusCode === 200 ? name : String(answer.statusCode)));
    }).on('error', (error) => resolve(messageOf(error)));
  });
}

async function answerers(site: Site): Promise<readonly string[]> {
  return [...new Set(await Promise.all(Array.from({ length: 40 }, () => answerer(site))))];
}

/** Resolves when a program that a process has started with these words has ended. */
async function ranUnder(pid: number, words: readonly string[]): Promise<void> {
  const find = (): boolean =>
    readdirSync(`/proc/${pid}/task`).some((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .some((child) => child !== '' && words.every((word) => commandOf(child).includes(word))),
    );
  await until(`${words.join(' ')} to run`, find, 60_000);
  await until('it to end', () => !find(), 10_000);
}

function commandOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .map((word) => word.slice(word.lastIndexOf('/') + 1));
  } catch {
    return [];
  }
}

function assertNoneLost(t: TestContext, { fresh, kept }: { readonly fresh: LoadFigures; readonly kept: LoadFigures }): void {
  t.diagnostic(
    `${fresh.sent + kept.sent} requests; without a retry ${fresh.failedOnce} failed on new connections, ${kept.failedOnce} on kept ones`,
  );
  assert.deepEqual([fresh.failed, kept.failed], [0, 0]);
}

test('exec-proxy that is killed just after it has handed new connections over leaves one proxy serving, and ends the switch when it is started again', {
  timeout: 180_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent } = await startBoth(site);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  const before = await site.running();
  await using load = startLoad(site.web, { host: 'web.test', perSecond: 50, retryAfterMs: 100 });
  const switching = site.begin(['switch', 'traefik']);

  await ranUnder(before.launcher, ['gate-program.ts', 'new']);
  await parent.stop('SIGKILL');

  const left = await site.running();
  const pids = [left.pid, ...(left.beside ?? []).map(({ pid }) => pid)];
  whenEnded(t, async () => pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')));
  assert.deepEqual([left.server, left.beside?.map(({ server }) => server), left.outcome], ['caddy', ['traefik'], undefined]);
  assert.deepEqual(await answerers(site), ['traefik']);

  const next = site.start('exec-proxy');
  assert.equal(await switching.ended, 0, switching.output() + next.output());
  await until('the controller to follow', () => runs(site, 'traefik'), 20_000);
  await until('those of before to end', () => !pids.some(isAlive), 20_000);
  assert.equal((await site.running()).server, 'traefik');
  assert.deepEqual(await answerers(site), ['traefik']);
  assertNoneLost(t, await load.stop());
});

test('a change of the catalog just after a switch to Caddy is served while the old proxy comes to its end, and loses nothing', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'traefik');
  if (!site) return;
  await startBoth(site);
  const { port } = await startEcho(t, 'later');
  const later = (index: number): object => ({
    name: 'later',
    id: `later-${index}`,
    address: '127.0.0.1',
    port,
    tags: [`urlprefix-later-${index}.test/`],
  });
  await using load = startLoad(site.web, { host: 'web.test', perSecond: 100, retryAfterMs: 100 });
  const switching = site.begin(['switch', 'caddy']);
  await until('the switch to be done', async () => (await site.running()).outcome?.kind === 'switched', 60_000);

  for (let count = 1; count <= 3; count += 1) {
    await site.serve(Array.from({ length: count }, (_, index) => later(index)));
    await until(`change ${count} to be served`, () => serves(site, `later-${count - 1}.test`), 20_000);
  }

  assert.equal(await switching.ended, 0, switching.output());
  assert.deepEqual(await answerers(site), ['caddy']);
  assert.ok(await runs(site, 'caddy'));
  assertNoneLost(t, await load.stop());
  await until('the old proxy to be forgotten', async () => (await site.running()).beside === undefined, 20_000);
});
