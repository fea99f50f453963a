import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPriority } from '../../src/dialects/match-priority.ts';
import type { EntryPointChoice } from '../../src/model/entry-point.ts';
import { ANY_HOST, ANY_PATH, exactHost, exactPath, pathPrefix, type HostMatch, type PathMatch } from '../../src/model/match.ts';
import { host, port } from '../support/intents.ts';

const glob = (pattern: string): HostMatch => ({ kind: 'glob', pattern, regexp: '^$', port: 'any' });
const exact = (name: string, of?: number): HostMatch => exactHost(host(name), of === undefined ? 'any' : port(of));

/** What one router asks for that goes before another: host, path, entry points. */
type Asked = readonly [of: HostMatch, path?: PathMatch, on?: EntryPointChoice['kind'] & ('plain' | 'tls' | 'both')];
const priorityOf = ([of, path = ANY_PATH, kind = 'both']: Asked): number =>
  matchPriority({ match: { host: of, path, conditions: [] }, entryPoints: { kind } });

const ORDERS: readonly (readonly [what: string, first: Asked, then: Asked])[] = [
  ['an exact host before a pattern', [exact('a.io')], [glob('*.longer.example.io')]],
  ['a pattern before every host', [glob('*')], [ANY_HOST, pathPrefix('/long/path')]],
  ['an expression before every host', [{ kind: 'regexp', regexp: '.' }], [ANY_HOST, pathPrefix('/long/path')]],
  ['the longer host', [exact('aa.io')], [exact('a.io'), pathPrefix('/long/path')]],
  ['the pattern with more characters of its own', [glob('*.ab.io')], [glob('*.[!x]{,}?.io')]],
  [
    'the expression with more characters of its own',
    [{ kind: 'regexp', regexp: '^aaa$' }],
    [{ kind: 'regexp', regexp: '^(.+\\.)*[^.]+a$' }],
  ],
  ['a host with its port before the same without', [exact('a.io', 8080)], [exact('a.io')]],
  ['a pattern on plain entry points before the same on all', [glob('*.io'), ANY_PATH, 'plain'], [glob('*.io')]],
  ['a host on entry points with TLS before the same on plain ones', [exact('a.io'), ANY_PATH, 'tls'], [exact('a.io'), ANY_PATH, 'plain']],
  ['the longer path', [exact('a.io'), pathPrefix('/ab')], [exact('a.io'), pathPrefix('/a')]],
  ['a path before none', [exact('a.io'), pathPrefix('/a')], [exact('a.io')]],
  ['an exact path before its prefix', [exact('a.io'), exactPath('/a')], [exact('a.io'), pathPrefix('/a')]],
  [
    'an exact path of any length before its prefix',
    [exact('a.io'), exactPath(`/${'a'.repeat(1200)}`)],
    [exact('a.io'), pathPrefix(`/${'a'.repeat(1200)}`)],
  ],
  ['the longer path expression', [exact('a.io'), { kind: 'regexp', regexp: '^/ab' }], [exact('a.io'), { kind: 'regexp', regexp: '^/a' }]],
  ['a longer host before a very long path', [exact('ab.io')], [exact('a.io'), exactPath(`/${'a'.repeat(1200)}`)]],
];

for (const [what, first, then] of ORDERS)
  test(`matchPriority() puts ${what} first`, () => {
    assert.ok(priorityOf(first) > priorityOf(then), `${priorityOf(first)} ${priorityOf(then)}`);
  });

test('matchPriority() does not look at the entry points where no host is asked for', () => {
  assert.equal(priorityOf([ANY_HOST, ANY_PATH, 'plain']), priorityOf([ANY_HOST]));
});
