import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { createNomad } from '../../src/nomad/client.ts';
import { nomadConnection } from '../../src/nomad/connection.ts';
import { NomadError } from '../../src/nomad/error.ts';
import { readEvents, type StreamMessage } from '../../src/nomad/events.ts';
import { startFakeNomad } from '../support/fake-nomad.ts';
import { freePort, tempDir } from '../support/process.ts';

const soon = (): AbortSignal => AbortSignal.timeout(5000);
const patience = { openMs: 100, silenceMs: 200 };

async function* chunked(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function messagesOf(body: AsyncIterable<Uint8Array>): Promise<readonly StreamMessage[]> {
  return Array.fromAsync(readEvents(body, patience));
}

test('nomadConnection() reads the official variables', () => {
  const connection = nomadConnection({
    NOMAD_ADDR: 'https://nomad.test:4646/sub/',
    NOMAD_NAMESPACE: 'blue',
    NOMAD_REGION: 'eu',
    NOMAD_SKIP_VERIFY: 'T',
  });

  assert.equal(connection.origin, 'https://nomad.test:4646/sub');
  assert.deepEqual([connection.namespace, connection.region, connection.tls.verify, connection.local], ['blue', 'eu', false, false]);
});

test('nomadConnection() prefers address, NOMAD_ADDR, NOMAD_UNIX_ADDR and the default in this order', () => {
  const env = { NOMAD_ADDR: 'http://a.test:1', NOMAD_UNIX_ADDR: 'unix:///secrets/api.sock' };

  assert.equal(nomadConnection(env, { address: 'b.test:2' }).origin, 'http://b.test:2');
  assert.equal(nomadConnection(env).origin, 'http://a.test:1');
  assert.equal(nomadConnection({ NOMAD_UNIX_ADDR: env.NOMAD_UNIX_ADDR }).socketPath, '/secrets/api.sock');
  assert.equal(nomadConnection({}).origin, 'http://127.0.0.1:4646');
  assert.equal(nomadConnection({}).namespace, '*');
});

test('nomadConnection() refuses what cannot be meant', () => {
  assert.throws(() => nomadConnection({ NOMAD_CLIENT_CERT: '/a' }), /NOMAD_CLIENT_KEY/);
  assert.throws(() => nomadConnection({ NOMAD_SKIP_VERIFY: 'yes' }), /expected true or false/);
  assert.throws(
    () => nomadConnection({ NOMAD_ADDR: 'ftp://me:secret@a' }),
    (error: Error) => /ftp/.test(error.message) && !error.message.includes('secret'),
  );
});

test('nomadConnection() reads a token file anew, lets it win, and prints no secret', async (t) => {
  const file = join(await tempDir(t), 'token');
  await writeFile(file, 'FIRST\n');
  const connection = nomadConnection({ NOMAD_TOKEN: 'FROM-ENV', NOMAD_TOKEN_FILE: file, NOMAD_HTTP_AUTH: 'me:secret' });

  assert.equal(connection.token(), 'FIRST');
  await writeFile(file, 'SECOND\n');
  assert.equal(connection.token(), 'SECOND');
  await writeFile(file, '');
  assert.equal(connection.token(), 'FROM-ENV');
  assert.doesNotMatch(inspect(connection, { depth: 5, showHidden: true }) + JSON.stringify(connection), /FROM-ENV|secret/);
});

test('createNomad() reads over a unix socket and sends token, namespace and region', async (t) => {
  const socketPath = join(await tempDir(t), 'api.sock');
  const fake = await startFakeNomad(t, { socketPath });
  fake.rights.set('T', new Set(['blue']));
  fake.register({ name: 'web ü/1', id: 'a', port: 80, namespace: 'blue' });
  const nomad = createNomad(nomadConnection({ NOMAD_UNIX_ADDR: fake.address, NOMAD_TOKEN: 'T', NOMAD_REGION: 'eu' }));
  t.after(() => nomad.close());

  const { body, index, knownLeader } = await nomad.services.get('web ü/1', 'blue', soon());

  assert.deepEqual([body[0]?.Port, index, knownLeader], [80, 2n, true]);
  assert.match(fake.requests.at(-1) ?? '', /namespace=blue&region=eu/);
});

test('createNomad() tells refusals, silence and absence apart', async (t) => {
  const fake = await startFakeNomad(t);
  const nomad = createNomad(nomadConnection({ NOMAD_ADDR: fake.address }));
  const absent = createNomad(nomadConnection({ NOMAD_ADDR: `http://127.0.0.1:${await freePort()}` }));
  t.after(() => Promise.all([nomad.close(), absent.close()]));
  const failureOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof NomadError ? `${error.failure} ${error.status}` : String(error)),
    );
  const streamed = (): Promise<unknown> => Array.fromAsync(nomad.events({ namespace: '*', index: 0n, patience, signal: soon() }));

  fake.rights.set('other', new Set(['*']));
  assert.equal(await failureOf(nomad.services.list('blue', soon())), 'status 403');
  assert.equal(await failureOf(streamed()), 'refused 200');
  fake.rights.clear();
  assert.equal(await failureOf(streamed()), 'silent 200');
  assert.equal(await failureOf(absent.services.list('*', soon())), 'connection 0');
  assert.equal(await failureOf(absent.hasLeader(soon())), 'connection 0');
  assert.throws(() => nomad.services.get('web', '*', soon()), RangeError);
  assert.equal(await nomad.hasLeader(soon()), true);
});

test('readEvents() puts lines together however they were cut', async () => {
  const service = { ID: 'ü', ServiceName: 'web', Namespace: 'default', ModifyIndex: 1, Address: 'a', Port: 1, Tags: null };
  const bytes = Buffer.from(
    `{}\n${JSON.stringify({ Index: 7, Events: [{ Topic: 'Service', Type: 'X', Index: 7, Payload: { Service: service } }, { Topic: 'Job' }] })}\n{}\n`,
  );
  async function* single(): AsyncGenerator<Uint8Array> {
    for (const byte of bytes) yield Uint8Array.of(byte);
  }

  const messages = await messagesOf(single());

  assert.deepEqual(
    messages.map(({ kind }) => kind),
    ['open', 'heartbeat', 'events', 'heartbeat'],
  );
  const line = messages[2];
  assert.ok(line?.kind === 'events');
  assert.deepEqual(
    [line.index, line.events.length, line.events[0]?.Payload.Service.ID, line.events[0]?.Payload.Service.Tags],
    [7n, 1, 'ü', []],
  );
});

test('readEvents() takes a stream without a line for a refusal and broken JSON for an error', async () => {
  await assert.rejects(messagesOf(chunked()), { failure: 'refused' });
  await assert.rejects(messagesOf(chunked('{}\n', '{"Index":\n')), { failure: 'body' });
  for (const line of ['[]', 'null', '{"Index":1.5,"Events":[]}', '{"Index":1,"Events":{}}'])
    await assert.rejects(messagesOf(chunked('{}\n', `${line}\n`)), { failure: 'body', message: /another shape/ }, line);
});
