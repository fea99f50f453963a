import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent, request } from '../../src/lib/undici.ts';
import { listen } from '../support/both.ts';
import { startProcess } from '../support/process.ts';

const RUN = join(import.meta.dirname, '../../src/cli/run.ts');
const SOURCE = join(import.meta.dirname, '../../src/sources/consul.ts');

test('request() asks for path and query by the method, and returns the answer', async (t) => {
  const port = await listen(t, (asked, response) => response.end(`${asked.method} ${asked.url}`));
  const dispatcher = new Agent();

  const answers = await Promise.all(
    [{ dispatcher }, { dispatcher, method: 'POST' as const, body: 'x' }].map(async (options) => {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/a%20b?c=d&e`, options);
      return [statusCode, await body.text()];
    }),
  );

  assert.deepEqual(answers, [
    [200, 'GET /a%20b?c=d&e'],
    [200, 'POST /a%20b?c=d&e'],
  ]);
  await dispatcher.close();
});

test('request() rejects with what ends its signal', async (t) => {
  const port = await listen(t, () => undefined);
  const dispatcher = new Agent();
  const ending = new AbortController();

  const asked = request(`http://127.0.0.1:${port}/`, { dispatcher, signal: ending.signal });
  ending.abort(new Error('it is over'));

  await assert.rejects(asked, /it is over/);
  await dispatcher.destroy();
});

test('undici.ts keeps fetch out of a controller that reads Consul', async (t) => {
  const script = `Promise.all([import(${JSON.stringify(RUN)}), import(${JSON.stringify(SOURCE)})]).then(() =>
    console.log(Object.keys(require.cache).filter((path) => /undici.(index|lib.(web.fetch.index|dispatcher.agent)).js$/.test(path)).length))`;
  const running = startProcess(t, process.execPath, ['-e', script]);

  await running.ended;

  assert.equal(running.output().trim(), '1');
});
