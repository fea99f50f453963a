import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { instancesOfFiles } from '../../src/cli/file-instances.ts';
import { createDialect } from '../../src/cli/dialects.ts';
import { loadConfig } from '../../src/config/load.ts';
import { DIALECTS } from '../../src/model/route.ts';
import { tempDir } from '../support/process.ts';

const { config } = loadConfig({ env: {} });
const dialects = DIALECTS.map((name) => createDialect(name, config));

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

  const old = await instancesOfFiles([join(dir, 'old')], dialects);
  const fresh = await instancesOfFiles([join(dir, 'new')], dialects);

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

test('instancesOfFiles() leaves out what nobody can read for its templates, and says which hosts it only supposes', async (t) => {
  const dir = await tempDir(t);
  const path = join(dir, 'web.hcl');
  const tags = [
    '"version-${var.version}"',
    '"urlprefix-${var.route}"',
    '"urlprefix-${var.glob}/"',
    '"https://app-${NOMAD_META_host}/a"',
    '"urlprefix-a.test/${var.path}"',
    '"traefik.http.routers.${var.name}.rule=Host(`${var.host}`)"',
    '"${var.tag}"',
    'var.tag',
  ];
  await writeFile(path, `service {\n  name = "web-\${var.name}"\n  tags = [\n${tags.join(',\n')}\n  ]\n}\n`);

  const { instances, unread, guessed, asWritten } = await instancesOfFiles([path], dialects);

  const [web] = instances;
  assert.deepEqual(
    web?.tags.map((tag) => JSON.stringify(asWritten(tag))),
    [...tags.slice(0, 1), ...tags.slice(2, 6)],
  );
  assert.equal(asWritten(web?.service.toUpperCase() ?? ''), 'WEB-${var.name}');
  assert.deepEqual(
    unread.map(({ line, code }) => [line, code]),
    [
      [5, 'FILE_INTERPOLATION'],
      [10, 'FILE_INTERPOLATION'],
      [11, 'FILE_EXPRESSION'],
    ],
  );
  assert.deepEqual(
    guessed.map(({ line, tag }) => [line, tag]),
    [
      [6, 'urlprefix-${var.glob}/'],
      [7, 'https://app-${NOMAD_META_host}/a'],
    ],
  );
});

test('instancesOfFiles() leaves out all labels of a list of which it cannot read one', async (t) => {
  const dir = await tempDir(t);
  const path = join(dir, 'web.hcl');
  const tags = ['traefik.enable=true', 'traefik.http.routers.a.rule=HostRegexp(`${var.host}`)', 'urlprefix-a.test/'];
  await writeFile(path, `service {\n  tags = ${JSON.stringify(tags)}\n}\n`);

  const { instances, unread } = await instancesOfFiles([path], dialects);

  assert.deepEqual(instances[0]?.tags, ['urlprefix-a.test/']);
  assert.equal(unread.length, 2);
});
