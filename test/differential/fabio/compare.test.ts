import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../client.ts';
import { differencesOf, tallyOf, type FabioDifference } from './compare.ts';

const PLAIN = { headers: [] };
const nobody = (status: number, headers: Answer['headers'] = {}): Answer => ({ status, headers });
const from = (instance: string): Answer => ({
  status: 200,
  headers: {},
  echo: { instance, method: 'GET', path: '/', host: 'h.io', headers: {}, bodyBytes: 0 },
});

function differences(fabio: readonly Answer[], ours: readonly Answer[]): readonly FabioDifference['what'][] {
  return differencesOf(tallyOf(PLAIN, fabio), tallyOf(PLAIN, ours)).map(({ what }) => what);
}

test('differencesOf() takes all ways to say that nothing is routed for one, and all failures', () => {
  assert.deepEqual(differences([nobody(404)], [nobody(421)]), []);
  assert.deepEqual(differences([nobody(500)], [nobody(502)]), []);
  assert.deepEqual(differences([nobody(404)], [nobody(503)]), ['status']);
  assert.deepEqual(differences([nobody(301, { location: '/a' })], [nobody(301, { location: '/a/' })]), ['location']);
});

test('differencesOf() compares shares where answers to one request differ, with room for chance', () => {
  const shares = (a: number, b: number): readonly Answer[] => [
    ...Array.from({ length: a }, () => from('10.0.0.1:80')),
    ...Array.from({ length: b }, () => from('10.0.0.2:80')),
  ];

  assert.deepEqual(differences(shares(50, 50), shares(40, 60)), []);
  assert.deepEqual(differences(shares(50, 50), shares(20, 80)), ['shares']);
  assert.deepEqual(differences(shares(50, 50), shares(100, 0)), ['shares']);
});
