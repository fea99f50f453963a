import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { wantedServer, writeProxyState, writeWanted, type SwitchRequest } from '../../src/apply/proxy-files.ts';
import { tempDir } from '../support/process.ts';

const REQUEST: SwitchRequest = { id: 'x', to: 'traefik', digest: 'd', atMs: 1 };
const STATE = { launcher: 1, pid: 2, server: 'traefik', since: '2026-01-01T00:00:00Z', listening: true } as const;

test('wantedServer() is the configured proxy where nobody has switched, or the file cannot be read', async (t) => {
  const dir = await tempDir(t);
  assert.equal(await wantedServer(dir, 'caddy'), 'caddy');
  await writeFile(join(dir, 'proxy.json'), '{"server": "nginx"');
  assert.equal(await wantedServer(dir, 'traefik'), 'traefik');
});

test('wantedServer() is the proxy of the last switch until the configuration names another one than then', async (t) => {
  const dir = await tempDir(t);
  await writeWanted(dir, { server: 'traefik', configured: 'caddy' });
  assert.equal(await wantedServer(dir, 'caddy'), 'traefik');
  await writeWanted(dir, { server: 'caddy', configured: 'traefik' });
  assert.equal(await wantedServer(dir, 'caddy'), 'caddy');
});

test('wantedServer() follows a switch whose end nobody has noted, as exec-proxy says that it ended', async (t) => {
  const dir = await tempDir(t);
  await writeWanted(dir, { server: 'caddy', configured: 'caddy', switch: REQUEST });
  assert.equal(await wantedServer(dir, 'caddy'), 'caddy');
  await writeProxyState(dir, { ...STATE, outcome: { id: 'x', kind: 'failed', stage: 'start', reason: 'r' } });
  assert.equal(await wantedServer(dir, 'caddy'), 'caddy');
  await writeProxyState(dir, { ...STATE, outcome: { id: 'y', kind: 'switched' } });
  assert.equal(await wantedServer(dir, 'caddy'), 'caddy');
  await writeProxyState(dir, { ...STATE, outcome: { id: 'x', kind: 'switched' } });
  assert.equal(await wantedServer(dir, 'caddy'), 'traefik');
});
