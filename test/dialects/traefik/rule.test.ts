import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printRule } from '../../../src/dialects/traefik/rule/print.ts';
import { readRule } from '../../../src/dialects/traefik/rule/read-rule.ts';
import { fromOldRule } from '../../../src/dialects/traefik/rule/older.ts';
import { exactHost, matchKey, type Condition } from '../../../src/model/match.ts';
import { host } from '../../support/intents.ts';

const http = (rule: string): ReturnType<typeof readRule> => readRule(rule, { kind: 'http' });
const tcp = (rule: string): ReturnType<typeof readRule> => readRule(rule, { kind: 'tcp' });
const conditionsOf = (rule: string): readonly Condition[] => http(rule).matches.flatMap(({ conditions }) => conditions);

/** The codes of the problems with the texts that they point at. */
function problemsOf(rule: string, kind: 'http' | 'tcp' = 'http'): readonly (readonly [string, string])[] {
  return readRule(rule, { kind }).problems.map(({ code, start, end }) => [code, rule.slice(start, end)]);
}

test('readRule() turns alternatives into one match each, in their order', () => {
  const { matches } = http('(Host(`a`) || Host(`b`)) && (PathPrefix(`/x`) || PathPrefix(`/y`))');

  assert.deepEqual(
    matches.map((match) => match.host.kind === 'exact' && match.path.kind === 'prefix' && `${match.host.host}${match.path.path}`),
    ['a/x', 'a/y', 'b/x', 'b/y'],
  );
});

test('readRule() pushes a negation down to the matchers', () => {
  const { matches } = http('!(Host(`a.io`) && Path(`/b`))');

  assert.deepEqual(
    matches.map(({ conditions }) => conditions.map((condition) => condition.kind === 'not' && condition.condition.kind)),
    [['host'], ['path']],
  );
});

test('readRule() reads hosts in any case, with a dot at the end, and IPv6 addresses as requests have them', () => {
  const hosts = ['Host(`A.io`)', 'Host(`a.io.`)', 'Host(`::1`)'].flatMap((rule) => http(rule).matches.map((match) => match.host));

  assert.deepEqual(hosts, [exactHost(host('a.io')), exactHost(host('a.io')), exactHost(host('[::1]'))]);
});

test('readRule() says what can never match, as in Traefik', () => {
  const never = [
    'Host(`a:8080`)',
    'Host(`[::1]`)',
    'Host(`a.*.io`)',
    'Host(`*a.io`)',
    'HostRegexp(`^A$`)',
    'PathPrefix(`//a`)',
    'Path(`/a/../b`)',
    'Header(`Host`, `a`)',
  ];
  for (const rule of never) {
    assert.deepEqual(
      problemsOf(rule).map(([code]) => code),
      ['TRAEFIK_RULE_NEVER'],
      rule,
    );
    assert.equal(http(`${rule} || Path(\`/x\`)`).matches.length, 1, rule);
    assert.equal(http(`!${rule} && Path(\`/x\`)`).matches.length, 1, rule);
  }
});

test('readRule() asks Query of one value for an empty value, as Traefik does', () => {
  assert.deepEqual(conditionsOf('Query(`a`)'), [{ kind: 'query', key: 'a', value: '' }]);
  assert.deepEqual(conditionsOf('QueryRegexp(`a`)'), [{ kind: 'query', key: 'a', value: '' }]);
  assert.deepEqual(conditionsOf('QueryRegexp(`a`, `^b`)'), [{ kind: 'queryRegexp', key: 'a', regexp: '^b' }]);
});

test('readRule() takes an IPv4 block in the form of IPv6 for what it stands for', () => {
  assert.deepEqual(conditionsOf('ClientIP(`::ffff:10.0.0.0/104`)'), [{ kind: 'clientIp', cidrs: ['10.0.0.0/8'] }]);
});

test('readRule() reads strings as Go does', () => {
  assert.equal(http('Host("a.io")').matches.length, 1);
  assert.equal(http('HostRegexp("^a\\\\.io$")').matches[0]?.host.kind, 'regexp');
  assert.deepEqual(problemsOf('HostRegexp("^a\\.io$")'), [['TRAEFIK_RULE_SYNTAX', '\\.']]);
  assert.deepEqual(problemsOf("Host('a.io')"), [['TRAEFIK_RULE_SYNTAX', "'"]]);
});

test('readRule() points at the piece that it cannot read', () => {
  assert.deepEqual(problemsOf('Host(`a.io`'), [['TRAEFIK_RULE_SYNTAX', '`']]);
  assert.deepEqual(problemsOf('Host(`a`) && Hots(`b`)'), [['TRAEFIK_RULE_SYNTAX', 'Hots']]);
  assert.deepEqual(problemsOf('Host(``)'), [['TRAEFIK_RULE_SYNTAX', '``']]);
  assert.deepEqual(problemsOf('Header(`X`)'), [['TRAEFIK_RULE_SYNTAX', 'Header(`X`)']]);
  assert.deepEqual(problemsOf('PathRegexp(`(a+)+$`)'), [['TRAEFIK_REGEX_REFUSED', '`(a+)+$`']]);
});

test('readRule() gives the form of Traefik 3 for what is of 1 or 2', () => {
  const hintOf = (rule: string): string | undefined => http(rule).problems[0]?.hint;

  assert.equal(hintOf('PathPrefix(`/api/`, `/static/`)'), 'Write PathPrefix(`/api/`) || PathPrefix(`/static/`)');
  assert.equal(hintOf('HostRegexp(`blog.{domain:.+}`)'), 'Write HostRegexp(`^blog\\.(?:.+)$`)');
  assert.equal(hintOf('Headers(`X`, `y`)'), 'Write Header');
  assert.equal(hintOf('HeadersRegexp(`X`, `y`)'), 'Write HeaderRegexp');
  assert.equal(hintOf('HostHeader(`a.io`)'), 'Write Host');
  assert.equal(hintOf('PathStrip(`/a`)'), 'Write PathPrefix');
  assert.equal(hintOf('pathprefixstrip(`/a`)'), 'Write PathPrefix');
  assert.deepEqual(problemsOf('Host:a.io'), [['TRAEFIK_RULE_V2', ':']]);
  assert.equal(fromOldRule('Host:a.io;PathPrefixStrip:/x'), 'Host(`a.io`) && PathPrefix(`/x`)');
  assert.equal(fromOldRule('Headers:X,y'), undefined);
});

test('readRule() reads a rule of Traefik 2 that means the same in 3', () => {
  const v2 = (rule: string): ReturnType<typeof readRule> => readRule(rule, { kind: 'http', v2: true });

  assert.equal(v2('Host(`a`, `b`) && PathPrefix(`/x`)').matches.length, 2);
  assert.deepEqual(
    v2('Query(`a=b`)').problems.map(({ code }) => code),
    ['TRAEFIK_RULE_V2'],
  );
});

test('readRule() refuses a rule with too many alternatives', () => {
  const either = '(Host(`a`) || Host(`b`))';

  assert.deepEqual(
    problemsOf(Array.from({ length: 7 }, () => either).join(' && ')).map(([code]) => code),
    ['TRAEFIK_RULE_SYNTAX'],
  );
});

test('readRule() gives a tcp rule for everything the lowest priority', () => {
  assert.deepEqual(
    ['HostSNI(`*`)', 'HostSNI(`a.io`)', 'HostSNI(`*`) && ClientIP(`::1`)'].map((rule) => tcp(rule).priority),
    [-1, 15, 31],
  );
});

test('readRule() reads every matcher of tcp', () => {
  const [match] = tcp('HostSNIRegexp(`^a\\.`) && ALPN(`h2`) && !ClientIP(`10.0.0.0/8`)').matches;

  assert.deepEqual(match, {
    host: { kind: 'regexp', regexp: '^a\\.' },
    path: { kind: 'any' },
    conditions: [
      { kind: 'alpn', protocols: ['h2'] },
      { kind: 'not', condition: { kind: 'clientIp', cidrs: ['10.0.0.0/8'] } },
    ],
  });
  assert.deepEqual(
    problemsOf('Host(`a`)', 'tcp').map(([code]) => code),
    ['TRAEFIK_RULE_SYNTAX'],
  );
});

test('printRule() prints what readRule() reads again', () => {
  const rules = [
    'Host(`a.io`) && PathPrefix(`/x`)',
    'PathPrefix(`/`)',
    'Host(`::1`) || (Host(`*.b.io`) && !Method(`POST`))',
    'HostRegexp(`^(?:a|b)\\.io$`) && Path(`/a`) && PathRegexp(`x$`)',
    '!(Host(`a`) || Header(`X`, "a`b\\"c")) && QueryRegexp(`q`, `^1`) && Query(`r`) && Query(`s`, `t`)',
  ];
  for (const rule of rules) {
    const { matches } = http(rule);
    const printed = printRule(matches, 'http');

    assert.deepEqual(http(printed).matches.map(matchKey), matches.map(matchKey), printed);
  }
});

test('readRule() never throws and points inside the rule', () => {
  const piece = fc.constantFrom(
    'Host',
    'Path',
    '(',
    ')',
    '`a`',
    '`/b`',
    '"c"',
    ',',
    '&&',
    '||',
    '!',
    ' ',
    '{',
    'HostSNI',
    'ClientIP',
    '`::1`',
  );
  const rules = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(rules, fc.constantFrom('http' as const, 'tcp' as const), fc.boolean(), (rule, kind, v2) => {
      for (const { start, end } of readRule(rule, { kind, v2 }).problems) assert.ok(start >= 0 && start <= end && end <= rule.length);
    }),
  );
});
