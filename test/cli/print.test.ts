import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDiagnostic, wantsColor } from '../../src/cli/print.ts';
import { formatTable } from '../../src/cli/table.ts';
import { diagnose, tagSpan } from '../../src/model/diagnostic.ts';
import { instanceOf } from '../support/intents.ts';

const plain = { style: (_style: string, text: string): string => text };

test('formatDiagnostic() puts carets under the part of the tag that is wrong', () => {
  const instance = instanceOf('web', { tags: ['urlprefix-h.io/ weight=abc'] });
  const span = tagSpan(instance, 0, 23, 26);
  assert.equal(
    formatDiagnostic(diagnose('FABIO_WEIGHT_NOT_NUMBER', 'Cannot use the weight: "abc"', { span, hint: 'Give a number' }), plain),
    [
      'error FABIO_WEIGHT_NOT_NUMBER: Cannot use the weight: "abc"',
      '  web (web-1), tag 1',
      '    urlprefix-h.io/ weight=abc',
      '                           ^^^',
      '  hint: Give a number',
    ].join('\n'),
  );
});

test('formatDiagnostic() shows escape sequences of a tag as text', () => {
  const instance = instanceOf('web', { tags: ['urlprefix-\u001b[2Jx'] });
  const text = formatDiagnostic(diagnose('TAG_CONTROL_CHARACTER', 'Cannot read the tag', { span: tagSpan(instance, 0) }), plain);
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /urlprefix-\\u\{1b\}\[2Jx/);
});

test('formatTable() shows signs and letters as they are, and what a terminal does not show in its place as text', () => {
  assert.equal(formatTable(['A', 'B'], [['10.0.0.1:80×50', 'größe → 日本']]).split('\n')[1], '10.0.0.1:80×50  größe → 日本');
  assert.equal(
    formatTable(['', 'B'], [['', '\u001b[2J \u202e \u200d \u05d0 \u0301 \u3164 \u00a0']])
      .split('\n')[1]
      ?.trim(),
    String.raw`\u{1b}[2J \u{202e} \u{200d} \u{5d0} \u{301} \u{3164} \u{a0}`,
  );
});

test('formatTable() makes rows no longer because another one is', () => {
  const rows = Array.from({ length: 600 }, (_, index) => [`s${index}`, index === 3 ? 'a'.repeat(1 << 20) : 'b']);
  assert.equal(formatTable(['NAME', 'TAGS'], rows).split('\n')[5], 's4    b');
});

test('formatTable() aligns columns without borders', () => {
  assert.equal(
    formatTable(
      ['HOST', 'TO'],
      [
        ['a.io', '1'],
        ['long.io', '2'],
      ],
    ),
    'HOST     TO\na.io     1\nlong.io  2',
  );
});

test('wantsColor() obeys NO_COLOR before FORCE_COLOR before the terminal', () => {
  assert.equal(wantsColor({ NO_COLOR: '1', FORCE_COLOR: '1' }, { isTTY: true }), false);
  assert.equal(wantsColor({ CLICOLOR_FORCE: '1' }, {}), true);
  assert.equal(wantsColor({}, { isTTY: true }), true);
  assert.equal(wantsColor({ TERM: 'dumb' }, { isTTY: true }), false);
});
