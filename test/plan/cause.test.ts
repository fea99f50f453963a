import assert from 'node:assert/strict';
import { test } from 'node:test';
import { causeText } from '../../src/cli/cause-text.ts';
import { EMPTY_TABLE } from '../../src/model/table.ts';
import { causeOf } from '../../src/plan/cause.ts';
import { plainTable, tableFor, tableOf } from '../support/tables.ts';

const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

test('causeOf() names the services, tags and instances that differ, without hashes', () => {
  const before = tableFor({ a: { port: 1, tag: 'x' }, b: { port: 1, tag: 'x' }, c: { port: 1, tag: 'x' }, d: { port: 1, tag: 'x' } });
  const after = tableFor({
    a: { port: 1, tag: 'x' },
    b: { port: 2, tag: 'x' },
    c: { port: 3, tag: `traefik.http.middlewares.m.basicauth.users=u:${HASH}` },
    e: { port: 1, tag: 'x' },
  });
  const shown = causeOf(before, after).services.map(({ service, owner: _owner, ...change }) => [service, change] as const);
  assert.deepEqual(Object.fromEntries(shown), {
    b: { kind: 'changed', tagsAdded: [], tagsRemoved: [], instancesAdded: ['127.0.0.1:2'], instancesRemoved: ['127.0.0.1:1'] },
    c: {
      kind: 'changed',
      tagsAdded: ['traefik.http.middlewares.m.basicauth.users=[redacted]'],
      tagsRemoved: ['x'],
      instancesAdded: ['127.0.0.1:3'],
      instancesRemoved: ['127.0.0.1:1'],
    },
    d: { kind: 'removed', tagsAdded: [], tagsRemoved: ['x'], instancesAdded: [], instancesRemoved: ['127.0.0.1:1'] },
    e: { kind: 'added', tagsAdded: ['x'], tagsRemoved: [], instancesAdded: ['127.0.0.1:1'], instancesRemoved: [] },
  });
});

test('causeOf() names at most 50 services and counts the others', () => {
  const { services, more } = causeOf(EMPTY_TABLE, plainTable(...Array.from({ length: 60 }, (_, index) => `s${index}`)));
  assert.deepEqual([services.length, more], [50, 10]);
});

test('causeOf() names a tag when its route goes, and again when its 503 ends', () => {
  const served = plainTable('a', 'b');
  const buried = tableOf(
    served.routes.map((route) => (route.id === 'b' ? { ...route, action: { kind: 'respond', status: 503, reason: 'tombstone' } } : route)),
    ...served.backends,
  );

  const [went, ended] = [causeOf(served, buried), causeOf(buried, plainTable('a'))];

  assert.deepEqual(
    went.services.map(({ kind, tagsRemoved, tagsEnded }) => [kind, tagsRemoved, tagsEnded]),
    [['changed', ['urlprefix-b.test/'], undefined]],
  );
  assert.deepEqual(
    ended.services.map(({ kind, tagsRemoved, tagsEnded }) => [kind, tagsRemoved, tagsEnded]),
    [['removed', [], ['urlprefix-b.test/']]],
  );
  assert.equal(causeText(went), '~ b: -urlprefix-b.test/');
  const shared = { ...ended, services: ended.services.map((change) => ({ ...change, kind: 'changed' as const, instancesRemoved: [] })) };
  assert.equal(causeText(shared), '~ b: end of 503 for urlprefix-b.test/');
});
