import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProcess } from '../support/process.ts';

const SRC = join(import.meta.dirname, '../../src');

test('targetOf() alone loads a proxy, and only that one', async (t) => {
  const script = `
    const loaded = [];
    const { registerHooks } = require('node:module');
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    (async () => {
      await import(${JSON.stringify(`${SRC}/cli/run.ts`)});
      const { targetOf } = await import(${JSON.stringify(`${SRC}/cli/targets.ts`)});
      const before = loaded.filter((url) => url.endsWith('/target.ts') && url.includes('/src/targets/')).length;
      const { server } = await targetOf('traefik');
      console.log(before, server, loaded.filter((url) => /targets.(caddy|traefik).target.ts$/.test(url)).map((url) => url.split('/').at(-2)).join());
    })();`;
  const running = startProcess(t, process.execPath, ['-e', script]);

  await running.ended;

  assert.equal(running.output().trim(), '0 traefik traefik');
});
