import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect, type HindSettings } from '../../src/dialects/hind/dialect.ts';
import { createHindFormatter } from '../../src/dialects/hind/format.ts';
import { askKey } from '../../src/dialects/same.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { RouteIntent } from '../../src/model/intent.ts';
import { serviceName } from '../../src/model/names.ts';
import { host, instanceOf, intentOf, matchOf, port, tagsOf } from '../support/intents.ts';

const CONTEXT = { service: serviceName('web'), port: port(8080), entryPoints: { plain: 'web', tls: 'websecure' } };

function parse(tags: readonly string[], settings?: HindSettings): readonly RouteIntent[] {
  return createHindDialect(settings).parse(instanceOf('web', { tags }), () => undefined).intents;
}

function format(intents: readonly RouteIntent[], settings?: HindSettings): string {
  const codes: string[] = [];
  const written = createHindFormatter(settings).format(intents, CONTEXT, ({ code, message }) =>
    codes.push(`${code} ${message.split(': ')[1] ?? ''}`),
  );
  return [...tagsOf(written), ...codes].join(' | ');
}

const label = fc.stringMatching(/^[a-z0-9_-]{1,8}$/);
const hosts = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.')),
  fc.constantFrom('*.a.io', '10.1.2.3', '[::1]'),
);
const segment = fc.stringMatching(/^[A-Za-z0-9_~!$&'()+;=:@-][A-Za-z0-9._~!$&'()+;=:@-]{0,6}$/);
const paths = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/', '*', '/*'))
  .map(([segments, end]) => segments.map((text) => `/${text}`).join('') + (segments.length === 0 && end === '*' ? '' : end));
const tags = fc.tuple(hosts, fc.constantFrom('', ':443', ':8443'), paths).map(([name, number, path]) => `https://${name}${number}${path}`);

test('createHindFormatter() writes tags that ask for the same', () => {
  fc.assert(
    fc.property(fc.array(tags, { minLength: 1, maxLength: 3 }), (list) => {
      const intents = parse(list);
      const written = tagsOf(createHindFormatter().format(intents, CONTEXT, ({ message }) => assert.fail(message)));
      const [before, after] = [intents, parse(written)].map((found) => [...new Set(found.map(askKey))]);
      assert.deepEqual(after, before);
      assert.ok(intents.length > 0);
    }),
    { numRuns: 1000 },
  );
});

test("createHindFormatter() leaves the list of allowed addresses to HinD's own", () => {
  const settings = { allowIps: ['10.0.0.0/8'] };
  assert.equal(format(parse(['https://h.io'], settings), settings), 'https://h.io');
  assert.equal(format(parse(['https://h.io'], settings)), 'HIND_UNSUPPORTED ipAllow, which protects the route; no tag is written');
});

const web = instanceOf('web');
const plain = intentOf(web, matchOf('h.io'), { entryPoints: { kind: 'tls' }, dialect: 'hind' });
const strip: Middleware = { kind: 'stripPrefix', prefixes: ['/a'] };
const hsts: Middleware = { kind: 'hsts', maxAgeSeconds: 1, includeSubdomains: false, preload: false, always: false };

/** What is asked beside the tag `https://h.io`, and what is written and said. */
const CASES: readonly (readonly [string, Partial<RouteIntent>, string])[] = [
  ['TLS of another dialect', { dialect: 'traefik' }, 'https://h.io | HIND_APPROXIMATED plain http is redirected to https'],
  [
    'both kinds of listeners',
    { dialect: 'traefik', entryPoints: { kind: 'both' } },
    'https://h.io | HIND_APPROXIMATED plain http is redirected to https',
  ],
  ['plain http', { entryPoints: { kind: 'plain' } }, 'HIND_UNSUPPORTED plain http; no tag is written'],
  ['the usual TLS entry point', { entryPoints: { kind: 'named', names: ['websecure'], tls: true } }, 'https://h.io'],
  [
    'another entry point',
    { entryPoints: { kind: 'named', names: ['alt'], tls: true } },
    'HIND_UNSUPPORTED entry points that are not websecure; no tag is written',
  ],
  ['another port', { entryPoints: { kind: 'port', port: port(8443), tls: true } }, 'https://h.io:8443'],
  ['every host', { match: matchOf('*') }, 'HIND_UNSUPPORTED a route for every host; no tag is written'],
  ['a path by its case', { match: matchOf('h.io', '/a') }, 'https://h.io/a* | HIND_APPROXIMATED "/a" is matched in any case'],
  [
    'a star in an exact path',
    { match: { ...matchOf('h.io'), path: { kind: 'exact', path: '/a*', ignoreCase: true } } },
    'HIND_UNSUPPORTED its text would be "https://h.io/a*", which HinD reads in another way; no tag is written',
  ],
  [
    'a pattern over dots',
    { match: { ...matchOf('h.io'), host: { kind: 'glob', pattern: '*.a.io', regexp: '^.*\\.a\\.io$', port: 'own' } } },
    'https://*.a.io | HIND_APPROXIMATED requests with another port in their Host header are taken too | HIND_APPROXIMATED `*` of "*.a.io" stands for one label',
  ],
  [
    'a condition',
    { match: { ...matchOf('h.io'), conditions: [{ kind: 'method', method: 'GET' }] } },
    'HIND_UNSUPPORTED conditions beside host and path; no tag is written',
  ],
  ['a shorter path', { middlewares: [strip] }, 'HIND_UNSUPPORTED stripPrefix, which changes the request; no tag is written'],
  ['a header', { middlewares: [hsts] }, 'https://h.io | HIND_UNSUPPORTED hsts; the route is written without it'],
  ['https instances', { protocol: 'https' }, 'HIND_UNSUPPORTED instances that speak https; no tag is written'],
  [
    'its own Host header',
    { pool: { ...plain.pool, upstreamHost: { kind: 'fixed', host: host('x.io') } } },
    "HIND_UNSUPPORTED a Host header that is not the client's; no tag is written",
  ],
  ['a share', { share: 0.5 }, 'https://h.io | HIND_APPROXIMATED every instance gets an equal share'],
  [
    'random choice',
    { pool: { ...plain.pool, loadBalancing: 'random' } },
    "https://h.io | HIND_APPROXIMATED instances are chosen by the client's address",
  ],
  [
    'another port of the instance',
    { endpoint: { address: '10.0.0.1', port: port(9) } },
    'HIND_UNSUPPORTED port 9 in the place of the registered 8080; no tag is written',
  ],
  [
    'a fault',
    { fault: { kind: 'quarantined', code: 'FABIO_REDIRECT_FORM' } },
    'HIND_UNSUPPORTED its tag cannot be honoured (FABIO_REDIRECT_FORM); no tag is written',
  ],
];

for (const [asked, overrides, expected] of CASES)
  test(`createHindFormatter() says what becomes of ${asked}`, () => {
    assert.equal(format([{ ...plain, ...overrides }]), expected);
  });

test('createHindFormatter() writes one tag for a plain route and its twin with TLS', () => {
  const traefik = { dialect: 'traefik', pool: plain.pool } as const;
  const pair = (['plain', 'tls'] as const).map((kind) => intentOf(web, matchOf('h.io'), { ...traefik, entryPoints: { kind } }));
  assert.equal(format(pair), 'https://h.io | HIND_APPROXIMATED plain http is redirected to https');
});

test('createHindFormatter() refuses what Fabio does with TCP', () => {
  const tcp = createFabioDialect({ tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true }).parse(
    instanceOf('web', { tags: ['urlprefix-:3306 proto=tcp'] }),
    () => undefined,
  ).intents;
  assert.equal(format(tcp), 'HIND_UNSUPPORTED instances that speak tcp; no tag is written');
});
