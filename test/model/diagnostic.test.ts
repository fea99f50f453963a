import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES, type DiagnosticCode } from '../../src/model/codes.ts';
import { diagnose } from '../../src/model/diagnostic.ts';

test('diagnose() says what to do about every error and warning', () => {
  const codes = (Object.keys(CODES) as DiagnosticCode[]).filter((code) => CODES[code].severity !== 'info');

  const silent = codes.filter((code) => (diagnose(code, 'Cannot do it').hint ?? '') === '');

  assert.ok(codes.length > 50);
  assert.deepEqual(silent, []);
});

test('diagnose() prefers the hint of the place that reports', () => {
  const { hint } = diagnose('FABIO_OPTION_UNKNOWN', 'Fabio knows no such option', { hint: 'Did you mean `strip`?' });

  assert.equal(hint, 'Did you mean `strip`?');
});
