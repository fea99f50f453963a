import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createHindDialect, type HindSettings } from '../../src/dialects/hind/dialect.ts';
import { createHindFormatter } from '../../src/dialects/hind/format.ts';
import { askKey } from '../../src/dialects/same.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Reference, RouteIntent } from '../../src/model/intent.ts';
import { NOT_ACME, type PathMatch } from '../../src/model/match.ts';
import { serviceName } from '../../src/model/names.ts';
import { tagSpan } from '../../src/model/diagnostic.ts';
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

test('createHindFormatter() says with its tag that plain http is led to https, and nothing else that answers plain http', () => {
  const forContext = (middleware: Middleware, conditions: RouteIntent['match']['conditions']): readonly string[] => {
    const tls = intentOf(instanceOf('web'), matchOf('h.io'), { dialect: 'traefik', entryPoints: { kind: 'tls' } });
    const entryPoints = { kind: 'named', names: ['web'], tls: false } as const;
    const plain: RouteIntent = { ...tls, entryPoints, match: { ...tls.match, conditions }, middlewares: [middleware] };
    const written = createHindFormatter().format([tls, plain], { ...CONTEXT, httpsRedirect: { port: port(443) } }, () => undefined);
    return [...tagsOf(written), ...(written.unsaid.length > 0 ? ['and more'] : [])];
  };
  const redirect = { kind: 'redirectScheme', scheme: 'https', permanent: true } as const;

  assert.deepEqual(forContext(redirect, [NOT_ACME]), ['https://h.io']);
  assert.deepEqual(forContext(redirect, []), ['https://h.io', 'and more']);
  assert.deepEqual(forContext({ ...redirect, permanent: false }, [NOT_ACME]), ['https://h.io', 'and more']);
});

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

const named = (to: Reference['to']): Reference => ({ kind: 'reference', to, name: 'n', span: tagSpan(web, 0), code: 'FABIO_AUTH_UNKNOWN' });
const pathOf = (path: PathMatch): Partial<RouteIntent> => ({ match: { ...matchOf('h.io'), path } });
const hostOf = (regexp: string): Partial<RouteIntent> => ({ match: { ...matchOf('h.io'), host: { kind: 'regexp', regexp } } });

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
  ['a refusal', { action: { kind: 'refuse' } }, 'HIND_UNSUPPORTED a refusal; no tag is written'],
  ['a transport', { transport: named('transport') }, 'HIND_UNSUPPORTED transport "n"; no tag is written'],
  ['another service', { backend: named('service') }, 'HIND_UNSUPPORTED service "n" in the place of the tag\'s own; no tag is written'],
  ['TLS options', { tlsProfile: named('policy') }, 'HIND_UNSUPPORTED the TLS options of policy "n"; no tag is written'],
  ['a middleware elsewhere', { middlewares: [named('middleware')] }, 'HIND_UNSUPPORTED middleware "n"; no tag is written'],
  ['a weight', { weight: 2 }, 'https://h.io | HIND_APPROXIMATED every instance gets an equal share'],
  ['a weight of one', { weight: 1 }, 'https://h.io'],
  ['a priority', { priority: 7 }, 'https://h.io | HIND_APPROXIMATED its priority'],
  [
    'flushing',
    { pool: { ...plain.pool, flushIntervalMs: 1 } },
    'https://h.io | HIND_UNSUPPORTED cookies, health checks and flushing; the route is written without them',
  ],
  [
    'a port without TLS',
    { entryPoints: { kind: 'port', port: port(81), tls: false } },
    'HIND_UNSUPPORTED port 81 without TLS; no tag is written',
  ],
  ['a path expression', pathOf({ kind: 'regexp', regexp: '^/a' }), 'HIND_UNSUPPORTED the path expression "^/a"; no tag is written'],
  ['an exact path', pathOf({ kind: 'exact', path: '/a', ignoreCase: true }), 'https://h.io/a'],
  [
    'an exact path by its case',
    pathOf({ kind: 'exact', path: '/A', ignoreCase: false }),
    'https://h.io/A | HIND_APPROXIMATED "/A" is matched in any case',
  ],
  [
    'a path with a blank',
    pathOf({ kind: 'exact', path: '/a b', ignoreCase: true }),
    'HIND_UNSUPPORTED its text would be "https://h.io/a b", which HinD reads in another way; no tag is written',
  ],
  [
    'a path with a brace',
    pathOf({ kind: 'exact', path: '/{a}', ignoreCase: true }),
    'HIND_UNSUPPORTED its text would be "https://h.io/{a}", which HinD reads in another way; no tag is written',
  ],
  ['one label', hostOf('^[^.]+\\.a\\.io$'), 'https://*.a.io'],
  ['one label at least', hostOf('^.+\\.a\\.io$'), 'https://*.a.io | HIND_APPROXIMATED `*` of "*.a.io" stands for one label'],
  ['a host expression', hostOf('^a|b$'), 'HIND_UNSUPPORTED the host expression "^a|b$"; no tag is written'],
  ['an expression before a host', hostOf('^x.+\\.a\\.io$'), 'HIND_UNSUPPORTED the host expression "^x.+\\.a\\.io$"; no tag is written'],
  ['an expression that goes on', hostOf('^.+\\.a\\.io'), 'HIND_UNSUPPORTED the host expression "^.+\\.a\\.io"; no tag is written'],
  [
    'a port of the Host header',
    { match: { ...matchOf('h.io'), host: { kind: 'exact', host: host('h.io'), port: port(8443) } } },
    'https://h.io:8443 | HIND_APPROXIMATED the port is that of the listener, not of the Host header',
  ],
  [
    'the own port in the Host header',
    { match: { ...matchOf('h.io'), host: { kind: 'exact', host: host('h.io'), port: 'own' } } },
    'https://h.io | HIND_APPROXIMATED requests with another port in their Host header are taken too',
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

const RESHAPING: readonly Middleware[] = [
  { kind: 'stripPrefixRegexp', regexps: ['^/a'] },
  { kind: 'addPrefix', prefix: '/a' },
  { kind: 'replacePath', path: '/a' },
  { kind: 'replacePathRegexp', regexp: '^/a', replacement: '/b' },
  { kind: 'redirectScheme', scheme: 'https', permanent: false },
  { kind: 'redirectRegexp', regexp: '^a', replacement: 'b', permanent: false },
];
for (const step of RESHAPING)
  test(`createHindFormatter() writes no tag where ${step.kind} changes the request`, () => {
    assert.equal(
      format([{ ...plain, middlewares: [step] }]),
      `HIND_UNSUPPORTED ${step.kind}, which changes the request; no tag is written`,
    );
  });

test('createHindFormatter() leaves only the very list of addresses to HinD, of the peer', () => {
  const settings = { allowIps: ['10.0.0.0/8', '::1/128'] };
  const allow = (cidrs: readonly string[], of: Extract<Middleware, { kind: 'ipAllow' }>['of']): string =>
    format([{ ...plain, middlewares: [{ kind: 'ipAllow', cidrs, of }] }], settings);
  const refused = 'HIND_UNSUPPORTED ipAllow, which protects the route; no tag is written';

  assert.equal(allow(settings.allowIps, { kind: 'peer' }), 'https://h.io');
  assert.equal(allow(['10.0.0.0/8'], { kind: 'peer' }), refused);
  assert.equal(allow(settings.allowIps, { kind: 'depth', depth: 1 }), refused);
});
