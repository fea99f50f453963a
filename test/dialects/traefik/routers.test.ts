import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteIntent } from '../../../src/model/intent.ts';
import { serviceName } from '../../../src/model/names.ts';
import { codesOf } from '../../support/intents.ts';
import { placesOf, readInstance, readLabels, routerOf } from '../../support/traefik-reading.ts';

const hostsOf = (intents: readonly RouteIntent[]): readonly unknown[] =>
  intents.map(({ match }) => match.host.kind === 'exact' && match.host.host);

test('createTraefikDialect() makes a default router where Traefik does', () => {
  const tags = (...labels: readonly string[]): readonly string[] => ['traefik.enable=true', ...labels.map((label) => `traefik.${label}`)];
  const hosts = (...labels: readonly string[]): readonly unknown[] =>
    hostsOf(
      readInstance({ service: serviceName('My.App_1'), tags: tags(...labels) }).value.intents.filter(({ protocol }) => protocol === 'http'),
    );

  assert.deepEqual(hosts(), ['my-app-1.test']);
  assert.deepEqual(hosts('http.services.s.loadbalancer.passhostheader=false'), ['my-app-1.test']);
  assert.deepEqual(hosts('http.middlewares.m.compress=true', 'tcp.routers.t.rule=HostSNI(`*`)'), ['my-app-1.test']);
  assert.deepEqual(hosts('http.routers.r.tls=true'), ['my-app-1.test']);
  assert.deepEqual(hosts('tcp.routers.t.rule=HostSNI(`*`)'), []);
  assert.deepEqual(hosts('udp.services.s.loadbalancer.server.port=1'), []);
  assert.deepEqual(hosts('http.services.s.loadbalancer.server.port=1', 'http.services.t.loadbalancer.server.port=2'), []);
});

test('createTraefikDialect() has no default host for a service whose name makes none', () => {
  const result = readInstance({ service: serviceName('bücher'), tags: ['traefik.enable=true'] });

  assert.deepEqual(codesOf(result), ['TRAEFIK_RULE_SYNTAX']);
  assert.deepEqual(result.value.intents, []);
});

test('createTraefikDialect() takes the priority that Traefik takes', () => {
  const priorities = ['5', '-3', '0', '9223372036854774807'].map((text) => routerOf(`http.routers.r.priority=${text}`));

  assert.deepEqual(
    priorities.map(({ priority, ruleLength }) => [priority, ruleLength]),
    [
      [5, 12],
      [-3, 12],
      [undefined, 12],
      [Number('9223372036854774807'), 12],
    ],
  );
  assert.equal(routerOf('http.routers.r.priority=9223372036854774808').fault?.code, 'TRAEFIK_LABEL_VALUE');
});

test('createTraefikDialect() links a router to the service that Traefik links it to', () => {
  const two = ['http.services.x.loadbalancer.server.port=1', 'http.services.y.loadbalancer.server.port=2'];

  assert.equal(routerOf().endpoint.port, 8080);
  assert.equal(routerOf(two[0] ?? '').endpoint.port, 1);
  assert.equal(routerOf(...two, 'http.routers.r.service=y').endpoint.port, 2);
  assert.equal(routerOf(...two, 'http.routers.r.service=y@consulcatalog').endpoint.port, 2);
  assert.equal(routerOf(...two).fault?.code, 'TRAEFIK_SERVICE_AMBIGUOUS');
  assert.equal(routerOf('http.routers.r.service=api@internal').fault?.code, 'TRAEFIK_FEATURE_REFUSED');
  assert.equal(routerOf('http.routers.r.service=s@file').fault?.code, 'TRAEFIK_REFERENCE_UNKNOWN');
  assert.deepEqual(
    [routerOf('http.routers.r.service=theirs').backend?.to, routerOf('http.routers.r.service=theirs').backend?.name],
    ['service', 'theirs'],
  );
});

test('createTraefikDialect() finds a service that is declared in another case, and says that Traefik would not', () => {
  const result = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    'http.routers.r.service=Web',
    'http.services.web.loadbalancer.server.port=1',
  );

  assert.deepEqual(
    placesOf(result).filter(([code]) => code === 'TRAEFIK_NAME_CASE'),
    [['TRAEFIK_NAME_CASE', 'Web']],
  );
  assert.equal(result.value.intents[0]?.endpoint.port, 1);
});

test('createTraefikDialect() takes TLS options from policies of the operator only', () => {
  const profile = routerOf('http.routers.r.tls.options=mtls@file');

  assert.deepEqual([profile.tlsProfile?.to, profile.tlsProfile?.name, profile.entryPoints.kind], ['policy', 'mtls', 'tls']);
  assert.equal(routerOf('http.routers.r.tls.options=mtls').fault?.kind, 'protective');
  assert.equal(routerOf('http.routers.r.tls.options=default').tlsProfile, undefined);
});

test('createTraefikDialect() notes that certificates are the configured ones', () => {
  const result = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    'http.routers.r.tls.certresolver=le',
    'http.routers.r.tls.domains[0].main=a.io',
  );

  assert.deepEqual(
    result.diagnostics.map(({ code, severity }) => [code, severity]),
    [['TRAEFIK_CERTIFICATE_RESOLVER', 'info']],
  );
});

test('createTraefikDialect() reads tcp routers with and without TLS', () => {
  const tcp = (...labels: readonly string[]): readonly (readonly [unknown, unknown])[] =>
    readLabels(...labels.map((label) => `tcp.routers.r.${label}`)).value.intents.map(({ match, tcpTls }) => [match.host.kind, tcpTls]);

  assert.deepEqual(tcp('rule=HostSNI(`*`)', 'entrypoints=db'), [['any', undefined]]);
  assert.deepEqual(tcp('rule=HostSNI(`a.io`)', 'tls=true'), [['exact', 'terminate']]);
  assert.deepEqual(tcp('rule=HostSNI(`a.io`)', 'tls.passthrough=true'), [['exact', 'passthrough']]);
  assert.deepEqual(tcp('rule=HostSNI(`*.io`) && ClientIP(`10.0.0.1`)', 'tls.passthrough=true'), [['glob', 'passthrough']]);
  assert.deepEqual(tcp('rule=HostSNI(`a.io`)'), []);
  assert.deepEqual(tcp('rule=HostSNI(`a.io`) || HostSNI(`*`)'), []);
  assert.deepEqual(tcp('rule=HostSNI(`*`) || HostSNI(`a.io`)'), [['any', undefined]]);
  assert.deepEqual(tcp('entrypoints=db'), []);
});

test('createTraefikDialect() reads middlewares of tcp, and those of others under a name that http does not have', () => {
  const { value } = readLabels(
    'tcp.routers.r.rule=HostSNI(`*`)',
    'tcp.routers.r.middlewares=a,i,theirs',
    'tcp.middlewares.a.ipallowlist.sourcerange=127.0.0.2',
    'tcp.middlewares.i.inflightconn.amount=4',
  );

  assert.deepEqual(
    value.intents[0]?.middlewares.map((middleware) => (middleware.kind === 'reference' ? middleware.name : middleware)),
    [
      { kind: 'ipAllow', cidrs: ['127.0.0.2'], of: { kind: 'peer' } },
      { kind: 'inFlight', amount: 4, by: { kind: 'address', of: { kind: 'peer' } } },
      'tcp.theirs',
    ],
  );
});

test('createTraefikDialect() reads udp routers', () => {
  const { value } = readLabels('udp.routers.r.entrypoints=dns', 'udp.services.s.loadbalancer.server.port=53');

  assert.deepEqual(
    value.intents.map(({ protocol, entryPoints, endpoint }) => [protocol, entryPoints, endpoint.port]),
    [['udp', { kind: 'udp', names: ['dns'] }, 53]],
  );
});

test('createTraefikDialect() declares every middleware and service for others, but not the own service of a canary', () => {
  const named = (...labels: readonly string[]): readonly string[] =>
    readLabels(...labels).value.definitions.map(({ kind, name }) => `${kind} ${name}`);

  assert.deepEqual(named('http.middlewares.M.compress=true', 'tcp.routers.r.rule=HostSNI(`*`)'), [
    'middleware M',
    'service web',
    'service tcp.web',
  ]);
  assert.deepEqual(named('consulcatalog.canary=true'), []);
  assert.deepEqual(named('nomad.canary=true', 'http.services.s.loadbalancer.server.port=1'), ['service s']);
});

test('createTraefikDialect() names every tag that a route comes from, the rule first', () => {
  const { spans } = routerOf(
    'http.routers.r.middlewares=m',
    'http.middlewares.m.compress=true',
    'http.services.s.loadbalancer.passhostheader=false',
    'http.middlewares.unused.compress=true',
  );

  assert.deepEqual(
    spans.map(({ tagIndex }) => tagIndex),
    [1, 2, 3, 4],
  );
});

test('createTraefikDialect() gives the intent of a tcp router all that its labels say', () => {
  const [read] = readLabels(
    'tcp.routers.Db.rule=HostSNI(`a.io`)',
    'tcp.routers.Db.entrypoints=db',
    'tcp.routers.Db.middlewares=m',
    'tcp.routers.Db.priority=7',
    'tcp.routers.Db.tls.options=mtls@file',
    'tcp.middlewares.m.ipallowlist.sourcerange=127.0.0.2',
    'tcp.services.s.loadbalancer.server.port=5432',
  ).value.intents;
  assert.ok(read);
  const { spans, pool: _pool, tlsProfile, ...intent } = read;

  assert.deepEqual(intent, {
    dialect: 'traefik',
    owner: 'default',
    service: 'web',
    name: 'db',
    pathForm: 'clean',
    action: { kind: 'forward' },
    entryPoints: { kind: 'tcp', names: ['db'] },
    match: { host: { kind: 'exact', host: 'a.io', port: 'any' }, path: { kind: 'any' }, conditions: [] },
    middlewares: [{ kind: 'ipAllow', cidrs: ['127.0.0.2'], of: { kind: 'peer' } }],
    protocol: 'tcp',
    endpoint: { address: '10.0.0.1', port: 5432 },
    linked: 's',
    priority: 7,
    ruleLength: 15,
    tcpTls: 'terminate',
  });
  assert.equal(tlsProfile?.name, 'mtls');
  assert.deepEqual(
    spans.map(({ tagIndex }) => tagIndex),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

test('createTraefikDialect() gives the intent of a udp router all that its labels say', () => {
  const [read] = readLabels('udp.routers.Dns.service=s', 'udp.services.s.loadbalancer.server.port=53').value.intents;
  assert.ok(read);
  const { spans, pool: _pool, ...intent } = read;

  assert.deepEqual(intent, {
    dialect: 'traefik',
    owner: 'default',
    service: 'web',
    name: 'dns',
    pathForm: 'clean',
    action: { kind: 'forward' },
    entryPoints: { kind: 'udp' },
    match: { host: { kind: 'any' }, path: { kind: 'any' }, conditions: [] },
    middlewares: [],
    protocol: 'udp',
    endpoint: { address: '10.0.0.1', port: 53 },
    linked: 's',
  });
  assert.deepEqual(
    spans.map(({ tagIndex }) => tagIndex),
    [1, 2],
  );
});

/** The code of the fault of the first intent of these labels. */
const faultOf = (...labels: readonly string[]): string | undefined => readLabels(...labels).value.intents[0]?.fault?.code;

for (const [cause, code, labels] of [
  ['a service that is not found', 'TRAEFIK_REFERENCE_UNKNOWN', ['tcp.routers.r.service=s@file']],
  ['a middleware that is not found', 'TRAEFIK_REFERENCE_UNKNOWN', ['tcp.routers.r.middlewares=m@swarm']],
  ['TLS options of a label', 'TRAEFIK_REFERENCE_UNKNOWN', ['tcp.routers.r.tls.options=strict']],
  ['a priority out of range', 'TRAEFIK_LABEL_VALUE', ['tcp.routers.r.priority=9223372036854775808']],
  ['a value that cannot be read', 'TRAEFIK_LABEL_VALUE', ['tcp.routers.r.priority=high']],
  ['TLS options where TLS is handed on', undefined, ['tcp.routers.r.tls.passthrough=true', 'tcp.routers.r.tls.options=strict']],
] as const)
  test(`createTraefikDialect() ${code ? 'withholds' : 'serves'} a tcp router with ${cause}`, () => {
    assert.equal(faultOf('tcp.routers.r.rule=HostSNI(`*`)', ...labels), code);
  });

test('createTraefikDialect() withholds a udp router whose service is not found', () => {
  assert.equal(faultOf('udp.routers.r.service=s@file'), 'TRAEFIK_REFERENCE_UNKNOWN');
});

test('createTraefikDialect() serves of a tcp rule without TLS what asks for none, and says that the rest never matches', () => {
  const result = readLabels('tcp.routers.r.rule=HostSNI(`*`) || ALPN(`h2`)', 'tcp.routers.r.entrypoints=,db');

  assert.deepEqual(
    result.value.intents.map(({ match, entryPoints }) => [match.conditions, entryPoints]),
    [[[], { kind: 'tcp', names: ['db'] }]],
  );
  assert.deepEqual(placesOf(result), [['TRAEFIK_RULE_NEVER', 'HostSNI(`*`) || ALPN(`h2`)']]);
});

test('createTraefikDialect() reads a tcp rule of version 2 where its router says so', () => {
  const tcp = (...labels: readonly string[]): readonly unknown[] =>
    hostsOf(readLabels('tcp.routers.r.rule=HostSNI(`a.io`, `b.io`)', 'tcp.routers.r.tls=true', ...labels).value.intents);

  assert.deepEqual(tcp('tcp.routers.r.rulesyntax=v2'), ['a.io', 'b.io']);
  assert.deepEqual(tcp(), []);
});
