import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { instancesOfFiles } from '../../src/cli/file-instances.ts';
import { tempDir } from '../support/process.ts';

test('instancesOfFiles() gives a service the same address in any tree, and places only to tags that stand in a file', async (t) => {
  const dir = await tempDir(t);
  const job = (tag: string): string => `service {\n  name = "web"\n  tags = [\n    "v1",\n    "${tag}",\n  ]\n}\n`;
  await mkdir(join(dir, 'old'));
  await mkdir(join(dir, 'new/sub'), { recursive: true });
  await writeFile(join(dir, 'old/web.nomad.hcl'), job('urlprefix-${var.host}/'));
  await writeFile(join(dir, 'new/sub/app.nomad.hcl'), job('https://${var.host}'));
  await writeFile(
    join(dir, 'new/services.json'),
    JSON.stringify({ name: 'own', address: '10.0.0.9', port: 81, tags: ['urlprefix-own.test/'] }),
  );

  const old = await instancesOfFiles([join(dir, 'old')]);
  const fresh = await instancesOfFiles([join(dir, 'new')]);

  const [web] = old.instances;
  const [own, moved] = fresh.instances;
  assert.ok(web && own && moved);
  assert.deepEqual([moved.service, moved.address, moved.port], [web.service, web.address, web.port]);
  assert.deepEqual([own.service, own.address, own.port], ['own', '10.0.0.9', 81]);
  const host = /^urlprefix-(filled-[0-9a-f]{8})\/$/.exec(web.tags[1] ?? '')?.[1] ?? '';
  assert.deepEqual(moved.tags, ['v1', `https://${host}`]);
  assert.deepEqual(old.placeOf({ instance: web.instance, tag: web.tags[1] ?? '' }), { file: join(dir, 'old/web.nomad.hcl'), line: 5 });
  assert.equal(old.placeOf({ instance: web.instance, tag: 'traefik.enable=true' }), undefined);
  assert.deepEqual(fresh.placeOf({ instance: own.instance, tag: 'urlprefix-own.test/' }), { file: join(dir, 'new/services.json') });
});
