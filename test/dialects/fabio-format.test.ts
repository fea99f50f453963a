import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFabioDialect } from '../../src/dialects/fabio/dialect.ts';
import { createFabioFormatter } from '../../src/dialects/fabio/format/format.ts';
import type { FabioSettings } from '../../src/dialects/fabio/route.ts';
import { askKey } from '../../src/dialects/same.ts';
import type { FormatContext } from '../../src/dialects/dialect.ts';
import { tagSpan, type Diagnostic } from '../../src/model/diagnostic.ts';
import type { RouteIntent } from '../../src/model/intent.ts';
import { exactPath, pathPrefix, type Condition, type PathMatch } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { PoolOptions } from '../../src/model/pool.ts';
import { serviceName } from '../../src/model/names.ts';
import { fabioTags } from '../support/fabio-tags.ts';
import { host, instanceOf, intentOf, matchOf, port, tagsOf } from '../support/intents.ts';

const SETTINGS: FabioSettings = { tagPrefix: 'urlprefix-', matcher: 'prefix', hostGlobs: true };
const CONTEXT = { service: serviceName('web'), port: port(8080), entryPoints: { plain: 'web', tls: 'websecure' } };

function parse(tags: readonly string[], settings: FabioSettings): readonly RouteIntent[] {
  return createFabioDialect(settings).parse(instanceOf('web', { tags }), () => undefined).intents;
}

function format(
  intents: readonly RouteIntent[],
  settings: FabioSettings,
): { readonly tags: readonly string[]; readonly losses: readonly Diagnostic[] } {
  const losses: Diagnostic[] = [];
  return { tags: tagsOf(createFabioFormatter(settings).format(intents, CONTEXT, (loss) => losses.push(loss))), losses };
}

for (const matcher of ['prefix', 'iprefix', 'glob'] as const)
  test(`createFabioFormatter() writes tags that ask for the same with matcher ${matcher}`, () => {
    const settings = { ...SETTINGS, matcher };
    fc.assert(
      fc.property(fc.array(fabioTags, { minLength: 1, maxLength: 3 }), (tags) => {
        const intents = parse(tags, settings);
        fc.pre(intents.length > 0 && intents.every(({ fault }) => !fault));
        const { tags: written, losses } = format(intents, settings);
        assert.deepEqual(
          losses.map(({ message }) => message),
          [],
        );
        const [before, after] = [intents, parse(written, settings)].map((list) => [...new Set(list.map(askKey))]);
        assert.deepEqual(after, before);
      }),
      { numRuns: 1500 },
    );
  });

const web = instanceOf('web');
const router = (overrides: Partial<RouteIntent> = {}): RouteIntent =>
  intentOf(web, matchOf('a.io'), { dialect: 'traefik', entryPoints: { kind: 'named', names: ['web'], tls: false }, ...overrides });
const matching = (...conditions: readonly Condition[]): Partial<RouteIntent> => ({ match: { ...matchOf('a.io'), conditions } });
const pathed = (path: PathMatch): Partial<RouteIntent> => ({ match: { ...matchOf('a.io'), path } });
const hosted = (regexp: string): Partial<RouteIntent> => ({ match: { ...matchOf('a.io'), host: { kind: 'regexp', regexp } } });
const pooled = (pool: Partial<PoolOptions>): Partial<RouteIntent> => ({ pool: { ...router().pool, ...pool } });
const through = (...middlewares: readonly Middleware[]): Partial<RouteIntent> => ({ middlewares });
const policy = { kind: 'reference', to: 'policy', name: 'users', code: 'TRAEFIK_REFERENCE_UNKNOWN', span: tagSpan(web, 0) } as const;

/** Said of every router with a host. */
const PORT_READ = "requests with another port in their Host header than the listener's are not taken";

/** What is asked beside ``Host(`a.io`)`` on the plain entry point, the tag that is written, and what is said. */
const ASKED: readonly (readonly [string, Partial<RouteIntent>, string])[] = [
  ['nothing more', {}, 'a.io:80/'],
  ['no entry point', { entryPoints: { kind: 'plain' } }, 'a.io/ | APPROXIMATED TLS requests are answered too'],
  ['TLS', { entryPoints: { kind: 'named', names: ['websecure'], tls: true } }, 'a.io:443/'],
  ['two entry points', { entryPoints: { kind: 'named', names: ['web', 'alt'], tls: false } }, 'a.io:80/ | UNSUPPORTED entry points alt'],
  [
    'another entry point',
    { entryPoints: { kind: 'named', names: ['alt'], tls: false } },
    "UNSUPPORTED entry points alt: Fabio's listeners have no names; no tag is written",
  ],
  [
    'every host',
    { match: matchOf('*', '/p') },
    '*:80/p | APPROXIMATED `*` stands for every host on one kind of listener and goes before routes without host',
  ],
  ['a host expression', hosted('^.*\\.x\\.io$'), '*.x.io:80/'],
  ['a host expression with a character', hosted('^.+\\.x\\.io$'), '?*.x.io:80/'],
  ['a host expression with choices', hosted('^(?:a|b[0-9])-c\\.io$'), '{a,b[0-9]}-c.io:80/'],
  ['one label', hosted('^[^.]+\\.x\\.io$'), '*.x.io:80/ | APPROXIMATED `*` of "*.x.io" spans dots'],
  ['an open host expression', hosted('x\\.io$'), 'UNSUPPORTED the host expression "x\\.io$"; no tag is written'],
  ['a repeated class', hosted('^[a-z]+\\.io$'), 'UNSUPPORTED the host expression "^[a-z]+\\.io$"; no tag is written'],
  ['an IPv6 host', { match: matchOf('[::1]') }, 'UNSUPPORTED "[::1]", which Fabio reads as a pattern; no tag is written'],
  ['an exact path', pathed(exactPath('/p')), 'a.io:80/p | APPROXIMATED "/p" also matches every path that begins so'],
  ['a path in any case', pathed(pathPrefix('/p', true)), 'a.io:80/p | APPROXIMATED "/p" is matched in this case only'],
  ['a path expression', pathed({ kind: 'regexp', regexp: '^/p' }), 'UNSUPPORTED the path expression "^/p"; no tag is written'],
  [
    'a path with a variable',
    pathed(pathPrefix('/v$1')),
    'UNSUPPORTED its text would be "urlprefix-a.io:80/v$1", which Fabio reads in another way; no tag is written',
  ],
  ['a method', matching({ kind: 'method', method: 'GET' }), 'UNSUPPORTED a condition on method; no tag is written'],
  ['a header', matching({ kind: 'header', name: 'X-A', value: 'b' }), 'UNSUPPORTED a condition on header X-A; no tag is written'],
  ['a query', matching({ kind: 'query', key: 'q' }), 'UNSUPPORTED a condition on query q; no tag is written'],
  [
    'an address',
    matching({ kind: 'clientIp', cidrs: ['10.0.0.1'] }),
    'a.io:80/ allow=ip:10.0.0.1/32 | APPROXIMATED other addresses get 403 instead of another route',
  ],
  [
    'no such address',
    matching({ kind: 'not', condition: { kind: 'clientIp', cidrs: ['10.0.0.0/8'] } }),
    'a.io:80/ deny=ip:10.0.0.0/8 | APPROXIMATED these addresses get 403 instead of another route',
  ],
  [
    'two prefixes off',
    through({ kind: 'stripPrefix', prefixes: ['/a', '/b'] }),
    'UNSUPPORTED several prefixes of which one is cut off; no tag is written',
  ],
  [
    'a prefix on before one off',
    through({ kind: 'addPrefix', prefix: '/b' }, { kind: 'stripPrefix', prefixes: ['/a'] }),
    'UNSUPPORTED a prefix put on before another is cut off; no tag is written',
  ],
  ['another path', through({ kind: 'replacePath', path: '/x' }), 'UNSUPPORTED replacePath, which changes the path; no tag is written'],
  [
    'a redirect to https',
    through({ kind: 'redirectScheme', scheme: 'https', permanent: true }),
    'a.io:80/ redirect=301,https://$host$path | APPROXIMATED methods other than GET get 301 too',
  ],
  [
    'a redirect to a port',
    through({ kind: 'redirectScheme', scheme: 'https', permanent: false, port: port(8443) }),
    "UNSUPPORTED a redirect to port 8443 of the request's host; no tag is written",
  ],
  [
    'a redirect of every URL',
    through({ kind: 'redirectRegexp', regexp: '^(.*)$', replacement: 'https://b.io/x', permanent: true }),
    'a.io:80/ redirect=301,https://b.io/x | APPROXIMATED methods other than GET get 301 too',
  ],
  [
    'a redirect of some URLs',
    through({ kind: 'redirectRegexp', regexp: '^http://(.*)', replacement: 'https://$1', permanent: true }),
    'UNSUPPORTED a redirect by the expression "^http://(.*)"; no tag is written',
  ],
  [
    'a policy',
    { middlewares: [policy] },
    "a.io:80/ auth=users | APPROXIMATED `auth=users` needs a scheme of that name in Fabio's proxy.auth",
  ],
  ['two policies', { middlewares: [policy, policy] }, 'UNSUPPORTED two policies for one route; no tag is written'],
  [
    'passwords of its own',
    through({ kind: 'basicAuth', users: { kind: 'listed', users: [] } }),
    'UNSUPPORTED basicAuth, which protects the route; no tag is written',
  ],
  [
    'allowed peers',
    through({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } }),
    'a.io:80/ allow=ip:10.0.0.0/8 | APPROXIMATED the peer and every address in X-Forwarded-For are looked at',
  ],
  [
    'two lists of addresses',
    through(
      { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'everyHop' } },
      { kind: 'ipDeny', cidrs: ['10.0.0.1/32'], of: { kind: 'everyHop' } },
    ),
    'UNSUPPORTED two lists of addresses for one route; no tag is written',
  ],
  ['compression', through({ kind: 'compress' }), 'a.io:80/ | UNSUPPORTED compress; the route is written without it'],
  [
    'another middleware',
    { middlewares: [{ ...policy, to: 'middleware' }] },
    'UNSUPPORTED middleware "users", which another tag defines; no tag is written',
  ],
  [
    'h2c instances',
    { protocol: 'h2c' },
    'a.io:80/ proto=grpc | APPROXIMATED `proto=grpc` answers gRPC calls only; APPROXIMATED the instance gets its own address as host',
  ],
  ['https instances', { protocol: 'https', ...pooled({ transport: { skipVerify: true } }) }, 'a.io:80/ proto=https tlsskipverify=true'],
  [
    'a TLS name',
    { protocol: 'https', ...pooled({ transport: { skipVerify: false, serverName: host('n.io') } }) },
    'a.io:80/ proto=https host=n.io | APPROXIMATED "n.io" is the Host header too',
  ],
  [
    'a Host header for https',
    { protocol: 'https', ...pooled({ upstreamHost: { kind: 'fixed', host: host('n.io') } }) },
    'a.io:80/ proto=https host=n.io | APPROXIMATED "n.io" is the TLS name too',
  ],
  ['its own address as Host', pooled({ upstreamHost: { kind: 'endpoint' } }), 'a.io:80/ host=dst'],
  [
    'certificate authorities',
    { protocol: 'https', ...pooled({ transport: { skipVerify: false, rootCas: ['/ca.pem'] } }) },
    "a.io:80/ proto=https | UNSUPPORTED certificate authorities of the instance; the system's are asked",
  ],
  ['a cookie', pooled({ sticky: { name: 'c', secure: true } }), 'a.io:80/ sticky=c | APPROXIMATED the cookie has no attributes'],
  ['the least busy of two', pooled({ loadBalancing: 'powerOfTwo' }), 'a.io:80/ lb=p2c'],
  [
    'a weight',
    { weight: 3 },
    'a.io:80/ weight=3 | APPROXIMATED `weight=3` is a share of the weights of all instances only where each of them states one',
  ],
  ['a weight of 0', { weight: 0 }, 'UNSUPPORTED a weight of 0, which keeps an instance without requests; no tag is written'],
  [
    'another port of the instance',
    { endpoint: { address: '10.0.0.1', port: port(9) } },
    'UNSUPPORTED port 9 in the place of the registered 8080; no tag is written',
  ],
  [
    'another service',
    { backend: { ...policy, to: 'service', name: 's' } },
    'UNSUPPORTED service "s" in the place of the tag\'s own; no tag is written',
  ],
  [
    'a transport',
    { transport: { ...policy, to: 'transport', name: 't' } },
    'UNSUPPORTED transport "t", which the operator configures; no tag is written',
  ],
  [
    'a fault',
    { fault: { kind: 'quarantined', code: 'FABIO_REDIRECT_FORM' } },
    'UNSUPPORTED its tag cannot be honoured (FABIO_REDIRECT_FORM); no tag is written',
  ],
  ['UDP', { protocol: 'udp', entryPoints: { kind: 'udp', port: port(53) } }, 'UNSUPPORTED Fabio forwards no UDP; no tag is written'],
  [
    'a server name',
    { protocol: 'tcp', tcpTls: 'passthrough', entryPoints: { kind: 'tcp', names: ['db'] } },
    'a.io/ proto=tcp | APPROXIMATED the server name counts on every TLS listener, not only on db',
  ],
  [
    'TLS that ends before TCP',
    { protocol: 'tcp', tcpTls: 'terminate', entryPoints: { kind: 'tcp' } },
    'UNSUPPORTED a TCP route that ends TLS; no tag is written',
  ],
  [
    'TCP of an entry point by name',
    { protocol: 'tcp', match: matchOf('*'), entryPoints: { kind: 'tcp', names: ['db'] } },
    'UNSUPPORTED the port of a TCP route that names its entry point only; no tag is written',
  ],
];

for (const [asked, overrides, expected] of ASKED)
  test(`createFabioFormatter() says what becomes of ${asked}`, () => {
    assert.equal(saying([router(overrides)]), expected);
  });

function saying(intents: readonly RouteIntent[], context: Partial<FormatContext> = {}): string {
  const losses: string[] = [];
  const written = createFabioFormatter(SETTINGS).format(intents, { ...CONTEXT, ...context }, ({ code, message }) => {
    if (!message.endsWith(PORT_READ)) losses.push(`${code.replace('FABIO_', '')} ${message.slice(message.indexOf(': ') + 2)}`);
  });
  return [...tagsOf(written).map((tag) => tag.replace('urlprefix-', '')), ...(losses.length > 0 ? [losses.join('; ')] : [])].join(' | ');
}

test('createFabioFormatter() says that Fabio looks at the port of the Host header', () => {
  const messages = (intent: RouteIntent): readonly string[] => format([intent], SETTINGS).losses.map(({ message }) => message);
  const tls = { kind: 'named', names: ['websecure'], tls: true } as const;

  assert.deepEqual(messages(router({ entryPoints: tls })), [`In a Fabio tag this is said differently: ${PORT_READ}`]);
  assert.deepEqual(
    messages(router({ entryPoints: tls, match: { ...matchOf('a.io'), host: { kind: 'exact', host: host('a.io'), port: 'own' } } })),
    [],
  );
});

test('createFabioFormatter() writes one tag for a router and its twin with TLS', () => {
  const secure = router({ entryPoints: { kind: 'named', names: ['websecure'], tls: true } });
  assert.equal(saying([router(), secure]), 'a.io/');
  assert.equal(saying([router(), { ...secure, protocol: 'https' }]), 'a.io:80/ | a.io:443/ proto=https');
});

test('createFabioFormatter() keeps the tags of Fabio for plain http and TLS apart', () => {
  const tags = ['urlprefix-h.io:80/', 'urlprefix-h.io:443/'];
  assert.deepEqual(format(parse(tags, SETTINGS), SETTINGS), { tags, losses: [] });
});

test('createFabioFormatter() writes no redirect that Fabio would refuse', () => {
  const to = [{ kind: 'text', text: 'https://b.io/?a=1,2' }] as const;
  const expected =
    'its text would be "urlprefix-a.io:80/ redirect=301,https://b.io/?a=1,2", which Fabio reads in another way; no tag is written';
  assert.equal(saying([router({ action: { kind: 'redirect', redirect: { status: 301, to } } })]), `UNSUPPORTED ${expected}`);
});

test('createFabioFormatter() writes no tag that would be withheld', () => {
  const guarded = through({ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'everyHop' } }, { kind: 'stripPrefix', prefixes: ['/q'] });
  const tag = 'urlprefix-a.io:80/ allow=ip:10.0.0.0/8 strip=/q';
  assert.equal(saying([router(guarded)]), `UNSUPPORTED its text would be "${tag}", which Fabio reads in another way; no tag is written`);
});

test('createFabioFormatter() redirects plain http alone when a route for both does', () => {
  const both = router({ entryPoints: { kind: 'both' }, ...through({ kind: 'redirectScheme', scheme: 'https', permanent: true }) });
  assert.equal(saying([both]), 'a.io:80/ redirect=301,https://$host$path | a.io:443/ | APPROXIMATED methods other than GET get 301 too');
});

test('createFabioFormatter() writes what a transport says when it is known', () => {
  const transports = new Map([['t', { skipVerify: true }]]);
  const intent = router({ protocol: 'https', transport: { ...policy, to: 'transport', name: 't' } });
  assert.equal(saying([intent], { transports }), 'a.io:80/ proto=https tlsskipverify=true');
});

test('createFabioFormatter() says where priorities differ from the order of Fabio', () => {
  const wide = router({ match: matchOf('*', '/very/long/path'), ruleLength: 28, entryPoints: { kind: 'both' } });
  const narrow = router({ ruleLength: 12, entryPoints: { kind: 'both' } });
  const loss = 'APPROXIMATED its priority, because Fabio tries hosts by their length and then paths by theirs';
  assert.equal(saying([wide, narrow]), `/very/long/path | a.io/ | ${loss}`);
  assert.equal(saying([wide, { ...narrow, priority: 100 }]), '/very/long/path | a.io/');
  const other = router({ match: matchOf('b.io'), ruleLength: 40, entryPoints: { kind: 'both' } });
  assert.equal(saying([{ ...narrow, ruleLength: 50 }, other]), 'a.io/ | b.io/');
});

test("createFabioFormatter() keeps HinD's balancing and widens its paths", () => {
  const exact = intentOf(web, { ...matchOf('h.io'), path: exactPath('/sub', true) }, { dialect: 'hind', entryPoints: { kind: 'tls' } });
  assert.equal(
    saying([exact]),
    'h.io:443/sub lb=ip_hash | APPROXIMATED "/sub" also matches every path that begins so; APPROXIMATED "/sub" is matched in this case only; APPROXIMATED requests over plain http are not led to https',
  );
});

test('createFabioFormatter() says that HinD sends the path as it came', () => {
  const raw = intentOf(web, matchOf('h.io'), { dialect: 'hind', entryPoints: { kind: 'tls' }, pathForm: 'raw' });
  assert.match(saying([raw]), /instances get the cleaned path, not the path as sent/);
});

test('createFabioFormatter() never throws and writes only what can be read, whatever was asked', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      ':',
      '$',
      '{',
      '}',
      '[',
      ']',
      '*',
      '?',
      '\\',
      ' strip=/a',
      ' redirect=301,',
      'https://y.io',
      ' host=',
      ' proto=tcp',
      ' proto=grpc',
      'h.io',
      '"',
      ',',
      '%41',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const { tags, losses } = format(parse([`urlprefix-${pieces.join('')}`], SETTINGS), SETTINGS);
      assert.ok(parse(tags, SETTINGS).every(({ fault }) => !fault));
      for (const { span } of losses) assert.ok(span && span.start <= span.end && span.end <= span.tag.length);
    }),
    { numRuns: 2000 },
  );
});
