import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requiredEnding } from '../../src/compile/exact-hosts.ts';
import { hostKey, type RouteMatch } from '../../src/model/match.ts';
import { codesOf, compile, instanceOf, intentOf, matchOf, readingOf } from '../support/intents.ts';
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
  ].map(regexp);

  assert.deepEqual(endings, ['x.io', 'x.io', '', '', '', 'io', '', '']);
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
