import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createAdminClient, type AdminCallOptions } from '../../src/apply/admin-client.ts';
import { listenOnLoopback } from '../../src/lib/ports.ts';

/** An API that resets a connection when it gets a second request, as one does that closed it at that moment. */
async function startForgetfulApi(t: TestContext): Promise<{ readonly address: string; readonly requests: () => number }> {
  const seen = new WeakSet<Socket>();
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests += 1;
    if (seen.has(request.socket)) {
      request.socket.resetAndDestroy();
      return;
    }
    seen.add(request.socket);
    response.end('answered');
  });
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${port}`, requests: () => requests };
}

test('createAdminClient() asks again when a kept connection was closed, and gives nothing twice', async (t) => {
  const { address, requests } = await startForgetfulApi(t);
  const client = createAdminClient(address, { keepAlive: true });
  t.after(() => client.close());
  const options: AdminCallOptions = { timeoutMs: 5000, signal: t.signal };

  await client.call('GET', '/', options);
  assert.equal((await client.call('GET', '/', options)).body, 'answered');
  assert.equal((await client.call('POST', '/', { ...options, body: '{}', isQuestion: true })).body, 'answered');
  const before = requests();
  await assert.rejects(client.call('POST', '/', { ...options, body: '{}' }), { code: 'ECONNRESET' });

  assert.equal(requests(), before + 1);
});
