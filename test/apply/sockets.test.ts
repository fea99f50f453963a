import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { isFree, listenAddress, listenersOf, openConnections } from '../../src/apply/sockets.ts';
import { startOf } from '../../src/lib/process-mark.ts';
import { freePort, whenEnded } from '../support/process.ts';

test('listenAddress() reads what an entry point says', () => {
  assert.deepEqual(
    [':80', '0.0.0.0:80', '127.0.0.1:80', '[::1]:80', 'localhost:80', 'name:80', '80'].map((text) => listenAddress(text)),
    [
      { host: '::', port: 80 },
      { host: '::', port: 80 },
      { host: '127.0.0.1', port: 80 },
      { host: '::1', port: 80 },
      { host: '127.0.0.1', port: 80 },
      undefined,
      undefined,
    ],
  );
});

test('isFree(), openConnections() and listenersOf() say who has a port', async (t) => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const client = connect(port, '127.0.0.1');
  const accepted = await new Promise<{ destroy(): void }>((resolve) => server.once('connection', resolve));
  whenEnded(t, async () => {
    client.destroy();
    accepted.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  assert.equal(await isFree({ host: '127.0.0.1', port }), false);
  assert.equal(await openConnections(process.pid, new Set([port])), 1);
  assert.equal(await openConnections(process.pid, new Set([port + 1])), 0);
  const [listener] = await listenersOf(port);
  assert.equal(listener?.pid, process.pid);
  assert.ok(listener.command.some((word) => word.endsWith('sockets.test.ts')));
  assert.deepEqual(await listenersOf(port + 1), []);
  assert.ok(await startOf(process.pid));
  assert.equal(await startOf(2 ** 30), undefined);
});
