import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tagSpan } from '../../src/model/diagnostic.ts';
import { serviceName } from '../../src/model/names.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

test('buildTable() pools the instances of two services when they ask for one route', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b', { address: '10.0.0.2' })];
  const compiled = compile([readingOf(a, intentOf(a, matchOf('h.io'))), readingOf(b, intentOf(b, matchOf('h.io')))]);
  const { routes, backends } = compiled.value.table;
  assert.deepEqual(routes[0]?.services, ['a', 'b']);
  assert.deepEqual(
    backends[0]?.endpoints.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2'],
  );
  assert.deepEqual(codesOf(compiled), ['ROUTE_POOLED']);
});

test('buildTable() leaves out services that do not speak HTTP where another of their route does', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b', { address: '10.0.0.2' })];
  const refusal = intentOf(a, matchOf('h.io'), { action: { kind: 'refuse' } });
  const compiled = compile([readingOf(a, refusal), readingOf(b, intentOf(b, matchOf('h.io')))]);
  const { routes, backends } = compiled.value.table;
  assert.equal(routes[0]?.action.kind, 'forward');
  assert.deepEqual(
    backends.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    ['10.0.0.2'],
  );
});

test('buildTable() answers 503 when no instance is healthy', () => {
  const sick = instanceOf('a', { health: 'critical' });
  const compiled = compile([readingOf(sick, intentOf(sick, matchOf('h.io')))]);
  assert.deepEqual(compiled.value.table.routes[0]?.action, { kind: 'respond', status: 503, reason: 'unhealthy' });
  assert.deepEqual(codesOf(compiled), ['ROUTE_UNHEALTHY']);
});

test('buildTable() gives no route when unhealthy ones are to be removed', () => {
  const sick = instanceOf('a', { health: 'critical' });
  assert.deepEqual(compile([readingOf(sick, intentOf(sick, matchOf('h.io')))], { unhealthy: 'remove' }).value.table.routes, []);
});

test('buildTable() gives no route when Fabio would see no check', () => {
  const unchecked = instanceOf('a', { health: 'unknown' });
  assert.deepEqual(compile([readingOf(unchecked, intentOf(unchecked, matchOf('h.io')))]).value.table.routes, []);
});

test('buildTable() follows an instance whose tag is in order, however many are at fault', () => {
  const instances = ['1', '2', '3'].map((id) => instanceOf('a', { instance: id, address: `10.0.0.${id}`, modifyIndex: Number(id) }));
  const fault = { kind: 'quarantined', code: 'FABIO_WEIGHT_NOT_NUMBER' } as const;

  const { value } = compile(
    instances.map((instance, at) => readingOf(instance, intentOf(instance, matchOf('h.io'), at === 0 ? {} : { fault }))),
  );

  assert.equal(value.table.routes[0]?.action.kind, 'forward');
  assert.equal(value.table.backends[0]?.endpoints.length, 3);
});

test('buildTable() follows the majority of instances when their options differ', () => {
  const strip = { middlewares: [{ kind: 'stripPrefix', prefixes: ['/a'] }] } as const;
  const instances = [1, 2, 3].map((number) => instanceOf('a', { instance: `a-${number}`, address: `10.0.0.${number}` }));
  const compiled = compile(
    instances.map((instance, index) => readingOf(instance, intentOf(instance, matchOf('h.io', '/a'), index < 2 ? strip : {}))),
  );
  assert.deepEqual(compiled.value.table.routes[0]?.middlewares, strip.middlewares);
  assert.equal(compiled.value.table.backends[0]?.endpoints.length, 3);
  assert.deepEqual(codesOf(compiled), ['ROUTE_OPTIONS_DIFFER']);
});

test('buildTable() withholds a route when one of its instances asks for a protection that is not served', () => {
  const [open, closed] = [instanceOf('a'), instanceOf('a', { instance: 'a-2', address: '10.0.0.2' })];
  const fault = { kind: 'protective', code: 'FABIO_PROTECTION_UNSERVED' } as const;
  const compiled = compile([
    readingOf(open, intentOf(open, matchOf('h.io'))),
    readingOf(closed, intentOf(closed, matchOf('h.io'), { fault })),
  ]);
  const [route] = compiled.value.table.routes;
  assert.deepEqual(route?.action, { kind: 'respond', status: 503, reason: 'withheld' });
  assert.deepEqual([...compiled.value.faults.values()], [fault]);
});

test('buildTable() applies the protections of all instances together', () => {
  const instances = [1, 2, 3].map((number) => instanceOf('a', { instance: `a-${number}`, address: `10.0.0.${number}` }));
  const deny = { kind: 'ipDeny', cidrs: ['10.9.0.0/16'], of: { kind: 'everyHop' } } as const;
  const auth = { kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } } as const;
  const strip = { kind: 'stripPrefix', prefixes: ['/a'] } as const;
  const asked = [[strip], [strip], [deny, auth]];
  const compiled = compile(
    instances.map((instance, index) => readingOf(instance, intentOf(instance, matchOf('h.io', '/a'), { middlewares: asked[index] ?? [] }))),
  );

  assert.deepEqual(compiled.value.table.routes[0]?.middlewares, [deny, auth, strip]);
});

test('buildTable() withholds a route when its instances name two policies', () => {
  const instances = ['x', 'y'].map((policy, index) => ({
    policy,
    instance: instanceOf('a', { instance: policy, address: `10.0.0.${index}` }),
  }));
  const compiled = compile(
    instances.map(({ instance, policy }) =>
      readingOf(instance, intentOf(instance, matchOf('h.io'), { middlewares: [{ kind: 'basicAuth', users: { kind: 'policy', policy } }] })),
    ),
  );

  assert.deepEqual(compiled.value.table.routes[0]?.action, { kind: 'respond', status: 503, reason: 'withheld' });
  assert.ok(codesOf(compiled).includes('ROUTE_WITHHELD'));
});

test('buildTable() keeps ip_hash when a HinD tag and a Fabio tag ask for the same', () => {
  const both = instanceOf('a', { tags: ['https://h.io', 'urlprefix-h.io:443/'] });
  const hind = intentOf(both, matchOf('h.io'), { dialect: 'hind', entryPoints: { kind: 'tls' }, pathForm: 'raw' });
  const fabio = intentOf(both, matchOf('h.io'), { entryPoints: { kind: 'tls' } });
  const compiled = compile([readingOf(both, hind, fabio)]);
  assert.equal(compiled.value.table.backends[0]?.loadBalancing, 'ipHash');
  assert.deepEqual(codesOf(compiled), []);
});

test('buildTable() refuses loopback of a catalog that is asked over the network', () => {
  const local = instanceOf('a', { address: '127.0.0.1' });
  const reading = readingOf(local, intentOf(local, matchOf('h.io')));
  assert.deepEqual(codesOf(compile([reading])), ['ROUTE_ADDRESS_REFUSED', 'ROUTE_UNHEALTHY']);
  assert.deepEqual(codesOf(compile([{ ...reading, local: true }])), []);
});

test('buildTable() refuses metadata, mapped and disguised addresses', () => {
  for (const address of [
    '169.254.169.254',
    '::ffff:10.0.0.1',
    '0.0.0.0',
    'fe80::1',
    '127.1',
    '0x7f000001',
    'db',
    'a.localhost',
    '2130706433',
  ]) {
    const instance = instanceOf('a', { address });
    const compiled = compile([readingOf(instance, intentOf(instance, matchOf('h.io')))]);
    assert.deepEqual(compiled.value.table.backends, [], address);
    assert.ok(codesOf(compiled).includes('ROUTE_ADDRESS_REFUSED'), address);
  }
});

test('buildTable() names a service as unreadable when an error has no intent', () => {
  const instance = instanceOf('a', { service: serviceName('a'), port: port(81), tags: ['urlprefix-'] });
  const reading = readingOf(instance);
  const diagnostics = [
    { code: 'FABIO_ROUTE_EMPTY', severity: 'error', message: 'm', related: [], span: { ...intentOf(instance, matchOf('h.io')).spans[0] } },
  ];
  const compiled = compile([{ ...reading, diagnostics: diagnostics as never }]);
  assert.deepEqual([...compiled.value.unreadable], ['default\u0000a']);
});

test('buildTable() names the tags of a route by service, instance, tag and place, each once', () => {
  const reading = (service: string, instance: string, ...places: readonly (readonly [number, number])[]) => {
    const one = instanceOf(service, { instance, address: `10.0.0.${service.length}${instance.length}`, tags: ['abc', 'def'] });
    const spans = places.map(([tagIndex, start]) => ({ ...tagSpan(one, tagIndex), start }));
    return readingOf(one, intentOf(one, matchOf('h.io'), { spans }));
  };
  const readings = [reading('b', 'x', [0, 0]), reading('a', 'y', [1, 2], [1, 1], [0, 2], [1, 2]), reading('a', 'xx', [1, 0])];
  const expected = ['a xx 1 0', 'a y 0 2', 'a y 1 1', 'a y 1 2', 'b x 0 0'];

  for (const order of [readings, readings.toReversed()])
    assert.deepEqual(
      compile(order).value.table.routes[0]?.spans.map(
        ({ service, instance, tagIndex, start }) => `${service} ${instance} ${tagIndex} ${start}`,
      ),
      expected,
    );
});
