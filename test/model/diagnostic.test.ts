import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CODES, type DiagnosticCode } from '../../src/model/codes.ts';
import { diagnose } from '../../src/model/diagnostic.ts';

test('diagnose() says what to do about every error and warning', () => {
  const codes = (Object.keys(CODES) as DiagnosticCode[]).filter((code) => CODES[code].severity !== 'info');

  const silent = codes.filter((code) => (diagnose(code, 'Cannot do it').hint ?? '') === '');

  assert.ok(codes.length > 50);
  assert.deepEqual(silent, []);
});

test('CODES holds no code that nothing reports', () => {
  const directory = join(import.meta.dirname, '../../src');
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && path !== 'model/codes.ts',
  );
  const source = files.map((path) => readFileSync(join(directory, path), 'utf8')).join('\n');

  // those of a whole dialect or target are put together from its name
  const unreported = Object.keys(CODES).filter((code) => !source.includes(code) && !/_(UNSUPPORTED|APPROXIMATED)$/.test(code));

  assert.deepEqual(unreported, []);
});

test('diagnose() prefers the hint of the place that reports', () => {
  const { hint } = diagnose('FABIO_OPTION_UNKNOWN', 'Fabio knows no such option', { hint: 'Did you mean `strip`?' });

  assert.equal(hint, 'Did you mean `strip`?');
});
