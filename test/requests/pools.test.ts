import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import type { Backend } from '../../src/model/pool.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import { listen, serveBy } from '../support/both.ts';
import { startEcho, type Answer } from '../support/caddy.ts';
import { host, port } from '../support/intents.ts';
import { tempDir } from '../support/process.ts';
import { poolOf } from '../support/tables.ts';
import { until } from '../support/until.ts';

/** The same pools on both proxies: the same instances answer, and the same are left alone. */

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

for (const server of SERVERS) {
  test(`${server} chooses instances by load and cookie`, async (t) => {
    const [a, b, c] = [await startEcho(t, 'a'), await startEcho(t, 'b'), await startEcho(t, 'c')];
    const weighted = poolOf('weighted.io', [a, b, c], { sticky: { name: 'w', httpOnly: true } });
    const served = await serveBy(t, server, {
      pools: [
        poolOf('p2c.io', [a, b], { loadBalancing: 'powerOfTwo' }),
        poolOf('least.io', [a, b], { loadBalancing: 'leastTime' }),
        poolOf('sticky.io', [a, b, c], { sticky: { name: 'srv', httpOnly: true, maxAgeSeconds: 60, path: '/' } }),
        poolOf('plain.io', [a, b, c], { sticky: {} }),
        { ...weighted, endpoints: weighted.endpoints.map((endpoint, index) => ({ ...endpoint, weight: [3, 1, 0][index] ?? 1 })) },
        poolOf('attributes.io', [a, b], { sticky: { secure: true, sameSite: 'strict', path: '/p$1', domain: host('attributes.io') } }),
        poolOf('gone.io', [a], { sticky: { name: 's.r', httpOnly: true, sameSite: 'lax', maxAgeSeconds: -5 } }),
      ],
      codes: { caddy: ['CADDY_APPROXIMATED'] },
    });
    if (!served) return;

    for (const name of ['p2c.io', 'least.io'])
      assert.deepEqual(Object.keys(await sharesOf(40, () => served.ask(name))).toSorted(), ['a', 'b'], name);
    const cookieOf = ({ headers }: Answer): string => (headers['set-cookie'] ?? [''])[0] ?? '';
    for (const name of ['sticky.io', 'plain.io', 'weighted.io']) {
      const first = await served.ask(name);
      const [pair = ''] = cookieOf(first).split(';');
      const again = { headers: { cookie: pair } };
      assert.deepEqual(await sharesOf(12, () => served.ask(name, again)), { [nameOf(first)]: 12 }, name);
      assert.equal((await served.ask(name, again)).headers['set-cookie'], undefined);
    }
    assert.match(cookieOf(await served.ask('sticky.io')), /^srv=[0-9a-f]+; Path=\/; Max-Age=60; HttpOnly$/);
    assert.match(cookieOf(await served.ask('gone.io')), /^s\.r=[0-9a-f]+; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/);
    for (const tls of [false, true]) {
      assert.match(cookieOf(await served.ask('plain.io', { tls })), /^_[0-9a-f]+=[0-9a-f]+; Path=\/$/);
      const attributes = /^_[0-9a-f]+=[0-9a-f]+; Path=\/p\$1; Domain=attributes.io; Secure; SameSite=Strict$/;
      assert.match(cookieOf(await served.ask('attributes.io', { tls })), attributes);
    }
    assert.deepEqual(await sharesOf(80, () => served.ask('weighted.io')), { a: 60, b: 20 });
  });

  test(`${server} takes instances out by their health, asked for or seen`, async (t) => {
    const asks: IncomingMessage[] = [];
    let healthy = true;
    const sick = await listen(t, (incoming, response) => {
      if (incoming.url === '/health?{a}') asks.push(incoming);
      if (incoming.url === '/health?%7Ba%7D') asks.push(incoming);
      const isCheck = incoming.url?.startsWith('/health') === true;
      response.writeHead(isCheck ? (healthy ? 204 : 500) : 200).end(JSON.stringify({ name: 'checked', headers: {} }));
    });
    const cut = await listen(t, (incoming) => incoming.socket.destroy());
    const failing = await listen(t, (_, response) => void response.writeHead(500).end());
    const well = await startEcho(t, 'well');
    const check = {
      mode: 'http',
      path: '/health?{a}',
      host: host('check.io'),
      method: 'POST',
      headers: [{ name: 'X-Check', value: '{http.request.host}' }],
      status: 204,
      intervalMs: 50,
      timeoutMs: 1000,
    } as const;
    const seen = { passiveHealthCheck: { maxFailures: 1, windowMs: 60_000 } };
    const served = await serveBy(t, server, {
      pools: [
        poolOf('active.io', [sick], { healthCheck: check }),
        poolOf('usual.io', [sick], { healthCheck: { mode: 'http', path: '/health', headers: [] } }),
        poolOf('cut.io', [cut, well], seen),
        poolOf('failing.io', [failing, well], seen),
      ],
      codes: { caddy: ['CADDY_APPROXIMATED'] },
    });
    if (!served) return;

    await until('the instance is asked', () => asks.length > 0);
    assert.deepEqual([asks[0]?.method, asks[0]?.headers.host, asks[0]?.headers['x-check']], ['POST', 'check.io', '{http.request.host}']);
    assert.deepEqual([(await served.ask('active.io')).status, (await served.ask('usual.io')).status], [200, 200]);
    healthy = false;
    await until('it is taken out', async () => (await served.ask('active.io')).status === 503);
    healthy = true;
    await until('it comes back', async () => (await served.ask('active.io')).status === 200);
    for (const name of ['cut.io', 'failing.io'])
      await until(`the one of ${name} is taken out`, async () => (await sharesOf(24, () => served.ask(name)))['well'] === 24);
  });

  test(`${server} speaks to instances as the transport asks`, async (t) => {
    const { cert, key } = await ensureDefaultCertificate(join(await tempDir(t), 'tls'));
    const tlsServer = createSecureServer({ cert: await readFile(cert), key: await readFile(key) }, (incoming, response) => {
      const { servername } = incoming.socket as TLSSocket;
      response.end(JSON.stringify({ name: `secure ${String(servername)}`, headers: incoming.headers }));
    });
    await new Promise<void>((resolve) => tlsServer.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      tlsServer.closeAllConnections();
      tlsServer.close();
    });
    const address = tlsServer.address();
    const secure = port(typeof address === 'object' && address ? address.port : 0);
    const slow = await listen(t, () => undefined);
    const parts = await listen(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first');
    });
    const tls = (id: string, transport: Partial<Backend['transport']>): Backend =>
      poolOf(id, [], {
        endpoints: [{ address: '127.0.0.1', port: secure, protocol: 'https', weight: 1 }],
        transport: { skipVerify: false, ...transport },
      });
    const named = { serverName: host('hind-proxy.invalid'), rootCas: [cert] };
    const served = await serveBy(t, server, {
      pools: [
        tls('unknown.io', {}),
        tls('trusting.io', { skipVerify: true, rootCas: [cert] }),
        tls('named.io', named),
        tls('misnamed.io', { ...named, serverName: host('other.io') }),
        poolOf('slow.io', [slow], { transport: { skipVerify: false, dialTimeoutMs: 1000, responseTimeoutMs: 50, idleTimeoutMs: 1000 } }),
        poolOf('parts.io', [parts], { flushIntervalMs: -1 }),
        poolOf('later.io', [parts], { flushIntervalMs: 20 }),
      ],
    });
    if (!served) return;

    assert.ok([500, 502].includes((await served.ask('unknown.io')).status), 'nobody vouches for it');
    assert.ok([500, 502].includes((await served.ask('misnamed.io')).status));
    assert.deepEqual(
      [nameOf(await served.ask('trusting.io')), nameOf(await served.ask('named.io'))],
      ['secure false', 'secure hind-proxy.invalid'],
    );
    assert.equal((await served.ask('slow.io')).status, 504);
    for (const name of ['parts.io', 'later.io']) assert.match(await firstOf(served.web, name), /first/);
  });
}

/** What arrives before the answer has ended. */
function firstOf(web: number, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: web }, () => socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`));
    let text = '';
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('data', (data) => {
      text += data.toString();
      if (text.includes('first')) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
