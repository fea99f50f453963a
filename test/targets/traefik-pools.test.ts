import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { test, type TestContext } from 'node:test';
import type { Backend, Endpoint } from '../../src/model/pool.ts';
import { ask, startEcho, type Answer } from '../support/caddy.ts';
import { host, port } from '../support/intents.ts';
import { poolOf, routeOf, splitRoute, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik, type RunningTraefik } from '../support/traefik.ts';
import { until } from '../support/until.ts';

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

type Asked = (name: string, options?: { readonly from?: string; readonly headers?: Record<string, string> }) => Promise<Answer>;

/** Serves each pool under the host of its id. */
async function serve(traefik: RunningTraefik, pools: readonly Backend[]): Promise<Asked> {
  const routes = pools.map(({ id }) => routeOf(id, id, '/', { action: to(id) }));
  assert.deepEqual(await serveTable(traefik, tableOf(routes, ...pools)), []);
  return (name, options = {}) => ask({ port: traefik.web }, { host: name, ...options });
}

const nameOf = ({ echo, status }: Answer): string => echo?.name ?? String(status);

/** How often each instance answers among `count` requests, one after the other. */
async function sharesOf(count: number, asked: () => Promise<Answer>): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const name = nameOf(await asked());
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('traefikTarget chooses instances by weight, client, load and cookie', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const [a, b, c] = [await startEcho(t, 'a'), await startEcho(t, 'b'), await startEcho(t, 'c')];
  const weighted = poolOf('weights.io', [a, b, c]);
  const weights = [3, 1, 0];
  const asked = await serve(traefik, [
    { ...weighted, endpoints: weighted.endpoints.map((endpoint, index) => ({ ...endpoint, weight: weights[index] ?? 1 })) },
    poolOf('none.io', [], { endpoints: [{ address: '127.0.0.1', port: port(a), protocol: 'http', weight: 0 }] }),
    poolOf('hash.io', [a, b, c], { loadBalancing: 'ipHash' }),
    poolOf('p2c.io', [a, b], { loadBalancing: 'powerOfTwo' }),
    poolOf('least.io', [a, b], { loadBalancing: 'leastTime' }),
    poolOf('sticky.io', [a, b, c], {
      loadBalancing: 'ipHash',
      sticky: { name: 'srv', secure: true, httpOnly: true, sameSite: 'strict', maxAgeSeconds: 60, path: '/p', domain: host('sticky.io') },
    }),
    poolOf('plain.io', [a, b, c], { sticky: {} }),
  ]);

  assert.deepEqual(await sharesOf(80, () => asked('weights.io')), { a: 60, b: 20 });
  assert.equal((await asked('none.io')).status, 503);
  const byClient = await Promise.all(
    ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6', '127.0.0.7'].map((from) =>
      sharesOf(4, () => asked('hash.io', { from })),
    ),
  );
  assert.deepEqual(
    byClient.map((shares) => Object.values(shares)),
    Array.from({ length: 6 }, () => [4]),
  );
  assert.ok(new Set(byClient.map((shares) => Object.keys(shares)[0])).size > 1);
  for (const name of ['p2c.io', 'least.io'])
    assert.deepEqual(Object.keys(await sharesOf(40, () => asked(name))).toSorted(), ['a', 'b'], name);
  const sticky = await asked('sticky.io');
  const [cookie = ''] = sticky.headers['set-cookie'] ?? [];
  assert.match(cookie, /^srv=[0-9a-f]+; Path=\/p; Domain=sticky.io; Max-Age=60; HttpOnly; Secure; SameSite=Strict$/);
  const [pair = ''] = cookie.split(';');
  assert.deepEqual(await sharesOf(12, () => asked('sticky.io', { headers: { cookie: pair } })), { [nameOf(sticky)]: 12 });
  assert.match(String((await asked('plain.io')).headers['set-cookie']), /^_[0-9a-f]+=/);
});

test('traefikTarget takes instances out by their health, asked for or seen', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const asks: IncomingMessage[] = [];
  let healthy = true;
  const checked: RequestListener = (incoming, response) => {
    if (incoming.url === '/health') asks.push(incoming);
    const status = incoming.url === '/health' && !healthy ? 500 : incoming.url === '/health' ? 204 : 200;
    response.writeHead(status).end(JSON.stringify({ name: 'checked', headers: {} }));
  };
  const [sick, well] = [await listen(t, createServer(checked)), await startEcho(t, 'well')];
  const failing = await listen(
    t,
    createServer((incoming) => incoming.socket.destroy()),
  );
  const check = {
    mode: 'http',
    path: '/health',
    host: host('check.io'),
    method: 'POST',
    headers: [{ name: 'X-Check', value: 'yes' }],
    status: 204,
    intervalMs: 50,
    unhealthyIntervalMs: 50,
    timeoutMs: 1000,
    followRedirects: false,
  } as const;
  const asked = await serve(traefik, [
    poolOf('active.io', [sick], { healthCheck: check }),
    poolOf('passive.io', [failing, well], { passiveHealthCheck: { maxFailures: 1, windowMs: 60_000 } }),
  ]);

  await until('the instance is asked', () => asks.length > 0);
  assert.deepEqual([asks[0]?.method, asks[0]?.headers.host, asks[0]?.headers['x-check']], ['POST', 'check.io', 'yes']);
  assert.equal((await asked('active.io')).status, 200);
  healthy = false;
  await until('it is taken out', async () => (await asked('active.io')).status === 503);
  healthy = true;
  await until('it comes back', async () => (await asked('active.io')).status === 200);
  await until('the failing one is taken out', async () => {
    const shares = await sharesOf(6, () => asked('passive.io'));
    return shares['well'] === 6;
  });
});

test('traefikTarget speaks to instances over TLS and HTTP/2 as the transport asks', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { cert, key } = traefik.settings.traefik.defaultCertificate;
  const tlsFiles = { cert: await readFile(cert), key: await readFile(key) };
  const secure = await listen(
    t,
    createSecureServer(tlsFiles, (incoming, response) => {
      const { servername } = incoming.socket as TLSSocket;
      response.end(JSON.stringify({ name: `secure ${String(servername)}`, headers: incoming.headers }));
    }),
  );
  const http2 = await listen(
    t,
    createHttp2Server((incoming, response) => response.end(JSON.stringify({ name: `h${incoming.httpVersionMajor}`, headers: {} }))),
  );
  const slow = await listen(
    t,
    createServer(() => undefined),
  );
  const endpoint = (at: number, protocol: Endpoint['protocol']): readonly Endpoint[] => [
    { address: '127.0.0.1', port: port(at), protocol, weight: 1 },
  ];
  const tls = (id: string, transport: Partial<Backend['transport']>, more: Partial<Backend> = {}): Backend =>
    poolOf(id, [], { endpoints: endpoint(secure, 'https'), transport: { skipVerify: false, ...transport }, ...more });
  const name = host('hind-proxy.invalid');
  const asked = await serve(traefik, [
    tls('unknown.io', {}),
    tls('trusting.io', { skipVerify: true }, { upstreamHost: { kind: 'endpoint' } }),
    tls('named.io', { serverName: name, rootCas: [cert] }, { upstreamHost: { kind: 'fixed', host: host('fixed.io') } }),
    tls('misnamed.io', { serverName: host('other.io'), rootCas: [cert] }),
    poolOf('h2c.io', [], { endpoints: endpoint(http2, 'h2c') }),
    poolOf('slow.io', [slow], { transport: { skipVerify: false, dialTimeoutMs: 1000, responseTimeoutMs: 50, idleTimeoutMs: 1000 } }),
  ]);

  assert.equal((await asked('unknown.io')).status, 500, 'nobody vouches for it');
  const trusting = await asked('trusting.io');
  assert.deepEqual([trusting.echo?.name, trusting.echo?.headers.host], ['secure false', `127.0.0.1:${secure}`]);
  const named = await asked('named.io');
  assert.deepEqual([named.echo?.name, named.echo?.headers.host], ['secure hind-proxy.invalid', 'fixed.io']);
  assert.equal((await asked('misnamed.io')).status, 500);
  assert.equal((await asked('h2c.io')).echo?.name, 'h2');
  assert.equal((await asked('slow.io')).status, 504);
});

test('traefikTarget gives the share of an unhealthy pool to the others where all are checked', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const failing = await listen(
    t,
    createServer((_, response) => response.writeHead(500).end()),
  );
  const healthCheck = { mode: 'http', path: '/', headers: [], intervalMs: 50, timeoutMs: 1000 } as const;
  const pools = [poolOf('a', [failing], { healthCheck }), poolOf('b', [await startEcho(t, 'b')], { healthCheck })];
  const route = splitRoute('split.io', [
    { weight: 1, backend: 'a' },
    { weight: 1, backend: 'b', middlewares: [{ kind: 'addPrefix', prefix: '/b' }] },
  ]);
  await serveTable(traefik, tableOf([route], ...pools));

  await until(
    'only the healthy pool answers',
    async () => (await sharesOf(6, () => ask({ port: traefik.web }, { host: 'split.io' })))['b'] === 6,
  );
});

test('traefikTarget.render() gives a file that Traefik takes where a health check says nothing', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const echo = await startEcho(t, 'one');

  const asked = await serve(traefik, [poolOf('a.io', [echo], { healthCheck: { mode: 'http', headers: [] } })]);

  assert.equal(nameOf(await asked('a.io')), 'one');
});
