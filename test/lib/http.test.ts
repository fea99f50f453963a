import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProcess } from '../support/process.ts';

const RUN = join(import.meta.dirname, '../../src/cli/run.ts');

test('http.ts keeps the undici of Node out of a controller', async (t) => {
  const script = `import(${JSON.stringify(RUN)}).then(() => console.log(process.moduleLoadList.filter((name) => /deps.undici|^NativeModule http$/.test(name)).join()))`;
  const running = startProcess(t, process.execPath, ['-e', script]);

  await running.ended;

  assert.equal(running.output().trim(), 'NativeModule http');
});
