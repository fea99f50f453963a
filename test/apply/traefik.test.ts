import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ANY_HOST, ANY_PATH, exactHost, pathPrefix } from '../../src/model/match.ts';
import { backendId, DEFAULT_OWNER, routeId, type BackendId } from '../../src/model/names.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { createTable } from '../../src/model/table.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { host, port } from '../support/intents.ts';
import { startTraefik } from '../support/traefik.ts';

const POOL = backendId('pool-1');

function route(id: string, overrides: Partial<Route> = {}): Route {
  return {
    id: routeId(id),
    owner: DEFAULT_OWNER,
    unit: `unit-${id}`,
    services: [],
    dialect: 'fabio',
    protocol: 'http',
    entryPoints: ['web', 'websecure'],
    match: { host: exactHost(host(`${id}.io`)), path: ANY_PATH, conditions: [] },
    pathForm: 'clean',
    rank: 0,
    middlewares: [],
    action: { kind: 'forward', backend: POOL },
    spans: [],
    ...overrides,
  };
}

function pool(ports: readonly number[], overrides: Partial<Backend> = {}): Backend {
  const endpoints = ports.map((at) => ({ address: '127.0.0.1', port: port(at), protocol: 'http', weight: 1 }) as const);
  const base = {
    id: POOL,
    endpoints,
    loadBalancing: 'random',
    transport: { skipVerify: false },
    upstreamHost: { kind: 'client' },
  } as const;
  return { ...base, ...overrides };
}

async function ask(at: number, name: string, path = '/'): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: at, path, headers: { host: name }, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (data: Buffer) => (body += data.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
    })
      .on('error', reject)
      .end();
  });
}

test('createTraefikDeployer() serves each kind of action when a table is applied', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { web, deployer, settings } = traefik;
  const server = createServer((req, res) => res.end(`${req.headers.host} ${req.url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const at = typeof address === 'object' && address ? address.port : 0;
  assert.equal((await ask(web, 'a.io')).status, 503, 'boot');
  const hostile = '/x`) || PathPrefix(`/{{ env "HOME" }}"\\';
  const table = createTable(
    [
      route('hostile', { match: { host: exactHost(host('h.io')), path: pathPrefix(hostile), conditions: [] } }),
      route('numbered', { match: { host: exactHost(host('n.io'), port(web)), path: ANY_PATH, conditions: [] } }),
      route('strip', {
        match: { host: exactHost(host('a.io')), path: pathPrefix('/api'), conditions: [] },
        middlewares: [{ kind: 'stripPrefix', prefixes: ['/api'] }],
      }),
      route('a'),
      route('moved', {
        action: {
          kind: 'redirect',
          redirect: { status: 301, otherStatus: 308, to: [{ kind: 'text', text: 'https://$1' }, { kind: 'hostname' }, { kind: 'path' }] },
        },
      }),
      route('gone', { action: { kind: 'respond', status: 503, reason: 'unhealthy' } }),
      route('reserved', { action: { kind: 'respond', status: 404, reason: 'reserved' } }),
      route('methods', {
        match: {
          host: exactHost(host('a.io')),
          path: pathPrefix('/never'),
          conditions: [{ kind: 'not', condition: { kind: 'clientIp', cidrs: ['127.0.0.0/8', '::1/128'] } }],
        },
      }),
    ],
    new Map([[POOL, pool([at, at])]]),
  );

  const outcome = await deployer.apply(traefikTarget.render(table, settings).value, AbortSignal.timeout(10_000));

  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  assert.equal((await ask(web, 'a.io', '/x?q=1')).body, 'a.io /x?q=1');
  assert.equal((await ask(web, 'a.io', '/apifoo')).body, 'a.io /foo');
  assert.equal((await ask(web, 'other.io')).status, 404);
  const moved = await ask(web, `moved.io:${web}`, '/p?q=1');
  assert.deepEqual([moved.status, moved.headers['location']], [301, 'https://$1moved.io/p?q=1']);
  const gone = await ask(web, 'gone.io');
  assert.deepEqual([gone.status, gone.headers['retry-after']], [503, '5']);
  assert.equal((await ask(web, 'reserved.io')).status, 404);
  assert.equal((await ask(web, `n.io:${web}`)).status, 200);
  assert.equal((await ask(web, 'n.io')).status, 404);
  assert.equal((await ask(web, 'h.io', '/x')).status, 404);
  assert.deepEqual(await deployer.live(AbortSignal.timeout(1000)), { kind: 'ours', digest: table.digest });
});

test('createTraefikDeployer() names the unit and puts back the last good file when Traefik disables a router', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { deployer, settings } = traefik;
  const before = await deployer.disk();
  const bad = route('bad', { match: { host: { kind: 'regexp', regexp: '(' }, path: ANY_PATH, conditions: [] } });
  const table = createTable([bad], new Map([[POOL, pool([9])]]));

  const outcome = await deployer.apply(traefikTarget.render(table, settings).value, AbortSignal.timeout(10_000));

  assert.deepEqual([outcome.kind, outcome.kind === 'rejected' && outcome.units], ['rejected', ['unit-bad']]);
  assert.deepEqual(await deployer.disk(), before);
});

test('createTraefikDeployer() serves TCP, TLS upstreams, weights and every way of balancing', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { web, tcp, deployer, settings } = traefik;
  const { cert, key } = settings.traefik.defaultCertificate;
  const answer = (name: string) => (req: IncomingMessage, res: ServerResponse) => void res.end(`${name} ${req.headers.host}`);
  const plain = await listen(t, createServer(answer('plain')));
  const secure = await listen(t, createSecureServer({ cert: await readFile(cert), key: await readFile(key) }, answer('secure')));
  const endpoint = (at: number, protocol: 'http' | 'https', weight: number) => ({ address: '127.0.0.1', port: port(at), protocol, weight });
  const pools = new Map<BackendId, Backend>([
    [POOL, pool([plain])],
    [
      backendId('tls'),
      pool([], {
        id: backendId('tls'),
        endpoints: [endpoint(secure, 'https', 1)],
        transport: { skipVerify: true },
        upstreamHost: { kind: 'fixed', host: host('fixed.io') },
      }),
    ],
    [
      backendId('mixed'),
      pool([], {
        id: backendId('mixed'),
        endpoints: [endpoint(plain, 'http', 3), endpoint(secure, 'https', 1)],
        transport: { skipVerify: true },
      }),
    ],
    [backendId('hash'), pool([plain, secure], { id: backendId('hash'), loadBalancing: 'ipHash' })],
    [backendId('least'), pool([plain], { id: backendId('least'), loadBalancing: 'leastConnections', upstreamHost: { kind: 'endpoint' } })],
  ]);
  const named = ['tls', 'mixed', 'hash', 'least'].map((id) => route(id, { action: { kind: 'forward', backend: backendId(id) } }));
  const raw = route('raw', { protocol: 'tcp', entryPoints: ['raw'], match: { host: ANY_HOST, path: ANY_PATH, conditions: [] } });
  const table = createTable([...named, raw], pools);

  const outcome = await deployer.apply(traefikTarget.render(table, settings).value, AbortSignal.timeout(10_000));

  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  assert.equal((await ask(web, 'tls.io')).body, 'secure fixed.io');
  const mixed = await Promise.all(Array.from({ length: 8 }, () => ask(web, 'mixed.io')));
  assert.equal(mixed.filter(({ body }) => body.startsWith('plain')).length, 6);
  assert.equal((await ask(web, 'least.io')).body, `plain 127.0.0.1:${plain}`);
  assert.equal((await ask(tcp, 'any')).body, 'plain any');
});

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
