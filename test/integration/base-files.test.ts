import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { parseYaml } from '../../src/lib/yaml.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { staticConfig } from '../../src/targets/traefik/static.ts';
import { caddySettings } from '../support/caddy.ts';
import { ENTRY_POINTS } from '../support/intents.ts';
import { needServer, tempDir } from '../support/process.ts';
import { routeOf, tableOf } from '../support/tables.ts';

const ROOT = join(import.meta.dirname, '../..');

test('caddy/Caddyfile serves our routes and its own sites when it imports our file', async (t) => {
  const caddy = needServer(t, 'caddy');
  if (caddy === undefined) return;
  const dir = await tempDir(t);
  const settings = caddySettings({ dir, admin: 'http://127.0.0.1:2019', web: 8080, websecure: 8443 });
  const ours = join(dir, 'ours');
  await writeFile(ours, caddyTarget.render(tableOf([routeOf('a', 'a.test', '/')]), settings).value.files[0]?.content ?? '');
  const { stdout } = await promisify(execFile)(caddy, ['adapt', '--config', join(ROOT, 'caddy/Caddyfile')], {
    env: { HIND_PROXY_CADDYFILE: ours, HOME: dir },
  });
  assert.match(stdout, /"a\.test"/);
  assert.match(stdout, /"status\.localhost"/);
  assert.match(stdout, /hind-proxy-generation/);
});

test('traefik/traefik.yaml is what the launcher would write for the usual entry points', async (t) => {
  const settings = caddySettings({ dir: await tempDir(t), admin: '', web: 80, websecure: 443 });
  const traefik = { ...settings.traefik, dynamicFile: '/etc/traefik/dynamic/hind-proxy.yml', api: 'http://127.0.0.1:8099' };
  const written = JSON.parse(JSON.stringify(staticConfig({ ...settings, entryPoints: ENTRY_POINTS, traefik }))) as Record<string, unknown>;
  const shipped = parseYaml(await readFile(join(ROOT, 'traefik/traefik.yaml'), 'utf8')) as Record<string, unknown>;
  for (const key of ['entryPoints', 'providers', 'api', 'global']) assert.deepEqual(shipped[key], written[key], key);
});
