import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RouteView, StatusView } from '../../src/controller/views.ts';
import { freePorts, needServer, startProcess, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const GOOD = { name: 'web', address: '127.0.0.1', port: 8080, tags: ['urlprefix-web.test/'] };
const SECRET = { name: 'secret', address: '127.0.0.1', port: 8081 };
/** Caddy has no tcp. */
const TCP = { name: 'tcp', address: '127.0.0.1', port: 8082, tags: ['traefik.enable=true', 'traefik.tcp.routers.tcp.rule=HostSNI(`*`)'] };

test('a withheld route is shown as such, counted and logged once, until its tag is repaired; one that the proxy leaves out beside it', {
  timeout: 120_000,
}, async (t) => {
  if (needServer(t, 'caddy') === undefined) return;
  const dir = await tempDir(t);
  const [web, caddyAdmin, listen, raw] = await freePorts(4);
  const services = join(dir, 'services');
  await mkdir(services);
  const register = (allow: string): Promise<void> =>
    writeFile(join(services, 'all.json'), JSON.stringify([GOOD, TCP, { ...SECRET, tags: [`urlprefix-secret.test/ allow=${allow}`] }]));
  await register('ip:nonsense');
  const config = join(dir, 'hind-proxy.json');
  await writeFile(
    config,
    JSON.stringify({
      stateDir: join(dir, 'state'),
      sources: { file: { path: services, poll: '200ms' } },
      proxies: [
        {
          entrypoints: { web: `127.0.0.1:${web ?? 0}`, raw: { address: `127.0.0.1:${raw ?? 0}`, protocol: 'tcp' } },
          caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${caddyAdmin ?? 0}` },
        },
      ],
      admin: { listen: `127.0.0.1:${listen ?? 0}`, socket: null },
    }),
  );
  const hindProxy = (...args: readonly string[]): ReturnType<typeof startProcess> =>
    startProcess(t, process.execPath, [MAIN, ...args, '--config', config], {
      env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
    });
  const get = async (path: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${listen ?? 0}${path}`)).json();
  const isVerified = async (withheld: number): Promise<boolean> => {
    const status = (await get('/v1/status').catch(() => undefined)) as StatusView | undefined;
    return status?.proxies[0]?.verified === true && status.withheld === withheld;
  };
  hindProxy('exec-proxy');
  const controller = hindProxy('run');

  await until('one route to be withheld', () => isVerified(1), 40_000);
  const states = ((await get('/v1/routes')) as readonly RouteView[]).map(({ match, state, withheld, leftOut }) => [
    match,
    state,
    withheld,
    leftOut,
  ]);
  assert.deepEqual(states, [
    ['secret.test/', 'active', true, false],
    ['web.test/', 'active', false, false],
    ['tcp */', 'active', false, true],
  ]);
  const applied = /^.*"config_applied".*$/m.exec(controller.output())?.[0] ?? '';
  assert.equal((JSON.parse(applied) as { added: number }).added, 3);
  const routes = hindProxy('routes');
  assert.equal(await routes.ended, 0);
  assert.match(routes.output(), /^secret\.test\/ .* withheld /m);
  assert.match(routes.output(), / left out +traefik\.tcp/);
  const status = hindProxy('status');
  assert.equal(await status.ended, 0);
  assert.match(status.output(), /1 withheld: routes that answer 503/);
  assert.match(status.output(), /1 left out: routes that the proxy cannot serve/);
  assert.match(status.output(), /\d errors and \d warnings in tags; hind-proxy validate shows them/);
  assert.match(controller.output(), /"routes_withheld"[^\n]*"secret\.test\/"/);
  assert.match(controller.output(), /"tag_error"[^\n]*"code":"[A-Z_]+"[^\n]*"tag":"urlprefix-secret\.test\/ allow=ip:nonsense"/);

  await register('ip:127.0.0.1');
  await until('no route to be withheld', () => isVerified(0), 40_000);
  await until('the log to say so', () => controller.output().includes('"routes_withheld_none"'), 5000);
  for (const event of ['"routes_withheld"', '"urlprefix-secret.test/ allow=ip:nonsense"'])
    assert.equal(controller.output().split(event).length, 2, event);

  const many = Array.from({ length: 4 }, (_, at) => ({ ...GOOD, name: `web-${at}`, tags: [`urlprefix-web-${at}.test/`] }));
  await writeFile(join(services, 'all.json'), JSON.stringify([GOOD, ...many]));
  await until('the others to be served', async () => ((await get('/v1/routes')) as readonly RouteView[]).length >= 5, 20_000);
  await writeFile(join(services, 'all.json'), '[]');
  await until('their removal to be held', () => controller.output().includes('"removals_held"'), 20_000);
  const guard = hindProxy('guard');
  assert.equal(await guard.ended, 0);
  assert.match(guard.output(), /^web-1\.test\/ +web-1 +guard accept +all 5 services would go$/m);
  const held = hindProxy('status');
  await held.ended;
  assert.match(held.output(), /5 held: routes whose removal is not believed yet: all 5 services would go; hind-proxy guard says why/);
  const accepting = hindProxy('guard', 'accept');
  assert.equal(await accepting.ended, 0);
  assert.match(accepting.output(), /5 held routes may go/);
  assert.equal(controller.output().split('"removals_held"').length, 2);
});
