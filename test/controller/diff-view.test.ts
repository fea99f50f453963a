import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffView } from '../../src/controller/diff-view.ts';
import { tableFor } from '../support/tables.ts';

test('diffView() tells routes that are new, gone and changed, and in what', () => {
  const from = { id: 1, server: 'caddy', table: tableFor({ a: { port: 1, tag: 'x' }, b: { port: 1, tag: 'x' } }) };
  const to = { id: 2, server: 'traefik', table: tableFor({ a: { port: 2, tag: 'y' }, c: { port: 1, tag: 'x' } }) };
  const { created, changed, removed, unchanged, servers } = diffView(from, to);
  assert.deepEqual([created.map(({ id }) => id), removed.map(({ id }) => id), unchanged, servers], [['c'], ['b'], 0, ['caddy', 'traefik']]);
  assert.deepEqual(changed[0]?.differences, [
    { what: 'backends', before: ['127.0.0.1:1'], after: ['127.0.0.1:2'] },
    { what: 'tags', before: ['x'], after: ['y'] },
  ]);
});
