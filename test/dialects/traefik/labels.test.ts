import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findRow, rowsOf, sections } from '../../../src/dialects/traefik/lookup.ts';
import { parseBool, parseDurationMs, parseInteger, printDurationMs } from '../../../src/dialects/traefik/values.ts';
import { CODES } from '../../../src/model/codes.ts';
import { sourceId } from '../../../src/model/names.ts';
import { codesOf } from '../../support/intents.ts';
import { traefikLabels } from '../../support/traefik-labels.ts';
import { placesOf, readInstance, readLabels, routerOf } from '../../support/traefik-reading.ts';

test('findRow() finds every row of the table by its own key in any case', () => {
  for (const section of sections())
    for (const { key } of rowsOf(section)) {
      const asked = key.replace('[N]', '[7]').replace('**', 'any.thing').replace('*', 'x-name');

      assert.equal(findRow(section, asked.toLowerCase())?.key, key);
    }
});

test('findRow() finds nothing for keys that every object has', () => {
  for (const key of ['__proto__', 'constructor', 'tostring', 'headers.__proto__.x'])
    assert.equal(findRow('http.middlewares', key), undefined);
});

test('parseDurationMs() reads seconds and the form of Go', () => {
  const texts = ['10', '1.5s', '1m30s', '100ms', '-1s', '0', '.5h', '', 's', '1 s', '1d'];

  assert.deepEqual(texts.map(parseDurationMs), [
    10_000,
    1500,
    90_000,
    100,
    -1000,
    0,
    1_800_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('printDurationMs() prints what parseDurationMs() reads again', () => {
  fc.assert(fc.property(fc.integer({ min: -1e9, max: 1e9 }), (ms) => assert.equal(parseDurationMs(printDurationMs(ms)), ms)));
});

test('parseInteger() and parseBool() read what Go reads', () => {
  assert.deepEqual(['1', '+1', '-1', '1.0', '', '0x1', '9223372036854775808'].map(parseInteger), [
    1,
    1,
    -1,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(['1', 'T', 'TRUE', 'tRUE', '0', 'f', 'no'].map(parseBool), [true, true, true, undefined, false, false, undefined]);
});

test('createTraefikDialect() points at the last piece of an unknown label and says what was meant', () => {
  const result = readLabels('http.routers.r.rule=Host(`a.io`)', 'http.services.s.loadbalancer.healthcheck.intervall=1s');

  assert.deepEqual(placesOf(result), [['TRAEFIK_LABEL_UNKNOWN', 'intervall']]);
  assert.equal(result.diagnostics[0]?.hint, 'Did you mean loadBalancer.healthCheck.interval?');
  assert.equal(result.diagnostics[0]?.severity, 'warning');
  assert.equal(result.value.intents[0]?.fault, undefined);
});

test('createTraefikDialect() withholds a route when a label that protects it is mistyped', () => {
  const mistyped = [
    'http.routers.r.middleware=auth',
    'http.routers.r.tls.option=mtls@file',
    'http.routers.r.entrypoint=internal',
    'http.router.r.middlewares=auth',
    'http.services.s.loadbalancer.serverstransprot=t@file',
    'http.services.s.server.scheme=https',
  ];
  for (const label of mistyped) {
    const result = readLabels('http.routers.r.rule=Host(`a.io`)', label);

    assert.deepEqual(
      result.value.intents.map(({ fault }) => fault?.kind),
      ['protective'],
      label,
    );
    assert.ok(
      result.diagnostics.some(({ code, severity }) => code === 'TRAEFIK_LABEL_UNKNOWN' && severity === 'error'),
      label,
    );
  }
});

test('createTraefikDialect() withholds a route when a label inside its protecting middleware is mistyped', () => {
  for (const field of [
    'basicauth.realmm=x',
    'ipallowlist.sourcerang=10.0.0.0/8',
    'ratelimit.brust=1',
    'basicuth.users=u:h',
    'brandnew.field=1',
  ])
    assert.equal(routerOf('http.routers.r.middlewares=m', `http.middlewares.m.${field}`).fault?.kind, 'protective', field);
});

test('createTraefikDialect() serves a route without a mistyped label that protects nothing', () => {
  const intent = routerOf('http.routers.r.middlewares=m', 'http.middlewares.m.compress=true', 'http.middlewares.m.compress.minbytes=1');

  assert.equal(intent.fault, undefined);
  assert.deepEqual(intent.middlewares, [{ kind: 'compress' }]);
});

test('createTraefikDialect() gives no route at all when the rule is mistyped', () => {
  assert.deepEqual(readLabels('http.routers.r.rul=Host(`a.io`)').value.intents, []);
});

test('createTraefikDialect() quarantines only the routes whose label has a value of a wrong type', () => {
  const result = readLabels('http.routers.r.rule=Host(`a.io`)', 'http.routers.r.priority=high', 'http.routers.q.rule=Host(`b.io`)');

  assert.deepEqual(placesOf(result), [['TRAEFIK_LABEL_VALUE', 'high']]);
  assert.deepEqual(
    result.value.intents.map(({ fault }) => fault?.kind),
    ['quarantined', undefined],
  );
});

test('createTraefikDialect() withholds a route when its protecting middleware has a value of a wrong type', () => {
  const intent = routerOf('http.routers.r.middlewares=m', 'http.middlewares.m.ratelimit.average=many');

  assert.deepEqual(intent.fault, { kind: 'protective', code: 'TRAEFIK_LABEL_VALUE' });
});

test('createTraefikDialect() says which labels Traefik reads from files only', () => {
  const files = [
    'http.serverstransports.t.insecureskipverify=true',
    'http.routers.r.parentrefs=p',
    'tls.options.o.minversion=x',
    'http.services.s.weighted.services[0].name=x',
  ];
  const result = readLabels('http.routers.r.rule=Host(`a.io`)', ...files);

  assert.deepEqual(codesOf(result).filter((code) => code === 'TRAEFIK_LABEL_FILE_ONLY').length, files.length);
});

test('createTraefikDialect() refuses what names files, addresses or code', () => {
  const refused = [
    'basicauth.usersfile=/etc/passwd',
    'forwardauth.address=http://x',
    'forwardauth.authsigninurl=http://x',
    'plugin.p.k=v',
    'ratelimit.redis.endpoints=x:1',
    'digestauth.usersfile=/x',
  ];
  for (const field of refused) {
    const result = readLabels('http.routers.r.rule=Host(`a.io`)', 'http.routers.r.middlewares=m', `http.middlewares.m.${field}`);

    assert.deepEqual(
      result.value.intents.map(({ fault }) => fault),
      [{ kind: 'protective', code: 'TRAEFIK_FEATURE_REFUSED' }],
      field,
    );
  }
});

test('createTraefikDialect() refuses a server URL and says where to point instead', () => {
  const intent = routerOf('http.services.s.loadbalancer.server.url=http://10.0.0.9');

  assert.deepEqual(intent.fault, { kind: 'quarantined', code: 'TRAEFIK_SERVER_URL' });
});

test('createTraefikDialect() takes a part out when its own label is neither true nor empty', () => {
  const kinds = ['true', 'TRUE', '', 'false', '1', 'yes'].map(
    (value) => routerOf(`http.routers.r.tls=${value}`, 'http.routers.r.tls.certresolver=le').entryPoints.kind,
  );

  assert.deepEqual(kinds, ['tls', 'tls', 'tls', 'plain', 'plain', 'plain']);
});

test('createTraefikDialect() names the label of Traefik 3 when it finds one of Traefik 1', () => {
  const result = readLabels('frontend.rule=Host:a.io,b.io;PathPrefix:/x', 'port=80', 'backend=b');

  assert.deepEqual(
    result.diagnostics.filter(({ severity }) => severity !== 'info').map(({ hint }) => hint),
    [
      'Write http.routers.NAME.rule=(Host(`a.io`) || Host(`b.io`)) && PathPrefix(`/x`)',
      'Write http.services.NAME.loadBalancer.server.port',
      'Write http.routers.NAME.rule',
    ],
  );
});

test('createTraefikDialect() says what labels without a protocol, of connect and of others were meant to be', () => {
  const result = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    'services.s.loadbalancer.passhostheader=false',
    'connect=true',
    'hcp.name=x',
    'docker.network=n',
    'consulcatalog.canari=true',
  );

  assert.deepEqual(
    result.diagnostics.map(({ hint }) => hint),
    [
      'Did you mean http.services?',
      'Did you mean consulCatalog.connect?',
      CODES.TRAEFIK_LABEL_UNKNOWN.hint,
      CODES.TRAEFIK_LABEL_UNKNOWN.hint,
      'Did you mean consulCatalog.canary?',
    ],
  );
  assert.deepEqual(new Set(codesOf(result)), new Set(['TRAEFIK_LABEL_UNKNOWN']));
});

test('createTraefikDialect() reports a blank before the equals sign where Traefik does not trim', () => {
  const tags = ['traefik.enable=true', 'traefik.http.routers.r.rule =Host(`a.io`)', 'traefik.http.routers.r.priority= 3'];
  const inConsul = readInstance({ tags, source: sourceId('consul') });
  const inNomad = readInstance({ tags, source: sourceId('nomad') });

  assert.deepEqual(codesOf(inConsul), ['TRAEFIK_LABEL_BLANK', 'TRAEFIK_LABEL_BLANK']);
  assert.deepEqual(codesOf(inNomad), []);
  assert.deepEqual(
    inConsul.value.intents.map(({ priority }) => priority),
    [3],
  );
});

test('createTraefikDialect() reads nothing when enable is spelled in another way', () => {
  const read = (tag: string): readonly string[] => codesOf(readInstance({ tags: [tag, 'traefik.http.routers.r.rule=Host(`a.io`)'] }));

  assert.deepEqual(read('traefik.enable=True'), []);
  assert.deepEqual(read('traefik.enable=1'), ['TRAEFIK_ENABLE_SPELLING']);
  assert.deepEqual(read('traefik.enable = true'), ['TRAEFIK_ENABLE_SPELLING']);
  assert.deepEqual(read('traefik.enable =true'), ['TRAEFIK_ENABLE_SPELLING']);
  assert.deepEqual(read('traefik.enable= true'), ['TRAEFIK_ENABLE_SPELLING']);
  assert.deepEqual(read('traefik.enable=false'), ['TRAEFIK_NOT_ENABLED']);
  assert.deepEqual(read('Traefik.enable=true'), ['TRAEFIK_NOT_ENABLED', 'TAG_MISSPELT']);
});

test('createTraefikDialect() reads nothing when enable says two things', () => {
  const result = readInstance({ tags: ['traefik.enable=true', 'traefik.enable=false'] });

  assert.deepEqual(codesOf(result), ['TRAEFIK_NAME_TWICE']);
  assert.deepEqual(result.value.intents, []);
});

test('createTraefikDialect() answers 503 for an instance that asks for Consul Connect', () => {
  const intent = routerOf('consulcatalog.connect=true');

  assert.deepEqual(intent.fault, { kind: 'protective', code: 'TRAEFIK_PROTECTION_UNSERVED' });
});

test('createTraefikDialect() takes names that differ in case for one', () => {
  const result = readLabels('HTTP.Routers.r.Rule=Host(`a.io`)', 'http.routers.R.EntryPoints=web');

  assert.deepEqual(
    result.value.intents.map(({ entryPoints }) => entryPoints),
    [{ kind: 'named', names: ['web'], tls: false }],
  );
});

test('createTraefikDialect() never throws and keeps every place inside its tag', () => {
  fc.assert(
    fc.property(traefikLabels, (labels) => {
      const { value, diagnostics } = readInstance({ tags: labels });
      const places = [...diagnostics, ...value.definitions].flatMap(({ span }) => span ?? []);
      for (const { start, end, tag } of [...places, ...value.intents.flatMap(({ spans }) => spans)])
        assert.ok(start >= 0 && start <= end && end <= tag.length, `${start}–${end} of ${tag}`);
    }),
    { numRuns: 500 },
  );
});

test('createTraefikDialect() says that a switch of a provider cannot be read', () => {
  assert.deepEqual(placesOf(readLabels('http.routers.r.rule=Host(`a.io`)', 'consulcatalog.canary=perhaps')), [
    ['TRAEFIK_LABEL_VALUE', 'perhaps'],
  ]);
});

test('parseInteger() and parseDurationMs() give nothing that Go cannot hold', () => {
  assert.ok(BigInt(parseInteger('9223372036854775807') ?? 0) <= 2n ** 63n - 1n);
  assert.equal(JSON.stringify(parseInteger('9223372036854775807')), '9223372036854775000');
  assert.deepEqual(['9223372036s', '9223372037s', '1100000000000000000', '-99999999999h'].map(parseDurationMs), [
    9_223_372_036_000,
    undefined,
    undefined,
    undefined,
  ]);
});
