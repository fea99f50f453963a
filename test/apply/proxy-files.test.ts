import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  changeWanted,
  noteServed,
  readWanted,
  wantedServer,
  writeProxyState,
  writeWanted,
  type SwitchRequest,
} from '../../src/apply/proxy-files.ts';
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

const SERVED = { server: 'caddy', configured: 'caddy', generation: 7, ports: [80, 443] } as const;

test('noteServed() notes what the wanted proxy serves, and nothing of one that is not wanted any more', async (t) => {
  const dir = await tempDir(t);
  await noteServed(dir, SERVED);
  assert.deepEqual(await readWanted(dir), SERVED);
  await writeWanted(dir, { server: 'traefik', configured: 'caddy' });
  await noteServed(dir, SERVED);
  assert.deepEqual(await readWanted(dir), { server: 'traefik', configured: 'caddy' });
  // the operator has named the other one since
  await noteServed(dir, { ...SERVED, server: 'traefik', configured: 'traefik' });
  assert.deepEqual(await readWanted(dir), { ...SERVED, server: 'traefik', configured: 'traefik' });
});

test('noteServed() leaves a switch alone that somebody waits for, and no other', async (t) => {
  const dir = await tempDir(t);
  const waiting = { ...SERVED, switch: { ...REQUEST, atMs: Date.now() } };
  await writeWanted(dir, waiting);
  await noteServed(dir, { ...SERVED, generation: 8 });
  assert.deepEqual(await readWanted(dir), waiting);
  await writeProxyState(dir, { ...STATE, outcome: { id: 'x', kind: 'failed', stage: 'start', reason: 'r' } });
  await noteServed(dir, { ...SERVED, generation: 8 });
  assert.deepEqual(await readWanted(dir), { ...SERVED, generation: 8 });
  await writeWanted(dir, { ...SERVED, switch: REQUEST });
  await noteServed(dir, { ...SERVED, generation: 9 });
  assert.deepEqual(await readWanted(dir), { ...SERVED, generation: 9 });
});

test('changeWanted() makes one change after the other', async (t) => {
  const dir = await tempDir(t);
  await writeWanted(dir, { ...SERVED, generation: 0 });
  const more = (): Promise<void> => changeWanted(dir, (before) => before && { ...before, generation: (before.generation ?? 0) + 1 });
  await Promise.all(Array.from({ length: 5 }, more));
  assert.equal((await readWanted(dir))?.generation, 5);
});
