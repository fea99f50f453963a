import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadBalancing } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { backendsOf } from '../../src/model/table.ts';
import { differencesOf } from '../../src/targets/traefik/differences.ts';
import { compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';

/** What Traefik does otherwise with a route whose pool chooses in this way among instances of these weights. */
function differences(loadBalancing: LoadBalancing, weights: readonly number[], overrides: Partial<Route> = {}): readonly string[] {
  const readings = weights.map((_weight, index) => {
    const instance = instanceOf('web', { instance: `web-${index}`, address: `10.0.0.${index + 1}` });
    return readingOf(instance, intentOf(instance, matchOf('h.io')));
  });
  const { table } = compile(readings).value;
  const [route] = table.routes;
  assert.ok(route);
  const backends = new Map(
    [...backendsOf(table)].map(([id, backend]) => {
      assert.equal(backend.endpoints.length, weights.length);
      const endpoints = backend.endpoints.map((endpoint, index) => ({ ...endpoint, weight: weights[index] ?? 0 }));
      return [id, { ...backend, loadBalancing, endpoints }];
    }),
  );
  return differencesOf({ ...route, ...overrides }, { backends });
}

test('differencesOf() tells of weights where Traefik chooses by how busy instances are', () => {
  const blind = ['Traefik pays no heed to weights where it chooses the less busy of two instances'];
  assert.deepEqual(differences('leastConnections', [1, 2]), blind);
  assert.deepEqual(differences('powerOfTwo', [1, 2]), blind);
  for (const [loadBalancing, weights] of [
    ['random', [1, 2]],
    ['roundRobin', [1, 2]],
    ['leastConnections', [2, 2]],
    ['leastConnections', [2]],
  ] as const)
    assert.deepEqual(differences(loadBalancing, weights), [], `${loadBalancing} ${weights.join()}`);
});

test('differencesOf() says nothing of weights that Traefik itself was asked for', () => {
  assert.deepEqual(differences('leastConnections', [1, 2], { dialect: 'traefik' }), []);
});

test('differencesOf() tells how connections are shared where that is not as asked', () => {
  const shared = (loadBalancing: LoadBalancing, weights: readonly number[]): readonly string[] =>
    differences(loadBalancing, weights, { protocol: 'tcp' });

  assert.deepEqual(shared('ipHash', [1, 1]), [
    'Cannot choose among instances by ipHash: Traefik shares connections by weighted round robin',
  ]);
  assert.deepEqual(shared('leastConnections', [1, 2]), [
    'Cannot choose among instances by leastConnections: Traefik shares connections by weighted round robin',
  ]);
  for (const [loadBalancing, weights] of [
    ['random', [1, 2]],
    ['roundRobin', [1, 2]],
    ['ipHash', [1]],
  ] as const)
    assert.deepEqual(shared(loadBalancing, weights), [], `${loadBalancing} ${weights.join()}`);
});
