import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import type { Diagnosed } from '../../src/model/diagnostic.ts';
import { hostKey } from '../../src/model/match.ts';
import type { TagReading } from '../../src/model/intent.ts';
import { codesOf, instanceOf } from '../support/intents.ts';

const dialect = createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true });

function read(...tags: readonly string[]): Diagnosed<TagReading> {
  return readTags(instanceOf('web', { tags }), [dialect]);
}

function shortOf({ value }: Diagnosed<TagReading>): readonly string[] {
  return value.intents.map(({ entryPoints, match, middlewares, action, protocol, fault }) => {
    const path = match.path.kind === 'any' ? '/' : match.path.kind === 'regexp' ? match.path.regexp : match.path.path;
    const options = middlewares.map((middleware) =>
      middleware.kind === 'reference'
        ? `${middleware.to} ${middleware.name}`
        : JSON.stringify(Object.values(middleware)).replace(/[[\]"]|\{"kind":|\}/g, ''),
    );
    const extras = [
      protocol === 'http' ? [] : [protocol],
      action.kind === 'redirect' ? [`redirect ${action.redirect.status}`] : action.kind === 'refuse' ? ['refuse'] : [],
      options,
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
  ['urlprefix-127.0.0.1:1234 proto=tcp', ['tcp * / tcp'], []],
  ['urlprefix-h.io:80/', ['plain =h.io /', 'tls =h.io:80 /'], []],
  ['urlprefix-h.io:443/', ['tls =h.io /', 'plain =h.io:443 /'], []],
  ['urlprefix-h.io:8080/', ['both =h.io:8080 /'], []],
  ['urlprefix-x.com/ proto=tcp+sni', ['both =x.com /'], ['FABIO_PROTO_UNKNOWN']],
  ['urlprefix-x.com/ proto=https', ['both =x.com / https'], []],
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
  ['urlprefix-/o redirect=301,https://y.com/ proto=https', ['both * /o https redirect 301 quarantined'], ['FABIO_REDIRECT_PROTO']],
  ['urlprefix-/ weight=abc', ['both * / quarantined'], ['FABIO_WEIGHT_NOT_NUMBER']],
  ['urlprefix-/ allow=ip:10.0.0.0/8 deny=ip:10.1.1.1', ['both * / protective'], ['FABIO_ACL_BOTH']],
  ['urlprefix-/ deny=ip:fe80::1,10.0.0.0/8', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ auth=', ['both * / protective'], ['FABIO_AUTH_UNKNOWN']],
  ['urlprefix-/ auth=staff', ['both * / policy staff'], []],
  ['urlprefix-/ allow=ip:10.0.0.0/8,ip:::1', ['both * / ipAllow,10.0.0.0/8,::1/128,everyHop'], []],
  ['urlprefix-/ allow=ip:10.1.2.3,ip:x', ['both * / ipAllow,10.1.2.3/32,everyHop'], ['FABIO_ACL_ITEM']],
  ['urlprefix-/ deny=ip:10.1.2.3/08', ['both * / ipDeny,10.1.2.3/8,everyHop'], []],
  ['urlprefix-/ deny=ip:::ffff:10.1.2.3', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ deny=ip:10.1.2.3,ip:x', ['both * / protective'], ['FABIO_ACL_SYNTAX']],
  ['urlprefix-/ auth=staff strip=/a', ['both * / policy staff stripPrefix,/a'], ['FABIO_STRIP_OUTSIDE_PATH']],
  ['urlprefix-/ auth=staff weight=abc', ['both * / policy staff protective'], ['FABIO_WEIGHT_NOT_NUMBER']],
  ['urlprefix-:3306 allow=ip:10.1.2.3', ['tcp * / tcp protective'], ['FABIO_PROTECTION_UNSERVED']],
  ['urlprefix-/ stirp=/a', ['both * /'], ['FABIO_OPTION_UNKNOWN']],
  ['urlprefix-/ strip=/a strip=/', ['both * / stripPrefix,/'], ['FABIO_OPTION_DUPLICATE']],
  ['urlprefix-/x prepend=/{{env "HOME"}}', ['both * /x addPrefix,/{{env quarantined'], ['FABIO_OPTION_QUOTE', 'FABIO_OPTION_UNKNOWN']],
  ['urlprefix-/{$HOME}/x', ['both * /{}/x'], ['FABIO_DOLLAR_LOST']],
  ['urlprefix-bücher.de/', [], ['TAG_NOT_ASCII']],
  ['urlprefix-a b/', ['both =a /'], ['FABIO_OPTION_UNKNOWN']],
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
