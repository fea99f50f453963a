import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { test, type TestContext } from 'node:test';
import { ANY_HOST, ANY_PATH, exactHost, type Condition, type HostMatch } from '../../src/model/match.ts';
import { backendId } from '../../src/model/names.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { ask, caddySettings, startEcho } from '../support/caddy.ts';
import { host, port } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';
import { until } from '../support/until.ts';

const BASE = caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 });
const SETTINGS = {
  ...BASE,
  entryPoints: [...BASE.entryPoints, { name: 'raw', address: ':3', port: port(3), protocol: 'tcp', tls: false } as const],
};

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** A server that answers each line with its name and what came before it; it ends every connection. */
const named =
  (name: string) =>
  (socket: Socket): void => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (text.endsWith('ping\n')) socket.end(`${name} ${text.slice(0, -5)}`);
    });
  };

/** What a connection gets for `ping`; empty where it is closed. */
function ping(
  at: number,
  options: { readonly from?: string; readonly servername?: string; readonly alpn?: readonly string[]; readonly keep?: boolean } = {},
): Promise<string> {
  const { from, servername, alpn } = options;
  return new Promise((resolve) => {
    let text = '';
    const address = { host: '127.0.0.1', port: at, ...(from !== undefined && { localAddress: from }) };
    const socket =
      servername === undefined
        ? connect(address)
        : connectTls({ ...address, servername, rejectUnauthorized: false, ALPNProtocols: [...(alpn ?? [])] });
    socket.setTimeout(5000, () => socket.destroy());
    socket.once(servername === undefined ? 'connect' : 'secureConnect', () => socket.write('ping\n'));
    socket.on('data', (data) => (text += data.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

function tcpRoute(id: string, match: HostMatch, overrides: Partial<Route> & { readonly conditions?: readonly Condition[] } = {}): Route {
  const { conditions = [], ...rest } = overrides;
  return routeOf(id, '*', '/', {
    protocol: 'tcp',
    entryPoints: ['raw'],
    match: { host: match, path: ANY_PATH, conditions },
    action: to(id),
    ...rest,
  });
}

function tcpPool(id: string, ports: readonly number[], overrides: Partial<Backend> = {}): Backend {
  const { endpoints, ...pool } = poolOf(id, ports);
  return { ...pool, endpoints: endpoints.map((endpoint) => ({ ...endpoint, protocol: 'tcp' })), ...overrides };
}

test('traefikTarget hands plain connections on, with weights, the PROXY line and a check', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const [a, b] = [await listen(t, createServer(named('a'))), await listen(t, createServer(named('b')))];
  const { endpoints } = tcpPool('raw', [a, b, b]);
  const serve = async (pool: Partial<Backend>, route: Partial<Route> = {}): Promise<readonly string[]> =>
    (await serveTable(traefik, tableOf([tcpRoute('raw', ANY_HOST, route)], tcpPool('raw', [a], pool)))).map(({ code }) => code);
  const shares = async (count: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {};
    for (let index = 0; index < count; index += 1) {
      const answer = (await ping(traefik.tcp)).trim();
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
    return counts;
  };

  await serve({ endpoints: endpoints.map((endpoint, index) => ({ ...endpoint, weight: [3, 1, 0][index] ?? 1 })) });
  assert.deepEqual(await shares(20), { a: 15, b: 5 });
  await serve({ proxyProtocol: 1 });
  assert.match(await ping(traefik.tcp), /^a PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/);
  await serve({ proxyProtocol: 2, transport: { skipVerify: false, dialTimeoutMs: 1000 }, terminationDelayMs: -1 });
  assert.match(await ping(traefik.tcp), /^a \r\n\r\n\0\r\nQUIT\n/);
  const closed = await listen(
    t,
    createServer((socket) => socket.destroy()),
  );
  const two = tcpPool('raw', [closed, b]);
  await serve({
    ...two,
    healthCheck: { mode: 'tcp', headers: [], send: 'ping\n', expect: 'b ', intervalMs: 50, unhealthyIntervalMs: 50, timeoutMs: 500 },
  });
  await until('the silent instance is taken out', async () => (await shares(4))['b'] === 4);
  await serve({ endpoints: endpoints.map((endpoint) => ({ ...endpoint, weight: 0 })) });
  assert.equal(await ping(traefik.tcp), '');
  await serve({}, { action: { kind: 'respond', status: 503, reason: 'unhealthy' } });
  assert.equal(await ping(traefik.tcp), '');
});

test('traefikTarget tells connections apart by server name, protocol and address, and closes those that are refused', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { cert, key } = traefik.settings.traefik.defaultCertificate;
  const files = { cert: await readFile(cert), key: await readFile(key) };
  const plain = await listen(t, createServer(named('plain')));
  const secured = await listen(
    t,
    createTlsServer(files, (socket) => named(`secured ${String(socket.servername)}`)(socket)),
  );
  const passthrough = { tcpTls: 'passthrough', action: to('secured') } as const;
  const terminate = { tcpTls: 'terminate', action: to('plain') } as const;
  const glob: HostMatch = { kind: 'glob', pattern: '*.x.io', regexp: '^.*\\.x\\.io$', port: 'any' };
  const routes = [
    tcpRoute('pass', exactHost(host('pass.io')), passthrough),
    tcpRoute('alpn', exactHost(host('end.io')), {
      ...terminate,
      action: { kind: 'respond', status: 503, reason: 'unhealthy' },
      conditions: [{ kind: 'alpn', protocols: ['no', 'never'] }],
    }),
    tcpRoute('end', exactHost(host('end.io')), terminate),
    tcpRoute('glob', glob, terminate),
    tcpRoute('deny', exactHost(host('deny.io')), {
      ...terminate,
      middlewares: [{ kind: 'ipDeny', cidrs: ['127.0.0.2', '127.0.0.4/30'], of: { kind: 'everyHop' } }],
    }),
    tcpRoute('allow', exactHost(host('allow.io')), {
      ...terminate,
      middlewares: [{ kind: 'ipAllow', cidrs: ['127.0.0.2'], of: { kind: 'peer' } }],
    }),
    tcpRoute('out', exactHost(host('out.io')), {
      ...terminate,
      conditions: [{ kind: 'not', condition: { kind: 'clientIp', cidrs: ['127.0.0.2'] } }],
    }),
    tcpRoute('again', ANY_HOST, { ...terminate, action: to('again') }),
    tcpRoute('plain', ANY_HOST, { action: to('plain') }),
  ];
  const pools = [
    tcpPool('plain', [plain]),
    tcpPool('secured', [secured]),
    tcpPool('again', [], {
      endpoints: [{ address: '127.0.0.1', port: port(secured), protocol: 'tcp', tls: true, weight: 1 }],
      transport: { skipVerify: true, serverName: host('inner.io') },
    }),
  ];

  const diagnostics = await serveTable(traefik, tableOf(routes, ...pools));

  assert.deepEqual(diagnostics, [], 'every hop of a connection is its one');
  const at = (servername: string, options: { readonly from?: string; readonly alpn?: readonly string[] } = {}): Promise<string> =>
    ping(traefik.tcp, { servername, ...options });
  assert.deepEqual(
    [await at('pass.io'), await at('end.io'), await at('a.b.x.io'), await at('other.io')],
    ['secured pass.io ', 'plain ', 'plain ', 'secured inner.io '],
  );
  assert.deepEqual([await at('end.io', { alpn: ['never'] }), await at('end.io', { alpn: ['http/1.1'] })], ['', 'plain ']);
  assert.deepEqual(
    [await at('deny.io'), await at('deny.io', { from: '127.0.0.2' }), await at('deny.io', { from: '127.0.0.5' })],
    ['plain ', '', ''],
  );
  assert.deepEqual([await at('allow.io'), await at('allow.io', { from: '127.0.0.2' })], ['', 'plain ']);
  assert.deepEqual([await at('out.io'), await at('out.io', { from: '127.0.0.2' })], ['plain ', 'secured inner.io ']);
  assert.equal(await ping(traefik.tcp), 'plain ');
});

test('traefikTarget hands TLS connections of a host on undecrypted where HTTP routes have the entry point', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { cert, key } = traefik.settings.traefik.defaultCertificate;
  const secured = await listen(
    t,
    createTlsServer({ cert: await readFile(cert), key: await readFile(key) }, (socket) =>
      named(`secured ${String(socket.servername)}`)(socket),
    ),
  );
  const echo = await startEcho(t, 'a');
  const refused = routeOf('refused', 'pass.io', '/', { action: { kind: 'respond', status: 503, reason: 'protocol' } });
  const pass = tcpRoute('pass', exactHost(host('pass.io')), { entryPoints: ['websecure'], tcpTls: 'passthrough' });
  const wide = routeOf('wide', '*', '/', { action: to('a') });

  await serveTable(
    traefik,
    tableOf([refused, pass, routeOf('other', 'other.io', '/', { action: to('a') }), wide], tcpPool('pass', [secured]), poolOf('a', [echo])),
  );

  assert.equal(await ping(traefik.websecure, { servername: 'pass.io' }), 'secured pass.io ');
  assert.equal((await ask({ port: traefik.web }, { host: 'pass.io' })).status, 503);
  for (const name of ['other.io', 'third.io'])
    assert.equal((await ask({ port: traefik.websecure, tls: true }, { host: name })).status, 200);
});

test('traefikTarget limits the connections of each client', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const open: Socket[] = [];
  const slow = await listen(
    t,
    createServer((socket) => void open.push(socket)),
  );
  const route = tcpRoute('slow', ANY_HOST, {
    middlewares: [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'peer' } } }],
  });
  await serveTable(traefik, tableOf([route], tcpPool('slow', [slow])));

  const first = ping(traefik.tcp);
  await until('the first connection is open', () => open.length === 1);
  assert.equal(await ping(traefik.tcp), '');
  const other = ping(traefik.tcp, { from: '127.0.0.2' });
  await until('another client is let in', () => open.length === 2);
  for (const socket of open) socket.end('bye');
  assert.deepEqual([await first, await other], ['bye', 'bye']);
});

test('traefikTarget withholds a connection that would ask for a password, and drops matches that connections have not', () => {
  const render = (route: Route): readonly [readonly string[], boolean] => {
    const { value, diagnostics } = traefikTarget.render(tableOf([route], tcpPool('a', [1])), SETTINGS);
    return [diagnostics.map(({ code }) => code), (value.files[0]?.content ?? '').includes('"a": {')];
  };
  const a = (overrides: Partial<Route> & { readonly conditions?: readonly Condition[] }): Route => tcpRoute('a', ANY_HOST, overrides);

  assert.deepEqual(render(a({ middlewares: [{ kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'b' }] } }] })), [
    ['TRAEFIK_UNSUPPORTED'],
    true,
  ]);
  assert.deepEqual(render(a({ middlewares: [{ kind: 'ipAllow', cidrs: ['127.0.0.1'], of: { kind: 'client' } }] })), [
    ['TRAEFIK_UNSUPPORTED'],
    true,
  ]);
  assert.deepEqual(render(a({ conditions: [{ kind: 'not', condition: { kind: 'method', method: 'GET' } }] })), [
    ['TRAEFIK_UNSUPPORTED'],
    false,
  ]);
  assert.deepEqual(
    render(routeOf('a', 'a.io', '/', { match: { host: ANY_HOST, path: ANY_PATH, conditions: [{ kind: 'alpn', protocols: ['h2'] }] } })),
    [['TRAEFIK_UNSUPPORTED'], false],
  );
});

test('traefikTarget shares datagrams', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const start = async (name: string): Promise<number> => {
    const socket = createSocket('udp4', (message, from) => socket.send(`${name} ${message.toString()}`, from.port, from.address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    t.after(() => socket.close());
    return socket.address().port;
  };
  const [a, b] = [await start('a'), await start('b')];
  const pool = tcpPool('dns', [a, b]);
  const weighted: Backend = {
    ...pool,
    endpoints: pool.endpoints.map((endpoint, index) => ({ ...endpoint, protocol: 'udp', weight: index === 0 ? 3 : 1 })),
  };
  const route = tcpRoute('dns', ANY_HOST, {
    protocol: 'udp',
    entryPoints: ['datagrams'],
    action: { kind: 'forward', backend: backendId('dns') },
  });
  await serveTable(traefik, tableOf([route], weighted));
  const send = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = createSocket('udp4', (message) => {
        resolve(message.toString());
        socket.close();
      });
      socket.on('error', reject);
      socket.send('ping', traefik.udp, '127.0.0.1');
    });

  const answers: string[] = [];
  for (let count = 0; count < 8; count += 1) answers.push(await send());
  assert.deepEqual(
    [answers.filter((answer) => answer === 'a ping').length, answers.filter((answer) => answer === 'b ping').length],
    [6, 2],
  );
});
