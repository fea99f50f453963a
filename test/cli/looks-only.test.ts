import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SERVERS } from '../../src/model/rendered.ts';
import { freePorts, tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const COMMANDS: readonly (readonly string[])[] = [
  ['routes'],
  ['services'],
  ['conflicts'],
  ['validate'],
  ['validate', '--rendered'],
  ['validate', '--tags', 'urlprefix-a.test/'],
  ['plan'],
  ['plan', '--rendered'],
  ['render'],
  ['run', '--once', '--dry-run'],
  ['explain', 'http://a.test/'],
  ['test', 'http://a.test/'],
  ['generations'],
  ['capabilities'],
];

for (const server of SERVERS)
  test(`commands that only look leave nothing on the machine with ${server}`, { timeout: 120_000 }, async (t) => {
    const dir = await tempDir(t);
    const [admin = 0, api = 0, listen = 0, web = 0] = await freePorts(4);
    await mkdir(join(dir, 'services'));
    const service = { name: 'web', address: '127.0.0.1', port: 80, tags: ['urlprefix-a.test/'] };
    await writeFile(join(dir, 'services/web.json'), JSON.stringify([service]));
    const config = {
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
    await writeFile(join(dir, 'hind-proxy.json'), JSON.stringify(config));
    const before = (await readdir(dir)).toSorted();
    for (const args of COMMANDS) {
      const run = spawnSync(process.execPath, [MAIN, ...args, '--config', join(dir, 'hind-proxy.json')], { encoding: 'utf8' });
      const told = `${args.join(' ')}: ${run.stdout}${run.stderr}`;
      assert.ok(run.status === 0 || run.status === 3, told);
      assert.deepEqual((await readdir(dir)).toSorted(), before, told);
    }
  });
