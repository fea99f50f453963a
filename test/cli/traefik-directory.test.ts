import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolvePaths } from '../../src/cli/paths.ts';
import { assertOwnDirectory } from '../../src/cli/traefik-directory.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Server } from '../../src/model/rendered.ts';
import { tempDir } from '../support/process.ts';

test('assertOwnDirectory() refuses a dynamic file of Traefik beside or above files that it would read as routes', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'services'));
  const file = join(dir, 'hind-proxy.yaml');
  const check = async (dynamicFile: string, server: Server = 'traefik', services = '/srv/services'): Promise<void> => {
    const proxies = [{ name: 'edge', server, traefik: { dynamicFile: join(dir, dynamicFile) } }];
    await writeFile(file, JSON.stringify({ stateDir: join(dir, 'state'), sources: { file: { path: services } }, proxies }));
    const loaded = loadConfig({ file, env: {} });
    assertOwnDirectory(loaded, { server, paths: resolvePaths(loaded.config, { env: {}, isRoot: true }) });
  };

  await assert.rejects(check('dynamic.yml'), {
    name: 'ConfigError',
    message:
      /dynamicFile: Cannot use .*hind-proxy\.yaml is there, expected a directory of its own, such as that of .*\/dynamic\/hind-proxy\.yml$/,
  });
  await assert.rejects(check('services/a/../hp.yml', 'traefik', join(dir, 'services')), /services is there/);
  await check('dynamic/hp.yml');
  await check('dynamic.yml', 'caddy');
});
