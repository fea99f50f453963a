import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globOf } from '../../src/dialects/fabio/format/glob-of.ts';
import { globToRegexp } from '../../src/lib/glob.ts';

test('globOf() finds the pattern that an expression was made from', () => {
  for (const pattern of [
    '*.x.io',
    'a?.x.io',
    '{a,b}.x.io',
    '{a*,b}.{x,y}.io',
    '[abc].x.io',
    '[!abc].x.io',
    '[a-z].x.io',
    'a-b_c.io',
    '*',
    '?*',
  ]) {
    const regexp = globToRegexp(pattern);
    assert.ok(regexp !== undefined, pattern);
    assert.deepEqual(globOf(regexp), { pattern, exact: true }, regexp);
  }
});

test('globOf() reads `.+` as one character and more', () => {
  assert.deepEqual(globOf('^.+\\.x\\.io$'), { pattern: '?*.x.io', exact: true });
});

test('globOf() is near only where an expression keeps to one label', () => {
  assert.deepEqual(globOf('^[^.]+\\.x\\.io$'), { pattern: '*.x.io', exact: false });
  assert.deepEqual(globOf('^[^.]*\\.x\\.io$'), { pattern: '*.x.io', exact: false });
});

test('globOf() escapes what a pattern would take for more', () => {
  const found = globOf('^a\\*b\\?c\\[d\\\\e$');
  assert.deepEqual(found, { pattern: 'a\\*b\\?c\\[d\\\\e', exact: true });
});

test('globOf() finds none where an expression is not for the whole text, or of another form', () => {
  for (const regexp of [
    'a\\.io',
    '^a\\.io',
    'a\\.io$',
    '^a|b$',
    '^a)$',
    '^(?:a|b$',
    '^(?:a|b)+$',
    '^(a|b)$',
    '^a+$',
    '^a*$',
    '^a?$',
    '^a{2}$',
    '^\\d$',
    '^(?:a|\\d)$',
    '^a b$',
  ])
    assert.equal(globOf(regexp), undefined, regexp);
});
