import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { globToRegexp } from '../../src/lib/glob.ts';
import { compileRegexp, regexpProblem, regexpSamples } from '../../src/lib/regexp.ts';

/** Pattern, text, replacement, Go's `FindStringSubmatch` (null where a group or all is missing), Go's `ReplaceAllString`. */
type GoAnswer = readonly [string, string, string, readonly (string | null)[] | null, string];

/** What Go 1.26 answered to patterns and texts made at random: empty rounds of repeats and groups within repeats too. */
const GO_ANSWERS = JSON.parse(readFileSync(join(import.meta.dirname, 'regexp-go.json'), 'utf8')) as readonly GoAnswer[];

/** Patterns of the safe subset on which JavaScript agrees with Go: no empty rounds of repeats, no captures within repeats. */
const character = fc.constantFrom(
  'a',
  'b',
  'c',
  '.',
  '[ab]',
  '[^a]',
  '[a-c]',
  '[\\w-]',
  '\\d',
  '\\w',
  '\\s',
  '\\W',
  '\\.',
  '\\/',
  '-',
  '/',
);
const quantifier = fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{0,2}?', '{2,}');
const repeated = fc.tuple(character, quantifier).map((parts) => parts.join(''));
const assertion = fc.constantFrom('^', '$', '\\b', '\\B');
const { pattern } = fc.letrec<{ pattern: string; sequence: string; part: string }>((tie) => ({
  pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((options) => options.join('|')),
  sequence: fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    character,
    repeated,
    assertion,
    tie('pattern').map((inner) => `(${inner})`),
    tie('pattern').map((inner) => `(?:${inner})`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '1', '-', '_', '/', '.', ' '), maxLength: 10 });

test('compileRegexp() matches as JavaScript does on patterns that both read alike', () => {
  fc.assert(
    fc.property(pattern, text, fc.boolean(), (source, subject, ignoresCase) => {
      fc.pre(regexpProblem(source) === undefined);

      const match = compileRegexp(`${ignoresCase ? '(?i)' : ''}${source}`).match(subject);

      const expected = new RegExp(source, ignoresCase ? 'i' : '').exec(subject);
      assert.deepEqual(
        match && { start: match.start, groups: match.groups },
        expected ? { start: expected.index, groups: [...expected] } : undefined,
      );
    }),
    { numRuns: 3000 },
  );
});

test('compileRegexp() matches and replaces as Go does', () => {
  for (const [source, subject, replacement, groups, replaced] of GO_ANSWERS) {
    const regexp = compileRegexp(source);

    assert.deepEqual(regexp.match(subject)?.groups.map((group) => group ?? null) ?? null, groups, `${source} on ${subject}`);
    assert.equal(regexp.replaceAll(subject, replacement), replaced, `${source} on ${subject}`);
  }
});

test('compileRegexp() needs no more time for a pattern that would stop a backtracking engine', () => {
  const startedAtMs = performance.now();

  assert.equal(compileRegexp('(a+)+$').test(`${'a'.repeat(2000)}!`), false);
  assert.equal(compileRegexp('^(?:a|aa)+(?:a|aa)+$').test(`${'a'.repeat(2000)}!`), false);

  assert.ok(performance.now() - startedAtMs < 500);
});

test('compileRegexp() runs the expressions that are made of Fabio globs', () => {
  const fits = (glob: string, host: string): boolean => compileRegexp(`(?i)${globToRegexp(glob) ?? ''}`).test(host);

  assert.ok(fits('*.x.com', 'A.b.X.com'));
  assert.ok(!fits('*.x.com', 'x.com'));
  assert.ok(fits('{a,b?}.x.com', 'bz.x.com'));
  assert.ok(fits('[!a].x.com', 'b.x.com') && !fits('[!a].x.com', 'a.x.com'));
});

test('compileRegexp() throws where a pattern is none of the subset', () => {
  assert.throws(() => compileRegexp('(?P<name>a)'), RangeError);
  assert.throws(() => compileRegexp('a(?i)b'), RangeError);
});

test('replaceAll() takes the longest name behind a dollar sign, as Go does', () => {
  const regexp = compileRegexp('^/(a)(b)?');

  assert.equal(regexp.replaceAll('/ab/c', '/$1x'), '//c');
  assert.equal(regexp.replaceAll('/ab/c', '/${1}x$2$$'), '/axb$/c');
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['(a*)+', 'a repeat stands inside another repeat'],
  ['a**', 'a repeat follows another repeat'],
  ['a{1001}', 'a repeat is out of range, expected at most 1000'],
  ['*a', '"*" stands where nothing can be repeated'],
  ['(?=a)', 'only groups `( )` and `(?: )` are allowed'],
  ['(?i)a', 'only groups `( )` and `(?: )` are allowed'],
  ['(a', 'a group is not closed'],
  ['a)', 'a `)` closes no group'],
  ['\\p{L}', 'the escape "\\p" is not allowed'],
  ['[a', 'a character class cannot be read'],
  ['[]a]', 'a character class cannot be read'],
  ['[z-a]', 'a range in a character class runs backwards'],
  ['[z-\\.]', 'a range in a character class runs backwards'],
  ['[a-\\d]', 'a range in a character class ends in a class'],
  ['\u00e9', 'it holds a character outside printable ASCII'],
  ['a'.repeat(257), 'it has 257 characters, expected at most 256'],
  [`(?:${'ab'.repeat(20)}){1000}`, 'its repeats stand for 81001 steps, expected at most 4000'],
];

for (const [source, problem] of REFUSED)
  test(`regexpProblem() refuses ${JSON.stringify(source.slice(0, 20))}`, () => {
    assert.equal(regexpProblem(source), problem);
  });

test('regexpSamples() makes texts by every alternative, of several characters and lengths, and only such as the pattern matches', () => {
  const SAMPLES: readonly (readonly [pattern: string, samples: readonly string[]])[] = [
    ['^(a|b|c)$', ['a', 'b', 'c']],
    ['^/v[0-9]+$', ['/v0', '/v9', '/v000', '/v090']],
    ['^[a-z-]+\\.x$', ['a.x', 'z.x', '-.x', 'aaa.x', 'aza.x', 'a-a.x']],
    ['(?i)^/A?b{2}$', ['/bb', '/abb', '/Abb']],
    ['^$', ['']],
    ['a$b', []],
  ];

  for (const [pattern, samples] of SAMPLES) assert.deepEqual(regexpSamples(pattern), samples, pattern);
  assert.throws(() => regexpSamples('('), RangeError);
});
