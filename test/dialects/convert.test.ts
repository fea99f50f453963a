import assert from 'node:assert/strict';
import { test } from 'node:test';
import { convertTags, type Conversion } from '../../src/dialects/convert.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import { serviceName } from '../../src/model/names.ts';
import type { DialectName } from '../../src/model/route.ts';
import { FORMATTERS } from '../support/formatters.ts';
import { CASE_DIALECTS, codesOf, instanceOf, port } from '../support/intents.ts';

const CONTEXT = { service: serviceName('web'), port: port(8080), entryPoints: { plain: 'web', tls: 'websecure' } };

function convert(to: DialectName, tags: readonly string[], dialects: readonly Dialect[] = CASE_DIALECTS): Diagnosed<Conversion> {
  return convertTags(instanceOf('web', { tags }), { dialects, to: FORMATTERS[to], context: CONTEXT });
}

const routed = (name: string, rule: string, ...more: readonly string[]): readonly string[] => [
  `traefik.http.routers.${name}.rule=${rule}`,
  ...more.map((label) => `traefik.http.routers.${name}.${label}`),
];
const SECURE = ['entrypoints=websecure', 'tls=true'];
const kinds = ({ value }: Diagnosed<Conversion>): readonly string[] => value.steps.map(({ kind }) => kind);

test('convertTags() writes what one tag asks for as a whole or not at all', () => {
  const both = ['traefik.enable=true', ...routed('a', 'Host(`a.io`) || HostRegexp(`x`)', ...SECURE)];
  const converted = convert('hind', both);

  assert.deepEqual(converted.value.tags, both);
  assert.deepEqual(codesOf(converted), ['HIND_UNSUPPORTED']);
  assert.deepEqual(convert('traefik', ['https://a.io https://b.io:8443']).value.tags, ['https://a.io https://b.io:8443']);
});

test('convertTags() lets the labels of a router go and keeps those of another', () => {
  const tags = [
    'traefik.enable=true',
    ...routed('a', 'Host(`a.io`)', ...SECURE),
    ...routed('b', 'Host(`b.io`) && Method(`GET`)', ...SECURE),
  ];
  const converted = convert('hind', tags);

  assert.deepEqual(converted.value.tags, ['traefik.enable=true', 'https://a.io', ...tags.slice(4)]);
  assert.deepEqual(kinds(converted), ['kept', 'converted', 'converted', 'converted', 'kept', 'kept', 'kept']);
});

test('convertTags() lets all labels go when all routers are said, and names a definition that others may use', () => {
  const tags = ['traefik.enable=true', ...routed('a', 'Host(`a.io`)', ...SECURE), 'traefik.http.middlewares.zip.compress=true'];
  const converted = convert('hind', tags);

  assert.deepEqual(converted.value.tags, ['https://a.io']);
  assert.deepEqual(
    converted.diagnostics.map(({ code, span }) => [code, span?.tagIndex]),
    [
      ['HIND_APPROXIMATED', 1],
      ['HIND_APPROXIMATED', 1],
      ['HIND_UNSUPPORTED', 4],
    ],
  );
});

test('convertTags() leaves labels that are not enabled alone', () => {
  const tags = [...routed('a', 'Host(`a.io`)'), 'urlprefix-b.io:443/ lb=ip_hash'];
  const converted = convert('hind', tags);

  assert.deepEqual(converted.value.tags, [tags[0], 'https://b.io']);
  assert.deepEqual(kinds(converted), ['kept', 'converted']);
});

test('convertTags() leaves tags of the wanted dialect alone, and writes them again where new labels would change them', () => {
  const own = ['traefik.enable=true', ...routed('a', 'Host(`a.io`)', 'entrypoints=web')];

  const beside = convert('traefik', [...own, 'urlprefix-b.io:80/']).value.tags;
  assert.deepEqual(beside.slice(0, 3), own);
  assert.ok(beside.some((tag) => tag.includes('Host(`b.io`)')));
  const together = convert('traefik', [...own, 'https://b.io']).value.tags;
  assert.ok(together.some((tag) => tag.endsWith('.loadbalancer.strategy=hrw')));
  assert.ok(together.some((tag) => tag.endsWith('.loadbalancer.passhostheader=true')));
  assert.ok(!together.includes(own[1] ?? ''));
});

test('convertTags() converts nothing where the labels that are there would undo it', () => {
  const tags = ['traefik.enable=false', 'urlprefix-b.io:80/'];
  const converted = convert('traefik', tags);

  assert.deepEqual(converted.value.tags, tags);
  assert.ok(codesOf(converted).includes('TRAEFIK_UNSUPPORTED'));
  assert.deepEqual(kinds(converted), ['own', 'kept']);
});

test('convertTags() writes one route where two dialects ask for it, and says where they differ', () => {
  const same = convert('traefik', ['https://h.io', 'urlprefix-h.io:443/']);
  assert.equal(same.value.tags.filter((tag) => tag.includes('.rule=')).length, 1);
  assert.ok(same.value.tags.some((tag) => tag.endsWith('strategy=hrw')));
  assert.ok(!codesOf(same).includes('ROUTE_DIALECTS_DIFFER'));
  assert.deepEqual(kinds(same), ['converted', 'converted']);

  const differing = convert('traefik', ['https://h.io', 'urlprefix-h.io:443/ strip=/a']);
  assert.deepEqual(
    differing.diagnostics
      .filter(({ code }) => code === 'ROUTE_DIALECTS_DIFFER')
      .map(({ span, related }) => [span?.tagIndex, related[0]?.tagIndex]),
    [[0, 1]],
  );
});

test('convertTags() says where one dialect asks twice, and takes the first tag', () => {
  const converted = convert('hind', ['urlprefix-h.io:443/ lb=ip_hash', 'urlprefix-h.io:443/ strip=/a']);

  assert.deepEqual(converted.value.tags, ['https://h.io']);
  assert.ok(codesOf(converted).includes('ROUTE_DUPLICATE'));
});

test('convertTags() writes of a route for plain http and TLS only what those for one of them leave', () => {
  const rules = (...tags: readonly string[]): readonly string[] =>
    convert('traefik', tags).value.tags.flatMap((tag) => /(?:entrypoints|priority)=(.*)/.exec(tag)?.[1] ?? []);

  const redirected = ['urlprefix-h.io:80/ redirect=301,https://h.io$path', 'urlprefix-h.io/'];
  assert.deepEqual(rules(...redirected), ['web', '3007001', 'websecure', '3008001']);
  assert.deepEqual(rules(...redirected, 'urlprefix-h.io:443/ strip=/a'), ['web', '3007001', 'websecure', '3008001']);
  assert.deepEqual(rules('urlprefix-h.io:80/', 'urlprefix-h.io/long'), ['web', '3007001', 'web', '3004005', 'websecure', '3004005']);
  assert.deepEqual(convert('hind', ['urlprefix-h.io/ strip=/a', 'https://h.io']).value.tags, ['urlprefix-h.io/ strip=/a', 'https://h.io']);
});

test('convertTags() keeps two routers for one host with different ports apart', () => {
  const ported = (name: string, number: number): string => `traefik.http.services.${name}.loadbalancer.server.port=${number}`;
  const tags = [
    'traefik.enable=true',
    ...routed('a', 'Host(`a.io`)', 'entrypoints=web', 'service=a'),
    ...routed('b', 'Host(`a.io`)', ...SECURE, 'service=b'),
    ported('a', 8080),
    ported('b', 9090),
  ];
  const converted = convert('fabio', tags);

  assert.deepEqual(converted.value.tags.slice(0, 2), ['traefik.enable=true', 'urlprefix-a.io:80/']);
  assert.ok(converted.value.tags.includes(ported('b', 9090)));
  assert.deepEqual(
    codesOf(converted).filter((code) => code.startsWith('FABIO')),
    ['FABIO_APPROXIMATED', 'FABIO_UNSUPPORTED'],
  );
});

test('convertTags() changes nothing when it is asked again', () => {
  const tags = [
    'x',
    'urlprefix-h.io:80/ redirect=301,https://h.io$path',
    'https://h.io/p*',
    'urlprefix-:3306 proto=tcp',
    'urlprefix-h.io/ weight=0.5',
  ];
  for (const to of ['fabio', 'hind', 'traefik'] as const) {
    const once = convert(to, tags).value.tags;
    assert.deepEqual(convert(to, once).value.tags, once);
  }
});

test('convertTags() reads tags of other dialects once, and what it wrote of them not at all', () => {
  const read: string[] = [];
  const counting = CASE_DIALECTS.map((dialect): Dialect => {
    const parse: Dialect['parse'] = (instance, report) => {
      if (instance.tags.length > 0) read.push(dialect.name);
      return dialect.parse(instance, report);
    };
    return { ...dialect, parse };
  });

  const converted = convert('traefik', ['metrics', 'urlprefix-a.io/'], counting);

  assert.deepEqual(kinds(converted), ['foreign', 'converted']);
  assert.deepEqual(read.toSorted(), ['fabio', 'hind', 'traefik']);
});
