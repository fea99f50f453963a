import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMatch } from '../../src/model/describe.ts';
import { backendsOf, createTable } from '../../src/model/table.ts';
import { routesMissed } from '../../src/plan/same-answers.ts';
import { ENTRY_POINTS } from '../support/intents.ts';
import { tableOf } from '../verify/tables.ts';

const SETTINGS = { entryPoints: ENTRY_POINTS };

function labels(rule: string, ...more: readonly string[]): readonly string[] {
  const router = (name: string): readonly string[] => [
    `traefik.http.routers.${name}.rule=${rule}`,
    ...more.map((label) => label.replace('ROUTER', `routers.${name}`)),
  ];
  return [
    'traefik.enable=true',
    ...router('plain'),
    'traefik.http.routers.plain.entrypoints=web',
    ...router('tls'),
    'traefik.http.routers.tls.entrypoints=websecure',
    'traefik.http.routers.tls.tls=true',
  ];
}

/** The routes that are missed where `old` goes and `stays` stays. */
function missed(old: readonly string[], stays: readonly string[], beside: readonly string[] = []): readonly string[] {
  const table = (tags: readonly string[]): ReturnType<typeof tableOf> =>
    tableOf(SETTINGS, [
      { service: 'web', address: '10.0.0.1', tags },
      { service: 'beside', address: '10.0.0.2', tags: beside },
    ]);
  return routesMissed(table([...old, ...stays]), table(stays)).map(describeMatch);
}

test('routesMissed() misses nothing that the other tags say too', () => {
  assert.deepEqual(missed(['urlprefix-a.test/'], labels('Host(`a.test`)')), []);
  assert.deepEqual(missed(['urlprefix-a.test/x'], labels('Host(`a.test`) && PathPrefix(`/x`)')), []);
  const strip = ['traefik.http.ROUTER.middlewares=s', 'traefik.http.middlewares.s.stripprefix.prefixes=/x'];
  assert.deepEqual(missed(['urlprefix-a.test/x strip=/x'], labels('Host(`a.test`) && PathPrefix(`/x`)', ...strip)), []);
  assert.deepEqual(missed(['https://a.test'], ['urlprefix-b.test/'], labels('Host(`c.test`)')), [
    'a.test/',
    'a.test/ and not /.well-known/acme-challenge/',
  ]);
});

test('routesMissed() misses no route that answered first where the next one answers the same', () => {
  const behind = labels('Host(`a.test`) && PathPrefix(`/x`)');
  const other = [...behind, 'traefik.http.routers.plain.middlewares=h', 'traefik.http.middlewares.h.headers.customrequestheaders.X-A=1'];
  const missedFirst = (stays: readonly string[]): readonly string[] => {
    const rest = tableOf(SETTINGS, [{ service: 'web', address: '10.0.0.1', tags: stays }]);
    const all = tableOf(SETTINGS, [{ service: 'web', address: '10.0.0.1', tags: ['urlprefix-a.test/x', ...stays] }]);
    const fabioFirst = all.routes.toSorted((left, right) => Number(right.dialect === 'fabio') - Number(left.dialect === 'fabio'));
    return routesMissed(createTable(fabioFirst, backendsOf(all)), rest).map(describeMatch);
  };

  assert.deepEqual(missedFirst(behind), []);
  assert.deepEqual(missedFirst(other), ['a.test/x']);
});

test('routesMissed() names what would be answered in another way', () => {
  const [path] = ['a.test/x'];
  assert.deepEqual(missed(['urlprefix-a.test/'], []), ['a.test/']);
  assert.deepEqual(missed(['urlprefix-a.test/'], labels('Host(`b.test`)')), ['a.test/']);
  assert.deepEqual(missed(['urlprefix-a.test/x strip=/x'], labels('Host(`a.test`)')), [path]);
  assert.deepEqual(
    missed(
      ['urlprefix-a.test/'],
      labels('Host(`a.test`)').filter((label) => !label.includes('routers.tls')),
    ),
    ['a.test/'],
  );
  assert.deepEqual(missed(['urlprefix-a.test/'], labels('Host(`a.test`) && Method(`GET`)')), ['a.test/']);
});
