import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { GenerationView, RouteView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { startAnswersUnderLoad, type RightAnswer } from '../support/answers-under-load.ts';
import { ask, startEcho } from '../support/echo.ts';
import { needServer, startProcess } from '../support/process.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from './world.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'deploy/MOVING.md');

/** What clients ask all the way, and what they must get before, after and in between. */
const RIGHT: readonly RightAnswer[] = [
  { host: 'www.fleet.test', path: '/', status: 200, from: ['www-1', 'www-2'] },
  { host: 'www.fleet.test', path: '/basket?a=1', status: 200, from: ['www-1', 'www-2'] },
  { host: 'www.fleet.test', path: '/api/items', status: 200, from: ['api-1'], seenPath: '/items' },
  { host: 'docs.fleet.test', path: '/guide', status: 200, from: ['docs-1'] },
  { host: 'old.fleet.test', path: '/page', status: 301, location: 'http://www.fleet.test/page' },
  { host: 'ops.fleet.test', path: '/', status: 403 },
  { host: 'nobody.fleet.test', path: '/', status: 404 },
];

test('a Fabio fleet on Caddy moves to labels on Traefik and back as the page says, with no wrong answer on the way', {
  timeout: 300_000,
}, async (t) => {
  const consul = needServer(t, 'consul');
  const world = consul === undefined ? undefined : await startWorld(t, 'caddy');
  if (consul === undefined || !world) return;
  await layOut(t, world, consul);
  const load = await walkWithLoad(t, world).catch((error: unknown) => {
    throw new Error(world.supervisor.output().slice(-8000), { cause: error });
  });
  t.diagnostic(`${load.sent} requests, ${load.wrong.length} wrong answers, ${load.triedAgain} broken connections tried again`);
  assert.deepEqual(load.wrong, []);
  assert.deepEqual([...load.answers.keys()].toSorted(), ['api-1', 'docs-1', 'www-1', 'www-2']);
});

async function walkWithLoad(t: TestContext, world: World): Promise<ReturnType<ReturnType<typeof startAnswersUnderLoad>['seen']>> {
  const steps = await readSteps();
  const run = stepRunner(t, world, steps);
  const before = await filesIn(world);
  assert.equal((await run.shell('consul services register services/*')).code, 0);
  await until(
    'the fleet to be served',
    async () => (await Promise.all(RIGHT.map((right) => isRight(world, right)))).every(Boolean),
    30_000,
  );
  const load = startAnswersUnderLoad(world, RIGHT, 100);
  const calm = (after: string): void => assert.deepEqual(load.seen().wrong, [], `wrong answers at "${after}"`);
  try {
    await walk(t, { world, run, calm, before });
  } finally {
    await load.stop();
  }
  assert.deepEqual(run.left(), [], 'commands of the page that were not run');
  return load.seen();
}

interface Walk {
  readonly world: World;
  readonly run: StepRunner;
  readonly calm: (after: string) => void;
  readonly before: ReadonlyMap<string, string>;
}

async function walk(t: TestContext, { world, run, calm, before }: Walk): Promise<void> {
  const step = async (title: string, code = 0): Promise<string> => {
    const done = await run.next(title);
    assert.equal(done.code, code, `${title}: ${done.output}`);
    calm(title);
    return done.output;
  };
  await step('1. See what there is');

  assert.match(await step('2. Plan'), /files: 4, changed: 3; tags converted to traefik: 5, by hand: 1/);
  assert.deepEqual(await filesIn(world), before);

  assert.match(await step('3. Write'), /3 files written/);
  const written = await filesIn(world);
  for (const [path, text] of before) {
    const kept = new Set(written.get(path)?.match(/urlprefix-[^"]*/g));
    assert.deepEqual(
      [...(text.match(/urlprefix-[^"]*/g) ?? [])].filter((tag) => !kept.has(tag)),
      [],
      path,
    );
    assert.equal(written.get(path)?.includes('traefik.enable=true'), !path.startsWith('ops'), path);
  }

  await step('4. Deploy');
  await until(
    'both dialects to be served side by side',
    async () => {
      const tags = await served(run);
      return tags.includes('traefik') && tags.includes('urlprefix-www.fleet.test/');
    },
    20_000,
  );
  assert.match(await step('4. Deploy'), /changed: 0;[\s\S]*to change: 0;/);

  assert.match(await step('5. Verify', 3), /11 differ, in 1 way, of ops/);
  assert.match(await step('5. Verify'), / requests to caddy \(old\) and traefik \(new\): no difference/);

  await step('6. Switch');
  await until('the controller to follow to Traefik', () => runs(world, 'traefik'), 20_000);

  assert.match(await step('7. Finish'), /safe to remove: 4; that are still needed: 1/);
  await step('7. Finish');
  await until('only labels and the tag that has none to be served', async () => (await served(run)).join() === `${OPS},traefik`, 20_000);
  assert.deepEqual([...(await filesIn(world)).values()].join('').match(/urlprefix-[^"]*/g), [OPS]);

  const cart = { host: 'www.fleet.test', path: '/cart' };
  const servesCart = async (): Promise<string> => (await ask(world.web, cart)).body.split('-')[0] ?? '';
  assert.equal(await servesCart(), 'www');
  await step('8. Something is wrong');
  await until('the wrong service to take the path', async () => (await servesCart()) === 'cart', 20_000);
  const kept = async (): Promise<readonly GenerationView[]> =>
    JSON.parse((await run.shell('hind-proxy generations --config hind-proxy.json --json')).output) as readonly GenerationView[];
  await until('what is served to be kept', async () => (await kept())[0]?.cause?.services.some(({ service }) => service === 'cart'));
  await step('8. Something is wrong');
  assert.equal(await servesCart(), 'www');
  assert.ok(await runs(world, 'traefik'));

  assert.match(
    await step('8. Something is wrong'),
    /is served again \(read back from caddy after [\d.]+ s\), caddy in the place of traefik, and pinned/,
  );
  await until('the controller to follow back to Caddy', () => runs(world, 'caddy'), 20_000);
  assert.equal(await servesCart(), 'www');

  await step('9. All the way back');
  assert.deepEqual(await filesIn(world), before);
  await until('the tags of the beginning to be served', async () => !(await served(run)).includes('traefik'), 20_000);
  assert.ok(await runs(world, 'caddy'));
  t.diagnostic(`${(await kept()).length} generations`);
}

const OPS = 'urlprefix-ops.fleet.test/ allow=ip:10.0.0.0/8';

/** The tags that routes come from: Fabio's as they are, sorted, and one word for labels. */
async function served(run: StepRunner): Promise<readonly string[]> {
  const { output } = await run.shell('hind-proxy routes --config hind-proxy.json --json');
  const tags = (JSON.parse(output) as readonly RouteView[]).flatMap((route) => route.tags);
  return [...new Set(tags.map((tag) => (tag.startsWith('traefik.') ? 'traefik' : tag)))]
    .filter((tag) => tag !== '')
    .toSorted()
    .toReversed();
}

async function runs(world: World, server: Server): Promise<boolean> {
  const status = await world.status().catch(() => undefined);
  return status?.ready === true && status.proxies[0]?.server === server && status.proxies[0].verified;
}

async function isRight({ web }: World, right: RightAnswer): Promise<boolean> {
  const { status, backend } = await ask(web, right);
  return status === right.status && (right.from === undefined || right.from.includes(backend ?? ''));
}

interface Ended {
  readonly code: number | string;
  readonly output: string;
}

interface StepRunner {
  /** Runs the next commands of the page, which must stand under this title. */
  next(title: string): Promise<Ended>;
  /** Commands of the page that were not run yet. */
  left(): readonly string[];
  shell(commands: string): Promise<Ended>;
}

interface Step {
  readonly title: string;
  readonly commands: string;
}

/** The commands of the page, each block with the title above it. */
async function readSteps(): Promise<readonly Step[]> {
  const page = await readFile(PAGE, 'utf8');
  return page.split(/^## /m).flatMap((section) => {
    const title = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands = '']) => ({ title, commands }));
  });
}

function stepRunner(t: TestContext, { dir, consul }: World, steps: readonly Step[]): StepRunner {
  const env = {
    PATH: `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: dir,
    TMPDIR: dir,
    XDG_DATA_HOME: join(dir, 'data'),
    XDG_CONFIG_HOME: join(dir, 'data'),
    CONSUL_HTTP_ADDR: consul,
  };
  const remaining = [...steps];
  const shell = async (commands: string): Promise<Ended> => {
    const startedAtMs = performance.now();
    const child = startProcess(t, '/bin/sh', ['-e', '-c', commands], { cwd: dir, env });
    const tooLong = AbortSignal.timeout(90_000);
    tooLong.addEventListener('abort', () => void child.stop());
    const code = await child.ended;
    const tookMs = Math.round(performance.now() - startedAtMs);
    return { code, output: `${child.output()}${tooLong.aborted ? `stopped after ${tookMs} ms, expected less than 90 s` : ''}` };
  };
  return {
    shell,
    left: () => remaining.map(({ title, commands }) => `${title}: ${commands}`),
    async next(title) {
      const step = remaining.shift();
      assert.equal(step?.title, title);
      const startedAtMs = performance.now();
      const ended = await shell(step?.commands ?? '');
      t.diagnostic(`${title}: ${Math.round(performance.now() - startedAtMs)} ms`);
      return ended;
    },
  };
}

async function filesIn({ dir }: World): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(join(dir, 'services'))).toSorted();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(dir, 'services', name), 'utf8')] as const)));
}

/** Puts the files of the fleet, its instances and the programs that the page names where the commands find them. */
async function layOut(t: TestContext, { dir }: World, consul: string): Promise<void> {
  await mkdir(join(dir, 'bin'));
  await symlink(consul, join(dir, 'bin/consul'));
  const program = join(dir, 'bin/hind-proxy');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'src/main.ts')}' "$@"\n`);
  await chmod(program, 0o755);
  await mkdir(join(dir, 'services'));
  const service = async (id: string, tags: readonly string[]): Promise<string> => {
    const { port } = await startEcho(t, id);
    return `services {
  id      = "${id}"
  name    = "${id.replace(/-\d$/, '')}"
  address = "127.0.0.1"
  port    = ${port}
  # read by the proxy
  tags = [
    "v1",
${tags.map((tag) => `    "${tag}", # keep\n`).join('')}  ]
  check {
    id       = "${id}-up"
    http     = "http://127.0.0.1:${port}/"
    interval = "2s"
    status   = "passing"
  }
}
`;
  };
  const shop = ['urlprefix-www.fleet.test/'];
  const redirect = 'urlprefix-old.fleet.test/ redirect=301,http://www.fleet.test$path';
  const files = {
    'services/www.hcl': (await service('www-1', shop)) + (await service('www-2', shop)),
    'services/docs.hcl': await service('docs-1', ['urlprefix-docs.fleet.test/', redirect]),
    'services/ops.hcl': await service('ops-1', [OPS]),
    'services/api.json': await jsonService(t, 'api-1', ['urlprefix-www.fleet.test/api strip=/api']),
    'cart.json': await jsonService(t, 'cart-1', [
      'traefik.enable=true',
      'traefik.http.routers.cart.rule=Host(`www.fleet.test`) && PathPrefix(`/cart`)',
      'traefik.http.routers.cart.priority=3014005',
    ]),
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(dir, path), text);
}

async function jsonService(t: TestContext, id: string, Tags: readonly string[]): Promise<string> {
  const { port } = await startEcho(t, id);
  const check = { id: `${id}-up`, http: `http://127.0.0.1:${port}/`, interval: '2s', status: 'passing' };
  return `${JSON.stringify({ service: { id, name: id.replace(/-\d$/, ''), address: '127.0.0.1', port, tags: Tags, check } }, null, 2)}\n`;
}
