import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { adminApi } from '../../src/cli/admin-api.ts';
import { CommandError } from '../../src/cli/errors.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLog } from '../../src/lib/log.ts';
import { setUp } from '../../src/cli/setup.ts';
import { freePorts, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

test('adminApi() says that the controller went away, and where to look, when it ends before it answers', async (t) => {
  const stateDir = await tempDir(t);
  const [port = 0] = await freePorts(1);
  const controller = createServer((connection) => connection.once('data', () => connection.destroy()));
  t.after(() => controller.close());
  controller.listen(port, '127.0.0.1');
  await until('the controller to listen', () => controller.listening);
  const env = {
    HIND_PROXY_STATEDIR: stateDir,
    HIND_PROXY_ADMIN__LISTEN: `127.0.0.1:${port}`,
    HIND_PROXY_ADMIN__SOCKET: `${stateDir}/none.sock`,
  };
  const api = adminApi(
    await setUp({ loaded: loadConfig({ file: undefined, env, flags: {} }), env, log: silentLog, version: '1', looksOnly: true }),
  );

  await assert.rejects(api.post('/v1/switch', { server: 'traefik' }), (error) => {
    assert.ok(error instanceof CommandError);
    assert.match(error.message, /the controller went away before it answered.*hind-proxy status/);
    return true;
  });
});
