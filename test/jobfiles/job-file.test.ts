import assert from 'node:assert/strict';
import { test } from 'node:test';
import { positionsIn } from '../../src/jobfiles/job-file.ts';

for (const text of ['', 'a', '\n', 'a\nbc\n\nd', 'a\r\nb\r\n', '\n\n\nx'])
  test(`positionsIn() counts lines and columns from 1 in ${JSON.stringify(text)}`, () => {
    const positionOf = positionsIn(text);
    for (let offset = 0; offset <= text.length; offset += 1) {
      const lines = text.slice(0, offset).split('\n');
      assert.deepEqual(positionOf(offset), { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }, `at ${offset}`);
    }
  });
