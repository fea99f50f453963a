import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pages, readIfThere } from '../scripts/docs-pages.ts';

for (const { path, text } of pages)
  test(`${path.split('/').slice(-2).join('/')} says what its table says`, () => {
    assert.equal(readIfThere(path), text, 'write it anew with node scripts/gen-docs.ts');
  });
