import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createAsker, type Asker } from '../../src/verify/ask.ts';
import type { Answer } from '../../src/verify/answer.ts';
import { compareSides } from '../../src/verify/compare.ts';
import { ECHO_HEADER } from '../../src/verify/echoes.ts';
import type { AskedRequest } from '../../src/verify/request.ts';

const asked = (method = 'GET'): AskedRequest => ({ entryPoint: 'web', host: 'a.test', path: '/', method, headers: [], from: '127.0.0.1' });

/** Asks a program that answers as it likes. */
async function askerOf(t: TestContext, listener: RequestListener): Promise<(request: AskedRequest) => Promise<Answer>> {
  const server = createServer(listener).on('connect', (_, socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const asker: Asker = createAsker({ answering: 'programs' });
  t.after(() => {
    asker[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (request) => asker.ask({ host: '127.0.0.1', port, tls: false }, request);
}

test('createAsker() believes no instance that it is a program of ours', async (t) => {
  for (const echo of ['{}', 'null', 'no JSON', '{"instance":"10.0.0.1:80"}']) {
    const ask = await askerOf(t, (_, response) => response.setHeader(ECHO_HEADER, Buffer.from(echo).toString('base64url')).end('page'));

    const answer = await ask(asked());
    const differing = await compareSides([asked()], { old: { ask }, new: { ask } }, { signal: t.signal });

    assert.deepEqual([answer.status, answer.echo, answer.failure], [200, undefined, undefined]);
    assert.deepEqual(differing, []);
  }
});

test('createAsker() waits for no end of an answer that has none', { timeout: 30_000 }, async (t) => {
  const ask = await askerOf(t, (_, response) => {
    const ticking = setInterval(() => response.write('data: tick\n\n'), 200);
    response.once('close', () => clearInterval(ticking));
  });

  const [streamed, tunnel] = await Promise.all([ask(asked()), ask(asked('CONNECT'))]);

  assert.deepEqual([streamed.status, streamed.body], [200, 'unending']);
  assert.equal(tunnel.status, 200);
});

test('createAsker() reads no more than the first MiB of an answer', { timeout: 30_000 }, async (t) => {
  const ask = await askerOf(t, (_, response) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536))) if (response.destroyed) return;
      response.once('drain', more);
    };
    more();
  });

  const { status, body } = await ask(asked());

  assert.deepEqual([status, body], [200, '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58']);
});

test('createAsker() sends headers by whatever name', async (t) => {
  let heard: readonly string[] = [];
  const ask = await askerOf(t, (request, response) => {
    heard = request.rawHeaders;
    response.end();
  });
  const names = ['constructor', 'toString', '__proto__', 'x-a'];

  await ask({ ...asked(), headers: names.map((name) => ({ name, value: 'v' })) });

  assert.deepEqual(
    heard.filter((text) => names.includes(text)),
    names,
  );
});
