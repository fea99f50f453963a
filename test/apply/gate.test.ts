import assert from 'node:assert/strict';
import { createServer, connect, type Server } from 'node:net';
import { test } from 'node:test';
import { openGate } from '../../src/apply/gate.ts';
import { listenAddress } from '../../src/apply/sockets.ts';
import { ask } from '../support/echo.ts';
import { freePort, needServer, startProcess, tempDir, whenEnded, type Ending } from '../support/process.ts';
import { until } from '../support/until.ts';

/** A program that answers with its name to every connection, beside others on the same port. */
async function listen(t: Ending, port: number, name: string): Promise<Server> {
  const server = createServer((socket) => socket.end(name));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host: '127.0.0.1', reusePort: true }, resolve));
  whenEnded(t, () => new Promise((resolve) => server.close(() => resolve())));
  return server;
}

function answer(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    connect(port, '127.0.0.1')
      .on('data', (data: Buffer) => (text += data.toString()))
      .once('close', () => resolve(text))
      .once('error', (error) => resolve(error.message));
  });
}

async function answers(port: number): Promise<readonly string[]> {
  const all: string[] = [];
  for (let count = 0; count < 100; count += 1) all.push(await answer(port));
  return [...new Set(all)].toSorted();
}

test('openGate() keeps new connections with the old program, then gives all of them to the new one', async (t) => {
  const port = await freePort();
  const old = await listen(t, port, 'old');
  const gate = await openGate([{ host: '127.0.0.1', port }]);
  if (typeof gate === 'string') throw new Error(gate);
  assert.deepEqual(await answers(port), ['old']);
  await listen(t, port, 'new');
  assert.deepEqual(await answers(port), ['old']);
  await gate.hand();
  assert.deepEqual(await answers(port), ['new']);
  await new Promise((resolve) => old.close(resolve));
  assert.deepEqual(await answers(port), ['new']);
  await gate.end();
  assert.deepEqual(await answers(port), ['new']);
  await listen(t, port, 'later');
  assert.deepEqual(await answers(port), ['later', 'new']);
});

test('openGate() leaves the old program alone when the new one goes before its time', async (t) => {
  const port = await freePort();
  await listen(t, port, 'old');
  const gate = await openGate([{ host: '127.0.0.1', port }]);
  if (typeof gate === 'string') throw new Error(gate);
  const fresh = await listen(t, port, 'new');
  await new Promise((resolve) => fresh.close(resolve));
  await gate.end();
  assert.deepEqual(await answers(port), ['old']);
});

test('openGate() gives everything back to the old program when the new one goes after it was handed to', async (t) => {
  const port = await freePort();
  await listen(t, port, 'old');
  const gate = await openGate([{ host: '127.0.0.1', port }]);
  if (typeof gate === 'string') throw new Error(gate);
  const fresh = await listen(t, port, 'new');
  await gate.hand();
  assert.deepEqual(await answers(port), ['new']);
  await new Promise((resolve) => fresh.close(resolve));
  assert.deepEqual(await answers(port), ['old']);
  await gate.end();
  assert.deepEqual(await answers(port), ['old']);
});

test('openGate() says which address it cannot have when its program does not share it', async (t) => {
  const server = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  whenEnded(t, () => new Promise((resolve) => server.close(() => resolve())));
  const gate = await openGate([{ host: '127.0.0.1', port }]);
  assert.match(typeof gate === 'string' ? gate : '', new RegExp(`^127\\.0\\.0\\.1:${port}: .*EADDRINUSE`));
});

for (const text of ['0.0.0.0', '[::]', ''])
  test(`openGate() keeps new connections with a Caddy that listens on "${text}:PORT", and gives them back to it`, async (t) => {
    const binary = needServer(t, 'caddy');
    if (binary === undefined) return;
    const port = await freePort();
    const address = `${text}:${port}`;
    const start = async (name: string): Promise<void> => {
      const dir = await tempDir(t);
      const env = { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
      const caddy = startProcess(t, binary, ['respond', '--listen', address, name], { env });
      await until(`${name} to listen`, () => caddy.output().includes(`[::]:${port}`));
    };
    const names = async (): Promise<readonly string[]> => {
      const all: string[] = [];
      for (let count = 0; count < 50; count += 1) all.push((await ask(port, { host: 'any.test' })).body);
      return [...new Set(all)].toSorted();
    };
    await start('old');
    await until('the old one to answer', async () => (await ask(port, { host: 'any.test' })).body === 'old');
    const gate = await openGate([listenAddress(address)].flatMap((known) => known ?? []));
    if (typeof gate === 'string') throw new Error(gate);
    await start('new');
    assert.deepEqual(await names(), ['old']);
    await gate.hand();
    assert.deepEqual(await names(), ['new']);
    await gate.end();
    assert.deepEqual(await names(), ['new', 'old']);
  });
