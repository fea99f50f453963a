import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saveMemory } from '../../src/cli/memory.ts';

test('saveMemory() leaves commands that end alone', () => {
  for (const args of [['migrate', 'plan', 'jobs/'], ['version'], []]) assert.equal(saveMemory(args), false, args.join(' '));
});

test('saveMemory() takes less memory for what stays running, with flags alone too', () => {
  for (const args of [['run'], ['exec-proxy'], ['demo'], ['-config', 'hind-proxy.yaml']])
    assert.equal(saveMemory(args), true, args.join(' '));
});
