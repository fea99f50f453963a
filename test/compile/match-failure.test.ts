import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchFailure } from '../../src/compile/evaluation/match-failure.ts';
import { queryValues } from '../../src/compile/evaluation/query.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import { exactHost, exactPath, pathPrefix, type Condition, type PathMatch } from '../../src/model/match.ts';
import type { ProxyRequest } from '../../src/model/request.ts';
import type { Route } from '../../src/model/route.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { SETTINGS } from '../support/settings.ts';
import { ENTRY_POINTS, host, matchOf, port } from '../support/intents.ts';
import { routeOf } from '../support/tables.ts';

const [WEB, WEBSECURE] = ENTRY_POINTS;
const PROXY = traefikTarget.reading(SETTINGS);
const HEADERS = [
  { name: 'x-team', value: 'blue' },
  { name: 'X-Team', value: 'red' },
];

/** The part of a route of a.io that a GET for it does not fit: its name, what is wanted and what is found. Empty where it answers. */
function failure(overrides: Partial<Route>, target = '/App/x?k=v&k=w', request: Partial<Omit<ProxyRequest, 'url'>> = {}): string {
  const url = parseGoUrl(target);
  assert.ok(WEB && url);
  const route = routeOf('r', 'a.io', '/', { dialect: 'traefik', ...overrides });
  const asked = { entryPoint: WEB, method: 'GET', host: 'a.io', url, headers: HEADERS, ip: '192.0.2.1', ...request };
  const { part = '', wanted = '', found = '' } = matchFailure(route, asked, PROXY) ?? {};
  return [part, wanted, found].filter((text) => text !== '').join(' | ');
}

const withPath = (path: PathMatch): Partial<Route> => ({ match: { ...matchOf('a.io'), path } });

for (const [what, path, expected] of [
  ['every path', { kind: 'any' }, ''],
  ['a prefix', pathPrefix('/App'), ''],
  ['a prefix in another case', pathPrefix('/app'), 'path | /app | /App/x'],
  ['a prefix in any case', pathPrefix('/aPP', true), ''],
  ['another prefix in any case', pathPrefix('/bpp', true), 'path | /bpp | /App/x'],
  ['the path', exactPath('/App/x'), ''],
  ['the path in another case', exactPath('/app/x'), 'path | /app/x exactly | /App/x'],
  ['the path in any case', exactPath('/aPP/X', true), ''],
  ['the beginning of the path', exactPath('/App', true), 'path | /App exactly | /App/x'],
  ['an expression', { kind: 'regexp', regexp: '^/[A-Z]pp' }, ''],
  ['another expression', { kind: 'regexp', regexp: '^/[a-z]pp' }, 'path |  ~^/[a-z]pp | /App/x'],
] as const satisfies readonly (readonly [string, PathMatch, string])[])
  test(`matchFailure() compares a path with ${what}`, () => {
    assert.equal(failure(withPath(path)), expected);
  });

const CONDITIONS: readonly (readonly [Condition, string])[] = [
  [{ kind: 'method', method: 'get' }, ''],
  [{ kind: 'method', method: 'PUT' }, 'PUT | GET'],
  [{ kind: 'header', name: 'X-TEAM', value: 'red' }, ''],
  [{ kind: 'header', name: 'X-Team', value: 're' }, 'X-Team: re | blue, red'],
  [{ kind: 'header', name: 'X-Other', value: 're' }, 'X-Other: re | no such header'],
  [{ kind: 'headerRegexp', name: 'X-Team', regexp: '^r' }, ''],
  [{ kind: 'headerRegexp', name: 'X-Team', regexp: '^e' }, 'X-Team: ~^e | blue, red'],
  [{ kind: 'query', key: 'k' }, ''],
  [{ kind: 'query', key: 'k', value: 'w' }, ''],
  [{ kind: 'query', key: 'k', value: 'x' }, '?k=x | v, w'],
  [{ kind: 'query', key: 'l' }, '?l | no such key'],
  [{ kind: 'queryRegexp', key: 'k', regexp: '^w$' }, ''],
  [{ kind: 'queryRegexp', key: 'k', regexp: '^x' }, '?k=~^x | v, w'],
  [{ kind: 'clientIp', cidrs: ['10.0.0.0/8', '192.0.2.0/24'] }, ''],
  [{ kind: 'clientIp', cidrs: ['10.0.0.0/8'] }, 'from 10.0.0.0/8 | 192.0.2.1'],
  [{ kind: 'alpn', protocols: ['h2', 'x'] }, 'alpn h2 x | unknown protocols'],
  [{ kind: 'host', host: { kind: 'regexp', regexp: '^a' } }, ''],
  [{ kind: 'host', host: { kind: 'regexp', regexp: '^b' } }, '~^b | a.io'],
  [{ kind: 'path', path: { kind: 'prefix', path: '/App', ignoreCase: false } }, ''],
  [{ kind: 'path', path: { kind: 'prefix', path: '/b', ignoreCase: false } }, '/b | /App/x'],
  [{ kind: 'not', condition: { kind: 'method', method: 'PUT' } }, ''],
  [{ kind: 'not', condition: { kind: 'method', method: 'GET' } }, 'not GET | GET'],
];

for (const [condition, expected] of CONDITIONS)
  test(`matchFailure() ${expected === '' ? 'finds nothing wrong with' : 'says what fails of'} ${JSON.stringify(condition)}`, () => {
    assert.equal(failure({ match: { ...matchOf('a.io'), conditions: [condition] } }), expected === '' ? '' : `condition | ${expected}`);
  });

test('matchFailure() names the first condition that fails', () => {
  const conditions = [
    { kind: 'method', method: 'GET' },
    { kind: 'query', key: 'x' },
    { kind: 'method', method: 'PUT' },
  ] as const;

  assert.equal(failure({ match: { ...matchOf('a.io'), conditions } }), 'condition | ?x | no such key');
});

test('matchFailure() looks at the protocol, the entry point and the host first', () => {
  const tcp = { name: 'db', address: ':1', port: port(1), protocol: 'tcp', tls: false } as const;

  assert.equal(failure({}, '/', { entryPoint: tcp }), 'protocol | http | tcp');
  assert.equal(failure({ protocol: 'tcp', match: matchOf('*'), entryPoints: ['db'] }, '/', { entryPoint: tcp }), '');
  assert.equal(failure({ protocol: 'tcp' }), 'protocol | tcp | http');
  assert.equal(failure({ protocol: 'udp' }, '/', WEBSECURE && { entryPoint: WEBSECURE }), 'protocol | udp | http');
  assert.equal(failure({ entryPoints: ['websecure', 'other'] }), 'entryPoint | websecure other | web');
  assert.equal(failure({ match: { ...matchOf('a.io'), host: exactHost(host('b.io')) } }), 'host | b.io | a.io');
});

test('matchFailure() compares a tcp route with the server name, else with the host without its port, and with no path', () => {
  const route: Partial<Route> = { protocol: 'tcp', tcpTls: 'passthrough', match: { ...matchOf('a.io', '/none') } };
  const secure = WEBSECURE ? { entryPoint: WEBSECURE, host: 'a.io:443' } : {};

  assert.equal(failure(route, '/', secure), '');
  assert.equal(failure(route, '/', { ...secure, sni: 'b.io' }), 'host | a.io | b.io');
  assert.equal(failure(route, '/', { ...secure, host: 'b.io', sni: 'a.io' }), '');
});

test('queryValues() reads a query as Go does', () => {
  const read = (query: string | undefined): readonly string[] => queryValues(query, 'a b');

  assert.deepEqual(read(undefined), []);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read('a+b=1&&a%20b=2;a+b&c=3&=4'), ['1', '2', '']);
  assert.deepEqual(read('a+b=x=y&a+b=p+q%2B'), ['x=y', 'p q+']);
  assert.deepEqual(read('a+b=%zz&a+b=1'), ['1']);
  assert.deepEqual(queryValues('&x', ''), []);
});
