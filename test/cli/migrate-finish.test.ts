import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Listed {
  readonly service: string;
  readonly tag: string;
  readonly places: readonly { readonly file: string; readonly line: number }[];
  readonly reason?: string;
}

test('migrate finish lists the old tags that new ones say too, with their lines, and says why others stay', async (t) => {
  const dir = await tempDir(t);
  const path = join(dir, 'web.nomad.hcl');
  const service = (name: string, tags: readonly string[]): string =>
    `service {\n  name = "${name}"\n  tags = [\n${tags.map((tag) => `    "${tag}",\n`).join('')}  ]\n}\n`;
  await writeFile(
    path,
    service('web', ['v1', 'urlprefix-web.test/', 'urlprefix-web.test/api strip=/api']) + service('shop', ['urlprefix-shop.test/']),
  );
  const migrate = (...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly told: string } => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: dir };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'migrate', ...args], { cwd: dir, encoding: 'utf8', env });
    return { code: status, out: stdout, told: stderr };
  };
  const finish = (): { readonly removable: readonly Listed[]; readonly staying: readonly Listed[] } =>
    JSON.parse(migrate('finish', 'web.nomad.hcl', '--to', 'traefik', '--json').out) as ReturnType<typeof finish>;

  const before = finish();
  assert.deepEqual(before.removable, []);
  assert.deepEqual(
    before.staying.map(({ tag, reason }) => [tag, reason]),
    [
      ['urlprefix-web.test/', 'web.test/ would be answered in another way'],
      ['urlprefix-web.test/api strip=/api', 'web.test/api would be answered in another way'],
      ['urlprefix-shop.test/', 'shop.test/ would be answered in another way'],
    ],
  );
  assert.equal(migrate('finish', 'web.nomad.hcl', '--to', 'traefik', '--strict').code, 4);

  assert.equal(migrate('write', 'web.nomad.hcl', '--to', 'traefik').code, 0);
  const text = (await readFile(path, 'utf8')).replace(
    '"urlprefix-shop.test/",',
    '"urlprefix-shop.test/",\n    "urlprefix-/{bad", "urlprefix-:5000 proto=tcp",',
  );
  await writeFile(path, text);
  const after = finish();
  assert.deepEqual(
    after.removable.map(({ tag, places }) => [tag, places.map(({ file, line }) => `${file}:${line}`)]),
    ['urlprefix-web.test/', 'urlprefix-web.test/api strip=/api', 'urlprefix-shop.test/'].map((tag) => [
      tag,
      [`web.nomad.hcl:${text.slice(0, text.indexOf(`"${tag}"`)).split('\n').length}`],
    ]),
  );
  assert.deepEqual(
    after.staying.map(({ tag }) => tag),
    ['urlprefix-/{bad', 'urlprefix-:5000 proto=tcp'],
    'what the proxy does not serve is said by no other tag',
  );
  const { out, told } = migrate('finish', 'web.nomad.hcl', '--to', 'traefik');
  assert.match(out, /safe to remove: 3; that are still needed: 2/);
  assert.match(told, /To take them out: hind-proxy migrate write web\.nomad\.hcl --to traefik --replace, or by hand; then deploy/);
  assert.equal(migrate('write', 'web.nomad.hcl', '--to', 'traefik', '--replace').code, 0);
  assert.deepEqual(finish().removable, []);
});

test('migrate finish says what it could not look at, and does not end as if that were nothing', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'broken.nomad'), 'service {\n  tags = ["urlprefix-web.test/\n}\n');
  await writeFile(join(dir, 'made.nomad'), 'service {\n  name = "made"\n  tags = concat(["urlprefix-made.test/"], [])\n}\n');
  await writeFile(join(dir, 'whole.nomad'), 'service {\n  name = "web"\n  tags = ["urlprefix-web.test/"]\n}\n');
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: dir };
  const finish = (...args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [MAIN, 'migrate', 'finish', ...args, '--to', 'traefik'], { cwd: dir, encoding: 'utf8', env });

  const all = finish('.');
  const readable = finish('made.nomad', 'whole.nomad', '--json');

  assert.match(all.stderr, /^Not looked at: broken\.nomad:2: Cannot read the file/m);
  assert.match(all.stderr, /^Not looked at: 1 place of made\.nomad, /m);
  assert.doesNotMatch(all.stderr, /whole\.nomad/);
  assert.match(all.stdout, /still needed: 1; not looked at: 2 places of 2 files$/m);
  assert.equal(all.status, 1);
  const report = JSON.parse(readable.stdout) as {
    complete: boolean;
    counts: { unread: number };
    unread: readonly { file: string; line: number; code: string }[];
  };
  assert.deepEqual([report.complete, report.counts.unread], [false, 1]);
  assert.deepEqual(
    report.unread.map(({ file, line, code }) => [file, line, code]),
    [['made.nomad', 3, 'FILE_EXPRESSION']],
  );
  assert.equal(readable.status, 4);
  assert.equal(finish('whole.nomad').status, 0);
});

test('migrate finish shows tags as the file has them, and says of which host it supposed that it is an exact one', async (t) => {
  const dir = await tempDir(t);
  await writeFile(
    join(dir, 'web.nomad'),
    'service {\n  name = "web"\n  tags = [\n    "urlprefix-${var.glob}/",\n    "urlprefix-${NOMAD_META_host}/api strip=/api",\n    "urlprefix-a.test/",\n  ]\n}\n',
  );
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: dir };
  const migrate = (...args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [MAIN, 'migrate', ...args, 'web.nomad', '--to', 'traefik'], { cwd: dir, encoding: 'utf8', env });

  const before = migrate('finish');
  migrate('write');
  const after = migrate('finish');
  const report = JSON.parse(migrate('finish', '--json').stdout) as {
    removable: readonly { tag: string; guessed?: string }[];
    guessed: readonly { line: number; code: string }[];
  };

  assert.match(
    before.stdout,
    /^stays web\.nomad:5: web urlprefix-\$\{NOMAD_META_host\}\/api strip=\/api: \$\{NOMAD_META_host\}\/api would be answered/m,
  );
  assert.match(after.stdout, /urlprefix-\$\{var\.glob\}\/: if its host, which is filled in later, is one exact host$/m);
  assert.match(after.stdout, /urlprefix-a\.test\/$/m);
  assert.match(after.stderr, /^FILE_HOST_GUESSED .*web\.nomad:\d+ \(urlprefix-\$\{var\.glob\}\/\)/m);
  assert.doesNotMatch(before.stdout + after.stdout + after.stderr, /filled-/);
  assert.deepEqual([after.status, migrate('finish', '--strict').status], [0, 4]);
  assert.deepEqual(
    report.removable.map(({ tag, guessed }) => [tag, guessed]),
    [
      ['urlprefix-${var.glob}/', 'FILE_HOST_GUESSED'],
      ['urlprefix-${NOMAD_META_host}/api strip=/api', 'FILE_HOST_GUESSED'],
      ['urlprefix-a.test/', undefined],
    ],
  );
  assert.equal(report.guessed.length, 2);
});

test('migrate finish keeps a HinD tag that leads plain http to https until the labels do, which migrate write writes', async (t) => {
  const dir = await tempDir(t);
  const tags = [
    '"https://wiki.test"',
    '"traefik.enable=true"',
    '"traefik.http.routers.w.rule=Host(`wiki.test`)"',
    '"traefik.http.routers.w.entrypoints=websecure"',
    '"traefik.http.routers.w.tls=true"',
    '"traefik.http.services.w.loadbalancer.strategy=hrw"',
  ];
  await writeFile(join(dir, 'wiki.nomad.hcl'), `service {\n  name = "wiki"\n  tags = [\n    ${tags.join(',\n    ')}\n  ]\n}\n`);
  await writeFile(join(dir, 'hind-proxy.json'), '{"configVersion": 1, "tls": {"mode": "internal"}}');
  const migrate = (...args: readonly string[]): SpawnSyncReturns<string> => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: dir };
    const given = ['migrate', ...args, 'wiki.nomad.hcl', '--to', 'traefik', '--config', 'hind-proxy.json'];
    return spawnSync(process.execPath, [MAIN, ...given], { cwd: dir, encoding: 'utf8', env });
  };

  const before = migrate('finish');
  const written = migrate('write');
  const after = migrate('finish');

  assert.match(before.stdout, /stays .*https:\/\/wiki\.test: wiki\.test\/ and not .*acme-challenge.* would be answered in another way/);
  assert.equal(written.status, 0, written.stderr);
  assert.match(await readFile(join(dir, 'wiki.nomad.hcl'), 'utf8'), /redirectscheme\.scheme=https/);
  assert.match(after.stdout, /safe to remove: 1; that are still needed: 0/);
});
