import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { SERVERS, type Server } from '../../src/model/rendered.ts';
import { needServer, tempDir } from '../support/process.ts';
import { PLANTED, type Planted } from './planted.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Report {
  readonly asked: number;
  readonly counts: { readonly byTags: number; readonly byProxies: number };
  readonly differences: readonly {
    readonly cause: string;
    readonly differences: readonly { readonly what: string; readonly old?: string; readonly new?: string }[];
    readonly old?: { readonly tags: readonly { readonly service: string; readonly tag: string; readonly file?: string }[] };
    readonly new?: { readonly tags: readonly { readonly service: string; readonly tag: string; readonly file?: string }[] };
  }[];
}

const PAIRS: readonly (readonly [Server, Server])[] = SERVERS.flatMap((old) => SERVERS.map((fresh) => [old, fresh] as const));

for (const [old, fresh] of PAIRS) {
  test(`migrate verify finds every planted difference between ${old} and ${fresh}, and nothing else`, async (t) => {
    if (needServer(t, old) === undefined || needServer(t, fresh) === undefined) return;
    const dir = await tempDir(t);
    await Promise.all((['old', 'new'] as const).map((side) => writeServices(join(dir, side), side)));

    const { code, report } = await verify(t, dir, ['--old', 'old', '--new', 'new', '--old-proxy', old, '--new-proxy', fresh]);

    assert.equal(code, 3);
    const found = new Map<string, string[]>();
    for (const { cause, differences, old: before, new: after } of report.differences.filter((one) => one.cause === 'tags')) {
      assert.equal(cause, 'tags');
      const services = [...(before?.tags ?? []), ...(after?.tags ?? [])].map(({ service }) => service);
      for (const service of services) found.set(service, [...(found.get(service) ?? []), ...differences.map(({ what }) => what)]);
    }
    const missed = PLANTED.filter(({ name, differs }) => !differs.some((what) => found.get(name)?.includes(what)));
    assert.deepEqual(
      missed.map(({ name }) => ({ name, found: found.get(name) })),
      [],
    );
    assert.deepEqual(
      [...found.keys()].filter((name) => name.startsWith('same')),
      [],
    );
    assert.ok(
      report.differences.every(({ old: before, new: after }) =>
        [...(before?.tags ?? []), ...(after?.tags ?? [])].every(({ file }) => file),
      ),
    );
  });
}

/** Every planted service, and beside each one that is the same on both sides. */
async function writeServices(dir: string, side: 'old' | 'new'): Promise<void> {
  await mkdir(dir);
  const services = PLANTED.flatMap((planted, index) => servicesOf(planted, { index, side }));
  await writeFile(join(dir, 'services.json'), JSON.stringify(services));
}

function servicesOf(
  { name, beside, ...tags }: Planted,
  { index, side }: { readonly index: number; readonly side: 'old' | 'new' },
): readonly { readonly name: string; readonly address: string; readonly port: number; readonly tags: readonly string[] }[] {
  return [
    { name, address: `10.0.${index}.1`, port: 80, tags: tags[side] },
    ...(beside ? [{ name, address: `10.0.${index}.2`, port: 80, tags: beside[side] }] : []),
    { name: `same-${name}`, address: `10.0.${index}.3`, port: 80, tags: tags.old.map((tag) => tag.replaceAll(name, `same-${name}`)) },
  ];
}

async function verify(
  t: TestContext,
  cwd: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly report: Report; readonly told: string }> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd };
  const child = spawn(process.execPath, [MAIN, 'migrate', 'verify', ...args, '--json'], { cwd, env, signal: t.signal });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? -1));
  });
  const [out, told, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  assert.notEqual(out, '', told);
  return { code, report: JSON.parse(out) as Report, told };
}

/** What is said in the same way in Fabio's tags and in Traefik's labels. */
const SAID_ALIKE: readonly ((host: string) => readonly string[])[] = [
  (host) => [`urlprefix-${host}/`],
  (host) => [`urlprefix-${host}/`, `urlprefix-${host}/api`],
  (host) => [`urlprefix-${host}/app strip=/app`],
  (host) => [`urlprefix-${host}/ proto=https`],
  (host) => [`urlprefix-${host}/ host=dst`],
  (host) => [`urlprefix-*.${host}/`],
  (host) => [`urlprefix-${host}/x`, `urlprefix-${host}/y strip=/y`, `urlprefix-/${host.replace(/\..*/, '')}`],
];

test('migrate verify finds no difference where the converted tags of many services say the same on the other proxy', async (t) => {
  if (SERVERS.some((server) => needServer(t, server) === undefined)) return;
  const dir = await tempDir(t);
  const services = Array.from({ length: 105 }, (_, index) => {
    const tags = SAID_ALIKE[index % SAID_ALIKE.length]?.(`s${index}.example.test`) ?? [];
    const instances = index % 15 === 0 ? [1, 2] : [1];
    return instances.map((number) => ({ name: `s${index}`, address: `10.1.${index}.${number}`, port: 80, tags }));
  });
  await mkdir(join(dir, 'services'));
  await writeFile(join(dir, 'services/all.json'), JSON.stringify(services.flat()));

  const { code, report } = await verify(t, dir, ['services', '--to', 'traefik', '--old-proxy', 'caddy', '--new-proxy', 'traefik']);

  assert.deepEqual(report.differences, []);
  assert.equal(code, 0);
  assert.ok(report.asked > 2000, `only ${report.asked} requests`);
});
