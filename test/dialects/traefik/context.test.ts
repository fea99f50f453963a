import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalisedName, parseLink, providerOf } from '../../../src/dialects/traefik/context.ts';
import { serviceName, sourceId } from '../../../src/model/names.ts';

const NAMES: readonly (readonly [service: string, name: string])[] = [
  ['web', 'web'],
  ['a.b', 'a-b'],
  ['a-b', 'a-b'],
  ['a.-_b', 'a-b'],
  ['-web.', 'web'],
  ['Web 2', 'Web-2'],
  ['wéb', 'wéb'],
];

for (const [service, name] of NAMES)
  test(`normalisedName() of "${service}" is "${name}"`, () => {
    assert.equal(normalisedName({ service: serviceName(service) }), name);
  });

test('providerOf() is what Traefik calls the catalog', () => {
  assert.deepEqual(
    ['consul', 'nomad'].map((source) => providerOf({ source: sourceId(source) })),
    ['consulcatalog', 'nomad'],
  );
});

const LINKS: readonly (readonly [text: string, name: string, scope: string])[] = [
  ['m', 'm', 'labels'],
  ['m@consulcatalog', 'm', 'labels'],
  ['m@nomad', 'm', 'labels'],
  ['m@file', 'm', 'file'],
  ['api@internal', 'api', 'internal'],
  ['m@docker', 'm', 'elsewhere'],
  ['m@file@x', 'm', 'elsewhere'],
  ['@file', '', 'file'],
];

for (const [text, name, scope] of LINKS)
  test(`parseLink() looks for ${text} as "${name}" of ${scope}`, () => {
    assert.deepEqual(parseLink(text), { name, scope });
  });
