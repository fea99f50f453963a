import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requiredEnding } from '../../src/compile/exact-hosts.ts';
import { exactHost, exactPath, hostKey, type RouteMatch } from '../../src/model/match.ts';
import { ownerId } from '../../src/model/names.ts';
import type { DialectName } from '../../src/model/route.ts';
import { codesOf, compile, host, instanceOf, intentOf, matchOf, port, readingOf } from '../support/intents.ts';
import type { RouteIntent } from '../../src/model/intent.ts';

const glob = (pattern: string, regexp: string): RouteMatch => ({ ...matchOf('*'), host: { kind: 'glob', pattern, regexp, port: 'own' } });

function rankedHosts(...asked: readonly (readonly [string, RouteMatch, Partial<RouteIntent>?])[]): readonly string[] {
  const readings = asked.map(([service, match, overrides]) => {
    const instance = instanceOf(service);
    return readingOf(instance, intentOf(instance, match, overrides));
  });
  return compile(readings).value.table.routes.map(
    ({ match }) => `${hostKey(match.host)} ${match.path.kind === 'any' ? '/' : JSON.stringify(match.path)}`,
  );
}

test('rankRoutes() tries exact hosts before globs and host-less routes last', () => {
  const hosts = rankedHosts(['a', matchOf('*', '/very/long')], ['b', glob('*.x.io', '^.*\\.x\\.io$')], ['c', matchOf('a.x.io')]);
  assert.deepEqual(
    hosts.map((text) => text.split(' ')[0]),
    ['=a.x.io', '~^.*\\.x\\.io$', '*'],
  );
});

test('rankRoutes() tries longer prefixes of one host first', () => {
  const hosts = rankedHosts(['a', matchOf('h.io')], ['b', matchOf('h.io', '/a')], ['c', matchOf('h.io', '/a/b')]);
  assert.match(hosts[0] ?? '', /\/a\/b/);
  assert.equal(hosts[2], '=h.io /');
});

test('rankRoutes() keeps the order of priorities when a longer path asks for less', () => {
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;
  const hosts = rankedHosts(
    ['a', matchOf('h.io', '/long/path'), { ...traefik, priority: 1 }],
    ['b', matchOf('h.io'), { ...traefik, priority: 9 }],
  );
  assert.deepEqual(hosts[0], '=h.io /');
});

test('rankRoutes() holds a priority below the exact hosts of other services when its router has none', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;
  const compiled = compile([
    readingOf(a, intentOf(a, matchOf('*'), { ...traefik, priority: 1000, ruleLength: 15 })),
    readingOf(b, intentOf(b, matchOf('h.io'), { ...traefik, ruleLength: 20 })),
  ]);
  assert.equal(compiled.value.table.routes[0]?.services[0], 'b');
  assert.deepEqual(codesOf(compiled), ['TRAEFIK_PRIORITY_CLAMPED']);
});

test('rankRoutes() holds a priority below the exact hosts of other services when its rule is the longer one', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;

  const compiled = compile([
    readingOf(a, intentOf(a, glob('*.io', '^.*\\.io$'), { ...traefik, priority: 1000, ruleLength: 35 })),
    readingOf(b, intentOf(b, matchOf('h.io'), { ...traefik, ruleLength: 20 })),
  ]);

  assert.equal(compiled.value.table.routes[0]?.services[0], 'b');
  assert.deepEqual(codesOf(compiled), ['TRAEFIK_PRIORITY_CLAMPED']);
});

test('rankRoutes() keeps the highest priority of all below the exact host of another service', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;
  const firstOf = (regexp: string): string | undefined =>
    compile([
      readingOf(a, intentOf(a, withHost({ kind: 'regexp', regexp }), { ...traefik, priority: 2 ** 63 - 1000, ruleLength: 35 })),
      readingOf(b, intentOf(b, matchOf('h.x.io'), { ...traefik, ruleLength: 20 })),
    ]).value.table.routes[0]?.services[0];

  assert.deepEqual(['^.*x[.]io$', '^.*\\.x\\.io$', '^.*$'].map(firstOf), ['b', 'b', 'b']);
});

test('rankRoutes() leaves a priority alone when no exact host of another service can be meant by its pattern', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;

  const compiled = compile([
    readingOf(
      a,
      intentOf(a, glob('*.x.io', '^[^.]+\\.x\\.io$'), { ...traefik, priority: 1000, ruleLength: 35 }),
      intentOf(a, matchOf('h.x.io'), { ...traefik, ruleLength: 20 }),
    ),
    readingOf(b, intentOf(b, matchOf('h.y.io'), { ...traefik, priority: 1, ruleLength: 20 })),
  ]);

  assert.equal(compiled.value.table.routes[0]?.match.host.kind, 'glob');
  assert.deepEqual(codesOf(compiled), []);
});

test('rankRoutes() leaves alone what a raised expression cannot match, however much of its last labels is the same', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;
  const everyHost = withHost({ kind: 'any' }, '/long/path');

  const { value } = compile([
    readingOf(a, intentOf(a, withHost({ kind: 'regexp', regexp: 'shop\\.io$' }), { ...traefik, priority: 1000, ruleLength: 20 })),
    readingOf(
      b,
      intentOf(b, everyHost, { ...traefik, ruleLength: 40 }),
      intentOf(b, matchOf('books.io'), { ...traefik, ruleLength: 20 }),
      intentOf(b, matchOf('workshop.io'), { ...traefik, ruleLength: 20 }),
    ),
  ]);

  assert.deepEqual(
    value.table.routes.map(({ match: { host: found } }) => (found.kind === 'exact' ? found.host : found.kind)),
    ['workshop.io', 'regexp', 'any', 'books.io'],
  );
});

test('requiredEnding() is empty when a pattern may match a host of any domain', () => {
  const regexp = (text: string): string => requiredEnding({ kind: 'regexp', regexp: text });
  const endings = [
    '^.+\\.x\\.io$',
    '^(?:a|b)\\.x\\.io$',
    'x\\.io',
    '^a$|\\.x\\.io$',
    '^(?:a|\\.x\\.io)$',
    '^.*x\\.io$',
    '^.*$',
    'a|b\\)\\.x\\.io$',
    '^\\d\\.x\\.io$',
    '^.*\\.x\\.io\\.$',
    '^.*\\.$',
  ].map(regexp);

  assert.deepEqual(endings, ['.x.io', '.x.io', '', '', '', 'x.io', '', '', '.x.io', '.x.io', '']);
  assert.equal(requiredEnding({ kind: 'glob', pattern: '*.', regexp: '^.*\\.$', port: 'own' }), '');
});

test('rankRoutes() keeps the order among patterns when one of them is held below an exact host', () => {
  const [a, b, c] = [instanceOf('a'), instanceOf('b'), instanceOf('c')];
  const traefik = { dialect: 'traefik', entryPoints: { kind: 'plain' } } as const;

  const { value } = compile([
    readingOf(a, intentOf(a, glob('*.x.io', '^[^.]+\\.x\\.io$'), { ...traefik, priority: 100, ruleLength: 15 })),
    readingOf(b, intentOf(b, matchOf('h.x.io'), { ...traefik, priority: 5, ruleLength: 20 })),
    readingOf(c, intentOf(c, matchOf('*', '/api'), { ...traefik, ruleLength: 50 })),
  ]);

  assert.deepEqual(
    value.table.routes.map(({ services }) => services[0]),
    ['b', 'a', 'c'],
  );
});

/** The services in the order in which their routes are tried, which must be one whatever the order of the input. */
function rankedServices(...asked: readonly (readonly [string, RouteMatch, Partial<RouteIntent>?])[]): string {
  const orders = [asked, asked.toReversed()].map((order) => {
    const readings = order.map(([service, match, overrides]) => {
      const instance = instanceOf(service);
      return readingOf(instance, intentOf(instance, match, overrides));
    });
    return compile(readings, { openPorts: { except: new Set() } })
      .value.table.routes.map(({ services }) => services[0])
      .join(' ');
  });
  assert.equal(orders[0], orders[1]);
  return orders[0] ?? '';
}

const on = (kind: 'plain' | 'tls' | 'both'): Partial<RouteIntent> => ({ entryPoints: { kind } });
const router = (overrides: Partial<RouteIntent> = {}): Partial<RouteIntent> => ({ dialect: 'traefik', ...on('plain'), ...overrides });
const withHost = (kind: RouteMatch['host'], path = '/'): RouteMatch => ({ ...matchOf('*', path), host: kind });
const at = (number: number): RouteMatch => withHost(exactHost(host('h.io'), port(number)));
const globAt = (number: number): RouteMatch => withHost({ kind: 'glob', pattern: '*.io', regexp: '^.*\\.io$', port: port(number) });
const having = (...methods: readonly string[]): RouteMatch => ({
  ...matchOf('h.io'),
  conditions: methods.map((method) => ({ kind: 'method', method })),
});

for (const [order, expected, ...asked] of [
  ['hosts by their reversed text', 'z a', ['a', matchOf('b.io')], ['z', matchOf('a.zo')]],
  ['a stated port before that of the way in', 'p a', ['a', matchOf('h.io'), on('tls')], ['p', at(8080)]],
  ['an own port before none', 'a b', ['b', matchOf('h.io'), on('both')], ['a', matchOf('h.io'), on('plain')]],
  [
    '443 before both, 80 behind 443',
    'p t b',
    ['t', matchOf('h.io'), on('tls')],
    ['b', matchOf('h.io')],
    ['p', matchOf('h.io'), on('plain')],
  ],
  [
    'a port of its own as its number',
    'p t',
    ['t', matchOf('h.io'), on('tls')],
    ['p', matchOf('h.io'), { entryPoints: { kind: 'port', port: port(9443), tls: true } }],
  ],
  ['a glob with a port before one without', 'p g', ['g', glob('*.io', '^.*\\.io$')], ['p', globAt(8080)]],
  [
    'an exact path before the prefix of its text',
    'e p',
    ['p', matchOf('h.io', '/a')],
    ['e', { ...matchOf('h.io'), path: exactPath('/a') }],
  ],
  ['more conditions before fewer', 'b a', ['a', having('GET')], ['b', having('GET', 'PUT')]],
  ['every host last', 'h any', ['any', matchOf('*', '/long/path')], ['h', matchOf('h.io')]],
  [
    'routers of a longer rule before shorter',
    'l s',
    ['s', matchOf('h.io', '/long'), router({ ruleLength: 9 })],
    ['l', matchOf('h.io'), router({ ruleLength: 10 })],
  ],
  [
    'routers of one priority by their host',
    'e g a',
    ['a', matchOf('*'), router()],
    ['g', glob('*.io', '^.*\\.io$'), router()],
    ['e', matchOf('h.io'), router()],
  ],
  [
    'routers of one priority and host by the length of their path',
    'l s',
    ['s', matchOf('h.io', '/b'), router()],
    ['l', matchOf('h.io', '/aa'), router()],
  ],
  [
    'a router before the prefix of the same text',
    'r p',
    ['p', matchOf('h.io'), on('plain')],
    ['r', { ...matchOf('h.io'), conditions: [{ kind: 'method', method: 'GET' }] }, router()],
  ],
  [
    'a prefix of a longer path before a router',
    'p r',
    ['r', matchOf('h.io'), router({ priority: 9 })],
    ['p', matchOf('h.io', '/a'), on('plain')],
  ],
  ['an exact host of a router before a glob', 'r g', ['g', glob('*.io', '^.*\\.io$')], ['r', matchOf('h.io'), router()]],
] as const satisfies readonly (readonly [string, string, ...(readonly [string, RouteMatch, Partial<RouteIntent>?])[]])[])
  test(`rankRoutes() tries ${order}`, () => {
    assert.equal(rankedServices(...asked), expected);
  });

test('rankRoutes() takes routers first only where Traefik is accepted before Fabio and HinD', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const first = (accept: readonly DialectName[]): string | undefined =>
    compile(
      [
        readingOf(a, intentOf(a, matchOf('h.io'), on('both'))),
        readingOf(b, intentOf(b, { ...matchOf('h.io'), conditions: [{ kind: 'method', method: 'GET' }] }, router())),
      ],
      { accept },
    ).value.table.routes[0]?.dialect;

  assert.equal(first(['traefik', 'fabio', 'hind']), 'traefik');
  assert.equal(first(['fabio', 'traefik']), 'fabio');
  assert.equal(first(['fabio', 'traefik', 'hind']), 'traefik');
  assert.equal(first(['fabio', 'hind', 'traefik']), 'fabio');
});

test('rankRoutes() says which pattern and which priority had to wait', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b', { owner: ownerId('other') })];
  const hosts = [glob('*.x.io', '^.*\\.x\\.io$'), withHost({ kind: 'regexp', regexp: '^.+\\.x\\.io$' }), matchOf('*')];

  const messages = hosts.map((match) =>
    compile([
      readingOf(a, intentOf(a, match, router({ priority: 1000, ruleLength: 15 }))),
      readingOf(b, intentOf(b, matchOf('h.x.io'), router({ ruleLength: 20, priority: 5 }))),
    ]).diagnostics.find(({ code }) => code === 'TRAEFIK_PRIORITY_CLAMPED' || code === 'ROUTE_BELOW_OTHERS'),
  );

  assert.deepEqual(
    messages.map((diagnostic) => [diagnostic?.message, diagnostic?.span?.service]),
    hosts.map(() => ['The priority 1000 counts below the exact hosts of other services', 'a']),
  );
});

test('rankRoutes() clamps no priority of the length of the rule or below', () => {
  const [a, b] = [instanceOf('a'), instanceOf('b')];
  const codes = [15, 14, undefined].map((priority) =>
    codesOf(
      compile([
        readingOf(a, intentOf(a, matchOf('*'), router({ ruleLength: 15, ...(priority !== undefined && { priority }) }))),
        readingOf(b, intentOf(b, matchOf('h.io'), router({ ruleLength: 9 }))),
      ]),
    ),
  );

  assert.deepEqual(codes, [[], [], []]);
});
