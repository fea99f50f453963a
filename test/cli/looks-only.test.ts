import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeState } from '../../src/controller/state-file.ts';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import { freePorts, tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Those that read what the controller has left. */
const OF_STATE: readonly (readonly string[])[] = [
  ['routes'],
  ['plan'],
  ['run', '--once', '--dry-run'],
  ['explain', 'http://a.test/'],
  ['generations'],
];
const COMMANDS: readonly (readonly string[])[] = [
  ...OF_STATE,
  ['services'],
  ['conflicts'],
  ['validate'],
  ['validate', '--rendered'],
  ['validate', '--tags', 'urlprefix-a.test/'],
  ['plan', '--rendered'],
  ['render'],
  ['test', 'http://a.test/'],
  ['capabilities'],
];

/** What somebody left in the state directory that this version cannot use. */
async function spoil(stateDir: string): Promise<void> {
  await mkdir(join(stateDir, 'generations/.1'), { recursive: true });
  await mkdir(join(stateDir, 'generations/2'));
  await mkdir(join(stateDir, 'pinned'));
  await writeState(join(stateDir, 'snapshot.json'), { consul: [] });
  await writeState(join(stateDir, 'plan.json'), {});
  await writeFile(join(stateDir, 'claims.json'), 'torn');
}

for (const server of SERVERS)
  test(`commands that only look leave nothing on the machine with ${server}`, { timeout: 240_000 }, async (t) => {
    const dir = await tempDir(t);
    await writeFile(join(dir, 'hind-proxy.json'), JSON.stringify(await configOf(server, dir)));

    await look(dir, COMMANDS);
    await spoil(join(dir, 'state'));
    await look(dir, OF_STATE);
  });

/** Runs each command; the directory must stay as it is. */
async function look(dir: string, commands: typeof COMMANDS): Promise<void> {
  const before = (await readdir(dir, { recursive: true })).toSorted();
  for (const args of commands) {
    const run = spawnSync(process.execPath, [MAIN, ...args, '--config', join(dir, 'hind-proxy.json')], { encoding: 'utf8' });
    const told = `${args.join(' ')}: ${run.stdout}${run.stderr}`;
    assert.ok(run.status === 0 || run.status === 3, told);
    assert.deepEqual((await readdir(dir, { recursive: true })).toSorted(), before, told);
  }
}

async function configOf(server: Server, dir: string): Promise<unknown> {
  const [admin = 0, api = 0, listen = 0, web = 0] = await freePorts(4);
  await mkdir(join(dir, 'services'));
  const service = { name: 'web', address: '127.0.0.1', port: 80, tags: ['urlprefix-a.test/'] };
  await writeFile(join(dir, 'services/web.json'), JSON.stringify([service]));
  return {
    stateDir: join(dir, 'state'),
    sources: { file: { path: join(dir, 'services') }, consul: false, nomad: false },
    proxies: [
      {
        server,
        entrypoints: { web: `127.0.0.1:${web}` },
        caddy: { file: join(dir, 'caddy/Caddyfile'), admin: `http://127.0.0.1:${admin}` },
        traefik: {
          staticFile: join(dir, 'traefik/traefik.yaml'),
          dynamicFile: join(dir, 'traefik/dynamic/hp.yml'),
          api: `http://127.0.0.1:${api}`,
        },
      },
    ],
    admin: { listen: `127.0.0.1:${listen}`, socket: null },
  };
}
