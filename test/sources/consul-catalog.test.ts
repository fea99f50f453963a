import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceId } from '../../src/model/names.ts';
import { createConsulCatalog, type ConsulCatalog } from '../../src/sources/consul-catalog.ts';
import { ConsulError, type ConsulAnswer } from '../../src/sources/consul-client.ts';

type Row = readonly [id: string, status?: string, extra?: object];

const answer = (index: number, body: unknown, more: Partial<ConsulAnswer> = {}): ConsulAnswer => ({
  index: BigInt(index),
  knownLeader: true,
  filtered: false,
  blind: false,
  body,
  ...more,
});
const rows = (index: number, ids: readonly Row[], more: Partial<ConsulAnswer> = {}): ConsulAnswer =>
  answer(
    index,
    ids.map(([id, status = 'passing', extra = {}]) => ({
      Node: { Node: 'n', Address: '10.0.0.1' },
      Service: { ID: id, Service: 'web', Port: id.charCodeAt(0), Tags: ['route'], ...extra },
      Checks: [{ CheckID: 'c', ServiceID: id, Status: status }],
    })),
    more,
  );
const list = (index: number, names: readonly string[], more: Partial<ConsulAnswer> = {}): ConsulAnswer =>
  answer(index, Object.fromEntries(names.map((name) => [name, ['route']])), more);

function catalogAt(index: number, ids: readonly Row[]): ConsulCatalog {
  const catalog = createConsulCatalog({ id: sourceId('consul'), isRoutingTag: (tag) => tag === 'route' });
  catalog.putList(catalog.listIn(list(index, ['web'])));
  catalog.put('web', catalog.serviceIn('web', rows(index, ids)));
  return catalog;
}

const idsOf = (catalog: ConsulCatalog): string =>
  catalog
    .instances()
    .map(({ instance }) => instance.replace('n/', ''))
    .join('');

test('createConsulCatalog() takes additions and changes that are offered, and nothing that would be lost', () => {
  const catalog = catalogAt(10, [['a'], ['b']]);
  const offers = [
    catalog.offer('web', rows(11, [['a'], ['b'], ['c']])),
    catalog.offer('web', rows(12, [['a'], ['b'], ['c', 'critical']])),
    catalog.offer('web', rows(13, [['a'], ['b']])),
    catalog.offer('web', rows(14, [])),
    catalog.offer(
      'web',
      rows(15, [
        ['a', 'critical'],
        ['b', 'critical'],
        ['c', 'warning'],
      ]),
    ),
    catalog.offer('web', rows(16, [['a', 'passing', { Port: 0 }], ['b'], ['c']])),
  ];
  assert.deepEqual(offers, ['changed', 'changed', 'unproven', 'unproven', 'unproven', 'unproven']);
  assert.equal(idsOf(catalog), 'abc');
  assert.equal(catalog.get('web')?.index, 12n);
});

test('createConsulCatalog() takes nothing from an index that did not move, fell, or is 1', () => {
  const catalog = catalogAt(10, [['a']]);
  assert.equal(catalog.offer('web', rows(10, [['a'], ['b']])), 'same');
  assert.equal(catalog.offer('web', rows(9, [['a'], ['b']])), 'unproven');
  assert.equal(catalog.offer('web', rows(1, [['a'], ['b']])), 'unproven');
  assert.equal(idsOf(catalog), 'a');
});

test('createConsulCatalog() moves the index and keeps its objects when nothing that counts has changed', () => {
  const catalog = catalogAt(10, [['a']]);
  const before = catalog.get('web')?.instances;
  assert.equal(catalog.offer('web', rows(11, [['a']])), 'same');
  assert.equal(catalog.get('web')?.index, 11n);
  assert.equal(catalog.get('web')?.instances, before);
});

test('createConsulCatalog() lets go of what a read with evidence lacks', () => {
  const catalog = catalogAt(10, [['a'], ['b']]);
  assert.equal(catalog.put('web', catalog.serviceIn('web', rows(11, [['b']]))), true);
  assert.equal(idsOf(catalog), 'b');
  catalog.putList(catalog.listIn(list(12, ['other'])));
  assert.equal(idsOf(catalog), '');
  assert.equal(catalog.get('web'), undefined);
});

test('createConsulCatalog() keeps what a filtered read lacks until one shows everything', () => {
  const catalog = catalogAt(10, [['a'], ['b']]);
  catalog.put('web', catalog.serviceIn('web', rows(11, [['b', 'critical']], { filtered: true })));
  catalog.putList(catalog.listIn(list(12, [], { filtered: true })));
  assert.equal(idsOf(catalog), 'ab');
  assert.equal(catalog.instances()[1]?.health, 'critical');
  assert.equal(catalog.isFiltered, true);
  assert.equal(catalog.offer('web', rows(13, [['a'], ['b'], ['c']])), 'unproven');
  catalog.putList(catalog.listIn(list(14, ['web'])));
  assert.equal(catalog.isFiltered, true);
  catalog.put('web', catalog.serviceIn('web', rows(15, [['b']])));
  assert.equal(catalog.isFiltered, false);
  assert.equal(idsOf(catalog), 'b');
});

test('createConsulCatalog() lets go of what it only keeps when its address and port belong to another instance', () => {
  const catalog = catalogAt(10, [
    ['a', 'passing', { Port: 81 }],
    ['b', 'passing', { Port: 82 }],
  ]);
  catalog.put('web', catalog.serviceIn('web', rows(11, [['c', 'passing', { Port: 82 }]], { filtered: true })));
  assert.equal(idsOf(catalog), 'ac');
  catalog.put('web', catalog.serviceIn('web', rows(12, [['c', 'passing', { Port: 83 }]], { filtered: true })));
  assert.equal(idsOf(catalog), 'abc');
});

test('createConsulCatalog() takes new names from an offered list, and no missing one', () => {
  const catalog = catalogAt(10, [['a']]);
  assert.equal(catalog.offerList(list(10, [])), 'same');
  assert.equal(catalog.offerList(list(11, ['web', 'api'])), 'changed');
  assert.deepEqual(catalog.list.names, ['api', 'web']);
  assert.equal(catalog.offerList(list(12, ['web'])), 'unproven');
  assert.equal(catalog.offerList(list(13, ['web', 'api'], { filtered: true })), 'unproven');
  assert.equal(catalog.offerList(list(9, ['web', 'api', 'old'])), 'unproven');
  assert.deepEqual(catalog.list.names, ['api', 'web']);
});

test('createConsulCatalog() gives partition and namespace to the owner', () => {
  const catalog = catalogAt(10, [
    ['a', 'passing', { Namespace: 'default', Partition: 'default' }],
    ['b', 'passing', { Namespace: 'blue', Partition: 'default' }],
    ['c', 'passing', { Namespace: 'blue', Partition: 'east' }],
  ]);
  assert.deepEqual(new Set(catalog.instances().map(({ owner }) => owner)), new Set(['default', 'blue', 'east/blue']));
});

test('createConsulCatalog() throws where an answer has another shape', () => {
  const catalog = catalogAt(10, [['a']]);
  const isRequest = (error: unknown): boolean => error instanceof ConsulError && error.fault === 'request';
  for (const body of [null, [], 'text', { web: 5 }, { web: [5] }]) assert.throws(() => catalog.listIn(answer(11, body)), isRequest);
  for (const body of [null, {}, [{}], [{ Service: { Service: 'web', Tags: 5 } }], [5]])
    assert.throws(() => catalog.offer('web', answer(11, body)), isRequest);
  assert.equal(idsOf(catalog), 'a');
});
