import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { findBinary } from '../../src/lib/binaries.ts';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { compareSides } from '../../src/verify/compare.ts';
import { openEchoes } from '../../src/verify/echoes.ts';
import { LabError, openLab, type Lab } from '../../src/verify/lab.ts';
import { requestsOf } from '../../src/verify/requests.ts';
import { labSettings } from '../requests/lab.ts';
import { needServer, tempDir } from '../support/process.ts';
import { tableOf } from './tables.ts';

const TARGETS = { caddy: caddyTarget, traefik: traefikTarget };

for (const server of SERVERS) {
  test(`openLab() serves a table on ${server} and tells answers as those of its own place`, async (t) => {
    const binary = needServer(t, server);
    if (binary === undefined) return;
    const settings = await labSettings(await tempDir(t));
    const [web] = settings.entryPoints;
    const table = tableOf(settings, [
      { service: 'app', address: '10.0.0.1', tags: ['urlprefix-app.test/api strip=/api'] },
      { service: 'port', address: '10.0.0.2', tags: [`urlprefix-port.test:${web?.port}/`] },
      { service: 'away', address: '10.0.0.3', tags: [`urlprefix-away.test/ redirect=301,http://app.test:${web?.port}/new`] },
    ]);
    await using echoes = await openEchoes(await tempDir(t));
    await using lab = await openLab(
      { target: TARGETS[server], binary, settings, table: await echoes.standIn(table), answering: 'echoes' },
      t.signal,
    );

    const ask = (host: string, path: string): ReturnType<Lab['ask']> =>
      lab.ask({ entryPoint: 'web', host, path, method: 'GET', headers: [], from: '127.0.0.1' });
    const app = await ask('app.test', '/api/x?q=1');
    const byPort = await ask(`port.test:${web?.port}`, '/');
    const away = await ask('away.test', '/');
    const none = await ask('none.test', '/');
    const nowhere = await lab.ask({ entryPoint: '8444', host: 'app.test', path: '/', method: 'GET', headers: [], from: '127.0.0.1' });

    assert.equal(app.failure, undefined);
    assert.deepEqual(
      [app.status, app.echo?.instance, app.echo?.path, app.echo?.host, app.echo?.protocol],
      [200, '10.0.0.1:80', '/x?q=1', 'app.test', 'http'],
    );
    assert.deepEqual([byPort.status, byPort.echo?.instance, byPort.echo?.host], [200, '10.0.0.2:80', `port.test:${web?.port}`]);
    assert.equal(away.status, 301);
    assert.equal(away.headers.find(([name]) => name === 'location')?.[1], `http://app.test:${web?.port}/new`);
    assert.equal(none.status, 404);
    assert.equal(nowhere.status, 0);
  });

  test(`openLab() leaves no program and no file of ${server} behind, also where it does not start`, async (t) => {
    const binary = needServer(t, server);
    if (binary === undefined) return;
    const settings = await labSettings(await tempDir(t));
    const { TMPDIR: usual } = process.env;
    t.after(() => (usual === undefined ? delete process.env['TMPDIR'] : (process.env['TMPDIR'] = usual)));
    process.env['TMPDIR'] = await tempDir(t);

    {
      await using lab = await openLab(
        { target: TARGETS[server], binary, settings, table: tableOf(settings, []), answering: 'echoes' },
        t.signal,
      );
      assert.equal(labDirs().length, 1);
      assert.equal(lab.server, server);
    }
    await assert.rejects(
      openLab({ target: TARGETS[server], binary: '/bin/false', settings, table: tableOf(settings, []), answering: 'echoes' }, t.signal),
      LabError,
    );

    assert.deepEqual(labDirs(), []);
  });

  test(`openLab() says how ${server} ended where nobody listens any more`, async (t) => {
    const real = needServer(t, server);
    if (real === undefined) return;
    const dir = await tempDir(t);
    const binary = join(dir, server);
    await writeFile(binary, `#!/bin/sh\necho $$ > '${dir}/pid'\nexec '${real}' "$@"\n`, { mode: 0o755 });
    const settings = await labSettings(dir);
    const table = tableOf(settings, [{ service: 'app', address: '10.0.0.1', tags: ['urlprefix-app.test/'] }]);
    await using lab = await openLab({ target: TARGETS[server], binary, settings, table, answering: 'echoes' }, t.signal);
    const [request] = requestsOf(table, settings.entryPoints);
    assert.ok(request);
    assert.ok((await lab.ask(request)).status > 0);

    process.kill(Number(await readFile(join(dir, 'pid'), 'utf8')), 'SIGKILL');

    const signal = AbortSignal.timeout(10_000);
    // its open connections are closed first
    await assert.rejects(
      async () => {
        while (true) await lab.ask(request, signal);
      },
      { name: 'LabError', message: new RegExp(`^Cannot ask ${server}: it ended with SIGKILL`) },
    );
  });
}

test('compareSides() finds nothing between both proxies with one table, and each difference between two', async (t) => {
  const sides = await openSides(t, [
    { service: 'app', address: '10.0.0.1', tags: ['urlprefix-app.test/', 'urlprefix-app.test/api strip=/api'] },
    { service: 'app', address: '10.0.0.2', tags: ['urlprefix-app.test/', 'urlprefix-app.test/api strip=/api'] },
  ]);
  if (!sides) return;
  const { settings, table, old, fresh, changed } = sides;
  const requests = requestsOf(table, settings.entryPoints);

  const first = requests[0] && (await fresh.ask(requests[0]));
  const none = await compareSides(requests, { old, new: fresh }, { signal: t.signal, timesOf: ({ own }) => (own ? 60 : 0) });
  const some = await compareSides(requests, { old, new: changed }, { signal: t.signal });

  assert.equal(first?.status, 200);
  assert.deepEqual(none, []);
  assert.ok(requests.length > 20);
  assert.deepEqual(
    [...new Set(some.flatMap(({ differences }) => differences.map(({ what }) => what)))],
    ['path', 'request header x-forwarded-prefix'],
  );
  assert.ok(some.every(({ request }) => request.path.startsWith('/api')));
});

interface OpenedSides {
  readonly settings: RenderSettings;
  readonly table: RoutingTable;
  readonly old: Lab;
  readonly fresh: Lab;
  /** On Caddy, without its `strip`. */
  readonly changed: Lab;
}

async function openSides(t: TestContext, services: Parameters<typeof tableOf>[1]): Promise<OpenedSides | undefined> {
  const binaries = SERVERS.map((server) => needServer(t, server));
  if (binaries.includes(undefined)) return undefined;
  const settings = await labSettings(await tempDir(t));
  const opened = new AsyncDisposableStack();
  t.after(() => opened.disposeAsync());
  const echoes = opened.use(await openEchoes(await tempDir(t)));
  const table = tableOf(settings, services);
  const changed = tableOf(
    settings,
    services.map((service) => ({ ...service, tags: service.tags.map((tag) => tag.replace(/ strip=.*/, '')) })),
  );
  const open = async (server: Server, served: RoutingTable): Promise<Lab> => {
    const binary = findBinary(server, process.env) ?? '';
    return opened.use(
      await openLab({ target: TARGETS[server], binary, settings, table: await echoes.standIn(served), answering: 'echoes' }, t.signal),
    );
  };
  const [old, fresh, other] = await Promise.all([open('caddy', table), open('traefik', table), open('caddy', changed)]);
  return { settings, table, old, fresh, changed: other };
}

function labDirs(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('hind-proxy-verify-'));
}
