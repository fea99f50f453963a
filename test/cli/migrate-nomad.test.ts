import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startNomad } from '../support/nomad.ts';
import { needServer, startProcess, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

const JOB = `# the shop
job "shop" {
  group "web" {
    count = 2
    network {
      port "http" {}
    }
    service {
      name     = "shop"
      port     = "http"
      provider = "nomad"
      tags = [
        "v1",
        "urlprefix-shop.test/cart strip=/cart", # moved soon
      ]
    }
    task "web" {
      driver = "raw_exec"
      config {
        command = "/bin/sleep"
        args    = ["3600"]
      }
      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
`;

test('a job of a real Nomad is planned live and from its file, rewritten, submitted, and then there is nothing left to move', async (t) => {
  const binary = needServer(t, 'nomad');
  if (binary === undefined) return;
  const nomad = await startNomad(t, binary);
  const dir = await tempDir(t);
  const file = join(dir, 'shop.nomad.hcl');
  await writeFile(file, JOB);
  await nomad.submit(await nomad.parse(JOB));
  const tagsOf = async (): Promise<readonly (readonly string[])[]> => {
    const answer = await fetch(`${nomad.address}/v1/service/shop`);
    const found = (await answer.json()) as readonly { readonly Tags: readonly string[] }[];
    return found.map(({ Tags }) => Tags);
  };
  await until('both instances', async () => (await tagsOf()).length === 2, 60_000);
  const migrate = async (...args: readonly string[]): Promise<string> => {
    const run = startProcess(t, process.execPath, [
      MAIN,
      'migrate',
      ...args,
      '--to',
      'traefik',
      '--replace',
      '--state-dir',
      join(dir, 'state'),
    ]);
    assert.equal(await run.ended, 0, run.output());
    return run.output();
  };
  const live = ['plan', '--from', 'nomad', '--nomad', nomad.address];
  const before = await nomad.job('shop');

  const [planned, plannedFile] = [await migrate(...live), await migrate('plan', file, '--nomad', nomad.address)];

  assert.match(
    planned,
    /shop \(default\): 2 instances, job shop \(default\)\n {2}- urlprefix-shop\.test\/cart strip=\/cart\n {2}\+ traefik\.enable=true/,
  );
  assert.match(planned, /job shop \(default\), shop: Nomad would do 2 InPlaceUpdate\n/);
  assert.match(planned, /to change: 1; .*jobs planned: 1, refused: 0/);
  assert.match(plannedFile, /shop\.nomad\.hcl: job shop \(default\): Nomad would do 2 InPlaceUpdate\n/);
  assert.deepEqual(await nomad.job('shop'), before);

  await migrate('write', file, '--manifest', join(dir, 'manifest.json'));
  await nomad.submit(await nomad.parse(await readFile(file, 'utf8')));

  await until('the new tags', async () => (await tagsOf()).every((tags) => tags.includes('traefik.enable=true')), 60_000);
  assert.ok((await tagsOf()).every((tags) => tags.includes('v1') && !tags.some((tag) => tag.startsWith('urlprefix-'))));
  assert.match(await migrate(...live), /to change: 0; .*jobs planned: 0, refused: 0/);
});
