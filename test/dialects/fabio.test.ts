import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import type { FabioSettings } from '../../src/dialects/fabio/route.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import { hostKey } from '../../src/model/match.ts';
import type { TagReading } from '../../src/model/intent.ts';
import { PLAIN_POOL, type PoolOptions } from '../../src/model/pool.ts';
import { codesOf, host, instanceOf, port } from '../support/intents.ts';

const dialect = createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true });

function read(...tags: readonly string[]): Diagnosed<TagReading> {
  return readTags(instanceOf('web', { tags }), [dialect]);
}

function shortOf({ value }: Diagnosed<TagReading>): readonly string[] {
  return value.intents.map(({ entryPoints, match, middlewares, action, protocol, share, kept = [], fault }) => {
    const path = match.path.kind === 'any' ? '/' : match.path.kind === 'regexp' ? match.path.regexp : match.path.path;
    const options = middlewares.map((middleware) =>
      middleware.kind === 'reference'
        ? `${middleware.to} ${middleware.name}`
        : JSON.stringify(Object.values(middleware)).replace(/[[\]"]|\{"kind":|\}/g, ''),
    );
    const extras = [
      match.conditions.map((condition) => `if ${'name' in condition ? condition.name : condition.kind}`),
      protocol === 'http' ? [] : [protocol],
      action.kind === 'redirect' ? [`redirect ${action.redirect.status}`] : action.kind === 'refuse' ? ['refuse'] : [],
      options,
      share === undefined ? [] : [`share ${share}`],
      kept.map((option) => `kept ${option}`),
      fault ? [fault.kind] : [],
    ].flat();
    return [`${entryPoints.kind} ${hostKey(match.host)} ${path}`, ...extras].join(' ');
  });
}

const FORMS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['urlprefix-App.Example.com/Api', ['both =app.example.com /Api'], []],
  ['  urlprefix-  /x   strip=/x ', ['both * /x stripPrefix,/x'], ['FABIO_LEADING_BLANK']],
  ['urlprefix-app.com', ['both =app.com /'], []],
  ['urlprefix-', [], ['FABIO_ROUTE_EMPTY']],
  ['urlprefix- ', [], ['FABIO_ROUTE_EMPTY']],
  ['urlprefix-/a\tstrip=/a', [], ['TAG_CONTROL_CHARACTER']],
  ['urlprefix-:3306 proto=tcp', ['tcp * / tcp'], []],
  ['urlprefix-:8080/', [], ['FABIO_ROUTE_DEAD']],
  ['urlprefix-127.0.0.1:1234 proto=tcp', ['tcp * / tcp', 'both =127.0.0.1:1234 / refuse'], []],
  ['urlprefix-127.0.0.1:443 proto=tcp', ['tcp * / tcp', 'tls =127.0.0.1 / refuse', 'plain =127.0.0.1:443 / refuse'], []],
  ['urlprefix-127.0.0.1/ proto=tcp', ['both =127.0.0.1 / refuse'], []],
  ['urlprefix-h.io proto=tcp', ['tcp =h.io / tcp', 'both =h.io / refuse'], []],
  ['urlprefix-h.io:1234 proto=tcp', ['both =h.io:1234 / refuse'], []],
  ['urlprefix-h.io/p proto=tcp', ['both =h.io /p refuse'], []],
  ['urlprefix-*.io/ proto=tcp', ['both ~^.*\\.io$ / refuse'], []],
  ['urlprefix-:3306', ['tcp * / tcp'], []],
  ['urlprefix-:3306/ proto=tcp', [], ['FABIO_ROUTE_DEAD']],
  ['urlprefix-:03306', [], ['FABIO_ROUTE_DEAD']],
  ['urlprefix-:3306 proto=tcp allow=ip:10.1.2.3 strip=/a', ['tcp * / tcp ipAllow,10.1.2.3/32,peer'], []],
  ['urlprefix-:3306 proto=tcp auth=staff', ['tcp * / tcp policy staff protective'], ['FABIO_PROTECTION_UNSERVED']],
  ['urlprefix-:3306 redirect=301,https://y.com/', ['tcp * / tcp quarantined'], ['FABIO_REDIRECT_PROTO']],
  ['urlprefix-h.io:80/', ['plain =h.io /', 'tls =h.io:80 /'], []],
  ['urlprefix-h.io:443/', ['tls =h.io /', 'plain =h.io:443 /'], []],
  ['urlprefix-h.io:8080/', ['both =h.io:8080 /'], []],
  ['urlprefix-x.com/ proto=tcp+sni', ['both =x.com / kept proto=tcp+sni'], ['FABIO_PROTO_UNKNOWN']],
  ['urlprefix-x.com/ proto=https', ['both =x.com / https'], []],
  ['urlprefix-x.com/ proto=https proto=http', ['both =x.com / https'], []],
  ['urlprefix-x.com/ proto=HTTPS', ['both =x.com / kept proto=HTTPS'], ['FABIO_PROTO_UNKNOWN']],
  ['urlprefix-x.com/ proto=https proto=tcp', ['tcp =x.com / tcp', 'both =x.com / refuse'], ['FABIO_OPTION_DUPLICATE']],
  ['urlprefix-/s proto=grpc', ['both * /s if Content-Type h2c', 'both * /s refuse'], []],
  ['urlprefix-/s proto=grpcs deny=ip:10.0.0.1', ['both * /s if Content-Type https ipDeny,10.0.0.1/32,everyHop', 'both * /s refuse'], []],
  [
    'urlprefix-h.io:80/s proto=grpc',
    ['plain =h.io /s if Content-Type h2c', 'tls =h.io:80 /s if Content-Type h2c', 'plain =h.io /s refuse', 'tls =h.io:80 /s refuse'],
    [],
  ],
  ['urlprefix-/s proto=grpc strip=/s', ['both * /s if Content-Type h2c quarantined', 'both * /s refuse quarantined'], ['FABIO_GRPC_PATH']],
  ['urlprefix-/a/b strip=/a prepend=/z', ['both * /a/b stripPrefix,/a addPrefix,/z'], []],
  ['urlprefix-/a strip=/q', ['both * /a stripPrefix,/q'], ['FABIO_STRIP_OUTSIDE_PATH']],
  ['urlprefix-*.x.com/', ['both ~^.*\\.x\\.com$ /'], []],
  ['urlprefix-{a,b}.x.com/', ['both ~^(?:a|b)\\.x\\.com$ /'], ['FABIO_GLOB_ORDER']],
  ['urlprefix-x[.com/', [], ['FABIO_HOST_GLOB']],
  ['urlprefix-/a[b', [], ['FABIO_PATH_GLOB']],
  ['urlprefix-/v$1/x', ['both * /v/x'], ['FABIO_DOLLAR_LOST']],
  ['urlprefix-x.com:80 redirect=301,https://x.com$path', ['plain =x.com / redirect 301', 'tls =x.com:80 / redirect 301'], []],
  ['urlprefix-/o redirect=200,https://y.com/', ['both * /o quarantined'], ['FABIO_REDIRECT_CODE']],
  ['urlprefix-/o redirect=301,https://y.com/?a=1,2', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect=301,https://y.com/ proto=https', ['both * /o redirect 301 quarantined'], ['FABIO_REDIRECT_PROTO']],
  ['urlprefix-/o proto=https redirect=301,https://y.com/', ['both * /o redirect 301'], []],
  ['urlprefix-/o redirect=301,https://y.com/%20"z', ['both * /o redirect 301'], []],
  ['urlprefix-/o proto=grpc redirect=301,https://y.com/', ['both * /o redirect 301'], []],
  ['urlprefix-/o redirect=399,/x', ['both * /o redirect 399'], []],
  ['urlprefix-/o redirect=301,//y.com/x', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect=301,ftp://y.com/x', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect=301,://', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect=301,https://y.com:8443$path', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect', ['both * /o quarantined'], ['FABIO_REDIRECT_FORM']],
  ['urlprefix-/o redirect=30"1,https://y.com/', ['both * /o quarantined'], ['FABIO_OPTION_QUOTE', 'FABIO_REDIRECT_CODE']],
  ['urlprefix-/ weight=abc', ['both * / quarantined'], ['FABIO_WEIGHT_NOT_NUMBER']],
  ['urlprefix-/ allow=ip:10.0.0.0/8 deny=ip:10.1.1.1', ['both * / protective'], ['FABIO_ACL_BOTH']],
  ['urlprefix-/ deny=ip:fe80::1,10.0.0.0/8', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ auth=', ['both * / protective'], ['FABIO_AUTH_UNKNOWN']],
  ['urlprefix-/ auth=staff', ['both * / policy staff'], []],
  ['urlprefix-/ allow=ip:10.0.0.0/8,ip:::1', ['both * / ipAllow,10.0.0.0/8,::1/128,everyHop'], []],
  ['urlprefix-/ allow=ip:10.1.2.3,ip:x', ['both * / ipAllow,10.1.2.3/32,everyHop'], ['FABIO_ACL_ITEM']],
  ['urlprefix-/ deny=ip:10.1.2.3/08', ['both * / ipDeny,10.1.2.3/8,everyHop'], []],
  ['urlprefix-/ deny=ip:::ffff:10.1.2.3', ['both * / ipDeny,10.1.2.3/32,everyHop'], []],
  ['urlprefix-/ deny=ip:::ffff:10.1.0.0/112', ['both * / ipDeny,10.1.0.0/16,everyHop'], []],
  ['urlprefix-/ deny=ip:::ffff:10.1.0.0/95', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ allow=IP:127.0.0.1', ['both * / ipAllow,127.0.0.1/32,everyHop'], []],
  ['urlprefix-/ allow=', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ allow=ip:10.0.0.1,x,ip:10.0.0.2', ['both * / ipAllow,10.0.0.1/32,everyHop'], ['FABIO_ACL_ITEM']],
  ['urlprefix-/ allow=x,ip:10.0.0.2', ['both * / ipAllow,10.0.0.2/32,everyHop'], ['FABIO_ACL_ITEM']],
  ['urlprefix-/ deny=ip:10.1.2.3,ip:x', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ auth=staff strip=/a', ['both * / policy staff stripPrefix,/a protective'], ['FABIO_STRIP_OUTSIDE_PATH']],
  ['urlprefix-/ab auth=staff strip=/a', ['both * /ab policy staff stripPrefix,/a protective'], ['FABIO_STRIP_OUTSIDE_PATH']],
  ['urlprefix-/a/b auth=staff strip=/a/', ['both * /a/b policy staff stripPrefix,/a/'], []],
  ['urlprefix-/a/b auth=staff strip=/a', ['both * /a/b policy staff stripPrefix,/a'], []],
  ['urlprefix-/ab strip=/a', ['both * /ab stripPrefix,/a'], []],
  ['urlprefix-/ auth=staff weight=abc', ['both * / policy staff protective'], ['FABIO_WEIGHT_NOT_NUMBER']],
  ['urlprefix-/ stirp=/a', ['both * / kept stirp=/a'], ['FABIO_OPTION_UNKNOWN']],
  ['urlprefix-/ strip=/a strip=/', ['both * / stripPrefix,/'], ['FABIO_OPTION_DUPLICATE']],
  [
    'urlprefix-/x prepend=/{{env "HOME"}}',
    ['both * /x addPrefix,/{{env kept "HOME"}} quarantined'],
    ['FABIO_OPTION_QUOTE', 'FABIO_OPTION_UNKNOWN'],
  ],
  ['urlprefix-/x"y', ['both * /x"y'], []],
  [
    'urlprefix-/x strip=/x\nroute add evil',
    ['both * /x stripPrefix,/x kept route kept add kept evil'],
    ['FABIO_OPTION_CONTROL', ...Array<string>(3).fill('FABIO_OPTION_UNKNOWN')],
  ],
  ['\turlprefix-/x\n', ['both * /x'], ['FABIO_LEADING_BLANK']],
  ['urlprefix-/x strip=/\u0000x', [], ['TAG_CONTROL_CHARACTER']],
  ['urlprefix-/x strip=/\u000ex', [], ['TAG_CONTROL_CHARACTER']],
  ['urlprefix- strip=/a', [], ['FABIO_ROUTE_SYNTAX']],
  ['urlprefix-/a%20b', [], ['FABIO_ROUTE_DEAD']],
  ['urlprefix-/a?b', [], ['FABIO_ROUTE_DEAD']],
  ['urlprefix-/100%', [], ['FABIO_ROUTE_SYNTAX']],
  ['urlprefix-[::1]/', ['both ~^[\\x3a\\x3a1]$ /'], []],
  ['urlprefix-a.{b,c}/', ['both ~^a\\.(?:b|c)$ /'], ['FABIO_GLOB_ORDER']],
  ['urlprefix-$(a).io/$(b)', ['both ~^\\$\\(a\\)\\.io$ /$(b)'], []],
  ['urlprefix-/ weight=0.5 weight', ['both * / share 0.5'], ['FABIO_OPTION_NO_EFFECT']],
  ['urlprefix-/ weight=0.5 weight=', ['both * /'], ['FABIO_OPTION_DUPLICATE', 'FABIO_OPTION_NO_EFFECT']],
  ['urlprefix-/ prepend=/%2E%2e/x', ['both * / quarantined'], ['FABIO_OPTION_VALUE']],
  ['urlprefix-/ prepend=/.', ['both * / quarantined'], ['FABIO_OPTION_VALUE']],
  ['urlprefix-/ prepend=/..x/y.', ['both * / addPrefix,/..x/y.'], []],
  ['urlprefix-/ prepend=x', ['both * / addPrefix,/x'], []],
  ['urlprefix-/ prepend=', ['both * /'], ['FABIO_OPTION_NO_EFFECT']],
  ['urlprefix-/ prepend=/../x', ['both * / quarantined'], ['FABIO_OPTION_VALUE']],
  ['urlprefix-/ strip=/a\\b', ['both * / stripPrefix,/a\\\\\\\\b'], ['FABIO_STRIP_OUTSIDE_PATH']],
  ['urlprefix-/ register=me', ['both * / kept register=me'], ['FABIO_REGISTER_IGNORED']],
  ['urlprefix-/{$HOME}/x', ['both * /{}/x'], ['FABIO_DOLLAR_LOST']],
  ['urlprefix-bücher.de/', [], ['TAG_NOT_ASCII']],
  ['urlprefix-a b/', ['both =a / kept b/'], ['FABIO_OPTION_UNKNOWN']],
  ['urlprefix-/a/../b', [], ['FABIO_ROUTE_SYNTAX']],
  ['other', [], []],
];

for (const [tag, intents, codes] of FORMS)
  test(`createFabioDialect() reads ${JSON.stringify(tag)}`, () => {
    const read1 = read(tag);
    assert.deepEqual(shortOf(read1), intents);
    assert.deepEqual(codesOf(read1).toSorted(), [...codes].toSorted());
  });

test('createFabioDialect() takes the datacenter for $DC and reports it when there is none', () => {
  const known = readTags(instanceOf('web', { tags: ['urlprefix-$DC.x.io/'], datacenter: 'eu1' }), [dialect]);
  assert.deepEqual(shortOf(known), ['both =eu1.x.io /']);
  assert.deepEqual(codesOf(read('urlprefix-$DC.x.io/')), ['FABIO_DC_UNKNOWN']);
});

test('createFabioDialect() carries Host and TLS name of `host=` to an https upstream', () => {
  const [intent] = read('urlprefix-/a proto=https tlsskipverify=true host=n.io').value.intents;
  assert.deepEqual(intent?.pool.transport, { skipVerify: true, serverName: 'n.io' });
  assert.deepEqual(intent?.pool.upstreamHost, { kind: 'fixed', host: 'n.io' });
});

/** Options of a tag and what they make of the pool, beside a plain one. */
const POOLS: readonly (readonly [string, Partial<PoolOptions>, readonly string[]])[] = [
  ['host=dst', { upstreamHost: { kind: 'endpoint' } }, []],
  ['host=In.io:81', { upstreamHost: { kind: 'fixed', host: host('in.io'), header: 'In.io:81' } }, []],
  ['host=in.io:0', {}, ['FABIO_OPTION_VALUE']],
  ['host=a/b', {}, ['FABIO_OPTION_VALUE']],
  ['tlsskipverify=true grpcservername=n.io pxyproto=true', {}, []],
  ['proto=https tlsskipverify=yes', {}, ['FABIO_OPTION_NO_EFFECT']],
  ['proto=https tlsskipverify=true host=dst', { transport: { skipVerify: true }, upstreamHost: { kind: 'endpoint' } }, []],
  ['proto=grpc host=n.io tlsskipverify=true grpcservername=n.io', { upstreamHost: { kind: 'endpoint' } }, []],
  [
    'proto=grpcs tlsskipverify=true grpcservername=n.io',
    { transport: { skipVerify: true, serverName: host('n.io') }, upstreamHost: { kind: 'endpoint' } },
    [],
  ],
  ['proto=grpcs grpcservername=a/b', { upstreamHost: { kind: 'endpoint' } }, ['FABIO_OPTION_VALUE']],
  ['proto=tcp pxyproto=true host=n.io', { proxyProtocol: 1 }, []],
  ['proto=tcp pxyproto=1', {}, ['FABIO_OPTION_NO_EFFECT']],
  ['redirect=301,/x host=n.io lb=ip_hash', {}, ['FABIO_OPTION_EXTENSION']],
  ['lb=least_conn', { loadBalancing: 'leastConnections' }, ['FABIO_OPTION_EXTENSION']],
  ['lb=round_robin', { loadBalancing: 'roundRobin' }, ['FABIO_OPTION_EXTENSION']],
  ['lb=random', { loadBalancing: 'random' }, ['FABIO_OPTION_EXTENSION']],
  ['health.mode=http', {}, ['FABIO_OPTION_EXTENSION']],
  ['health.maxfails=1', { passiveHealthCheck: { maxFailures: 1 } }, ['FABIO_OPTION_EXTENSION']],
  ['health.maxfails=10', { passiveHealthCheck: { maxFailures: 10 } }, ['FABIO_OPTION_EXTENSION']],
  ['health.maxfails=x1', {}, ['FABIO_EXTENSION_VALUE']],
  ['health.maxfails=0', {}, ['FABIO_EXTENSION_VALUE']],
  ['health.maxfails=1x', {}, ['FABIO_EXTENSION_VALUE']],
  ['health.maxfails=1234567', {}, ['FABIO_EXTENSION_VALUE']],
  ['lb=rr', {}, ['FABIO_EXTENSION_VALUE']],
  ['sticky', { sticky: {} }, ['FABIO_OPTION_EXTENSION']],
  ['sticky=lb_cookie', { sticky: { name: 'lb_cookie' } }, ['FABIO_OPTION_EXTENSION']],
  ['sticky=a;b', { sticky: {} }, ['FABIO_EXTENSION_VALUE']],
  ['sticky=false', {}, []],
  ['health', { healthCheck: { mode: 'http', headers: [], path: '/' } }, ['FABIO_OPTION_EXTENSION']],
  [
    'health=/ok?x=1 health.interval=500ms health.timeout=2s health.status=204 health.port=81 health.method=HEAD health.host=c.io health.scheme=https',
    {
      healthCheck: {
        mode: 'http',
        headers: [],
        path: '/ok?x=1',
        scheme: 'https',
        host: host('c.io'),
        port: port(81),
        method: 'HEAD',
        status: 204,
        intervalMs: 500,
        timeoutMs: 2000,
      },
    },
    Array<string>(8).fill('FABIO_OPTION_EXTENSION'),
  ],
  ['health=ok', { healthCheck: { mode: 'http', headers: [], path: '/' } }, ['FABIO_EXTENSION_VALUE']],
  ['health.interval=1h', {}, ['FABIO_EXTENSION_VALUE']],
  ['health.mode=grpc', { healthCheck: { mode: 'grpc', headers: [], path: '/' } }, ['FABIO_OPTION_EXTENSION']],
  ['proto=tcp health.mode=tcp', { healthCheck: { mode: 'tcp', headers: [] } }, ['FABIO_OPTION_EXTENSION']],
  [
    'health.maxfails=3 health.window=1m',
    { passiveHealthCheck: { maxFailures: 3, windowMs: 60_000 } },
    Array<string>(2).fill('FABIO_OPTION_EXTENSION'),
  ],
];

for (const [options, pool, codes] of POOLS)
  test(`createFabioDialect() makes a pool of \`${options}\``, () => {
    const found = read(`urlprefix-h.io/ ${options}`);
    assert.deepEqual(found.value.intents[0]?.pool, { ...PLAIN_POOL, ...pool });
    assert.deepEqual(codesOf(found), codes);
  });

test('createFabioDialect() reports a strip outside of a protected path as an error', () => {
  const [plain, guarded] = [read('urlprefix-/a strip=/q'), read('urlprefix-/a strip=/q auth=staff')];
  assert.equal(plain.diagnostics[0]?.severity, 'warning');
  assert.equal(guarded.diagnostics[0]?.severity, 'error');
});

test('createFabioDialect() points at the option that it means', () => {
  const { diagnostics } = read('urlprefix-/a  strip=/a  stirp=/b');
  const [{ span, hint } = {}] = diagnostics;
  assert.equal(span?.tag.slice(span.start, span.end), 'stirp=/b');
  assert.equal(hint, 'Did you mean `strip`?');
});

/** Durations of checks as texts, and the milliseconds that are read of them. */
const DURATIONS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ['1ms', 1],
  ['0ms', undefined],
  ['5s', 5000],
  ['1m', 60_000],
  ['86400s', 86_400_000],
  ['86401s', undefined],
  ['1h', undefined],
  ['x1s', undefined],
  ['1sx', undefined],
  ['1', undefined],
  ['123456789ms', undefined],
];

for (const [text, ms] of DURATIONS)
  test(`createFabioDialect() reads ${ms ?? 'nothing'} of \`health.window=${text}\``, () => {
    assert.equal(read(`urlprefix-h.io/ health.window=${text}`).value.intents[0]?.pool.passiveHealthCheck?.windowMs, ms);
  });

/** Paths of checks as texts, and those that are asked for. */
const CHECKED: readonly (readonly [text: string, path: string])[] = [
  ['/a%41?b', '/a%41?b'],
  ['/a%4g', '/'],
  ['/a%', '/'],
  ['x/a', '/'],
  ['//h.io', '/'],
  ['/a{b', '/'],
];

for (const [text, path] of CHECKED)
  test(`createFabioDialect() asks for ${path} where a tag says \`health=${text}\``, () => {
    assert.equal(read(`urlprefix-h.io/ health=${text}`).value.intents[0]?.pool.healthCheck?.path, path);
  });

/** Weights as Go's ParseFloat reads them; undefined where the tag is refused. */
const WEIGHTS: readonly (readonly [text: string, share: number | undefined])[] = [
  ['.25', 0.25],
  ['12.', 12],
  ['+0.5', 0.5],
  ['5e-1', 0.5],
  ['5E1', 50],
  ['1e+10', 1e10],
  ['12.75', 12.75],
  ['e1', undefined],
  ['1e', undefined],
  ['0x1', undefined],
];

for (const [text, share] of WEIGHTS)
  test(`createFabioDialect() reads the weight ${text} as ${share}`, () => {
    const [intent] = read(`urlprefix-h.io/ weight=${text}`).value.intents;

    assert.equal(intent?.share, share);
    assert.equal(intent?.fault === undefined, share !== undefined);
  });

const REFUSALS: readonly (readonly [options: string, message: string])[] = [
  ['prepend=/../x', 'Cannot prepend "/../x": it holds a dot segment'],
  ['health=1 health.timeout=x', 'Cannot use "x" for `health.timeout`: expected a duration such as 5s; the default is used'],
  ['health.window=x', 'Cannot use "x" for `health.window`: expected a duration such as 30s; the default is used'],
  ['health.mode=udp', 'Cannot use "udp" for `health.mode`: expected http, grpc or tcp; the default is used'],
  ['lb=x', 'Cannot use "x" for `lb`: expected round_robin, random, least_conn, ip_hash, p2c, least_time; the default is used'],
];

for (const [options, message] of REFUSALS)
  test(`createFabioDialect() says what it expects of \`${options}\``, () => {
    assert.ok(read(`urlprefix-h.io/ ${options}`).diagnostics.some((diagnostic) => diagnostic.message === message));
  });

test('createFabioDialect() compares paths as its matcher says', () => {
  const pathOf = (matcher: FabioSettings['matcher'], tag: string): unknown =>
    readTags(instanceOf('web', { tags: [tag] }), [createFabioDialect({ tagPrefix: 'urlprefix-', matcher, hostGlobs: true })]).value
      .intents[0]?.match.path;
  assert.deepEqual(pathOf('iprefix', 'urlprefix-/Foo'), { kind: 'prefix', path: '/Foo', ignoreCase: true });
  assert.deepEqual(pathOf('glob', 'urlprefix-/Foo'), { kind: 'exact', path: '/Foo', ignoreCase: false });
  assert.deepEqual(pathOf('glob', 'urlprefix-/a?/*'), { kind: 'regexp', regexp: '^/a./.*$' });
  assert.deepEqual(pathOf('prefix', 'urlprefix-/a*'), { kind: 'prefix', path: '/a*', ignoreCase: false });
});

test('createFabioDialect() takes hosts literally when host globs are off', () => {
  const exact = createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: false });
  const hostsOf = (tag: string): readonly string[] =>
    readTags(instanceOf('web', { tags: [tag] }), [exact]).value.intents.map(({ match }) => hostKey(match.host));
  assert.deepEqual(hostsOf('urlprefix-[::1]/'), ['=[::1]']);
  assert.deepEqual(hostsOf('urlprefix-*.x.io/'), []);
});

test('createFabioDialect() splits a redirect into typed parts', () => {
  const [intent] = read('urlprefix-h.io:80/ redirect=308,https://$host/$path').value.intents;
  assert.ok(intent?.action.kind === 'redirect');
  assert.deepEqual(intent.action.redirect.to, [{ kind: 'text', text: 'https://' }, { kind: 'host' }, { kind: 'path' }]);
});

test('createFabioDialect() warns of a quote in another tag when routes are there', () => {
  assert.deepEqual(codesOf(read('urlprefix-/a', 'x="y"')), ['FABIO_QUOTE_FREEZES']);
});

test('readTags() never throws and points inside the tag, whatever the tag holds', () => {
  const part = fc.oneof(
    fc.constantFrom('/', ':', '$', '{', '}', '[', '*', ' ', 'strip=/a', 'weight=', 'redirect=301,', 'h.io', '"', '\\'),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const { value, diagnostics } = read(`urlprefix-${parts.join('')}`);
      for (const span of [...value.intents.flatMap(({ spans }) => spans), ...diagnostics.flatMap((diagnostic) => diagnostic.span ?? [])])
        assert.ok(span.start >= 0 && span.start <= span.end && span.end <= span.tag.length);
    }),
    { numRuns: 2000 },
  );
});
