import assert from 'node:assert/strict';
import { existsSync, readdirSync, watch } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { GenerationView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { ask, startEcho } from '../support/echo.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { isAlive, openSite, runs, serves, startBoth, wrapped, type Site } from './site.ts';

/*
 * What `kill -9` leaves at the moments at which most is under way: nothing that runs and nobody knows of, a proxy that serves, and a
 * state in which the same command works again.
 */

/** The real program, which writes down its process id first. */
const noted = (note: string, then = ''): string => `echo $$ > '${note}.new'; mv '${note}.new' '${note}'\n${then}\nexec "$REAL" "$@"`;
/** The same, but only where it is asked whether it would take a configuration; slow enough to be caught. */
const notedCheck = (note: string): string => `if [ "$1" = validate ]; then\n${noted(note, 'sleep 2')}\nfi\nexec "$REAL" "$@"`;

/** The process id in a note, once it is there. */
function noteOf(path: string): Promise<number> {
  return until('a program to be started', async () => Number(await readFile(path, 'utf8').catch(() => '')), 60_000);
}

/** What programs that were killed left in the place of temporary files of ours. */
function left({ dir }: Site): readonly string[] {
  return readdirSync(join(dir, 'tmp')).filter((name) => name.startsWith('hind-proxy-'));
}

/** Serves, and has kept what it serves, so that commands without a controller have something to begin with. */
async function startKept(site: Site, env?: Parameters<typeof startBoth>[1]): Promise<Awaited<ReturnType<typeof startBoth>>> {
  const both = await startBoth(site, env);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  return both;
}

/** A moment of a switch from one proxy to the other. */
interface Moment {
  readonly name: string;
  readonly from: Server;
  /** How the programs of the proxies are run: by the parent of the proxies, and by who does the switch. */
  readonly environment: (
    site: Site,
    note: string,
  ) => Promise<{ readonly parent?: Record<string, string>; readonly own?: Record<string, string> }>;
  /** Resolves when it is there, with processes that must not outlive it. */
  readonly reached: (site: Site, note: string) => Promise<readonly number[]>;
  /** The proxy that serves in the end, whoever is killed. */
  readonly serving: Server;
}

const MOMENTS: readonly Moment[] = [
  {
    name: 'checks the new configuration',
    from: 'traefik',
    environment: async ({ dir }, note) => ({ own: await wrapped(dir, 'caddy', notedCheck(note)) }),
    reached: async (_site, note) => [await noteOf(note)],
    serving: 'traefik',
  },
  {
    name: 'tries the new proxy',
    from: 'caddy',
    environment: async ({ dir }, note) => ({ own: await wrapped(dir, 'traefik', noted(note)) }),
    reached: async (_site, note) => [await noteOf(note)],
    serving: 'caddy',
  },
  {
    name: 'waits for the new proxy on the real ports',
    from: 'caddy',
    environment: async ({ dir }, note) => ({ parent: await wrapped(dir, 'traefik', noted(note, 'sleep 2')) }),
    async reached({ dir }, note) {
      await noteOf(note);
      assert.ok(existsSync(join(dir, 'dynamic/hp.yml')));
      return [];
    },
    // whom it asked does it
    serving: 'traefik',
  },
];

/** Waits until nothing runs that should not, and the proxy that should does; then switches there and back, which must work. */
async function recovers(site: Site, { must, serving }: { readonly must: readonly number[]; readonly serving: Server }): Promise<void> {
  await until('what was under way to end', () => must.every((pid) => !isAlive(pid)), 20_000);
  await until('temporary files to go', () => left(site).length === 0, 10_000).catch(() => assert.deepEqual(left(site), []));
  await until(`${serving} to run`, async () => (await site.running()).server === serving && (await serves(site)), 20_000);
  for (const to of serving === 'caddy' ? ['traefik', 'caddy'] : ['caddy', 'traefik']) {
    const { code, output } = await site.command(['switch', to]);
    assert.equal(code, 0, output);
    assert.equal((await site.running()).server, to);
    assert.ok(await serves(site));
  }
  assert.deepEqual(left(site), []);
}

/** Starts a switch, kills a process of it at a moment, and looks at what is left. */
async function killedAt(
  t: TestContext,
  { name: _name, from, environment, reached, serving }: Moment,
  victim: 'switch' | 'controller',
): Promise<void> {
  const site = await openSite(t, from);
  if (!site) return;
  const note = join(site.dir, 'note');
  const { parent = {}, own = {} } = await environment(site, note);
  const { controller } = await startKept(site, { parent, controller: victim === 'controller' ? own : {} });
  if (victim === 'switch') await controller.stop();
  await using load = startLoad(site.web, { host: 'web.test', perSecond: 50 });
  const switching = site.begin(['switch', from === 'caddy' ? 'traefik' : 'caddy'], victim === 'switch' ? own : {});
  const must = await reached(site, note).catch((error: unknown) => {
    throw new Error(switching.output() + controller.output(), { cause: error });
  });

  await (victim === 'switch' ? switching : controller).stop('SIGKILL');

  if (victim === 'controller') assert.notEqual(await switching.ended, 0, switching.output());
  await recovers(site, { must, serving }).finally(() => t.diagnostic(switching.output().trim()));
  const { fresh, kept } = await load.stop();
  t.diagnostic(`${fresh.sent + kept.sent} requests, ${fresh.failed + kept.failed} failed with one retry`);
  assert.deepEqual([fresh.failed, kept.failed], [0, 0]);
  site.start('run');
  await until('a controller to follow', () => runs(site, serving), 20_000);
  const { port } = await startEcho(t, 'later');
  await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);
  await until('what comes later to be served', () => serves(site, 'later.test'), 20_000);
}

for (const moment of MOMENTS)
  for (const victim of ['switch', 'controller'] as const)
    test(
      `${victim === 'switch' ? 'switch without a controller' : 'a controller'} that is killed while it ${moment.name} leaves nothing running, and a later one works`,
      {
        timeout: 180_000,
      },
      (t) => killedAt(t, moment, victim),
    );

test('a switch that the controller does goes on when the command is killed', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const note = join(site.dir, 'note');
  await startKept(site, { controller: await wrapped(site.dir, 'traefik', noted(note)) });
  const switching = site.begin(['switch', 'traefik']);
  await noteOf(note);

  await switching.stop('SIGKILL');

  await until('the controller to follow to traefik', () => runs(site, 'traefik'), 60_000);
  assert.ok(await serves(site));
  assert.deepEqual(left(site), []);
});

/** Serves two generations after each other, without a controller in the end; returns the number of the first. */
async function twoGenerations(t: TestContext, site: Site, env: Parameters<typeof startBoth>[1]): Promise<number> {
  const { controller } = await startKept(site, env);
  const first = await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  const { port } = await startEcho(t, 'later');
  await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);
  await until('the second to be served and kept', async () => ((await site.status())?.proxies[0]?.generation ?? 0) > first, 20_000);
  assert.ok(await serves(site, 'later.test'));
  await controller.stop();
  return first;
}

test('rollback that is killed before the proxy has the generation leaves the proxy serving, and does the same when it is given again', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const first = await twoGenerations(t, site, {});
  const { pid } = await site.running();
  // what is stopped takes nothing
  process.kill(pid, 'SIGSTOP');
  const rolling = site.begin(['rollback']);
  await until('the generation to be pinned', () => existsSync(join(site.dir, 'state/pinned')), 20_000).finally(async () => {
    await rolling.stop('SIGKILL');
    process.kill(pid, 'SIGCONT');
  });

  assert.ok(await serves(site));
  const { code, output } = await site.command(['rollback', '--json']);
  assert.equal(code, 0, output);
  assert.equal((JSON.parse(output) as { readonly id: number }).id, first);
  assert.deepEqual([await serves(site), await serves(site, 'later.test')], [true, false]);
  await follows(site);
});

test('rollback to the other proxy that is killed in the middle leaves one that serves, and works when it is given again', {
  timeout: 180_000,
}, async (t) => {
  const site = await openSite(t, 'traefik');
  if (!site) return;
  const note = join(site.dir, 'note');
  const first = await twoGenerations(t, site, { parent: await wrapped(site.dir, 'traefik', noted(note, 'sleep 2')) });
  assert.equal((await site.command(['switch', 'caddy'])).code, 0);
  await noteOf(note);
  await rm(note);
  const before = (await site.running()).pid;
  const rolling = site.begin(['rollback', String(first)]);
  await noteOf(note);

  await rolling.stop('SIGKILL');

  await until('one of them to serve alone', async () => (await site.running()).pid !== before && (await serves(site)), 20_000);
  const { code, output } = await site.command(['rollback', String(first), '--json']);
  assert.equal(code, 0, output);
  assert.deepEqual([await serves(site), await serves(site, 'later.test')], [true, false]);
  const pinned = (JSON.parse((await site.command(['generations', '--json'])).output) as readonly GenerationView[]).filter(
    (one) => one.pinned,
  );
  assert.deepEqual(
    pinned.map(({ id, server }) => [id, server]),
    [[first, 'traefik']],
  );
  await follows(site);
});

test('apply that is killed while it keeps a generation leaves none that is not whole', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const kept = join(site.dir, 'state/generations');
  const generations = async (): Promise<readonly number[]> =>
    (JSON.parse((await site.command(['generations', '--json'])).output) as readonly GenerationView[]).map(({ id }) => id);
  site.start('exec-proxy');
  await until('the proxy', async () => (await ask(site.web, { host: 'web.test' })).status === 503, 20_000);
  assert.equal((await site.command(['apply'])).code, 0);
  const { port } = await startEcho(t, 'many');
  const one = (index: number): object => ({
    name: 'many',
    id: `many-${index}`,
    address: '127.0.0.1',
    port,
    tags: [`urlprefix-many-${index}.test/`],
  });
  await site.serve(Array.from({ length: 400 }, (_, index) => one(index)));

  const applying = site.begin(['apply']);
  const began = new Promise<void>((resolve) => {
    const watcher = watch(kept, (_event, name) => {
      if (name === '.2') resolve(watcher.close());
    });
  });
  await Promise.race([began, applying.ended]);
  await applying.stop('SIGKILL');
  t.diagnostic(`found: ${readdirSync(kept).join(', ')}`);

  assert.ok(await serves(site, 'many-0.test'));
  assert.ok([1, 2].includes((await generations())[0] ?? 0));
  assert.equal((await site.command(['apply'])).code, 0);
  assert.deepEqual(await generations(), [2, 1]);
  assert.deepEqual(readdirSync(kept).toSorted(), ['1', '2']);
  const { code, output } = await site.command(['rollback', '--accept-removals']);
  assert.equal(code, 0, output);
  assert.deepEqual([await serves(site), await serves(site, 'many-0.test')], [true, false]);
});

/** A controller keeps what is pinned, and follows the catalog after `unpin`. */
async function follows(site: Site): Promise<void> {
  site.start('run');
  await until('a controller', async () => (await site.status())?.ready === true, 20_000);
  assert.equal(await serves(site, 'later.test'), false);
  assert.equal((await site.command(['unpin'])).code, 0);
  await until('the catalog to be followed', () => serves(site, 'later.test'), 20_000);
}
