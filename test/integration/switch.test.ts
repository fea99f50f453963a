import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WantedProxy } from '../../src/apply/proxy-files.ts';
import type { DamagedGeneration, GenerationView, SwitchView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { ask, startEcho } from '../support/echo.ts';
import { openUpgraded, startLoad, type LoadFigures } from '../support/load.ts';
import { freePorts, whenEnded } from '../support/process.ts';
import { until } from '../support/until.ts';
import { isAlive, openSite, runs, serves, startBoth, wrapped, type Site } from './site.ts';

async function switched(site: Site, to: Server): Promise<SwitchView> {
  const { code, output } = await site.command(['switch', to, '--json']);
  assert.equal(code, 0, output);
  const view = JSON.parse(output) as SwitchView;
  assert.equal(view.to, to);
  await until(`the controller to follow to ${to}`, () => runs(site, to), 20_000);
  return view;
}

function figuresText({ sent, failed, failedOnce, reasons }: LoadFigures): string {
  return `${sent} sent, ${failed} failed with one retry, ${failedOnce} without (${[...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ')})`;
}

test('switch changes caddy → traefik → caddy under load and loses nothing for clients that retry', { timeout: 180_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  await using load = startLoad(site.web, { host: 'web.test', perSecond: 200 });
  const tls = startTlsLoad(site);
  const upgraded = await openUpgraded(site.web, 'sock.test');
  try {
    for (const to of ['traefik', 'caddy'] as const) {
      const view = await switched(site, to);
      t.diagnostic(
        `to ${to}: ${view.requests} requests compared; ${view.stages.map(({ stage, ms }) => `${stage} ${ms} ms`).join(', ')}${view.gate ?? ''}`,
      );
      assert.equal(view.gate, undefined);
      assert.ok(view.requests > 10, `only ${view.requests} requests were compared`);
      assert.equal((await site.running()).server, to);
      assert.ok(await upgraded.echoes(`over to ${to}`), 'the open websocket was cut');
      const added = { name: to, id: to, address: '127.0.0.1', port: (await startEcho(t, to)).port, tags: [`urlprefix-${to}.test/`] };
      await site.serve([added]);
      await until(`${to} to serve what comes later`, () => serves(site, `${to}.test`), 20_000);
    }
  } catch (error) {
    throw new Error(parent.output().slice(-4000) + controller.output().slice(-4000), { cause: error });
  } finally {
    upgraded.close();
    const { fresh, kept } = await load.stop();
    t.diagnostic(`new connections: ${figuresText(fresh)}`);
    t.diagnostic(`kept connections: ${figuresText(kept)}`);
    const { sent, failed, failedOnce } = await tls.stop();
    t.diagnostic(`TLS: ${sent} sent, ${failed} failed with one retry, ${failedOnce} without`);
    assert.deepEqual([fresh.failed, kept.failed, failed], [0, 0, 0]);
  }
  const { output } = await site.command(['generations', '--json']);
  const servers = (JSON.parse(output) as readonly GenerationView[]).map(
    ({ server, cause }) => `${server}${cause?.switched ? ' switched' : ''}`,
  );
  assert.deepEqual(
    servers.filter((text) => text.endsWith('switched')),
    ['caddy switched', 'traefik switched'],
  );
});

test('of two switches at the same moment one changes the proxy, and the other changes nothing and says why', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  const both = await Promise.all([site.command(['switch', 'traefik']), site.command(['switch', 'traefik'])]);
  assert.ok(both.some(({ code }) => code === 0));
  for (const { code, output } of both) if (code !== 0) assert.match(output, /another switch is under way; \w/);
  await until('the controller to follow to traefik', () => runs(site, 'traefik'), 20_000);
  const wanted = JSON.parse(await readFile(join(site.dir, 'state/proxy.json'), 'utf8')) as WantedProxy;
  const { output } = await site.command(['generations', '--json']);
  const [newest] = JSON.parse(output) as readonly { readonly id: number }[];
  const ports = [site.web, site.websecure, site.raw].toSorted((a, b) => a - b);
  assert.deepEqual(wanted, { server: 'traefik', configured: 'caddy', ports, generation: newest?.id });
});

test('a rollback to a generation of the other proxy is refused while a switch is under way, and a switch while such a rollback is', {
  timeout: 180_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  assert.equal((await site.command(['switch', 'traefik'])).code, 0);
  await until('the controller to follow to traefik', () => runs(site, 'traefik'), 20_000);
  const { output: list } = await site.command(['generations', '--json']);
  const ofCaddy = (JSON.parse(list) as readonly GenerationView[]).find(({ server }) => server === 'caddy');

  const both = await Promise.all([site.command(['switch', 'caddy']), site.command(['rollback', String(ofCaddy?.id)])]);

  assert.ok(both.some(({ code }) => code === 0));
  for (const { code, output } of both) if (code !== 0) assert.match(output, /another switch is under way; \w/);
  await until('the controller to follow to caddy', () => runs(site, 'caddy'), 20_000);
});

/** Asks over TLS, one request after the other, each on a connection of its own; a failed one once more. */
function startTlsLoad({ websecure }: Site): { stop(): Promise<{ sent: number; failed: number; failedOnce: number }> } {
  const seen = { sent: 0, failed: 0, failedOnce: 0 };
  const over = new AbortController();
  const isServed = async (): Promise<boolean> => (await ask(websecure, { host: 'web.test', tls: true })).status === 200;
  const running = (async () => {
    while (!over.signal.aborted) {
      seen.sent += 1;
      if (await isServed()) continue;
      seen.failedOnce += 1;
      if (!(await isServed())) seen.failed += 1;
    }
  })();
  return {
    async stop() {
      over.abort();
      await running;
      return seen;
    },
  };
}

/** A backend that answers no request of a proxy which is to take the place of another one, but kills that proxy. */
async function startTrap({ running }: Site): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createHttp((incoming, response) => {
    // Traefik names itself to its upstreams, Caddy does not
    if (incoming.headers['x-forwarded-server'] === undefined) return response.end('trap');
    return running().then(({ beside = [] }) => {
      for (const { pid } of beside) process.kill(pid, 'SIGKILL');
      if (beside.length === 0) response.end('trap');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The real proxy, killed 50 ms after its start. */
const DYING = '(sleep 0.05; kill -9 $$) &\nexec "$REAL" "$@"';
/** The real proxy, which takes no configuration. */
const REFUSING = 'if [ "$1" = validate ]; then echo "Error: it does not like it" >&2; exit 1; fi\nexec "$REAL" "$@"';

/** The kernel closes the connections of a killed program 5 to 30 ms before its listeners: until then it gets new ones. */
const RETRY_AFTER_KILL_MS = 100;

const FAILURES: readonly {
  readonly name: string;
  readonly from: Server;
  readonly said: RegExp;
  /** What the command ends with, if not 1. */
  readonly code?: number;
  /** Of the parent of the proxies, and of the controller. */
  readonly environment?: (
    site: Site,
  ) => Promise<{ readonly parent?: Record<string, string>; readonly controller?: Record<string, string> }>;
  /** Returns how to undo it. */
  readonly prepare?: (site: Site) => Promise<() => Promise<void>>;
  /** Which host is asked meanwhile, if not `web.test`. */
  readonly host?: string;
  /** How long clients wait before they ask again, if at all. */
  readonly retryAfterMs?: number;
}[] = [
  {
    name: 'the new proxy is killed while it is tried',
    from: 'caddy',
    said: /\(stage verify\): Cannot (?:start|ask) traefik: it ended with SIGKILL/,
    environment: async ({ dir }) => ({ controller: await wrapped(dir, 'traefik', DYING) }),
  },
  {
    name: 'the new proxy is killed when it starts on the real ports',
    from: 'caddy',
    said: /\(stage start\): it ended (?:with 137 before it served|just after it had begun to serve)/,
    retryAfterMs: RETRY_AFTER_KILL_MS,
    environment: async ({ dir }) => ({ parent: await wrapped(dir, 'traefik', DYING) }),
  },
  {
    name: 'the new proxy is killed by the first request that it gets',
    from: 'caddy',
    said: /\(stage start\): it ended just after it had begun to serve/,
    host: 'trap.test',
    retryAfterMs: RETRY_AFTER_KILL_MS,
    async prepare(site) {
      const trap = await startTrap(site);
      await site.serve([{ name: 'trap', id: 'trap', address: '127.0.0.1', port: trap.port, tags: ['urlprefix-trap.test/'] }]);
      await until('the trap to be served', () => serves(site, 'trap.test'), 20_000);
      return () => trap.close();
    },
  },
  {
    name: 'the new configuration is refused',
    from: 'traefik',
    said: /\(stage check\): it does not like it/,
    code: 6,
    environment: async ({ dir }) => ({ controller: await wrapped(dir, 'caddy', REFUSING) }),
  },
  {
    name: 'somebody else has taken a port',
    from: 'caddy',
    said: /\(stage ports\): another program listens on 127\.0\.0\.1:\d+/,
    async prepare({ raw }) {
      const stranger = createServer();
      await new Promise<void>((resolve) => stranger.listen(raw, '127.0.0.1', resolve));
      return () => new Promise((resolve) => stranger.close(() => resolve()));
    },
  },
  {
    name: 'a file in the place of ours is not ours',
    from: 'caddy',
    said: /\(stage files\): .*hp\.yml is not ours/,
    async prepare({ dir }) {
      await mkdir(join(dir, 'dynamic'));
      await writeFile(join(dir, 'dynamic/hp.yml'), 'http: {}\n');
      return () => Promise.resolve();
    },
  },
];

for (const { name, from, said, code: expected = 1, environment, prepare, host = 'web.test', retryAfterMs = 0 } of FAILURES)
  test(`switch leaves the old proxy serving and says why when ${name}`, { timeout: 120_000 }, async (t) => {
    const site = await openSite(t, from);
    if (!site) return;
    const { parent = {}, controller = {} } = (await environment?.(site)) ?? {};
    const started = await startBoth(site, { parent, controller });
    const undo = await prepare?.(site);
    const { pid } = await site.running();
    await using load = startLoad(site.web, { host, perSecond: 100, retryAfterMs });
    const { code, output } = await site.command(['switch', from === 'caddy' ? 'traefik' : 'caddy']);
    const { fresh, kept } = await load.stop();
    await undo?.();
    t.diagnostic(output.trim());
    assert.equal(code, expected);
    assert.match(output, said);
    assert.match(output, /the proxy of before serves on\. \w/);
    assert.equal(started.controller.output().split('"event":"switch_failed"').length, 2, 'the controller logs it once');
    t.diagnostic(`new connections: ${figuresText(fresh)}; kept: ${figuresText(kept)}`);
    assert.deepEqual([fresh.failed, kept.failed], [0, 0]);
    assert.deepEqual([(await site.running()).server, (await site.running()).pid], [from, pid]);
    assert.ok(await runs(site, from));
    // it goes on following the catalog
    const { port } = await startEcho(t, 'later');
    await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);
    await until('what comes later to be served', () => serves(site, 'later.test'), 20_000);
  });

test('switch ends with 6 and names each difference in a line of its own, with and without a controller', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { controller } = await startBoth(site);
  // of the two only Traefik names itself to the instances
  const picky = createHttp((request, response) => response.writeHead(request.headers['x-forwarded-server'] ? 500 : 200).end());
  await new Promise<void>((resolve) => picky.listen(0, '127.0.0.1', resolve));
  whenEnded(t, async () => {
    picky.closeAllConnections();
    await new Promise((resolve) => picky.close(resolve));
  });
  const { port } = picky.address() as AddressInfo;
  await site.serve([{ name: 'picky', id: 'picky', address: '127.0.0.1', port, tags: ['urlprefix-picky.test/'] }]);
  await until('the service to be served', () => serves(site, 'picky.test'), 20_000);
  const asked = async (): Promise<void> => {
    const { code, output } = await site.command(['switch', 'traefik']);
    t.diagnostic(output.trim());
    assert.equal(code, 6, output);
    assert.match(
      output,
      /\(stage verify\): traefik answers \d+ of \d+ requests otherwise; the proxy of before serves on:\n {2}GET picky\.test/,
    );
    assert.match(output, /\n {2}GET picky\.test\/[^\n]* at web: status 200 → 500\n[^]*\nLook at the differences; --accept-differences/);
  };

  await asked();
  await until('what is served to be kept', async () => (await site.command(['generations', '--json'])).output.includes('picky'));
  await controller.stop();
  await asked();

  assert.equal((await site.running()).server, 'caddy');
});

test('switch names the routes that the other proxy cannot serve, and without them keeps a generation that is whole', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  await startBoth(site);
  const [own = 0] = await freePorts(1);
  const { port } = await startEcho(t, 'own');
  await site.serve([{ name: 'own', id: 'own', address: '127.0.0.1', port, tags: [`https://own.test:${own}`] }]);
  const isServed = async (): Promise<boolean> => (await site.command(['generations', '--json'])).output.includes(`https://own.test:${own}`);
  await until('the address of its own to be served', isServed, 20_000);

  const refused = await site.command(['switch', 'traefik']);
  const { losses } = JSON.parse((await site.command(['switch', 'traefik', '--accept-differences', '--json'])).output) as SwitchView;

  assert.equal(refused.code, 6, refused.output);
  assert.match(
    refused.output,
    new RegExp(`traefik cannot serve 1 route that caddy serves; the proxy of before serves on:\n {2}own\\.test\\S* at \\S*${own}\n`),
  );
  assert.equal(losses, 1);
  const kept = JSON.parse((await site.command(['generations', '--json'])).output) as readonly (GenerationView | DamagedGeneration)[];
  assert.ok(kept.some((generation) => 'server' in generation && generation.server === 'traefik'));
  assert.ok(!kept.some((generation) => 'damaged' in generation));
});

test('switch and rollback need neither a controller nor a parent of the proxy that runs', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  const kept = await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  await controller.stop();
  const { pid: caddy } = await site.running();
  await parent.stop('SIGKILL');
  assert.ok(await serves(site), 'the proxy ended with its parent');
  whenEnded(t, async () => {
    const { launcher } = await site.running();
    process.kill(launcher, 'SIGTERM');
    await until('the started proxy to end', async () => !(await serves(site)), 15_000);
  });
  await using load = startLoad(site.web, { host: 'web.test', perSecond: 100 });
  const { code, output } = await site.command(['switch', 'traefik']);
  assert.equal(code, 0, output);
  const { launcher } = await site.running();
  assert.match(
    output,
    new RegExp(`exec-proxy was started for this and runs on .* with traefik \\(process ${launcher}\\); kill ${launcher}`),
  );
  assert.equal((await site.running()).server, 'traefik');
  await until('the old proxy to end', () => !isAlive(caddy), 15_000);

  const startedAtMs = performance.now();
  const back = await site.command(['rollback']);
  t.diagnostic(`${back.output.trim()} (${Math.round(performance.now() - startedAtMs)} ms)`);
  assert.equal(back.code, 0, back.output);
  assert.doesNotMatch(back.output, /was started for this/);
  const figures = await load.stop();
  t.diagnostic(`new connections: ${figuresText(figures.fresh)}; kept: ${figuresText(figures.kept)}`);
  assert.deepEqual([figures.fresh.failed, figures.kept.failed], [0, 0]);
  assert.equal((await site.running()).server, 'caddy');

  const later = site.start('run');
  await until('a controller of the proxy that was put back', () => runs(site, 'caddy'), 20_000);
  assert.equal((await site.status())?.proxies[0]?.pinned, kept);
  assert.ok(await serves(site));

  const pinned = /Generation \d+ is pinned, so the catalogs are not followed; hind-proxy unpin/;
  assert.match((await site.command(['switch', 'traefik'])).output, pinned);
  await until('the controller to follow to traefik', () => runs(site, 'traefik'), 20_000);
  await later.stop();
  assert.match((await site.command(['switch', 'caddy'])).output, pinned);
  const again = JSON.parse((await site.command(['switch', 'caddy', '--json'])).output) as SwitchView;
  assert.equal(again.pinned, again.generation);
});

test('exec-proxy that was killed while it changed proxies leaves none that shares the ports', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  // slow enough to be caught, and what a proxy that never shows the table looks like from outside
  const note = join(site.dir, 'traefik.pid');
  const { parent } = await startBoth(site, {
    parent: await wrapped(site.dir, 'traefik', `echo $$ > '${note}'\nsleep 3\nexec "$REAL" "$@"`),
  });
  const switching = site.command(['switch', 'traefik']);
  const started = await until('the new proxy to be started', async () => Number(await readFile(note, 'utf8').catch(() => '')), 60_000);
  await until('it to be noted', async () => (await site.running()).beside?.some(({ pid }) => pid === started), 2000);
  await parent.stop('SIGKILL');
  whenEnded(t, async () => {
    if (isAlive(started)) process.kill(started, 'SIGKILL');
    await Promise.resolve();
  });

  site.start('exec-proxy');

  await until('what was left to be ended', () => !isAlive(started), 15_000);
  // the change that was asked for is still wanted
  const { code, output } = await switching;
  t.diagnostic(output.trim());
  assert.equal(code, 0, output);
  assert.equal((await site.running()).server, 'traefik');
  assert.ok(await serves(site));
});

test('switch compares nothing with a proxy that does not answer, changes nothing and says so', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  await controller.stop();
  await parent.stop();
  const { code, output } = await site.command(['switch', 'traefik']);
  assert.notEqual(code, 0);
  assert.match(output, /caddy does not answer \(ECONNREFUSED\).*; nothing was changed\. Start caddy/);
});

test('a controller for another proxy than exec-proxy runs says so, and serves when both are for the same one', {
  timeout: 120_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  site.start('exec-proxy');
  await until('caddy to run', async () => (await ask(site.web, { host: 'web.test' })).status === 503, 20_000);
  const other = site.begin(['run', '--proxy', 'traefik']);
  await until('it to say so', () => /exec-proxy runs caddy here.*start both for the same proxy/.test(other.output()), 20_000);
  assert.match((await site.status())?.proxies[0]?.problem ?? '', /exec-proxy runs caddy here/);
  await other.stop();
  site.start('run');
  await until('the services to be served', () => serves(site), 20_000);
});

test('switch goes by the proxy that exec-proxy runs, whatever the controller or the command is for', { timeout: 180_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const asTraefik = { PROXY_SERVER: 'traefik' };
  const parent = site.start('exec-proxy');
  await until('caddy to run', async () => (await ask(site.web, { host: 'web.test' })).status === 503, 20_000);
  const controller = site.start('run', asTraefik);
  await until('it to say so', async () => (await site.status())?.proxies[0]?.problem?.includes('exec-proxy runs caddy here'), 20_000);
  assert.doesNotMatch((await site.command(['status'])).output, /Start (?:caddy|traefik)/);

  const first = await switched(site, 'traefik');
  assert.equal(first.from, 'caddy');
  assert.match(first.note ?? '', /exec-proxy was started for caddy and the controller for traefik: start both for traefik/);
  assert.equal((await site.running()).server, 'traefik');
  assert.ok(await serves(site));

  await parent.stop();
  site.start('exec-proxy');
  await until('caddy to run again', async () => (await site.running()).server === 'caddy' && (await site.running()).listening, 20_000);
  const second = await switched(site, 'caddy');
  assert.equal(second.from, 'caddy');
  assert.match(second.note ?? '', /exec-proxy was started for caddy and the controller for traefik/);
  await until('the services to be served', () => serves(site), 20_000);

  await controller.stop();
  assert.match((await site.command(['switch', 'caddy'], asTraefik)).output, /^caddy runs already/);
  const { code, output } = await site.command(['switch', 'traefik'], asTraefik);
  assert.equal(code, 0, output);
  assert.match(output, /traefik runs in the place of caddy/);
  assert.equal((await site.running()).server, 'traefik');
});

test('switch to the proxy that is wanted already says that it does not answer, and how to start it', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { parent, controller } = await startBoth(site);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  await parent.stop();
  await until('the controller to see that', async () => (await site.status())?.proxies[0]?.up === false, 10_000);
  const health = await site.command(['health']);
  assert.equal(health.code, 0);
  assert.match(health.output, /^degraded\ncaddy "\w+": it does not answer: /);
  const asked = async (): Promise<void> => {
    const { code, output } = await site.command(['switch', 'caddy']);
    assert.equal(code, 1, output);
    assert.match(
      output,
      /it is the one that is wanted already, and does not answer \(.*\); nothing was changed\. Start caddy: hind-proxy exec/,
    );
  };
  await asked();
  await controller.stop();
  await asked();
});

test('a controller says that another program has the port of its proxy', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(site.web, '127.0.0.1', resolve));
  whenEnded(t, () => new Promise((resolve) => stranger.close(() => resolve())));
  const parent = site.start('exec-proxy');
  assert.notEqual(await parent.ended, 0);
  site.start('run');

  const said = new RegExp(`caddy cannot listen: another program listens on 127\\.0\\.0\\.1:${site.web} \\(process ${process.pid},`);
  await until('it to say so', async () => said.test((await site.status())?.proxies[0]?.problem ?? ''), 20_000);
});

test('switch takes no route away where nobody knows what the proxy serves', { timeout: 120_000 }, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { controller } = await startBoth(site);
  await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  await controller.stop();
  await writeFile(join(site.dir, 'state/pinned'), '9\n');

  const alone = await site.command(['switch', 'traefik']);
  assert.equal(alone.code, 1, alone.output);
  assert.match(alone.output, /generation 9, which was given last, cannot be read/);
  site.start('run');
  await until(
    'it to say so',
    async () => /generation 9 is pinned and cannot/.test((await site.status())?.proxies[0]?.problem ?? ''),
    20_000,
  );
  const { code, output } = await site.command(['switch', 'traefik']);
  assert.equal(code, 6, output);
  assert.match(
    output,
    /\(stage verify\): caddy serves .* not known here, and traefik would get one without any route; the proxy of before/,
  );
  assert.ok(await serves(site));
});

test('rollback gives a generation to the proxy that exec-proxy runs, whatever the controller or the command is for', {
  timeout: 180_000,
}, async (t) => {
  const site = await openSite(t, 'caddy');
  if (!site) return;
  const { controller } = await startBoth(site);
  const first = await until('what is served to be kept', async () => (await site.status())?.proxies[0]?.generation);
  const { port } = await startEcho(t, 'later');
  await site.serve([{ name: 'later', id: 'later', address: '127.0.0.1', port, tags: ['urlprefix-later.test/'] }]);
  await until('what comes later to be served', () => serves(site, 'later.test'), 20_000);
  const second = await until('that to be kept', async () => {
    const generation = (await site.status())?.proxies[0]?.generation;
    return generation === first ? undefined : generation;
  });
  await controller.stop();
  const asTraefik = { PROXY_SERVER: 'traefik' };
  const other = site.start('run', asTraefik);
  await until('it to say so', async () => (await site.status())?.proxies[0]?.problem?.includes('exec-proxy runs caddy here'), 20_000);

  const back = await site.command(['rollback', String(first)]);
  assert.equal(back.code, 0, back.output);
  assert.match(back.output, new RegExp(`Generation ${first} is served again \\(read back from caddy`));
  assert.equal(await serves(site, 'later.test'), false);
  await until('the controller to go on with caddy', () => runs(site, 'caddy'), 20_000);

  await other.stop();
  const forth = await site.command(['rollback', String(second)], asTraefik);
  assert.equal(forth.code, 0, forth.output);
  assert.ok(await serves(site, 'later.test'));
  assert.equal((await site.running()).server, 'caddy');
});
