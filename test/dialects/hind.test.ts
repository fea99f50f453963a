import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHindDialect } from '../../src/dialects/hind/dialect.ts';
import { readTags } from '../../src/dialects/read-tags.ts';
import { codesOf, instanceOf } from '../support/intents.ts';

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['https://H.com', '{"kind":"tls"} h.com {"kind":"any"}', []],
  ['https://h.com/sub', '{"kind":"tls"} h.com {"kind":"exact","path":"/sub","ignoreCase":true}', ['HIND_PATH_EXACT']],
  ['https://h.com/sub*', '{"kind":"tls"} h.com {"kind":"prefix","path":"/sub","ignoreCase":true}', []],
  ['https://h.com:8443', '{"kind":"port","port":8443,"tls":true} h.com {"kind":"any"}', []],
  ['https://h.com:443', '{"kind":"tls"} h.com {"kind":"any"}', []],
  [' https://h.com', '', ['HIND_LEADING_BLANK']],
  ['http://h.com', '', ['HIND_HTTP_IGNORED']],
  ['https://a.com https://b.com', '{"kind":"tls"} a.com {"kind":"any"},{"kind":"tls"} b.com {"kind":"any"}', ['HIND_SEVERAL_ADDRESSES']],
  [
    'https://a.com, https://*.b.com ',
    '{"kind":"tls"} a.com {"kind":"any"},{"kind":"tls"} *.b.com {"kind":"any"}',
    ['HIND_SEVERAL_ADDRESSES'],
  ],
  ['https://a.com,https://b.com', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com b.com', '{"kind":"tls"} a.com {"kind":"any"}', ['HIND_ADDRESS_SYNTAX', 'HIND_SEVERAL_ADDRESSES']],
  ['https://a.com #note {', '{"kind":"tls"} a.com {"kind":"any"}', ['HIND_SEVERAL_ADDRESSES']],
  ['https://a.com,', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com/x,y', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com#note', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com  ', '{"kind":"tls"} a.com {"kind":"any"}', []],
  ['https://a.com https://b.com {', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://{$HOME}.com', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com/`x`', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a*.com', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://*', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://[::1]:8443/a/*', '{"kind":"port","port":8443,"tls":true} [::1] {"kind":"prefix","path":"/a/","ignoreCase":true}', []],
  ['https://h.com/*', '{"kind":"tls"} h.com {"kind":"any"}', []],
  ['https://h.com/', '{"kind":"tls"} h.com {"kind":"exact","path":"/","ignoreCase":true}', ['HIND_PATH_EXACT']],
  ['https://h.com/a/../b', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://h.com/a//b', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://h.com/a%2Fb', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://h.com/*/b', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://h.com:', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com{', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://a.com:99999', '', ['HIND_ADDRESS_SYNTAX']],
  ['https://', '', ['HIND_ADDRESS_SYNTAX']],
];

for (const [tag, expected, codes] of CASES)
  test(`createHindDialect() reads ${JSON.stringify(tag)}`, () => {
    const read = readTags(instanceOf('web', { tags: [tag] }), [createHindDialect()]);
    const text = read.value.intents.map(
      ({ entryPoints, match }) =>
        `${JSON.stringify(entryPoints)} ${match.host.kind === 'exact' ? match.host.host : match.host.kind === 'glob' ? match.host.pattern : ''} ${JSON.stringify(match.path)}`,
    );
    assert.equal(text.join(), expected);
    assert.deepEqual(codesOf(read).toSorted(), codes);
    for (const { span } of read.diagnostics) assert.ok(span && span.start <= span.end && span.end <= tag.length);
  });

test('createHindDialect() lets only listed addresses in when HinD is set up so', () => {
  const { value } = readTags(instanceOf('web', { tags: ['https://h.com'] }), [createHindDialect({ allowIps: ['127.0.0.1'] })]);

  assert.deepEqual(value.intents[0]?.middlewares, [{ kind: 'ipAllow', cidrs: ['127.0.0.1'], of: { kind: 'peer' } }]);
});

test('createHindDialect() never throws and points inside the tag, whatever the tag holds', () => {
  const piece = fc.oneof(
    fc.constantFrom('/', ':', '*', ' ', ',', '#', 'https://', 'h.io', ':8443', '{', '"', '..', '[::1]', '%'),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const tag = `https://${pieces.join('')}`;
      const { value, diagnostics } = readTags(instanceOf('web', { tags: [tag] }), [createHindDialect()]);
      for (const span of [...value.intents.flatMap(({ spans }) => spans), ...diagnostics.flatMap((diagnostic) => diagnostic.span ?? [])])
        assert.ok(span.start >= 0 && span.start <= span.end && span.end <= tag.length);
    }),
    { numRuns: 2000 },
  );
});
