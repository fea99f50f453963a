import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codesOf } from '../../support/intents.ts';
import { readLabels, routerOf } from '../../support/traefik-reading.ts';
import type { RouteIntent } from '../../../src/model/intent.ts';

const served = (...fields: readonly string[]): RouteIntent => routerOf(...fields.map((field) => `http.services.s.loadbalancer.${field}`));

test('createTraefikDialect() reads how servers are spoken to', () => {
  const { protocol, endpoint, pool, weight, transport } = served(
    'server.scheme=HTTPS',
    'server.port=8443',
    'server.weight=3',
    'passhostheader=false',
    'serverstransport=t@file',
  );

  assert.deepEqual([protocol, endpoint.port, weight, pool.upstreamHost.kind, transport?.name], ['https', 8443, 3, 'endpoint', 't']);
});

test('createTraefikDialect() sends the own address of servers as Host whatever a middleware sets, as Traefik does', () => {
  const { pool } = routerOf(
    'http.routers.r.middlewares=m',
    'http.middlewares.m.headers.customrequestheaders.Host=up.io',
    'http.services.s.loadbalancer.passhostheader=false',
  );

  assert.equal(pool.upstreamHost.kind, 'endpoint');
});

test('createTraefikDialect() reads every strategy, and no weight for the less busy of two', () => {
  const strategies = ['wrr', 'p2c', 'hrw', 'leasttime'].map((strategy) => served(`strategy=${strategy}`, 'server.weight=0'));

  assert.deepEqual(
    strategies.map(({ pool, weight }) => [pool.loadBalancing, weight]),
    [
      ['roundRobin', 0],
      ['powerOfTwo', undefined],
      ['ipHash', 0],
      ['leastTime', 0],
    ],
  );
});

test('createTraefikDialect() reads cookies and checks', () => {
  const { pool } = served(
    'sticky=true',
    'sticky.cookie.name=a b',
    'sticky.cookie.samesite=lax',
    'healthcheck.path=/up',
    'healthcheck.interval=10s',
    'healthcheck.headers.X-A=1',
    'passivehealthcheck.maxfailedattempts=3',
    'responseforwarding.flushinterval=-1',
  );

  assert.deepEqual(pool.sticky, { name: 'a_b', sameSite: 'lax' });
  assert.deepEqual(pool.healthCheck, { mode: 'http', path: '/up', headers: [{ name: 'X-A', value: '1' }], intervalMs: 10_000 });
  assert.deepEqual([pool.passiveHealthCheck, pool.flushIntervalMs], [{ maxFailures: 3 }, -1000]);
});

test('createTraefikDialect() says that sticky does nothing without a cookie', () => {
  const result = readLabels('http.routers.r.rule=Host(`a.io`)', 'http.services.s.loadbalancer.sticky=true');

  assert.deepEqual(codesOf(result), ['TRAEFIK_LABEL_INERT']);
  assert.equal(result.value.intents[0]?.pool.sticky, undefined);
});

test('createTraefikDialect() answers 503 where Traefik refuses a service', () => {
  const refused = [
    'server.port=http',
    'server.port=0',
    'server.scheme=ftp',
    'strategy=WRR',
    'server.weight=1.5',
    'healthcheck.path=http://x/',
  ];
  for (const field of refused) assert.equal(served(field).fault?.code, 'TRAEFIK_LABEL_VALUE', field);
  assert.equal(served('serverstransport=t').fault?.code, 'TRAEFIK_REFERENCE_UNKNOWN');
});

test('createTraefikDialect() answers 503 for a service without loadBalancer, and not where it is only switched off in part', () => {
  assert.equal(routerOf('http.services.s.middlewares=m@file').fault?.code, 'TRAEFIK_LABEL_VALUE');
  assert.equal(served('sticky=false').fault, undefined);
});

test("createTraefikDialect() puts a service's own middlewares behind those of the router", () => {
  const intent = routerOf(
    'http.routers.r.middlewares=a@file',
    'http.services.s.middlewares=b@file',
    'http.services.s.loadbalancer.passhostheader=true',
  );

  assert.deepEqual(
    intent.middlewares.map((middleware) => middleware.kind === 'reference' && middleware.name),
    ['a', 'b'],
  );
});

test('createTraefikDialect() warns of a port only where it replaces the registered one', () => {
  const codes = (port: number): readonly string[] =>
    codesOf(readLabels('http.routers.r.rule=Host(`a.io`)', `http.services.s.loadbalancer.server.port=${port}`));

  assert.deepEqual([codes(8080), codes(9000)], [[], ['TRAEFIK_SERVER_PORT']]);
});

test('createTraefikDialect() reads services of tcp', () => {
  const read = (...fields: readonly string[]): RouteIntent | undefined =>
    readLabels('tcp.routers.r.rule=HostSNI(`*`)', ...fields.map((field) => `tcp.services.s.loadbalancer.${field}`)).value.intents[0];

  assert.equal(read('proxyprotocol=true')?.pool.proxyProtocol, 2);
  assert.equal(read('proxyprotocol.version=1')?.pool.proxyProtocol, 1);
  assert.equal(read('proxyprotocol.version=3')?.fault?.code, 'TRAEFIK_LABEL_VALUE');
  assert.equal(read('proxyprotocol=false', 'server.port=1')?.pool.proxyProtocol, undefined);
  assert.deepEqual([read('server.tls=true')?.tls, read('terminationdelay=-1')?.pool.terminationDelayMs], [true, -1]);
  assert.deepEqual(read('healthcheck.send=PING', 'healthcheck.expect=PONG')?.pool.healthCheck, {
    mode: 'tcp',
    headers: [],
    send: 'PING',
    expect: 'PONG',
  });
});

test('createTraefikDialect() withholds a route whose health check has a broken escape in its path', () => {
  for (const path of ['/up%', '/up%zz?x=1'])
    assert.ok(
      codesOf(readLabels(`http.services.s.loadbalancer.healthcheck.path=${path}`, 'http.routers.r.rule=Host(`a.io`)')).includes(
        'TRAEFIK_LABEL_VALUE',
      ),
      path,
    );
});
