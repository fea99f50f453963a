import assert from 'node:assert/strict';
import { realpath, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { adminApi, type AdminApi } from '../../src/cli/admin-api.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLog } from '../../src/lib/log.ts';
import { setUp } from '../../src/cli/setup.ts';
import { freePorts, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

/** The API of a controller in whose place something else listens. */
async function apiOf(t: TestContext, server: Server, options: { readonly answerMs?: number } = {}): Promise<AdminApi> {
  const stateDir = await tempDir(t);
  const [port = 0] = await freePorts(1);
  t.after(() => server.close());
  server.listen(port, '127.0.0.1');
  await until('the controller to listen', () => server.listening);
  const env = {
    HIND_PROXY_STATEDIR: stateDir,
    HIND_PROXY_ADMIN__LISTEN: `127.0.0.1:${port}`,
    HIND_PROXY_ADMIN__SOCKET: `${stateDir}/none.sock`,
  };
  return adminApi(
    await setUp({ loaded: loadConfig({ file: undefined, env, flags: {} }), env, log: silentLog, version: '1', looksOnly: true }),
    options,
  );
}

test('adminApi() says that the controller went away, and where to look, when it ends before it answers', async (t) => {
  const api = await apiOf(
    t,
    createServer((connection) => connection.once('data', () => connection.destroy())),
  );

  await assert.rejects(api.post('/v1/switch', { server: 'traefik' }), {
    name: 'CommandError',
    message: /the controller went away before it answered.*hind-proxy status/,
  });
});

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{';
for (const [what, first] of Object.entries({ nothing: '', 'a part': HEAD }))
  test(`adminApi() gives up at its deadline when ${what} of an answer comes`, async (t) => {
    const open: Socket[] = [];
    t.after(() => open.forEach((connection) => connection.destroy()));
    const api = await apiOf(
      t,
      createServer((connection) => {
        open.push(connection);
        connection.on('error', () => undefined).once('data', () => connection.write(first));
      }),
    );

    await assert.rejects(api.post('/v1/unpin', {}, 300), { name: 'CommandError', message: /did not answer within 0\.3 s/ });
  });

test('adminApi() says of a question only that it was not answered', async (t) => {
  const open: Socket[] = [];
  t.after(() => open.forEach((connection) => connection.destroy()));
  const silent = createServer((connection) => void open.push(connection.on('error', () => undefined)));
  const slow = await apiOf(t, silent, { answerMs: 300 });
  const gone = await apiOf(
    t,
    createServer((connection) => connection.once('data', () => connection.destroy())),
  );

  for (const ask of [() => slow.get('/v1/status'), () => slow.probe('/health')])
    await assert.rejects(ask(), { name: 'CommandError', message: /^Cannot ask the controller: it did not answer within 0\.3 s/ });
  await assert.rejects(gone.get('/v1/status'), { name: 'CommandError', message: /^Cannot ask the controller: it went away/ });
});

test('adminApi() says that another program answers when no JSON comes', async (t) => {
  const page = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello';
  const api = await apiOf(
    t,
    createServer((connection) => connection.once('data', () => connection.end(page))),
  );

  await assert.rejects(api.get('/v1/status'), { name: 'CommandError', message: /is another program/ });
});

test('adminApi() asks over TCP where nobody listens any more on the socket that is there', async (t) => {
  const dir = await tempDir(t);
  const [port = 0] = await freePorts(1);
  const socket = join(dir, 'admin.sock');
  await writeFile(socket, '');
  const controller = createHttpServer((_request, response) => response.end('{"status":"ok"}'));
  t.after(() => controller.close());
  controller.listen(port, '127.0.0.1');
  await until('the controller to listen', () => controller.listening);
  const env = { HIND_PROXY_STATEDIR: dir, HIND_PROXY_ADMIN__LISTEN: `127.0.0.1:${port}`, HIND_PROXY_ADMIN__SOCKET: socket };
  const loaded = loadConfig({ file: undefined, env, flags: {} });
  const api = adminApi(await setUp({ loaded, env, log: silentLog, version: '1', looksOnly: true }));

  assert.deepEqual(await api.get('/health'), { status: 'ok' });
});

test('adminApi() asks no controller of another state directory, where one is named', async (t) => {
  const stateDir = await tempDir(t);
  const [port = 0] = await freePorts(1);
  const socket = join(stateDir, 'admin.sock');
  const controller = (of: string): HttpServer =>
    createHttpServer((request, response) => {
      const wanted = decodeURIComponent(String(request.headers['hind-proxy-state-dir'] ?? of));
      response.writeHead(wanted === of ? 200 : 421, { 'content-type': 'application/json' }).end(JSON.stringify({ of }));
    });
  const [strange, own] = [controller('/srv/other'), controller(await realpath(stateDir))];
  t.after(() => [strange, own].forEach((server) => server.close()));
  strange.listen(socket);
  own.listen(port, '127.0.0.1');
  await until('both to listen', () => strange.listening && own.listening);
  const env = { HIND_PROXY_ADMIN__LISTEN: `127.0.0.1:${port}`, HIND_PROXY_ADMIN__SOCKET: socket };
  const apiFor = async (flags: { readonly stateDir?: string }): Promise<AdminApi> =>
    adminApi(
      await setUp({
        loaded: loadConfig({ file: undefined, env: { ...env, HOME: stateDir }, flags }),
        env,
        log: silentLog,
        version: '1',
        looksOnly: true,
      }),
    );

  assert.deepEqual(await (await apiFor({ stateDir })).get('/v1/status'), { of: await realpath(stateDir) });
  assert.deepEqual(await (await apiFor({})).get('/v1/status'), { of: '/srv/other' });
  own.close();
  own.closeAllConnections();
  assert.equal(await (await apiFor({ stateDir })).get('/v1/status'), undefined);
});
