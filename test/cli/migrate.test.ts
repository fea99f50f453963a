import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CORPUS } from '../corpus/entries.ts';
import { FORMS, generatedJob } from '../jobfiles/forms.ts';
import { tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

function migrate(cwd: string, ...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly told: string } {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'migrate', ...args], {
    cwd,
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 26,
  });
  return { code: status, out: stdout, told: stderr };
}

const GENERATED = 500;

/** A tree with every list of the corpus in every form, and jobs that are made of several of them; the texts by path. */
async function writeTree(dir: string): Promise<ReadonlyMap<string, string>> {
  const listAt = (index: number): readonly string[] => CORPUS[index % CORPUS.length]?.tags ?? [];
  const files = new Map([
    ...CORPUS.flatMap(({ name, tags }) => FORMS.map((form) => [join(dir, 'jobs', name, form.name), form.write(tags)] as const)),
    ...Array.from({ length: GENERATED }, (_, index) => {
      const lists = Array.from({ length: 1 + (index % 6) }, (_list, at) => listAt(index * 7 + at));
      return [join(dir, `jobs/team-${index % 20}/job-${index}.nomad.hcl`), generatedJob(index, lists)] as const;
    }),
  ]);
  for (const [path, text] of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return files;
}

async function changedIn(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const texts = await Promise.all([...files.keys()].map(async (path) => readFile(path, 'utf8')));
  return [...files].flatMap(([path, text], index) => (texts[index] === text ? [] : [path]));
}

async function oneFile(t: TestContext): Promise<{ readonly dir: string; readonly path: string; readonly before: string }> {
  const dir = await tempDir(t);
  const path = join(dir, 'web.nomad.hcl');
  const before = 'service {\n  name = "web"\n  tags = [\n    "urlprefix-a.io/",\n    "urlprefix-/{x} auth=none",\n  ]\n}\n';
  await writeFile(path, before);
  return { dir, path, before };
}

/** A file that nobody can replace: so deep that it has a name, and no new one beside it could have. */
async function unwritable(dir: string): Promise<string> {
  const deep = join(dir, ...Array.from({ length: 45 }, () => 'd'.repeat(99))).slice(0, 4080);
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'web.hcl'), 'service {\n  tags = ["urlprefix-a.io/"]\n}\n');
  return join(deep, 'web.hcl');
}

test('migrate write, then revert leaves every file of a tree as it was, and a second write changes nothing', async (t) => {
  const dir = await tempDir(t);
  const files = await writeTree(dir);
  migrate(dir, 'plan', 'jobs', '--to', 'traefik');
  assert.deepEqual(await changedIn(files), [], 'plan wrote something');
  const first = JSON.parse(migrate(dir, 'write', 'jobs', '--to', 'traefik', '--replace', '--json').out) as {
    counts: { changed: number; files: number };
  };
  assert.equal(first.counts.files, files.size);
  assert.equal((await changedIn(files)).length, first.counts.changed);
  assert.ok(first.counts.changed > GENERATED / 2, `only ${first.counts.changed} files were changed`);
  const second = JSON.parse(migrate(dir, 'write', 'jobs', '--to', 'traefik', '--replace', '--json').out) as typeof first;
  assert.equal(second.counts.changed, 0);
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.deepEqual(await changedIn(files), []);
  assert.match(migrate(dir, 'revert').told, /Cannot revert: \/.*\/hind-proxy-migration\.json does not exist/);
});

test('migrate revert refuses files that were changed since, and names them', async (t) => {
  const { dir, path } = await oneFile(t);
  assert.equal(migrate(dir, 'write', path, '--to', 'traefik').code, 0);
  const edited = `${await readFile(path, 'utf8')}# mine\n`;
  await writeFile(path, edited);
  const { code, told } = migrate(dir, 'revert');
  assert.equal(code, 1);
  assert.ok(told.includes(path), told);
  assert.equal(await readFile(path, 'utf8'), edited);
});

test('migrate write names a manifest that it cannot keep by its whole path, makes no directory for it, and changes nothing', async (t) => {
  const { dir, path, before } = await oneFile(t);
  const write = (manifest: string): ReturnType<typeof migrate> => migrate(dir, 'write', path, '--to', 'traefik', '--manifest', manifest);

  const nowhere = write('none/deep/manifest.json');
  // no directory of the system takes a new file, whoever makes it
  const refused = write('/proc/manifest.json');
  const taken = write('web.nomad.hcl');
  const directory = write('.');

  assert.match(nowhere.told, /Cannot use the manifest \/.*\/none\/deep\/manifest\.json: \/.*\/none\/deep is no directory/);
  assert.deepEqual([nowhere.code, refused.code, taken.code], [2, 1, 2]);
  assert.match(refused.told, /Cannot write the manifest: .* '\/proc\/manifest\.json' \(a new file in '\/proc'\); no file was changed/);
  assert.match(directory.told, /Cannot read the manifest \/.*: EISDIR/);
  assert.match(taken.told, /Cannot read \/.*\/web\.nomad\.hcl: it is no manifest/);
  assert.deepEqual([await readFile(path, 'utf8'), existsSync(join(dir, 'none'))], [before, false]);
  assert.match(write('kept.json').told, new RegExp(`\\(${join(dir, 'kept.json')}\\)`));
});

test('migrate write leaves no manifest where it could not write any file', async (t) => {
  const { dir } = await oneFile(t);

  const { code, told } = migrate(dir, 'write', await unwritable(dir), '--to', 'traefik');

  assert.match(told, /Cannot write a file: ENAMETOOLONG.*; no file was changed/);
  assert.deepEqual([code, existsSync(join(dir, 'hind-proxy-migration.json'))], [1, false]);
});

test('migrate revert leaves a file alone that a write did not come to, and that cannot be written', async (t) => {
  const { dir, before } = await oneFile(t);
  const first = join(dir, 'a.hcl');
  await writeFile(first, before);

  const written = migrate(dir, 'write', first, await unwritable(dir), '--to', 'traefik');
  const revert = migrate(dir, 'revert');

  assert.match(written.told, /; 1 of 2 files are written; hind-proxy migrate revert puts them back/);
  assert.equal(revert.code, 0, revert.told);
  assert.equal(await readFile(first, 'utf8'), before);
});

test('migrate revert ends what a write that was cut short has left', async (t) => {
  const { dir, path, before } = await oneFile(t);
  const other = join(dir, 'other.nomad.hcl');
  await writeFile(other, before);
  assert.equal(migrate(dir, 'write', path, other, '--to', 'traefik').code, 0);
  await writeFile(other, before);
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.deepEqual([await readFile(path, 'utf8'), await readFile(other, 'utf8')], [before, before]);
});

test('migrate write keeps permissions and links of files', async (t) => {
  const { dir, path } = await oneFile(t);
  const link = join(dir, 'link.nomad.hcl');
  await chmod(path, 0o666);
  await symlink(path, link);
  assert.equal(migrate(dir, 'write', link, '--to', 'traefik').code, 0);
  assert.match(await readFile(path, 'utf8'), /traefik\.enable/);
  assert.equal((await stat(path)).mode & 0o777, 0o666);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.ok((await lstat(link)).isSymbolicLink());
});

test('migrate write and revert leave a file to its owner', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const { dir, path } = await oneFile(t);
  const owner = async (): Promise<readonly number[]> => {
    const { uid, gid, mode } = await stat(path);
    return [uid, gid, mode & 0o777];
  };
  await chown(path, 12345, 23456);
  await chmod(path, 0o600);
  assert.equal(migrate(dir, 'write', 'web.nomad.hcl', '--to', 'traefik').code, 0);
  assert.deepEqual(await owner(), [12345, 23456, 0o600]);
  assert.equal(migrate(dir, 'revert').code, 0);
  assert.deepEqual(await owner(), [12345, 23456, 0o600]);
});

test('migrate plan says what is left for hand work, in text, Markdown and JSON', async (t) => {
  const { dir, path } = await oneFile(t);
  const { code, out } = migrate(dir, 'plan', path, '--to', 'traefik');
  assert.equal(code, 0);
  assert.match(out, /web\.nomad\.hcl:5:5: TRAEFIK_UNSUPPORTED/);
  assert.match(out, /files: 1, changed: 1; tags converted to traefik: 1, by hand: 1/);
  assert.match(migrate(dir, 'plan', path, '--to', 'traefik', '--format', 'md').out, /\| 1 \| 1 \| 1 \| 1 \|/);
  const report = JSON.parse(migrate(dir, 'plan', path, '--to', 'traefik', '--json').out) as { files: readonly { inputSha256: string }[] };
  assert.match(report.files[0]?.inputSha256 ?? '', /^[0-9a-f]{64}$/);
  assert.equal(migrate(dir, 'plan', path, '--to', 'traefik', '--strict').code, 4);
});

test('migrate plan lists hand work first, and notes of one code together', async (t) => {
  const dir = await tempDir(t);
  const tags = Array.from({ length: 9 }, (_, index) => `"urlprefix-h${index}.io/"`);
  await writeFile(join(dir, 'a.hcl'), `service {\n  name = "a"\n  tags = [\n${[...tags, '"urlprefix-/{x"'].join(',\n')}\n  ]\n}\n`);
  await writeFile(join(dir, 'b.hcl'), 'service {\n  tags = var.tags\n}\n');

  const { out } = migrate(dir, 'plan', '.', '--to', 'traefik');
  const { files } = JSON.parse(migrate(dir, 'plan', '.', '--to', 'traefik', '--json').out) as PlanReport;

  const lines = out.split('\n');
  const lineOf = (text: string): number => lines.findIndex((line) => line.includes(text));
  assert.ok(lineOf('a.hcl:13:1: ') >= 0 && lineOf('a.hcl:13:1: ') < lineOf('b.hcl:2:10: FILE_EXPRESSION'), out);
  assert.ok(lineOf('b.hcl:2:10: ') < lineOf('9 × TRAEFIK_APPROXIMATED'), out);
  assert.match(
    out,
    /with another port in their Host header are taken too: a\.hcl:4:1, a\.hcl:5:1, a\.hcl:6:1 and 6 more \(--json lists each\)/,
  );
  assert.equal(out.match(/Look whether clients rely on it/g)?.length, 1);
  const all = files.flatMap(({ findings }) => findings);
  assert.equal(all.filter(({ code }) => code === 'TRAEFIK_APPROXIMATED').length, 9);
  assert.deepEqual([...new Set(all.filter(({ byHand }) => byHand).map(({ line }) => line))], [13, 2]);
});

test('migrate plan shows a tag of several lines as one', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'h.hcl'), 'service {\n  name = "h"\n  tags = [<<EOT\nurlprefix-h.test/\nEOT\n  ]\n}\n');
  assert.match(migrate(dir, 'plan', 'h.hcl', '--to', 'traefik').out, /^ {4}<<EOT urlprefix-h\.test\/ EOT$/m);
});

test('migrate plan counts tags that were converted before apart from those that it would convert', async (t) => {
  const { dir, path } = await oneFile(t);
  assert.equal(migrate(dir, 'write', path, '--to', 'traefik').code, 0);
  const { out } = migrate(dir, 'plan', path, '--to', 'traefik');
  assert.match(out, /files: 1, changed: 0; tags converted to traefik: 0 \(and 1 before\), by hand: 1/);
  const { counts } = JSON.parse(migrate(dir, 'plan', path, '--to', 'traefik', '--json').out) as { counts: Record<string, number> };
  assert.deepEqual([counts['changed'], counts['automatic'], counts['present'], counts['byHand']], [0, 0, 1, 1]);
  assert.match(migrate(dir, 'plan', path, '--to', 'traefik', '--replace').out, /changed: 1; tags converted to traefik: 1, by hand: 1/);

  const twice = join(dir, 'twice.nomad.hcl');
  await writeFile(twice, 'service {\n  name = "web"\n  tags = ["urlprefix-a.io/", "urlprefix-a.io/"]\n}\n');
  const planned = (): string => migrate(dir, 'plan', twice, '--to', 'traefik').out;
  assert.match(planned(), /changed: 1; tags converted to traefik: 2, by hand: 0/);
  assert.equal(migrate(dir, 'write', twice, '--to', 'traefik').code, 0);
  assert.match(planned(), /changed: 0; tags converted to traefik: 0 \(and 2 before\), by hand: 0/);
});

interface PlanReport {
  readonly counts: { readonly files: number; readonly changed: number; readonly byHand: number };
  readonly files: readonly {
    readonly path: string;
    readonly inputSha256?: string;
    readonly findings: readonly { readonly code: string; readonly line: number; readonly byHand?: true }[];
  }[];
  readonly skipped: readonly { readonly path: string; readonly code: string; readonly message: string }[];
}

test('migrate plan goes on with the other files where one cannot be opened or is no text, and ends with 1', async (t) => {
  const { dir } = await oneFile(t);
  await writeFile(join(dir, 'latin.hcl'), Buffer.from([0xe4, 0x0a]));
  // whoever asks, a read at its beginning is refused
  const closed = '/proc/self/mem';

  const { code, out } = migrate(dir, 'plan', closed, 'latin.hcl', 'web.nomad.hcl', '--to', 'traefik', '--json');

  const report = JSON.parse(out) as PlanReport;
  assert.equal(code, 1);
  assert.equal(report.counts.changed, 1);
  const unread = report.files.filter(({ path }) => path !== 'web.nomad.hcl');
  assert.deepEqual(
    unread.map(({ path, inputSha256, findings }) => [path, inputSha256, ...findings.map((finding) => finding.code)]),
    [
      [closed, undefined, 'FILE_UNREADABLE'],
      ['latin.hcl', undefined, 'FILE_SYNTAX'],
    ],
  );
  const verified = migrate(dir, 'verify', closed, 'web.nomad.hcl', '--to', 'hind', '--limit', 'x');
  assert.match(verified.told, /^Not looked at: \/proc\/self\/mem: Cannot open the file: EIO/m);
});

test('migrate plan follows links to files under the paths, names those that lead out of them, and takes each file once', async (t) => {
  const { dir } = await oneFile(t);
  await mkdir(join(dir, 'jobs/.shared'), { recursive: true });
  await mkdir(join(dir, 'other'));
  await writeFile(join(dir, 'jobs/.shared/base'), 'service {\n  tags = ["urlprefix-b.io/"]\n}\n');
  await writeFile(join(dir, 'jobs/own.hcl'), 'service {\n  tags = ["urlprefix-o.io/"]\n}\n');
  for (const [name, target] of [
    ['same.hcl', 'own.hcl'],
    ['base.hcl', '.shared/base'],
    ['again.hcl', '.shared/base'],
    ['out.hcl', '../web.nomad.hcl'],
    ['nowhere.hcl', 'none.hcl'],
    ['notes.txt', '../web.nomad.hcl'],
    ['others', '../other'],
    ['self', '.'],
    ['hidden', '.shared'],
  ] as const)
    await symlink(target, join(dir, 'jobs', name));

  const { code, out } = migrate(dir, 'plan', './jobs/own.hcl', 'jobs', 'jobs/same.hcl', '--to', 'traefik', '--json');

  const report = JSON.parse(out) as PlanReport;
  assert.equal(code, 0);
  assert.deepEqual(report.files.map(({ path }) => join(path)).toSorted(), ['jobs/again.hcl', 'jobs/own.hcl']);
  assert.deepEqual(
    report.skipped.map(({ path, code: told }) => [path, told]),
    [
      ['jobs/hidden', 'FILE_LINK'],
      ['jobs/nowhere.hcl', 'FILE_LINK'],
      ['jobs/others', 'FILE_LINK'],
      ['jobs/out.hcl', 'FILE_LINK'],
    ],
  );
  const text = migrate(dir, 'plan', 'jobs', '--to', 'traefik').out;
  assert.match(text, /^jobs\/out\.hcl: FILE_LINK Cannot follow the link: it leads to \/.*, which is not under the paths given$/m);
  assert.match(text, /^jobs\/hidden: FILE_LINK Cannot follow the link: it leads to \/.*, a directory that is passed over$/m);
  assert.equal(migrate(dir, 'finish', 'jobs', '--to', 'traefik').code, 4);
});

test('migrate plan passes over state directories of ours and its own manifest', async (t) => {
  const { dir } = await oneFile(t);
  assert.equal(migrate(dir, 'write', '.', '--to', 'traefik').code, 0);
  await mkdir(join(dir, 'state/generations/1'), { recursive: true });
  for (const name of ['snapshot.json', 'claims.json', 'generations/1/table.json'])
    await writeFile(join(dir, 'state', name), '00ff\n[{"tags": ["urlprefix-a.io/"]}]\n');

  const { code, out } = migrate(dir, 'plan', '.', '--to', 'traefik', '--json');

  assert.deepEqual(
    (JSON.parse(out) as PlanReport).files.map(({ path }) => path),
    ['web.nomad.hcl'],
  );
  assert.equal(code, 0);
});

test('migrate plan --diff prints what patch accepts, and beside it what is left for hand work', async (t) => {
  const { dir, path } = await oneFile(t);
  const { out, told } = migrate(dir, 'plan', 'web.nomad.hcl', '--to', 'traefik', '--diff');
  assert.match(told, /^web\.nomad\.hcl:5:5: TRAEFIK_UNSUPPORTED/m, 'what is left for hand work is not said');
  const { status, stderr } = spawnSync('patch', ['-p0'], { cwd: dir, input: out, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(await readFile(path, 'utf8'), /traefik\.enable=true/);
});

test('migrate says what is wrong with its arguments', async (t) => {
  const { dir, path } = await oneFile(t);
  for (const [args, told] of [
    [['plan', path, '--to', 'nginx'], /Cannot use --to "nginx": expected/],
    [['plan', path, '--to', 'hind', '--add', '--replace'], /Cannot use --add and --replace together/],
    [['plan', join(dir, 'none'), '--to', 'hind'], /Cannot read .*none/],
    [['plan', path, '--to', 'hind', '--diff', '--json'], /Cannot use --diff together with --json or --format/],
    [['plan', '--from', 'consul', '--to', 'hind', '--diff'], /Cannot use --diff together with --from/],
    [['plan', '--to', 'hind'], /no path is given, .*--from consul/],
  ] as const) {
    const ended = migrate(dir, ...args);
    assert.equal(ended.code, 2);
    assert.match(ended.told, told);
  }
});
