import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceId } from '../../src/model/names.ts';
import type { Registration, ServiceEvent } from '../../src/nomad/types.ts';
import { createNomadCatalog } from '../../src/sources/nomad-catalog.ts';

const web = (id: string, tag: string, index: number): Registration => ({
  ID: id,
  ServiceName: 'web',
  Namespace: 'default',
  NodeID: 'node',
  Datacenter: 'dc1',
  JobID: '',
  AllocID: id,
  Address: '127.0.0.1',
  Port: 8001,
  Tags: [tag],
  ModifyIndex: index,
});

const line = (index: number, ...events: readonly (readonly [type: string, row: Registration])[]) => ({
  index: BigInt(index),
  events: events.map(([type, row]): ServiceEvent => ({ Topic: 'Service', Type: type, Index: index, Payload: { Service: row } })),
});

const catalogAt = (index: bigint, ...rows: readonly Registration[]) => {
  const catalog = createNomadCatalog({ id: sourceId('nomad'), isRoutingTag: (tag) => tag.startsWith('urlprefix-') });
  catalog.replace({ index, services: [{ namespace: 'default', name: 'web', index, rows }], unread: [] }, new Set());
  return catalog;
};

test('createNomadCatalog() ignores events that its reads already have', () => {
  const catalog = catalogAt(20n, web('a', 'urlprefix-new/', 20));

  const outcomes = [
    catalog.apply(line(18, ['ServiceDeregistration', web('a', 'urlprefix-old/', 10)])),
    catalog.apply(line(19, ['ServiceRegistration', web('b', 'urlprefix-old/', 19)])),
    catalog.apply(line(20, ['ServiceRegistration', web('a', 'urlprefix-old/', 19)])),
  ];

  assert.deepEqual(
    outcomes.map(({ changed }) => changed),
    [false, false, false],
  );
  assert.deepEqual(
    catalog.instances().map(({ instance, tags }) => [instance, tags]),
    [['a', ['urlprefix-new/']]],
  );
});

test('createNomadCatalog() orders a deletion by its own index, not by the old one in its payload', () => {
  const catalog = catalogAt(20n, web('a', 'urlprefix-new/', 20));

  catalog.apply(line(21, ['PlanResult', web('a', 'urlprefix-new/', 3)]));

  assert.equal(catalog.instances().length, 0);
  assert.equal(catalog.position, 21n);
});

test('createNomadCatalog() takes all events of one transaction, and none of them twice', () => {
  const catalog = catalogAt(20n);
  const both = line(21, ['ServiceRegistration', web('a', 'urlprefix-a/', 21)], ['ServiceRegistration', web('b', 'urlprefix-b/', 21)]);

  assert.equal(catalog.apply(both).changed, true);
  catalog.apply(line(22, ['ServiceDeregistration', web('a', 'urlprefix-a/', 21)]));

  assert.equal(catalog.apply(both).changed, false);
  assert.deepEqual(
    catalog.instances().map(({ instance }) => instance),
    ['b'],
  );
});
