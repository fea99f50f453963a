import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTags } from '../../../src/dialects/read-tags.ts';
import { createTraefikDialect } from '../../../src/dialects/traefik/dialect.ts';
import { codesOf, instanceOf } from '../../support/intents.ts';

const DIALECT = createTraefikDialect({
  prefix: 'traefik',
  exposedByDefault: false,
  defaultRule: '{name}.{suffix}',
  domainSuffix: 'localhost',
});
const read = (...tags: readonly string[]): ReturnType<typeof readTags> =>
  readTags(instanceOf('web', { tags: ['traefik.enable=true', ...tags] }), [DIALECT]);

test('createTraefikDialect() turns || into one intent each', () => {
  const { value } = read('traefik.http.routers.r.rule=(host(`a.io`) || host(`b.io`)) && !PathPrefix(`/x`)');
  assert.deepEqual(
    value.intents.map(({ match }) => [match.host.kind === 'exact' && match.host.host, match.conditions.length]),
    [
      ['a.io', 1],
      ['b.io', 1],
    ],
  );
});

test('createTraefikDialect() withholds a route when its protection is not served', () => {
  const { value } = read(
    'traefik.http.routers.r.rule=Host(`a.io`)',
    'traefik.http.routers.r.middlewares=m',
    'traefik.http.middlewares.m.basicauth.users=x',
  );
  assert.deepEqual(
    value.intents.map(({ fault }) => fault?.kind),
    ['protective'],
  );
});

test('createTraefikDialect() points at the piece of the rule when it cannot be read', () => {
  const result = read('traefik.http.routers.r.rule=Host(`a.io`) && Hots(`b`)');
  assert.deepEqual(codesOf(result), ['TRAEFIK_RULE_SYNTAX']);
  const span = result.diagnostics[0]?.span;
  assert.equal(span?.tag.slice(span.start, span.end), 'Hots');
});

test('createTraefikDialect() never throws and keeps spans inside the tag', () => {
  const piece = fc.constantFrom(
    'traefik.',
    'http.',
    'routers.',
    'r.',
    'rule=',
    'Host(',
    '`a`',
    ')',
    '&&',
    '||',
    '!',
    'middlewares=',
    '@file',
    '=',
    '.',
    ' ',
  );
  const tag = fc.oneof(
    fc.string(),
    fc.array(piece).map((pieces) => pieces.join('')),
    fc.string().map((rule) => `traefik.http.routers.r.rule=${rule}`),
  );
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 6 }), (tags) => {
      for (const { span } of read(...tags).diagnostics)
        assert.ok(!span || (span.start >= 0 && span.start <= span.end && span.end <= span.tag.length));
    }),
  );
});

test('createTraefikDialect() makes no default router when the only router has a refused name', () => {
  const { value } = read('traefik.http.routers.r@file.rule=Host(`a.io`)');

  assert.deepEqual(value.intents, []);
});

test('createTraefikDialect() keeps the match with a fault when a label is given twice', () => {
  const { value } = read(
    'traefik.http.routers.r.rule=Host(`a.io`)',
    'traefik.http.routers.r.priority=1',
    'traefik.http.routers.r.priority=2',
  );

  assert.deepEqual(
    value.intents.map(({ fault }) => fault),
    [{ kind: 'quarantined', code: 'TRAEFIK_NAME_TWICE' }],
  );
});

test('createTraefikDialect() keeps the match with a fault when the service is ambiguous', () => {
  const { value } = read(
    'traefik.http.routers.r.rule=Host(`a.io`)',
    'traefik.http.services.x.loadbalancer.server.port=80',
    'traefik.http.services.y.loadbalancer.server.port=81',
  );

  assert.deepEqual(
    value.intents.map(({ fault }) => fault),
    [{ kind: 'quarantined', code: 'TRAEFIK_SERVICE_AMBIGUOUS' }],
  );
});

test('createTraefikDialect() recognises labels of its prefix and no tag that only begins like it', () => {
  const tags = ['traefik.enable=true', ' traefik.enable=true', 'traefik-canary.enable=true', 'traefik=1', 'traefik.enable'];

  assert.deepEqual(
    tags.map((tag) => DIALECT.recognises(tag)),
    [true, true, false, false, false],
  );
});
