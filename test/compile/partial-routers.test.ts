import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/compile/candidates.ts';
import { reportPartialRouters } from '../../src/compile/partial-routers.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import type { Definition, RouteIntent } from '../../src/model/intent.ts';
import { ownerId, sourceId } from '../../src/model/names.ts';
import { PLAIN_POOL } from '../../src/model/pool.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';

const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' }, name: 'r', linked: 's' } as const;
const instances = ['1', '2'].map((id) => instanceOf('a', { instance: id, address: `10.0.0.${id}` }));
const member = { protocol: 'http', endpoint: { address: '10.0.0.9', port: port(8080) }, pool: PLAIN_POOL } as const;

function codesWhere(second: { readonly asks: boolean; readonly service: string }): readonly string[] {
  const readings = instances.map((instance, at): Reading => {
    const isSecond = at === 1;
    const definition: Definition = { kind: 'service', name: isSecond ? second.service : 's', span: tagSpan(instance, 0), ...member };
    const asked = isSecond && !second.asks ? [] : [intentOf(instance, matchOf('h.io'), traefik)];
    return { ...readingOf(instance, ...asked), definitions: [definition] };
  });
  return codesOf(compile(readings));
}

test('reportPartialRouters() names a router that one instance with its service does not ask for', () => {
  assert.deepEqual(codesWhere({ asks: false, service: 'S' }), ['TRAEFIK_ROUTER_PARTIAL']);
});

test('reportPartialRouters() says nothing of other services, of connections, nor of a service at fault or that is a middleware', () => {
  const service = (name: string, overrides: Partial<Definition> = {}): Definition =>
    ({ kind: 'service', name, span: tagSpan(first, 0), ...member, ...overrides }) as Definition;
  const [first = instanceOf('a'), second = instanceOf('a')] = instances;
  const asked = (overrides: Partial<RouteIntent> = {}): Reading =>
    readingOf(first, intentOf(first, matchOf('h.io'), { ...traefik, ...overrides }));
  const codes = (one: Reading, instance: ServiceInstance, ...definitions: readonly Definition[]): readonly string[] => {
    const reported: string[] = [];
    reportPartialRouters([one, { ...readingOf(instance), definitions }], ({ code, message, span }) =>
      reported.push(`${code} ${span?.instance} ${message}`),
    );
    return reported;
  };
  const message =
    'TRAEFIK_ROUTER_PARTIAL 1 Instance "2" does not ask for router "r" and gets none of its requests: Traefik would send them to it too';

  assert.deepEqual(codes(asked(), second, service('other'), service('s')), [message]);
  assert.deepEqual(codes(asked(), instanceOf('b', { instance: '2' }), service('s')), []);
  assert.deepEqual(codes(asked(), { ...second, owner: ownerId('team') }, service('s')), []);
  assert.deepEqual(codes(asked(), { ...second, source: sourceId('nomad') }, service('s')), []);
  assert.deepEqual(codes(asked({ entryPoints: { kind: 'tcp' } }), second, service('s')), []);
  assert.deepEqual(codes(asked({ entryPoints: { kind: 'udp' } }), second, service('s')), []);
  assert.deepEqual(codes(asked(), second, service('s', { fault: { kind: 'quarantined', code: 'TRAEFIK_LABEL_VALUE' } })), []);
  assert.deepEqual(codes(asked(), second, { kind: 'middleware', name: 's', span: tagSpan(second, 0), middlewares: [] }), []);
  const { linked: _linked, ...unlinked } = asked().intents[0] ?? intentOf(first, matchOf('h.io'));
  assert.deepEqual(codes(readingOf(first, unlinked), second, service('s')), []);
});

test('reportPartialRouters() says nothing where all ask, or where the other instance has another service', () => {
  assert.deepEqual(codesWhere({ asks: true, service: 's' }), []);
  assert.deepEqual(codesWhere({ asks: false, service: 'other' }), []);
});
