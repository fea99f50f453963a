import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goReplacement } from '../../../src/dialects/traefik/middlewares/replacement.ts';
import { isBreakerExpression, isRetryExpression } from '../../../src/dialects/traefik/middlewares/expressions.ts';
import type { Middleware } from '../../../src/model/middleware.ts';
import { middlewareOf, placesOf, readLabels, routerOf } from '../../support/traefik-reading.ts';

const peer = { kind: 'peer' } as const;

test('createTraefikDialect() reads every middleware of http', () => {
  const expected: readonly (readonly [readonly string[], Middleware])[] = [
    [['stripprefix.prefixes=/a, /b', 'stripprefix.forceslash=true'], { kind: 'stripPrefix', prefixes: ['/a', '/b'], forceSlash: true }],
    [['stripprefixregex.regex=^/v[0-9]'], { kind: 'stripPrefixRegexp', regexps: ['^/v[0-9]'] }],
    [['addprefix.prefix=z'], { kind: 'addPrefix', prefix: '/z' }],
    [['replacepath.path=/new%20path'], { kind: 'replacePath', path: '/new%20path' }],
    [
      ['replacepathregex.regex=^/(.*)$', 'replacepathregex.replacement=/x/$1'],
      { kind: 'replacePathRegexp', regexp: '^/(.*)$', replacement: '/x/$1' },
    ],
    [['redirectscheme.scheme=https', 'redirectscheme.port=443'], { kind: 'redirectScheme', scheme: 'https', permanent: false }],
    [
      ['ipallowlist.sourcerange=10.0.0.0/08', 'ipallowlist.rejectstatuscode=404'],
      { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: peer, status: 404 },
    ],
    [
      ['ipwhitelist.sourcerange=::1', 'ipwhitelist.ipstrategy.depth=2'],
      { kind: 'ipAllow', cidrs: ['::1'], of: { kind: 'depth', depth: 2 } },
    ],
    [
      ['ipallowlist.sourcerange=::1', 'ipallowlist.ipstrategy.excludedips=10.0.0.1'],
      { kind: 'ipAllow', cidrs: ['::1'], of: { kind: 'excluding', cidrs: ['10.0.0.1'] } },
    ],
    [
      ['basicauth.users=u:h', 'basicauth.removeheader=true'],
      { kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'u', hash: 'h' }] }, realm: 'traefik', removeHeader: true },
    ],
    [['digestauth.users=u:r:h'], { kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'u', hash: 'r:h' }] }, realm: 'traefik' }],
    [['ratelimit.average=10'], { kind: 'rateLimit', average: 10, periodMs: 1000, burst: 1, by: { kind: 'address', of: peer } }],
    [
      ['ratelimit.average=1', 'ratelimit.sourcecriterion.requesthost=true'],
      { kind: 'rateLimit', average: 1, periodMs: 1000, burst: 1, by: { kind: 'host' } },
    ],
    [['inflightreq.amount=3'], { kind: 'inFlight', amount: 3, by: { kind: 'host' } }],
    [
      ['inflightreq.amount=3', 'inflightreq.sourcecriterion.ipstrategy.ipv6subnet=64'],
      { kind: 'inFlight', amount: 3, by: { kind: 'address', of: peer, ipv6Bits: 64 } },
    ],
    [['buffering.maxrequestbodybytes=5'], { kind: 'maxBody', bytes: 5 }],
    [['circuitbreaker.expression=NetworkErrorRatio() > 0.5'], { kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.5' }],
    [['compress=true'], { kind: 'compress' }],
    [['contenttype=true'], { kind: 'contentType' }],
    [['grpcweb.alloworigins=*'], { kind: 'grpcWeb', allowOrigins: ['*'] }],
    [
      ['passtlsclientcert.pem=true', 'passtlsclientcert.info.subject.commonname=true'],
      { kind: 'passTlsClientCert', pem: true, info: ['subject.commonName'] },
    ],
    [
      ['retry.attempts=3', 'retry.status=500-599,404'],
      {
        kind: 'retry',
        attempts: 3,
        statuses: [
          { from: 500, to: 599 },
          { from: 404, to: 404 },
        ],
      },
    ],
    [['encodedcharacters.allowencodedslash=true'], { kind: 'encodedCharacters', allowed: ['slash'] }],
  ];
  for (const [fields, middleware] of expected) {
    const { own, fault } = middlewareOf(...fields);

    assert.equal(fault, undefined, fields.join());
    assert.deepEqual(own, [middleware], fields.join());
  }
});

test('createTraefikDialect() answers 503 where Traefik refuses a middleware', () => {
  const quarantined = [
    ['addprefix.prefix='],
    ['redirectregex.regex=^a'],
    ['redirectscheme.scheme=ftp'],
    ['compress=false'],
    ['compress.encodings=deflate'],
    ['compress.includedcontenttypes=text/html', 'compress.excludedcontenttypes=text/css'],
    ['circuitbreaker.expression=x'],
    ['retry.attempts=0'],
    ['retry.attempts=2', 'retry.disableretryonnetworkerror=true'],
    ['headers.framedeny=false'],
    ['replacepathregex.regex=['],
    ['errors.service=web', 'errors.status=5xx'],
  ];
  for (const fields of quarantined) assert.equal(middlewareOf(...fields).fault?.kind, 'quarantined', fields.join());
});

const BREAKER = 'circuitbreaker.expression=NetworkErrorRatio() > 0.5';
/** Labels of a middleware, and what is said of those that cannot be used. */
const EXPECTED: readonly (readonly [labels: readonly string[], at: string, expected: string])[] = [
  [['addprefix.prefix='], '', 'a path'],
  [['addprefix.prefix=/a/../b'], '/a/../b', 'a path'],
  [['circuitbreaker.expression=x'], 'x', 'NetworkErrorRatio() > 0.5 or such'],
  [[BREAKER, 'circuitbreaker.responsecode=99'], '99', '100 to 599'],
  [[BREAKER, 'circuitbreaker.responsecode=600'], '600', '100 to 599'],
];

for (const [labels, at, expected] of EXPECTED)
  test(`createTraefikDialect() says that it expects ${expected} where a label says "${at}" of ${labels.at(-1)}`, () => {
    const { diagnostics } = readLabels(
      'http.routers.r.rule=Host(`a.io`)',
      'http.routers.r.middlewares=m',
      ...labels.map((label) => `http.middlewares.m.${label}`),
    );
    const [found] = diagnostics.filter(({ code }) => code === 'TRAEFIK_LABEL_VALUE');

    assert.ok(found);
    assert.match(found.message, new RegExp(`expected ${RegExp.escape(expected)}`));
    assert.equal(found.span?.tag.slice(found.span.start, found.span.end), at);
  });

test('createTraefikDialect() reads every wish of a circuit breaker, and nothing of 0', () => {
  const wishes = (...labels: readonly string[]): unknown => middlewareOf(BREAKER, ...labels.map((label) => `circuitbreaker.${label}`)).own;
  const plain = { kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.5' };

  assert.deepEqual(wishes('checkperiod=1s', 'fallbackduration=2s', 'recoveryduration=3s', 'responsecode=599'), [
    { ...plain, checkPeriodMs: 1000, fallbackMs: 2000, recoveryMs: 3000, status: 599 },
  ]);
  assert.deepEqual(wishes('responsecode=100'), [{ ...plain, status: 100 }]);
  assert.deepEqual(wishes('checkperiod=0s', 'fallbackduration=0s', 'recoveryduration=0s'), [plain]);
});

test('createTraefikDialect() withholds where Traefik refuses a middleware that protects', () => {
  const withheld = [
    ['ipallowlist.sourcerange='],
    ['ipallowlist.sourcerange=10.0.0.0/8,'],
    ['ipallowlist.sourcerange=10.0.0.0/33'],
    ['ipallowlist.sourcerange=10.0.0.1', 'ipallowlist.rejectstatuscode=42'],
    ['ipallowlist.sourcerange=2001:db8::1/128', 'ipallowlist.ipstrategy.ipv6subnet=64'],
    ['basicauth.users='],
    ['basicauth.users=u:h,'],
    ['basicauth.users=u:a:b'],
    ['digestauth.users=u:h'],
    ['ratelimit.average=1', 'ratelimit.period=-1s'],
    ['ratelimit.average=1', 'ratelimit.sourcecriterion.requesthost=true', 'ratelimit.sourcecriterion.requestheadername=X'],
    ['inflightreq.amount=0'],
    ['compress=true', 'basicauth.users=u:h'],
  ];
  for (const fields of withheld) assert.equal(middlewareOf(...fields).fault?.kind, 'protective', fields.join());
});

test('createTraefikDialect() says no hash of a password in a message', () => {
  const { diagnostics } = readLabels('http.routers.r.rule=Host(`a.io`)', 'http.middlewares.m.basicauth.users=oracle:secret:more');

  assert.ok(diagnostics.length > 0);
  for (const { message } of diagnostics) assert.doesNotMatch(message, /oracle|secret/);
});

test('createTraefikDialect() reads headers in the order in which Traefik does them', () => {
  const { own, pool } = middlewareOf(
    'headers.customrequestheaders.Host=up.io',
    'headers.customrequestheaders.X-One=1',
    'headers.customrequestheaders.Cookie=',
    'headers.customresponseheaders.X-Frame-Options=SAMEORIGIN',
    'headers.framedeny=true',
    'headers.contenttypenosniff=true',
    'headers.allowedhosts=a.io',
    'headers.stsseconds=60',
    'headers.stspreload=true',
    'headers.accesscontrolalloworiginlist=https://b.io',
  );

  assert.deepEqual(pool.upstreamHost, { kind: 'fixed', host: 'up.io' });
  assert.deepEqual(
    own.map(({ kind }) => kind),
    ['cors', 'headers', 'allowedHosts', 'hsts'],
  );
  assert.deepEqual(own[1], {
    kind: 'headers',
    request: [
      { name: 'Cookie', value: '' },
      { name: 'Host', value: 'up.io' },
      { name: 'X-One', value: '1' },
    ],
    response: [
      { name: 'X-Content-Type-Options', value: 'nosniff' },
      { name: 'X-Frame-Options', value: 'SAMEORIGIN' },
    ],
  });
});

test('createTraefikDialect() takes allowed hosts and HSTS out in development, as Traefik does', () => {
  const { own } = middlewareOf(
    'headers.isdevelopment=true',
    'headers.allowedhosts=a.io',
    'headers.stsseconds=60',
    'headers.referrerpolicy=no-referrer',
  );

  assert.deepEqual(
    own.map(({ kind }) => kind),
    ['headers'],
  );
});

/** Labels for browsers, and the headers that they come to. */
const BROWSERS: readonly (readonly [labels: readonly string[], headers: readonly string[]])[] = [
  [['framedeny=true'], ['X-Frame-Options: DENY']],
  [['framedeny=true', 'customframeoptionsvalue=SAMEORIGIN'], ['X-Frame-Options: SAMEORIGIN']],
  [['browserxssfilter=true'], ['X-XSS-Protection: 1; mode=block']],
  [['browserxssfilter=true', 'custombrowserxssvalue=0'], ['X-XSS-Protection: 0']],
  [['contenttypenosniff=true'], ['X-Content-Type-Options: nosniff']],
  [['referrerpolicy=no-referrer'], ['Referrer-Policy: no-referrer']],
  [['framedeny=false', 'referrerpolicy=no-referrer'], ['Referrer-Policy: no-referrer']],
];

for (const [labels, headers] of BROWSERS)
  test(`createTraefikDialect() makes of ${labels.join(' and ')} ${headers.join()}`, () => {
    const { own } = middlewareOf(...labels.map((label) => `headers.${label}`));
    const set = own.flatMap((middleware) => (middleware.kind === 'headers' ? middleware.response : []));

    assert.deepEqual(
      set.map(({ name, value }) => `${name}: ${value}`),
      headers,
    );
  });

test('createTraefikDialect() leaves out headers that tags may not set', () => {
  const result = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    ...['X-Forwarded-Proto=https', 'Authorization=Basic x', 'X_Under=1', 'Connection=close'].map(
      (text) => `http.middlewares.m.headers.customrequestheaders.${text}`,
    ),
    'http.middlewares.m.headers.customresponseheaders.Set-Cookie=',
  );

  assert.deepEqual(result.diagnostics.filter(({ code }) => code === 'TRAEFIK_HEADER_REFUSED').length, 4);
});

/** A header, its value, and whether a tag may set it so. */
const HEADERS: readonly (readonly [name: string, value: string, allowed: boolean])[] = [
  ['Authorization', 'x', false],
  ['Authorization', '', true],
  ['Proxy-Authorization', '', false],
  ['X-Authorization', 'x', true],
  ['Authorization-X', 'x', true],
  ['Set-Cookie', 'x', false],
  ['Set-Cookie', '', true],
  ['Set-Cookie2', 'x', true],
  ['X_A', 'x', false],
  ['X_A', '', true],
  ['Xy_Ab', 'x', false],
  ['X-Forwarded-For', '', false],
  ['X-Real-IP', 'x', false],
  ['Not-X-Real-IP', 'x', true],
  ['TE', 'x', false],
  ['X-TE', 'x', true],
  ['TE-X', 'x', true],
  ['X(A', 'x', false],
  ['(XA', 'x', false],
  ['XA)', 'x', false],
];

for (const [name, value, allowed] of HEADERS)
  test(`createTraefikDialect() ${allowed ? 'sets' : 'leaves out'} the header ${name}, value "${value}"`, () => {
    const { own } = middlewareOf('headers.customresponseheaders.X-Other=1', `headers.customresponseheaders.${name}=${value}`);
    const set = own.flatMap((middleware) => (middleware.kind === 'headers' ? middleware.response : []));

    assert.deepEqual(
      set.filter((header) => header.name === name),
      allowed ? [{ name, value }] : [],
    );
  });

test('createTraefikDialect() leaves out headers whose names are too long to be keys of YAML', () => {
  const name = 'a'.repeat(1025);
  const { value, diagnostics } = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    'http.routers.r.middlewares=m',
    `http.middlewares.m.headers.customrequestheaders.${name}=x`,
    `http.middlewares.m.headers.customresponseheaders.${name}=x`,
    'http.services.s.loadbalancer.healthcheck.path=/',
    `http.services.s.loadbalancer.healthcheck.headers.${name}=x`,
  );

  assert.deepEqual(diagnostics.filter(({ code }) => code === 'TRAEFIK_HEADER_REFUSED').length, 2);
  assert.doesNotMatch(JSON.stringify(value), new RegExp(`"name":"${name}"`));
});

test('createTraefikDialect() says which headers labels Traefik accepts and does nothing for', () => {
  const { fault } = middlewareOf('headers.sslredirect=true');

  assert.equal(fault, undefined);
  const inert = readLabels('http.middlewares.m.headers.sslredirect=true', 'http.middlewares.m.headers.featurepolicy=x');
  assert.deepEqual(
    placesOf(inert)
      .filter(([code]) => code === 'TRAEFIK_LABEL_INERT')
      .map(([, text]) => text),
    ['true', 'x'],
  );
});

test('createTraefikDialect() expands chains and keeps what the operator and others declare as references', () => {
  const intent = routerOf(
    'http.routers.r.middlewares=c, theirs, theirs@consulcatalog',
    'http.middlewares.c.chain.middlewares=a,p@file',
    'http.middlewares.a.addprefix.prefix=/a',
  );

  assert.deepEqual(
    intent.middlewares.map((middleware) => (middleware.kind === 'reference' ? [middleware.to, middleware.name] : middleware.kind)),
    ['addPrefix', ['policy', 'p'], ['middleware', 'theirs'], ['middleware', 'theirs']],
  );
});

test('createTraefikDialect() points at the name in a list that it cannot follow', () => {
  const result = readLabels(
    'http.routers.r.rule=Host(`a.io`)',
    'http.routers.r.middlewares=c, x@docker, auth@internal,',
    'http.middlewares.c.chain.middlewares=d',
    'http.middlewares.d.chain.middlewares=c',
  );

  assert.deepEqual(placesOf(result), [
    ['TRAEFIK_REFERENCE_UNKNOWN', 'c'],
    ['TRAEFIK_REFERENCE_UNKNOWN', 'x@docker'],
    ['TRAEFIK_FEATURE_REFUSED', 'auth@internal'],
    ['TRAEFIK_REFERENCE_UNKNOWN', ''],
  ]);
  assert.equal(result.value.intents[0]?.fault?.kind, 'protective');
});

test('createTraefikDialect() stays quick when chains multiply', () => {
  const many = (name: string): string => Array.from({ length: 500 }, () => name).join(',');
  const chains = Array.from({ length: 8 }, (_, index) => `http.middlewares.c${index}.chain.middlewares=${many(`c${index + 1}`)}`);

  const intent = routerOf('http.routers.r.middlewares=c0', ...chains, 'http.middlewares.c8.compress=true');

  assert.equal(intent.fault?.code, 'TRAEFIK_LABEL_VALUE');
});

test('createTraefikDialect() sends error pages to a service of these labels, and leaves out those of others', () => {
  const own = routerOf(
    'http.routers.r.middlewares=m',
    'http.routers.r.service=s',
    'http.middlewares.m.errors.status=500-599',
    'http.middlewares.m.errors.service=e',
    'http.middlewares.m.errors.query=/{status}.html',
    'http.services.s.loadbalancer.passhostheader=true',
    'http.services.e.loadbalancer.server.port=9000',
  );
  const others = routerOf(
    'http.routers.r.middlewares=m',
    'http.middlewares.m.errors.status=500',
    'http.middlewares.m.errors.service=pages',
  );

  assert.deepEqual(
    own.sidePools?.map(({ name, endpoint }) => [name, endpoint.port]),
    [['web e', 9000]],
  );
  assert.deepEqual(
    own.middlewares.map((middleware) => middleware.kind === 'errors' && middleware.backend),
    ['web e'],
  );
  assert.deepEqual([others.fault, others.middlewares], [undefined, []]);
});

test('goReplacement() reads groups as Go does', () => {
  const texts = ['https://b.io$2', '$1x', '${1}x', '$$a', 'a$', '$name', '${0}${12}3', '${a1}', '$a1', '${1}_', '${1}-'];

  assert.deepEqual(texts.map(goReplacement), ['https://b.io$2', '', '${1}x', '$$a', 'a$$', '', '$0${12}3', '', '', '${1}_', '$1-']);
});

test('isBreakerExpression() wants floats for ratios and integers for latencies, as Traefik does', () => {
  const expressions = [
    'NetworkErrorRatio() > 0.3',
    'NetworkErrorRatio() > 1',
    'LatencyAtQuantileMS(50.0) > 100',
    'LatencyAtQuantileMS(50) > 100',
    '!(ResponseCodeRatio(500, 600, 0, 600) >= 0.25) || NetworkErrorRatio() > 0.1',
    '',
    'NetworkErrorRatio() > 0.3 &&',
    'x() > 0.1',
  ];

  assert.deepEqual(expressions.map(isBreakerExpression), [true, false, true, false, true, false, false, false]);
  assert.deepEqual(['IsNetworkError() && Attempts() <= 2', 'ResponseCode() == 500', 'Attempts()', ''].map(isRetryExpression), [
    true,
    true,
    false,
    false,
  ]);
});
