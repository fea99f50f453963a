import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { openScope } from '../../src/lib/scope.ts';
import { ConsulError, createConsulClient } from '../../src/sources/consul-client.ts';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { until } from '../support/until.ts';

/** A server that keeps the requests it gets and answers `[]`, or whatever `body` writes. */
async function listen(t: TestContext, write?: (response: ServerResponse) => void) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    response.setHeader('X-Consul-Index', '5');
    if (write) write(response);
    else response.end('[]');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { requests, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('createConsulClient() sends prefix, datacenter, namespace, partition, token and password where they belong', async (t) => {
  const { requests, host } = await listen(t);
  const env = {
    CONSUL_HTTP_ADDR: `http://me:p%40ss@${host}/prefix`,
    CONSUL_HTTP_TOKEN: 'T',
    CONSUL_NAMESPACE: 'blue',
    CONSUL_PARTITION: 'east',
  };
  const client = createConsulClient(consulConnection(env), { datacenter: 'dc 2' });
  t.after(() => client.close());
  const scope = openScope();
  await client.read('/v1/catalog/services', scope);
  await client.block('/v1/health/service/a%2Fb', { index: 7n, waitMs: 100, scope });
  await client.hasLeader(scope);
  await client.connectionLimit(scope);
  assert.deepEqual(
    requests.map(({ url }) => url),
    [
      '/prefix/v1/catalog/services?dc=dc+2&ns=blue&partition=east',
      '/prefix/v1/health/service/a%2Fb?dc=dc+2&ns=blue&partition=east&index=7&wait=100ms',
      '/prefix/v1/status/leader?dc=dc+2',
      '/prefix/v1/agent/self',
    ],
  );
  for (const { headers } of requests) {
    assert.equal(headers['x-consul-token'], 'T');
    assert.equal(headers.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  }
  const auth = createConsulClient(consulConnection({ CONSUL_HTTP_ADDR: host, CONSUL_HTTP_AUTH: 'only-a-user' }));
  t.after(() => auth.close());
  await auth.read('/v1/catalog/services', scope);
  assert.equal(requests.at(-1)?.headers.authorization, `Basic ${Buffer.from('only-a-user').toString('base64')}`);
  assert.equal(requests.at(-1)?.url, '/v1/catalog/services');
});

test('createConsulClient() gives up on a body that is too large or no JSON', async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, 32);
  const large = await listen(t, (response) => {
    const write = (left: number): void => {
      if (left > 0 && !response.destroyed) response.write(chunk, () => write(left - 1));
      else response.end('[]');
    };
    write(70);
  });
  const broken = await listen(t, (response) => response.end('[{"cut'));
  const scope = openScope();
  const read = async (host: string): Promise<unknown> => {
    const client = createConsulClient(consulConnection({ CONSUL_HTTP_ADDR: host }));
    t.after(() => client.close());
    return client.read('/v1/catalog/services', scope).catch((error: unknown) => error);
  };
  const failures = [await read(large.host), await read(broken.host)];
  assert.deepEqual(
    failures.map((failure) => failure instanceof ConsulError && failure.fault),
    ['agent', 'request'],
  );
  assert.match(String(failures[0]), /larger than 67108864 bytes/);
});

test('createConsulClient() ends every request with its scope', async (t) => {
  const { requests, host } = await listen(t, () => undefined);
  const client = createConsulClient(consulConnection({ CONSUL_HTTP_ADDR: host }));
  t.after(() => client.close());
  const scope = openScope();
  const reads = [client.read('/v1/a', scope), client.block('/v1/b', { index: 1n, waitMs: 60_000, scope })];
  const ended = Promise.allSettled(reads);
  await until('both requests', () => requests.length === 2);

  scope.end();

  assert.deepEqual(
    (await ended).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
