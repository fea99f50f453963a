import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose } from '../../../src/model/diagnostic.ts';
import { sourceId } from '../../../src/model/names.ts';
import { codesOf } from '../../support/intents.ts';
import { placesOf, readInstance, readLabels } from '../../support/traefik-reading.ts';

/** What becomes of the routes beside a label: served, or answered with 503 for its sake. */
type Fate = 'served' | 'protective' | 'quarantined';

/** A label that is not read as it stands, the place that is pointed at, the fate of the routes, and what is said; a hint where it is the label's own. */
const UNREAD: readonly (readonly [label: string, place: string, fate: Fate, said: string, hint?: string])[] = [
  ['http.routers=x', 'routers', 'served', 'warning: There is no label "http.routers"; served without it'],
  ['http.routers.r=x', 'r', 'served', 'warning: There is no label "http.routers.r"; served without it'],
  ['http.routers..rule=x', 'rule', 'served', 'warning: There is no label "http.routers..rule"; served without it'],
  ['http.routers.r@file.service=x', 'r@file', 'served', 'error: Cannot use the name "r@file": it holds "@"'],
  [
    'http.Routerz.r.service=x',
    'Routerz',
    'served',
    'warning: There is no label "http.routerz.r.service": served without it',
    'Did you mean http.routers?',
  ],
  [
    'http.router.r.rule=x',
    'router',
    'protective',
    'error: There is no label "http.router.r.rule": its routes answer 503, because it may protect them',
    'Did you mean http.routers?',
  ],
  [
    'tcp.router.r.tls=true',
    'router',
    'protective',
    'error: There is no label "tcp.router.r.tls": its routes answer 503, because it may protect them',
    'Did you mean tcp.routers?',
  ],
  [
    'udp.service.s.loadbalancer.server.port=1',
    'service',
    'served',
    'warning: There is no label "udp.service.s.loadbalancer.server.port": served without it',
    'Did you mean udp.services?',
  ],
  ['http.elephants.r.rule=x', 'http', 'served', 'warning: Label "http.elephants.r.rule" is none of Traefik; served without it'],
  ['xhttp.router.r.service=x', 'xhttp', 'served', 'warning: Label "xhttp.router.r.service" is none of Traefik, which ignores it too'],
  ['tpc.routers.r.service=x', 'tpc', 'served', 'warning: Label "tpc.routers.r.service" is none of Traefik, which ignores it too'],
  [
    'http.routers.r.Servce=s',
    'Servce',
    'served',
    'warning: There is no label "http.routers.r.servce": served without it',
    'Did you mean service?',
  ],
  [
    'http.routers.r.rul=Host(`b.io`)',
    'rul',
    'protective',
    'error: There is no label "http.routers.r.rul": its routes answer 503, because it may protect them',
    'Did you mean rule?',
  ],
  ['http.routers.r.elephant=1', 'elephant', 'served', 'warning: There is no label "http.routers.r.elephant": served without it'],
  ['udp.routers.u.priority=1', 'priority', 'served', 'warning: There is no label "udp.routers.u.priority": served without it'],
  [
    'http.routers.r.tls.domains[a].main=x',
    'main',
    'served',
    'warning: There is no label "http.routers.r.tls.domains[a].main": served without it',
  ],
  [
    'http.routers.r.tls.domains[0]x.main=x',
    'main',
    'served',
    'warning: There is no label "http.routers.r.tls.domains[0]x.main": served without it',
  ],
  [
    'http.services.s.loadbalancer.servers[0].url=http://x',
    'url',
    'served',
    'warning: There is no label "http.services.s.loadbalancer.servers[0].url": served without it',
    'Write loadBalancer.server.port: the list of servers is for files',
  ],
  [
    'http.services.s.loadbalancer.server.url=http://x',
    'http://x',
    'quarantined',
    'error: Cannot forward to "http://x": a tag may not name an address; its routes answer 503',
    'Register the address, or write loadBalancer.server.port',
  ],
  [
    'http.services.s.loadbalancer.server.port2=1',
    'port2',
    'served',
    'warning: There is no label "http.services.s.loadbalancer.server.port2": served without it',
    'Did you mean loadBalancer.server.port?',
  ],
  [
    'http.services.s.loadbalancer.mirroring.service=x',
    'service',
    'served',
    'warning: There is no label "http.services.s.loadbalancer.mirroring.service": served without it',
  ],
  [
    'http.services.s.loadblancer.elephant=x',
    'elephant',
    'quarantined',
    'warning: There is no label "http.services.s.loadblancer.elephant": served without it',
    'Did you mean loadbalancer?',
  ],
  [
    'http.services.s.loadbalancer.elephant=x',
    'elephant',
    'served',
    'warning: There is no label "http.services.s.loadbalancer.elephant": served without it',
  ],
  [
    'http.services.s.loadbalancer.healthcheck.headers.x.y=1',
    'y',
    'served',
    'warning: There is no label "http.services.s.loadbalancer.healthcheck.headers.x.y": served without it',
  ],
  [
    'http.services.s.elephant.zebra=1',
    'zebra',
    'quarantined',
    'warning: There is no label "http.services.s.elephant.zebra": served without it',
  ],
  [
    'http.services.s.weighted.services[0].name=x',
    'x',
    'quarantined',
    'warning: "http.services.s.weighted.services[0].name" is not read from labels, in Traefik neither; served without it',
    'Shares among services',
  ],
  [
    'http.services.s.loadbalancer.healthcheck.followredirects=x',
    'x',
    'quarantined',
    'error: Cannot use "x" as loadbalancer.healthcheck.followredirects, expected true or false; its routes answer 503',
  ],
  [
    'http.middlewares.m.elephant.x=1',
    'x',
    'protective',
    'error: There is no label "http.middlewares.m.elephant.x": its routes answer 503, because it may protect them',
  ],
  [
    'http.middlewares.m.addprefx.prefix=/x',
    'prefix',
    'protective',
    'error: There is no label "http.middlewares.m.addprefx.prefix": its routes answer 503, because it may protect them',
    'Did you mean addPrefix.prefix?',
  ],
  [
    'http.middlewares.m.addprefix.elephant=/x',
    'elephant',
    'quarantined',
    'warning: There is no label "http.middlewares.m.addprefix.elephant": served without it',
  ],
  [
    'http.middlewares.m.users=x',
    'users',
    'protective',
    'error: There is no label "http.middlewares.m.users": its routes answer 503, because it may protect them',
    'Did you mean basicAuth.users?',
  ],
  [
    'http.middleware.m.addprefix.prefix=/x',
    'middleware',
    'quarantined',
    'warning: There is no label "http.middleware.m.addprefix.prefix": served without it',
    'Did you mean http.middlewares?',
  ],
  [
    'http.middleware.m.basicauth.users=x',
    'middleware',
    'protective',
    'error: There is no label "http.middleware.m.basicauth.users": its routes answer 503, because it may protect them',
    'Did you mean http.middlewares?',
  ],
  [
    'http.middlewares.m.headers.featurepolicy=x',
    'x',
    'served',
    'warning: "http.middlewares.m.headers.featurepolicy" does nothing, in Traefik neither',
    'Write `permissionsPolicy`',
  ],
  [
    'http.middlewares.m.headers.sslredirect=maybe',
    'maybe',
    'quarantined',
    'warning: "http.middlewares.m.headers.sslredirect" does nothing, in Traefik neither',
    'Write `redirectScheme`',
  ],
  [
    'http.middlewares.m.retry.attempts=x',
    'x',
    'quarantined',
    'error: Cannot use "x" as retry.attempts, expected an integer; its routes answer 503',
  ],
  [
    'http.middlewares.m.retry.timeout=soon',
    'soon',
    'quarantined',
    'error: Cannot use "soon" as retry.timeout, expected seconds or a duration such as 10s; its routes answer 503',
  ],
  [
    'http.middlewares.m.basicauth.removeheader=x',
    'x',
    'protective',
    'error: Cannot use "x" as basicauth.removeheader, expected true or false; its routes answer 503',
  ],
  [
    'http.middlewares.m.basicauth.usersfile=',
    '',
    'protective',
    'error: Cannot use basicauth of "m": a tag may not say basicauth.usersfile; its routes answer 503',
    'Let the operator define a policy, and write NAME@file',
  ],
  [
    'http.middlewares.m.forwardauth.tls.ca=x',
    'x',
    'protective',
    'error: Cannot use forwardauth of "m": a tag may not say forwardauth.tls.ca; its routes answer 503',
    'Let the operator define a policy, and write NAME@file',
  ],
  [
    'http.middlewares.m.snippet.x=y',
    'y',
    'served',
    'warning: "http.middlewares.m.snippet.x" is not read from labels, in Traefik neither; served without it',
    'Of the Ingress NGINX provider',
  ],
  [
    'tcp.middlewares.m.inflightconn.amount=x',
    'x',
    'protective',
    'error: Cannot use "x" as inflightconn.amount, expected an integer; its routes answer 503',
  ],
  [
    'tcp.middlewares.m.elephant.x=1',
    'x',
    'protective',
    'error: There is no label "tcp.middlewares.m.elephant.x": its routes answer 503, because it may protect them',
  ],
  [
    'tcp.services.s.loadbalancer.server.address=x',
    'x',
    'served',
    'warning: "tcp.services.s.loadbalancer.server.address" is not read from labels, in Traefik neither; served without it',
    'A tag may not name an address',
  ],
  [
    'tcp.services.s.loadbalancer.server.tls=x',
    'x',
    'quarantined',
    'error: Cannot use "x" as loadbalancer.server.tls, expected true or false; its routes answer 503',
  ],
  ['http.models.x=1', '1', 'served', 'error: Cannot use "http.models.x": a tag may not say it; served without it'],
  ['tls.stores.x=1', '1', 'served', 'error: Cannot use "tls.stores.x": a tag may not say it; served without it'],
  ['tls.options.x=1', '1', 'served', 'warning: "tls.options.x" is not read from labels, in Traefik neither; served without it'],
  ['tags=x', 'x', 'served', 'warning: "tags" does nothing, in Traefik neither'],
  ['consulcatalog.canary=x', 'x', 'served', 'error: Cannot use "x" as consulcatalog.canary, expected true or false; served without it'],
  [
    'consulcatalog.elephants=1',
    'consulcatalog',
    'served',
    'warning: Label "consulcatalog.elephants" is none of Traefik; served without it',
  ],
  [
    'nomad.canry=true',
    'nomad',
    'served',
    'warning: Label "nomad.canry" is none of Traefik; served without it',
    'Did you mean nomad.canary?',
  ],
  [
    'frontends.f.entryPoints=x',
    'frontends',
    'served',
    'warning: Label "frontends.f.entrypoints" is of Traefik 1; served without it',
    'Write http.routers.NAME.entryPoints',
  ],
  [
    'backend.weight=1',
    'backend',
    'served',
    'warning: Label "backend.weight" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.server.weight',
  ],
  [
    'backends.b.weight=1',
    'backends',
    'served',
    'warning: Label "backends.b.weight" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.server.weight',
  ],
  [
    'protocol=https',
    'protocol',
    'served',
    'warning: Label "protocol" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.server.scheme',
  ],
  [
    'port=80',
    'port',
    'served',
    'warning: Label "port" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.server.port',
  ],
  [
    'weight=3',
    'weight',
    'served',
    'warning: Label "weight" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.server.weight',
  ],
  ['domain=x', 'domain', 'served', 'warning: Label "domain" is of Traefik 1; served without it', 'Write http.routers.NAME.rule'],
  [
    'frontend.rule=x',
    'frontend',
    'served',
    'warning: Label "frontend.rule" is of Traefik 1; served without it',
    'Write http.routers.NAME.rule=Host(`example.com`)',
  ],
  [
    'frontend.priority=1',
    'frontend',
    'served',
    'warning: Label "frontend.priority" is of Traefik 1; served without it',
    'Write http.routers.NAME.priority',
  ],
  [
    'frontend.passHostHeader=false',
    'frontend',
    'served',
    'warning: Label "frontend.passhostheader" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.passHostHeader',
  ],
  [
    'frontend.auth.basic=x',
    'frontend',
    'served',
    'warning: Label "frontend.auth.basic" is of Traefik 1; served without it',
    'Write http.middlewares.NAME.basicAuth.users',
  ],
  [
    'frontend.auth.basic.users=x',
    'frontend',
    'served',
    'warning: Label "frontend.auth.basic.users" is of Traefik 1; served without it',
    'Write http.middlewares.NAME.basicAuth.users',
  ],
  [
    'frontend.whiteList.sourceRange=x',
    'frontend',
    'served',
    'warning: Label "frontend.whitelist.sourcerange" is of Traefik 1; served without it',
    'Write http.middlewares.NAME.ipAllowList.sourceRange',
  ],
  [
    'backend.loadbalancer.stickiness=true',
    'backend',
    'served',
    'warning: Label "backend.loadbalancer.stickiness" is of Traefik 1; served without it',
    'Write http.services.NAME.loadBalancer.sticky.cookie',
  ],
  [
    'backend.circuitbreaker.expression=x',
    'backend',
    'served',
    'warning: Label "backend.circuitbreaker.expression" is of Traefik 1; served without it',
    'Write http.middlewares.NAME.circuitBreaker.expression',
  ],
  [
    'frontend.elephant=1',
    'frontend',
    'served',
    'warning: Label "frontend.elephant" is of Traefik 1; served without it',
    'Write http.routers.NAME.rule',
  ],
  ['docker.x=1', 'docker', 'served', 'warning: Label "docker.x" is for another provider of Traefik; served without it'],
  ['swarm.x=1', 'swarm', 'served', 'warning: Label "swarm.x" is for another provider of Traefik; served without it'],
  ['ecs.x=1', 'ecs', 'served', 'warning: Label "ecs.x" is for another provider of Traefik; served without it'],
  ['marathon.x=1', 'marathon', 'served', 'warning: Label "marathon.x" is for another provider of Traefik; served without it'],
  ['mesos.x=1', 'mesos', 'served', 'warning: Label "mesos.x" is for another provider of Traefik; served without it'],
  ['rancher.x=1', 'rancher', 'served', 'warning: Label "rancher.x" is for another provider of Traefik; served without it'],
  ['elephants=1', 'elephants', 'served', 'warning: Label "elephants" is none of Traefik, which ignores it too'],
  [
    'connect=true',
    'connect',
    'served',
    'warning: Label "connect" is none of Traefik; served without it',
    'Did you mean consulCatalog.connect?',
  ],
  [
    'routers.r.rule=x',
    'routers',
    'served',
    'warning: Label "routers.r.rule" lacks its protocol; served without it',
    'Did you mean http.routers?',
  ],
  [
    'services.s.x=1',
    'services',
    'served',
    'warning: Label "services.s.x" lacks its protocol; served without it',
    'Did you mean http.services?',
  ],
  [
    'middlewares.m.x=1',
    'middlewares',
    'served',
    'warning: Label "middlewares.m.x" lacks its protocol; served without it',
    'Did you mean http.middlewares?',
  ],
  ['udp=x', 'udp', 'served', 'warning: Label "udp" is none of Traefik; served without it'],
  ['tcp.x=1', 'tcp', 'served', 'warning: Label "tcp.x" is none of Traefik; served without it'],
];

/** The labels of a router, with one more; a middleware `m` is one of the router's. */
function besideRouter(label: string): readonly string[] {
  const protocol = label.startsWith('tcp') ? 'tcp' : 'http';
  const rule = protocol === 'tcp' ? 'HostSNI(`*`)' : 'Host(`a.io`)';
  const uses = label.startsWith(`${protocol}.middleware`) ? [`${protocol}.routers.r.middlewares=m`] : [];
  return [`${protocol}.routers.r.rule=${rule}`, ...uses, label];
}

for (const [label, place, fate, said, hint] of UNREAD)
  test(`createTraefikDialect() says what becomes of the label ${label}`, () => {
    const result = readLabels(...besideRouter(label));

    const [first] = result.diagnostics;
    assert.ok(first);
    assert.equal(`${first.severity}: ${first.message}`, said);
    assert.equal(first.hint, hint ?? diagnose(first.code, said).hint);
    assert.equal(placesOf(result)[0]?.[1], place);
    assert.equal(result.value.intents.flatMap(({ fault }) => fault?.kind ?? [])[0] ?? 'served', fate);
  });

test('createTraefikDialect() reads labels with indices, of any number, and an empty server URL, which is none', () => {
  for (const label of [
    'http.routers.r.tls.domains[0].main=x',
    'http.routers.r.tls.domains[10].sans=x',
    'http.services.s.loadbalancer.server.url=',
  ])
    assert.deepEqual(readLabels(...besideRouter(label)).diagnostics, [], label);
});

test('createTraefikDialect() says once of a middleware, however its name is spelled, that no tag may say what it asks', () => {
  const refused = (...fields: readonly string[]): readonly string[] =>
    placesOf(readLabels('http.routers.r.rule=Host(`a.io`)', ...fields.map((field) => `http.${field}`)))
      .filter(([code]) => code === 'TRAEFIK_FEATURE_REFUSED' || code === 'TRAEFIK_SERVER_URL')
      .map(([, place]) => place);

  assert.deepEqual(refused('middlewares.m.forwardauth.address=1', 'middlewares.M.ForwardAuth.trustForwardHeader=true'), ['1']);
  assert.deepEqual(refused('middlewares.m.forwardauth.address=1', 'middlewares.n.forwardauth.address=2'), ['1', '2']);
  assert.deepEqual(refused('middlewares.m.forwardauth.address=1', 'middlewares.m.plugin.p.k=2'), ['1', '2']);
  assert.deepEqual(refused('middlewares.m.forwardauth.address=1', 'services.m.loadbalancer.server.url=2'), ['1', '2']);
});

test('createTraefikDialect() reports a blank beside a value where Consul tags are read exactly, and beside no text', () => {
  const reported = (label: string, source: 'consul' | 'nomad' = 'consul'): boolean => {
    const tags = ['traefik.enable=true', 'traefik.http.routers.r.rule=Host(`a.io`)', `traefik.${label}`];
    return codesOf(readInstance({ tags, source: sourceId(source) })).includes('TRAEFIK_LABEL_BLANK');
  };

  const exact = [
    'http.routers.r.priority= 3',
    'http.routers.r.tls= true',
    'http.services.s.loadbalancer.passhostheader=true ',
    'http.services.s.loadbalancer.healthcheck.interval= 1s',
    'http.routers.r.service =s',
    'http.routers.r.elephant =s',
  ];
  assert.deepEqual(
    exact.map((label) => reported(label)),
    exact.map(() => true),
  );
  assert.deepEqual(
    exact.map((label) => reported(label, 'nomad')),
    exact.map(() => false),
  );
  for (const label of ['http.routers.r.service= s', 'http.routers.r.entrypoints= web ', 'http.routers.r.elephant= 1'])
    assert.equal(reported(label), false, label);
});
