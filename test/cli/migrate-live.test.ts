import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { startConsul } from '../support/consul.ts';
import { startFakeNomad } from '../support/fake-nomad.ts';
import { freePort, needServer, tempDir } from '../support/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const ALLOCATION = 'adbfc296-b49e-361a-e5c6-59ef1a3cd77b';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly told: string;
}

async function plan(t: TestContext, ...args: readonly string[]): Promise<Ended> {
  const cwd = await tempDir(t);
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', TMPDIR: cwd };
  const child = spawn(process.execPath, [MAIN, 'migrate', 'plan', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const code = new Promise<number>((resolve) => void child.once('exit', (number) => resolve(number ?? -1)));
  const [ended, out, told] = await Promise.all([code, text(child.stdout), text(child.stderr)]);
  return { code: ended, out, told };
}

/** A job as Nomad gives it, with a number that JavaScript cannot hold. */
function jobOf(id: string, tags: readonly string[]): object {
  return {
    ID: id,
    Namespace: 'default',
    Meta: { big: '1' },
    TaskGroups: [{ Name: 'web', Services: [{ Name: id, PortLabel: 'http', Tags: tags }] }],
  };
}

interface Report {
  readonly nomad: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly services: readonly {
    readonly service: string;
    readonly instances: number;
    readonly job?: { readonly id: string };
    readonly nodes: readonly string[];
    readonly added: readonly string[];
    readonly removed: readonly string[];
  }[];
  readonly jobs: readonly {
    readonly job: { readonly id: string };
    readonly outcome: { readonly kind: string; readonly updates?: object };
  }[];
}

test('migrate plan --from consul says what would change and whose it is, has Nomad plan the jobs, and writes nothing', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const consul = await startConsul(t, binary);
  const register = (id: string, name: string, tags: readonly string[]): Promise<unknown> =>
    consul.put('/v1/agent/service/register', {
      ID: id,
      Name: name,
      Address: '10.0.0.1',
      Port: 8080,
      Tags: tags,
      Check: { TTL: '1h', Status: 'passing' },
    });
  await register(`_nomad-task-${ALLOCATION}-group-web-web-http`, 'web', ['v1', 'urlprefix-web.test/']);
  await register('shop-1', 'shop', ['urlprefix-shop.test/']);
  await register('done-1', 'done', ['traefik.enable=true', 'traefik.http.routers.done.rule=Host(`done.test`)']);
  await register('plain-1', 'plain', ['v1']);
  const nomad = await startFakeNomad(t);
  nomad.allocations.set(ALLOCATION, 'web');
  nomad.jobs.set('web', jobOf('web', ['v1', 'urlprefix-web.test/']));
  const stateOf = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${consul.port}/v1/agent/services`)).json();
  const before = await stateOf();

  const args = ['--from', 'consul', '--consul', `127.0.0.1:${consul.port}`, '--to', 'traefik', '--replace'];
  const { code, out, told } = await plan(t, ...args, '--nomad', nomad.address, '--json');
  const without = await plan(t, ...args, '--nomad', `http://127.0.0.1:${await freePort()}`);

  assert.equal(code, 0, told);
  const { services, jobs, counts } = JSON.parse(out) as Report;
  assert.deepEqual(
    services.map(({ service, job, instances, removed }) => [service, job?.id, instances, removed]),
    [
      ['done', undefined, 1, []],
      ['shop', undefined, 1, ['urlprefix-shop.test/']],
      ['web', 'web', 1, ['urlprefix-web.test/']],
    ],
  );
  assert.ok(services[1]?.nodes.length === 1 && services[2]?.nodes.length === 0);
  assert.deepEqual(
    jobs.map(({ job, outcome }) => [job.id, outcome]),
    [['web', { kind: 'planned', updates: { InPlaceUpdate: 2 }, unplaced: [] }]],
  );
  assert.deepEqual([counts['services'], counts['changing'], counts['refused']], [3, 2, 0]);
  assert.deepEqual(
    nomad.sent.map(({ method, path }) => `${method} ${path}`),
    ['PUT /v1/job/web/plan'],
  );
  const sent = JSON.stringify(nomad.sent[0]?.body);
  const { Tags: tags } = JSON.parse(/\{"Name":"web","PortLabel".*?\]\}/.exec(sent)?.[0] ?? '{"Tags":[]}') as {
    readonly Tags: readonly string[];
  };
  assert.ok(tags.includes('v1') && tags.includes('traefik.enable=true') && !tags.includes('urlprefix-web.test/'), tags.join(' '));
  assert.equal(without.code, 0);
  assert.match(
    without.out,
    new RegExp(
      `web \\(default\\): 1 instances, allocation ${ALLOCATION} of Nomad\n {2}- urlprefix-web\\.test/\n {2}\\+ traefik\\.enable=true`,
    ),
  );
  assert.match(without.told, /no Nomad answers/);
  assert.deepEqual(await stateOf(), before);
});

test('migrate plan --from nomad plans the jobs of its services', async (t) => {
  const nomad = await startFakeNomad(t);
  nomad.register({ name: 'web', id: '_nomad-task-1', port: 8080 }, { name: 'api', id: '_nomad-task-2', port: 8081 });
  nomad.register({ name: 'other', id: '_nomad-task-3', port: 8082, tags: ['v1'] });
  nomad.jobs.set('web', jobOf('web', ['urlprefix-web.test/']));
  nomad.jobs.set('api', jobOf('api', ['${var.tags}']));

  const { code, out } = await plan(t, '--from', 'nomad', '--nomad', nomad.address, '--to', 'traefik');

  assert.equal(code, 0);
  assert.match(out, /job web \(default\), web: Nomad would do 2 InPlaceUpdate/);
  assert.match(out, /job api \(default\), api: its tags are not written in it as they are registered, by hand/);
  assert.match(out, /services in nomad: 2, to change: 2/);
  assert.deepEqual(
    nomad.sent.map(({ path }) => path),
    ['/v1/job/web/plan'],
  );
});

test('migrate plan PATH --nomad has changed jobs parsed and planned; a catalog that does not answer is exit 5', async (t) => {
  const nomad = await startFakeNomad(t);
  const dir = await tempDir(t);
  const job = (head: string): string =>
    `${head} {\n  group "g" {\n    service {\n      name = "web"\n      tags = ["urlprefix-web.test/"]\n    }\n  }\n}\n`;
  await writeFile(join(dir, 'web.nomad.hcl'), job('job "web"'));
  await writeFile(join(dir, 'done.nomad.hcl'), job('job "done"').replace('urlprefix-web.test/', 'v1'));

  const { code, out } = await plan(t, dir, '--to', 'traefik', '--nomad', nomad.address, '--json');
  const unreachable = await plan(t, '--from', 'nomad', '--nomad', `http://127.0.0.1:${await freePort()}`, '--to', 'traefik');

  assert.equal(code, 0);
  const { jobs } = JSON.parse(out) as {
    readonly jobs: readonly { readonly file: string; readonly job: { readonly id: string }; readonly outcome: object }[];
  };
  assert.deepEqual(
    jobs.map(({ file, job: { id }, outcome }) => [file, id, outcome]),
    [[join(dir, 'web.nomad.hcl'), 'web', { kind: 'planned', updates: { Place: 2 }, unplaced: [] }]],
  );
  assert.deepEqual(
    nomad.sent.map(({ path }) => path),
    ['/v1/jobs/parse', '/v1/job/web/plan'],
  );
  assert.equal(unreachable.code, 5);
});
