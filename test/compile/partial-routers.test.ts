import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/compile/candidates.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
import type { Definition } from '../../src/model/intent.ts';
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

test('reportPartialRouters() says nothing where all ask, or where the other instance has another service', () => {
  assert.deepEqual(codesWhere({ asks: true, service: 's' }), []);
  assert.deepEqual(codesWhere({ asks: false, service: 'other' }), []);
});
