import assert from 'node:assert/strict';
import { mkdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { Agent, request } from 'undici';
import { ensureAdminToken } from '../../src/admin/auth.ts';
import { createMetrics } from '../../src/admin/metrics.ts';
import { startAdmin } from '../../src/admin/server.ts';
import type { TestView } from '../../src/controller/request-view.ts';
import type { ControllerViews, StatusView } from '../../src/controller/views.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { rememberingLog } from '../support/log.ts';
import { freePort, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const STATUS: StatusView = {
  version: '1',
  ready: false,
  health: 'waiting',
  proxies: [],
  sources: [],
  conflicts: 0,
  quarantined: 0,
  withheld: 0,
  leftOut: 0,
  held: 0,
  errors: 0,
  warnings: 0,
};

function testViewOf(url: string): TestView {
  if (url === '') throw new RangeError('Cannot read the URL ""');
  return {
    proxy: 'caddy',
    request: { entrypoint: 'web', scheme: 'http', method: 'GET', host: url, path: '/', ip: '' },
    tried: [],
    passed: 0,
    outcomes: [],
  };
}

interface Opened {
  readonly base: string;
  readonly socket: string;
  readonly token: string;
  readonly unpinned: () => number;
}

async function open(t: TestContext, log: Log = silentLog): Promise<Opened> {
  const dir = await tempDir(t);
  const port = await freePort();
  const token = await ensureAdminToken(dir);
  let unpinned = 0;
  const views: ControllerViews = {
    status: () => STATUS,
    routes: () => [],
    services: () => [],
    snapshot: () => [],
    config: () => ({ domainSuffix: 'test' }),
    diagnostics: (service) => (service === 'web' ? [{ code: 'X', severity: 'error', message: 'm', related: [] }] : []),
    conflicts: () => [{ code: 'ROUTE_CONFLICT_OWNER', severity: 'error', message: 'm', related: [] }],
    test: ({ url, method = 'GET', ip, headers = [] }) => ({ ...testViewOf(url), proxy: [method, ip, ...headers].join(' ') }),
    explain: (url) => ({
      url,
      proxy: { name: 'edge', server: 'caddy', state: 'verified' },
      requests: [],
      routes: [],
      rivals: [],
      nearest: [],
    }),
    generations: () => [],
    rollback: () => Promise.reject(new RangeError('Cannot roll back to generation 7: it is not kept')),
    switchTo: () => Promise.reject(Object.assign(new Error('Cannot switch to traefik'), { hint: 'Look at it' })),
    unpin: () => Promise.resolve(void (unpinned += 1)),
    acceptRemovals() {},
    resync() {},
  };
  const metrics = createMetrics({ proxy: 'edge', server: 'caddy', version: '1' });
  const socket = join(dir, 'run', 'admin.sock');
  await mkdir(join(dir, 'run'));
  const admin = await startAdmin({
    listen: `127.0.0.1:${port}`,
    socket,
    views,
    metrics: () => Promise.resolve(metrics),
    token,
    stateDir: '/srv/state',
    log,
  });
  t.after(() => admin.close());
  return { base: `http://127.0.0.1:${port}`, socket, token: token.reveal(), unpinned: () => unpinned };
}

test('startAdmin() lets anyone on loopback read', async (t) => {
  const { base } = await open(t);
  assert.equal((await fetch(`${base}/health`)).status, 200);
  assert.equal((await fetch(`${base}/ready`)).status, 503);
  assert.deepEqual(await (await fetch(`${base}/v1/routes`)).json(), []);
  assert.equal(((await (await fetch(`${base}/v1/diagnostics?service=web`)).json()) as readonly unknown[]).length, 1);
  assert.match(await (await fetch(`${base}/metrics`)).text(), /hind_proxy_build_info\{version="1"/);
  assert.equal((await fetch(`${base}/nothing`)).status, 404);
});

test('startAdmin() evaluates, explains and lists conflicts, and answers 400 to what cannot be read', async (t) => {
  const { base } = await open(t);
  const get = async (path: string): Promise<unknown> => (await fetch(`${base}${path}`)).json();

  assert.deepEqual(await get('/v1/test?url=h.io/x&method=PUT&ip=10.0.0.1&header=A:%20b&header=C:%20d'), {
    ...testViewOf('h.io/x'),
    proxy: 'PUT 10.0.0.1 A: b C: d',
  });
  assert.equal(((await get('/v1/explain?url=h.io')) as { readonly url: string }).url, 'h.io');
  assert.equal(((await get('/v1/conflicts')) as readonly unknown[]).length, 1);
  const refused = await fetch(`${base}/v1/test`);
  assert.equal(refused.status, 400);
  assert.deepEqual(await refused.json(), { error: { code: 'BAD_REQUEST', message: 'Cannot read the URL ""' } });
});

test('startAdmin() answers nothing that is meant for the controller of another state directory', async (t) => {
  const { base } = await open(t);
  const ask = async (stateDir: string): Promise<number> =>
    (await fetch(`${base}/v1/routes`, { headers: { 'hind-proxy-state-dir': encodeURIComponent(stateDir) } })).status;
  assert.deepEqual([await ask('/srv/state'), await ask('/srv/other'), await ask('/srv/ö')], [200, 421, 421]);
});

test('startAdmin() refuses writes without the token and takes them with it', async (t) => {
  const { base, token, unpinned } = await open(t);
  const json = { 'content-type': 'application/json' };
  assert.equal((await fetch(`${base}/v1/unpin`, { method: 'POST', headers: json })).status, 401);
  assert.equal((await fetch(`${base}/v1/unpin`, { method: 'POST', headers: { ...json, authorization: 'Bearer wrong' } })).status, 401);
  assert.equal(unpinned(), 0);
  assert.equal((await fetch(`${base}/v1/unpin`, { method: 'POST', headers: { ...json, authorization: `Bearer ${token}` } })).status, 200);
  assert.equal(unpinned(), 1);
  const failed = await fetch(`${base}/v1/rollback`, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${token}` },
    body: '{"generation": 7}',
  });
  assert.equal(failed.status, 409);
});

test('startAdmin() refuses an action whose body is no JSON object, and takes one without a body', async (t) => {
  const { base, token } = await open(t);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const rollBack = async (body: string): Promise<unknown> => {
    const answer = await fetch(`${base}/v1/rollback`, { method: 'POST', headers, body });
    const { error } = (await answer.json()) as { readonly error: { readonly code: string } };
    return [answer.status, error.code];
  };

  const answers = await Promise.all(['{"generation": 7', '[7]', '7', '{"generation": "7"}', '', '{"generation": 7}'].map(rollBack));

  assert.deepEqual(answers, [...Array.from({ length: 4 }, () => [400, 'BAD_REQUEST']), [409, 'ROLLBACK_FAILED'], [409, 'ROLLBACK_FAILED']]);
});

test('startAdmin() refuses what a browser asks for another site', async (t) => {
  const { base } = await open(t);
  assert.equal((await fetch(`${base}/v1/routes`, { headers: { origin: 'http://evil.test' } })).status, 403);
  const rebound = await request(`${base}/v1/routes`, { headers: { host: 'evil.test' } });
  await rebound.body.dump();
  assert.equal(rebound.statusCode, 403);
});

test('startAdmin() takes writes over the unix socket without a token', async (t) => {
  const { socket, unpinned } = await open(t);
  const dispatcher = new Agent({ connect: { socketPath: socket } });
  t.after(() => dispatcher.close());
  const answer = await request('http://localhost/v1/unpin', {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/json' },
  });
  await answer.body.dump();
  assert.equal(answer.statusCode, 200);
  assert.equal(unpinned(), 1);
  assert.equal((await stat(socket)).mode & 0o777, 0o660);
});

test('startAdmin() refuses to listen beyond loopback', async (t) => {
  const views = {} as ControllerViews;
  const metrics = createMetrics({ proxy: 'edge', server: 'caddy', version: '1' });
  await assert.rejects(
    startAdmin({
      listen: '0.0.0.0:9901',
      views,
      metrics: () => Promise.resolve(metrics),
      token: await ensureAdminToken(await tempDir(t)),
      stateDir: '/srv/state',
      log: silentLog,
    }),
    /expected a loopback address/,
  );
});

test('startAdmin() names the option where its port is taken', async (t) => {
  const { base } = await open(t);
  const views = {} as ControllerViews;
  const metrics = createMetrics({ proxy: 'edge', server: 'caddy', version: '1' });
  const token = await ensureAdminToken(await tempDir(t));
  const listen = base.replace('http://', '');
  await assert.rejects(
    startAdmin({ listen, views, metrics: () => Promise.resolve(metrics), token, stateDir: '/srv/state', log: silentLog }),
    /EADDRINUSE.*, expected a free port as admin\.listen$/,
  );
});

test('startAdmin() says that the path of its socket is too long, and which option names another', async (t) => {
  const socket = join(await tempDir(t), 'a'.repeat(120), 'admin.sock');
  const log = rememberingLog();
  const metrics = createMetrics({ proxy: 'edge', server: 'caddy', version: '1' });
  const token = await ensureAdminToken(await tempDir(t));
  const views = {} as ControllerViews;
  const opened = await startAdmin({ socket, views, metrics: () => Promise.resolve(metrics), token, stateDir: '/srv/other', log });
  await opened.close();

  const [told] = log.told;
  assert.match(JSON.stringify(told?.['err']), /its path has \d+ bytes, expected at most 107/);
});

test('startAdmin() leaves a socket on which another controller listens', async (t) => {
  const { socket } = await open(t);
  const token = await ensureAdminToken(await tempDir(t));
  const metrics = createMetrics({ proxy: 'edge', server: 'caddy', version: '1' });
  const second = await startAdmin({
    socket,
    views: {} as ControllerViews,
    metrics: () => Promise.resolve(metrics),
    token,
    stateDir: '/srv/other',
    log: silentLog,
  });

  await second.close();

  assert.ok((await stat(socket)).isSocket());
});

test('startAdmin() answers 413 to a large body, however it is sent, and takes none of it', async (t) => {
  const { base, token, unpinned } = await open(t);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const send = async (bytes: number, { inPieces }: { readonly inPieces: boolean }): Promise<number> => {
    const text = `{"a":"${'x'.repeat(bytes - 8)}"}`;
    const body = inPieces ? Readable.from([text.slice(0, 1000), text.slice(1000)]) : text;
    const answer = await request(`${base}/v1/unpin`, { method: 'POST', headers, body });
    await answer.body.text();
    return answer.statusCode;
  };

  assert.deepEqual([await send(65_536, { inPieces: false }), await send(65_537, { inPieces: false })], [200, 413]);
  assert.deepEqual([await send(60_000, { inPieces: true }), await send(200_000, { inPieces: true })], [200, 413]);
  assert.equal(unpinned(), 2);
});

test('startAdmin() answers 405 and says how a path may be asked when it is asked otherwise', async (t) => {
  const { base } = await open(t);
  const ask = async (method: string, path: string): Promise<readonly [number, string | null]> => {
    const answer = await fetch(`${base}${path}`, { method });
    await answer.text();
    return [answer.status, answer.headers.get('allow')];
  };

  assert.deepEqual(await ask('POST', '/v1/status'), [405, 'GET, HEAD']);
  assert.deepEqual(await ask('DELETE', '/v1/status'), [405, 'GET, HEAD']);
  assert.deepEqual(await ask('GET', '/v1/rollback'), [405, 'POST']);
  assert.deepEqual(await ask('PUT', '/v1/guard/accept'), [405, 'POST']);
  assert.deepEqual(await ask('HEAD', '/health'), [200, null]);
  assert.deepEqual(await ask('GET', '/v1/nothing'), [404, null]);
});

test('startAdmin() shows the configuration and what the catalogs said last', async (t) => {
  const { base } = await open(t);
  assert.deepEqual(await (await fetch(`${base}/v1/config`)).json(), { domainSuffix: 'test' });
  assert.deepEqual(await (await fetch(`${base}/v1/snapshot`)).json(), []);
});

test('startAdmin() logs a line where a client goes before its body has come, and writes nothing of its own', async (t) => {
  const log = rememberingLog();
  const { socket } = await open(t, log);
  const printed = t.mock.method(console, 'error', () => undefined);
  const client = connect(socket);
  client.write(
    'POST /v1/rollback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n{',
  );
  // what answers it has been loaded
  await new Promise((resolve) => client.once('data', resolve));

  client.destroy();

  const isTold = (): boolean => log.told.some(({ event, path }) => event === 'admin_failed' && path === '/v1/rollback');
  await until('the request to be told', isTold, 5000);
  assert.equal(printed.mock.callCount(), 0);
});
