import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { Command } from '../../src/cli/command-line.ts';
import { createPrinter } from '../../src/cli/print.ts';
import { createProgram } from '../../src/cli/program.ts';
import { writeState } from '../../src/controller/state-file.ts';
import { startEcho } from '../support/echo.ts';
import { startFakeNomad } from '../support/fake-nomad.ts';
import { freePorts, startProcess, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number | string;
  readonly output: string;
}

/** Runs a command to its end. */
async function hindProxy(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const running = startProcess(t, process.execPath, [MAIN, ...args], { env });
  const code = await running.ended;
  return { code, output: running.output() };
}

/** A configuration with services in a file, for a proxy that does not run. */
async function configFor(t: TestContext, services: readonly object[]): Promise<string> {
  const dir = await tempDir(t);
  const [admin, web, listen] = await freePorts(3);
  await mkdir(join(dir, 'services'));
  await writeFile(join(dir, 'services', 'all.json'), JSON.stringify(services));
  const config = {
    stateDir: join(dir, 'state'),
    sources: { file: { path: join(dir, 'services') } },
    proxies: [
      {
        entrypoints: { web: `127.0.0.1:${web ?? 0}` },
        caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${admin ?? 0}` },
        traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml'), api: `http://127.0.0.1:${admin ?? 0}` },
      },
    ],
    admin: { listen: `127.0.0.1:${listen ?? 0}`, socket: null },
  };
  const file = join(dir, 'hind-proxy.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

const GOOD = { name: 'web', address: '127.0.0.1', port: 8080, tags: ['urlprefix-web.test/'] };
const BAD = { name: 'bad', address: '127.0.0.1', port: 8081, tags: ['urlprefix-bad.test/ weight=abc'] };

test('routes names the tag of each route, as a table and as JSON', async (t) => {
  const config = await configFor(t, [GOOD]);
  assert.match(
    (await hindProxy(t, ['routes', '--config', config])).output,
    /web\.test\/\s+web\s+forward\s+web\s+127\.0\.0\.1:8080\s+active\s+urlprefix-web\.test\//,
  );
  const { code, output } = await hindProxy(t, ['routes', '--json', '--config', config]);
  assert.equal(code, 0);
  assert.deepEqual(
    (JSON.parse(output) as readonly { services: unknown }[]).map(({ services }) => services),
    [['web']],
  );
});

test('routes names the tag that decided where two dialects ask for one route', async (t) => {
  const labels = ['traefik.enable=true', 'traefik.http.routers.two.rule=Host(`two.test`)', 'traefik.http.routers.two.entrypoints=web'];
  const config = await configFor(t, [{ ...GOOD, tags: ['urlprefix-two.test/ strip=/a', ...labels] }]);
  const { output } = await hindProxy(t, ['routes', '--config', config]);
  assert.match(output, /^two\.test.* active +traefik\.http\.routers\.two\.rule=/m);
});

test('plan ends with 3 when something would change and names it', async (t) => {
  const { code, output } = await hindProxy(t, ['plan', '--config', await configFor(t, [GOOD])]);
  assert.equal(code, 3);
  assert.match(output, /\+ web\.test\//);
});

test('validate shows the fault of a tag with a caret and ends with 1', async (t) => {
  const { code, output } = await hindProxy(t, ['validate', '--config', await configFor(t, [GOOD, BAD])]);
  assert.equal(code, 1);
  assert.match(output, /error FABIO_WEIGHT_NOT_NUMBER[^\n]*\n[^\n]*bad[^\n]*\n\s+urlprefix-bad\.test\/ weight=abc\n\s+\^+/);
});

test('render prints the configuration of either proxy', async (t) => {
  const config = await configFor(t, [GOOD]);
  assert.match((await hindProxy(t, ['render', '--config', config])).output, /http:\/\/web\.test:\d+ \{/);
  assert.match((await hindProxy(t, ['render', '--target', 'traefik', '--static', '--config', config])).output, /Host\(`?\\?"?web\.test/);
  const wrong = await hindProxy(t, ['render', '--target', 'nginx', '--config', config]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.output, /caddy or traefik/);
});

test('help for a command that is not there is refused by its name, with where to look', async (t) => {
  for (const [args, told] of [
    [['help', 'nothing'], /unknown command 'nothing'\n\(hind-proxy help lists the commands\)/],
    [['statsu', '--help'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
    [['migrate', 'help', 'plna'], /unknown command 'plna'\n\(Did you mean plan\?\)\n\(hind-proxy help migrate lists its commands\)/],
    [['migrate', 'write', '--to', 'fabio'], /missing required argument 'path'\n\(hind-proxy help migrate write shows/],
    [['--config', 'x.yaml', 'statsu'], /unknown command 'statsu'/],
  ] as const) {
    const { code, output } = await hindProxy(t, args);
    assert.equal(code, 2, output);
    assert.match(output, told);
    assert.doesNotMatch(output, /Usage:/);
  }
});

test('flags may stand before the command, -c is --config, and -v behind a command is no version', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'a.json'), JSON.stringify({ stateDir: join(dir, 'state'), admin: { listen: null, socket: null } }));
  for (const args of [
    ['--config', join(dir, 'a.json'), 'generations'],
    ['-c', join(dir, 'a.json'), '-q', 'generations'],
    ['generations', '-v', '-c', join(dir, 'a.json')],
  ]) {
    const { code, output } = await hindProxy(t, args);
    assert.equal(code, 0, output);
    assert.match(output, /Nothing was applied yet \(state directory .*state;/);
  }
  assert.match((await hindProxy(t, ['-v'])).output, /^\d+\.\d+\.\d+\n$/);
});

test('help shows the command that is named, also one of a group', async (t) => {
  for (const [args, usage] of [
    [['help', 'migrate', 'plan'], 'migrate plan [options]'],
    [['help', 'config', 'show'], 'config show [options]'],
    [['help', 'migrate'], 'migrate [options] [command]'],
    [['help', 'routes'], 'routes [options]'],
  ] as const) {
    const { code, output } = await hindProxy(t, args);
    assert.equal(code, 0);
    assert.ok(output.startsWith(`Usage: hind-proxy ${usage}`), output);
  }
});

test('run ends with 2 and names the two proxies when PROXY_SERVER is another', async (t) => {
  const { code, output } = await hindProxy(t, ['run'], { PROXY_SERVER: 'nginx' });
  assert.equal(code, 2);
  assert.match(output, /"nginx": expected caddy or traefik/);
});

test('run --once --dry-run applies nothing, and consul-template’s flags mean the same', async (t) => {
  const config = await configFor(t, [GOOD]);
  const ours = await hindProxy(t, ['run', '--once', '--dry-run', '--config', config]);
  const theirs = await hindProxy(t, ['-once', '-dry', '-config', config, '-wait', '1s:5s']);
  assert.deepEqual([ours.code, theirs.code], [3, 3]);
  assert.match(theirs.output, /-wait of consul-template has no effect here/);
});

test('apply --once ends with 1 and says that the proxy does not answer', async (t) => {
  const { code, output } = await hindProxy(t, ['apply', '--once', '--config', await configFor(t, [GOOD])]);
  assert.equal(code, 1);
  assert.match(output, /does not answer/);
});

for (const command of ['plan', 'apply'])
  test(`${command} ends with 5 and says which catalogs do not answer, where and why`, async (t) => {
    const [consul = 0, nomad = 0] = await freePorts(2);
    const named = ['--consul', `127.0.0.1:${consul}`, '--nomad', `http://127.0.0.1:${nomad}`];
    const { code, output } = await hindProxy(t, [command, ...named, '--state-dir', await tempDir(t)]);
    assert.equal(code, 5, output);
    assert.match(
      output,
      new RegExp(
        `none answered \\(consul: .*127\\.0\\.0\\.1:${consul}.*ECONNREFUSED.*; nomad: .*127\\.0\\.0\\.1:${nomad}.*ECONNREFUSED.*\\)`,
      ),
    );
  });

test('a command that reads the catalogs once says at once which one does not answer, and goes on with what is known of it', async (t) => {
  const config = await configFor(t, [GOOD]);
  const [port = 0] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const ask = (...args: readonly string[]): Promise<Ended> => hindProxy(t, [...args, '--config', config, '--consul', address]);
  const told = /^consul does not answer \(.*ECONNREFUSED.*\); waiting up to 2 s for it, Ctrl-C to stop$/m;
  for (const args of [['routes'], ['services'], ['validate'], ['conflicts'], ['explain', 'http://web.test/']]) {
    const { code, output } = await ask(...args);
    assert.equal(code, 5, output);
    assert.match(output, told);
    assert.match(output, /warning consul did not answer: its services are missing above\n$/);
  }
  for (const args of [['plan'], ['render'], ['run', '--once', '--dry-run']]) {
    const { code, output } = await ask(...args);
    assert.equal(code, 5, output);
    assert.match(output, /nothing is known of one that did not answer \(consul: .*ECONNREFUSED/);
  }

  const snapshot = { source: 'consul', revision: '7', observedAtMs: Date.UTC(2026, 0, 2), local: true, instances: [] };
  await mkdir(join(dirname(config), 'state'), { recursive: true });
  await writeState(join(dirname(config), 'state/snapshot.json'), [snapshot]);

  const { code, output } = await ask('plan');
  assert.equal(code, 5, output);
  assert.match(output, told);
  assert.match(output, /\+ web\.test\/\n[^]*warning consul did not answer: above stands what it said at 2026-01-02T00:00:00\.000Z\n$/);
  const json = await ask('plan', '--json');
  const { unanswered } = JSON.parse(json.output.slice(json.output.indexOf('{'), json.output.lastIndexOf('}') + 1)) as {
    unanswered: object[];
  };
  assert.partialDeepStrictEqual(unanswered, [{ name: 'consul', required: true, snapshotAt: '2026-01-02T00:00:00.000Z' }]);
});

test('status says for which catalog a controller waits before it applies anything', async (t) => {
  const config = await configFor(t, [GOOD]);
  const [port = 0] = await freePorts(1);
  const flags = ['--config', config, '--consul', `127.0.0.1:${port}`];
  startProcess(t, process.execPath, [MAIN, 'run', ...flags]);
  await until('it to say so', async () => {
    const { output } = await hindProxy(t, ['status', ...flags]);
    return output.includes('waiting for consul before anything is applied: until it answers');
  });
});

test('what a command has come to is data, and stands on stdout', async (t) => {
  const config = await configFor(t, [GOOD]);
  const outputOf = (...args: readonly string[]): string =>
    spawnSync(process.execPath, [MAIN, ...args, '--config', config], { encoding: 'utf8' }).stdout;
  assert.match(outputOf('validate'), /^1 routes, 0 errors, 0 warnings$/m);
  assert.match(outputOf('validate', '--tags', 'urlprefix-a.test/'), /^1 routes, 0 errors, 0 warnings$/m);
  assert.deepEqual(JSON.parse(outputOf('validate', '--json')), []);
  assert.match(outputOf('plan'), /^1 to create, 0 to change, 0 to remove, 0 unchanged$/m);
  assert.match(outputOf('run', '--once', '--dry-run'), /: 1 created, 0 changed, 0 removed, 0 unchanged$/m);
});

test('config check lists every fault and ends with 2', async (t) => {
  const file = join(await tempDir(t), 'wrong.yaml');
  await writeFile(file, 'routes:\n  tombston: 3s\ntls: {mode: magic}\n');
  const { code, output } = await hindProxy(t, ['config', 'check', '--config', file]);
  assert.equal(code, 2);
  assert.match(output, /wrong\.yaml:2:3: routes\.tombston: Unknown key/);
  assert.match(output, /tls\.mode/);
});

test('a policy that the proxy cannot do is an error of config check, validate and run', async (t) => {
  const file = join(await tempDir(t), 'edge.yaml');
  await writeFile(file, 'policies:\n  api:\n    inFlight: {amount: 5}\n');
  for (const command of [['config', 'check'], ['validate'], ['run', '--once']]) {
    const { code, output } = await hindProxy(t, [...command, '--config', file, '--proxy', 'caddy', '--state-dir', await tempDir(t)]);
    assert.equal(code, 2, output);
    assert.match(output, /edge\.yaml:3:5: POLICY_UNSUPPORTED: Cannot do "policies\.api\.inFlight" with caddy: .+, expected /);
  }
});

test('test and explain read the catalogs themselves where no controller runs', async (t) => {
  const config = await configFor(t, [GOOD, BAD]);

  const tested = await hindProxy(t, ['test', 'http://web.test/x', '--method', 'POST', '--header', 'X-A: b', '--config', config]);
  assert.equal(tested.code, 0);
  assert.match(tested.output, /POST http:\/\/web\.test\/x at web of caddy/);
  assert.match(tested.output, /→ http:\/\/127\.0\.0\.1:8080 gets \/x with Host web\.test/);

  const explained = await hindProxy(t, ['explain', 'bad.test', '--config', config]);
  assert.equal(explained.code, 0);
  assert.match(explained.output, /FABIO_WEIGHT_NOT_NUMBER/);
  assert.match(explained.output, /No controller runs/);
  // oxlint-disable-next-line no-control-regex -- colours are what must not be there
  assert.doesNotMatch(explained.output, /\x1b/);
});

test('test and explain end with 2 when the URL cannot be read', async (t) => {
  for (const command of ['test', 'explain']) {
    const { code, output } = await hindProxy(t, [command, 'ftp://web.test/', '--state-dir', await tempDir(t)]);
    assert.equal(code, 2);
    assert.match(output, /Cannot read the URL "ftp:\/\/web\.test\/": it begins with ftp:\/\//);
  }
});

test('conflicts shows both sides with carets', async (t) => {
  const config = await configFor(t, [
    { ...GOOD, namespace: 'alpha' },
    { ...GOOD, name: 'thief', namespace: 'beta' },
  ]);

  const { code, output } = await hindProxy(t, ['conflicts', '--config', config]);

  assert.equal(code, 0);
  assert.match(output, /ROUTE_CONFLICT_OWNER: .+\n.+\n +urlprefix-web\.test\/\n +\^+\n +other side:\n.+\n +urlprefix-web\.test\/\n +\^+/);
});

test('conflicts prints no sentence where data is expected when there is none', async (t) => {
  const args = [MAIN, 'conflicts', '--config', await configFor(t, [GOOD])];

  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { PATH: process.env['PATH'] } });

  assert.deepEqual([status, stdout], [0, '']);
  assert.match(stderr, /^There is no conflict$/m);
});

test('a service file that cannot be read is named by every command that reads it, and validate ends with 1', async (t) => {
  const config = await configFor(t, [GOOD]);
  const file = join(await tempDir(t), 'bad.yaml');
  await writeFile(file, 'services: []\n');
  const asked = (...args: readonly string[]): Promise<Ended> => hindProxy(t, [...args, '--config', config, '--file', file]);
  const { code, output } = await asked('validate');
  assert.equal(code, 1, output);
  assert.match(output, /1 errors/);
  for (const told of [
    output,
    ...(await Promise.all([asked('render'), asked('routes'), asked('run', '--once', '--dry-run')])).map((ended) => ended.output),
  ])
    assert.match(told, /error Cannot read the services of .*bad\.yaml:1:1: Unknown key "services"/);
});

test('validate refuses administrative endpoints by whatever name or address of this machine', async (t) => {
  const dir = await tempDir(t);
  const [admin = 0, listen = 0] = await freePorts(2);
  const file = join(dir, 'hind-proxy.json');
  const services = [
    ['127.0.0.1', admin],
    ['LOCALHOST', admin],
    ['x.localhost', admin],
    ['::1', admin],
    ['127.0.0.9', listen],
    ['proxy', listen],
  ].map(([address, port], index) => ({ name: `s${index}`, address, port, tags: [`urlprefix-s${index}.test/`] }));
  await writeFile(
    file,
    JSON.stringify({
      stateDir: join(dir, 'state'),
      proxies: [{ caddy: { file: join(dir, 'Caddyfile'), admin: `http://localhost:${admin}` } }],
      admin: { listen: `:${listen}`, socket: null },
      services: [GOOD, ...services],
    }),
  );

  const { code, output } = await hindProxy(t, ['validate', '--config', file]);

  assert.equal(code, 1);
  assert.equal(output.split('ROUTE_ADDRESS_REFUSED').length - 1, services.length, output);
});

test('validate --tags checks tags as those of one service, without a catalog', async (t) => {
  const stateDir = ['--state-dir', await tempDir(t)];

  const wrong = await hindProxy(t, ['validate', '--tags', 'urlprefix-a.test/ weight=x', 'urlprefix-b.test/ strp=/b', ...stateDir]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /FABIO_WEIGHT_NOT_NUMBER[^]+ +urlprefix-a\.test\/ weight=x\n +\^{8}\n/);
  assert.match(wrong.output, /FABIO_OPTION_UNKNOWN[^]+hint: Did you mean `strip`\?/);
  assert.match(wrong.output, /1 errors, 1 warnings/);

  const foreign = await hindProxy(t, ['validate', '--tags', 'urlprefx-a.test/', 'urlprefix-b.test/', ...stateDir]);
  assert.equal(foreign.code, 0);
  assert.match(foreign.output, /not read urlprefx-a\.test\/: a routing tag is .*urlprefix-…/);
  assert.doesNotMatch(foreign.output, /not read urlprefix-b/);
  const right = await hindProxy(t, ['validate', '--tags', 'urlprefix-a.test/', '--json', ...stateDir]);
  assert.equal(right.code, 0);
  assert.match(right.output, /^\[\]$/m);
});

test('validate --tags - reads tags from stdin, one a line', async (t) => {
  const input = 'urlprefix-a.test/ weight=x\n\nurlprefix-b.test/\n';
  const args = [MAIN, 'validate', '--tags', '-', '--state-dir', await tempDir(t)];

  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8', env: { PATH: process.env['PATH'] } });

  assert.equal(status, 1);
  assert.match(stdout, /tag 1\n +urlprefix-a\.test\/ weight=x/);
  assert.match(stdout, /^2 routes, 1 errors, 0 warnings$/m);
  assert.equal(stderr, '');
});

test('test, explain and conflicts print what the admin API of a running controller says', async (t) => {
  const file = await configFor(t, [GOOD, { ...GOOD, name: 'twin' }]);
  const { admin } = JSON.parse(await readFile(file, 'utf8')) as { readonly admin: { readonly listen: string } };
  startProcess(t, process.execPath, [MAIN, 'run', '--config', file]);
  const get = async (path: string): Promise<unknown> => (await fetch(`http://${admin.listen}${path}`)).json();
  await until('the controller has planned', async () => {
    const answer = (await get('/v1/test?url=http://web.test/').catch(() => undefined)) as { readonly route?: string } | undefined;
    return answer?.route !== undefined;
  });

  const printed = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await hindProxy(t, [...args, '--json', '--config', file])).output);

  assert.deepEqual(await printed('test', 'http://web.test/a b'), await get('/v1/test?url=http%3A%2F%2Fweb.test%2Fa%20b'));
  assert.deepEqual(await printed('conflicts'), await get('/v1/conflicts'));
  const explained = (await printed('explain', 'web.test')) as {
    readonly proxy: { readonly state: string };
    readonly routes: readonly unknown[];
  };
  assert.equal(explained.proxy.state, 'unverified');
  assert.equal(explained.routes.length, 1);
});

test('capabilities says what each proxy can do, as a table and as JSON', async (t) => {
  const stateDir = ['--state-dir', await tempDir(t)];
  assert.match((await hindProxy(t, ['capabilities', ...stateDir])).output, /stripPrefix\s+native\s+native/);
  const { code, output } = await hindProxy(t, ['capabilities', '--target', 'caddy', '--json', ...stateDir]);
  assert.equal(code, 0);
  const [view] = JSON.parse(output) as readonly { target: string; features: readonly { feature: string; able: boolean }[] }[];
  assert.equal(view?.target, 'caddy');
  assert.deepEqual(
    view?.features.filter(({ feature }) => feature === 'protocol.tcp').map(({ able }) => able),
    [false],
  );
  assert.equal((await hindProxy(t, ['capabilities', '--target', 'nginx', ...stateDir])).code, 2);
});

test('config show, schema and env print what they name', async (t) => {
  assert.match((await hindProxy(t, ['config', 'show'], { DOMAIN_SUFFIX: 'example.com' })).output, /domainSuffix: example\.com/);
  assert.ok((JSON.parse((await hindProxy(t, ['config', 'schema'])).output) as { properties: object }).properties);
  assert.match((await hindProxy(t, ['config', 'env'])).output, /PROXY_SERVER\s+proxies\.0\.server/);
  const asJson = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await hindProxy(t, ['config', ...args, '--json'])).output);
  assert.deepEqual(await asJson('check'), { usable: true });
  assert.ok(JSON.stringify(await asJson('env')).includes('{"variable":"PROXY_SERVER","sets":"proxies.0.server"}'));
  assert.ok(JSON.stringify(await asJson('show', '--origin')).includes('{"key":"stateDir","from":"default"}'));
});

test('a command ends where the configuration cannot be printed', async (t) => {
  const file = await configFor(t, [GOOD]);
  const config = await readFile(file, 'utf8');
  await writeFile(file, config.replace(/"admin":"http:[^"]*"/, '"admin":"unix//run/a`b.sock"'));

  const { code, output } = await hindProxy(t, ['routes', '--config', file]);

  assert.equal(code, 2);
  assert.match(output, /^Cannot print "[^"]*" in a Caddyfile/);
});

test('config check refuses an entry point on an address with a zone', async (t) => {
  const file = await configFor(t, [GOOD]);
  const config = await readFile(file, 'utf8');
  await writeFile(file, config.replace(/"web":"127\.0\.0\.1:/, '"web":"[fe80::1%lo]:'));

  const { code, output } = await hindProxy(t, ['config', 'check', '--config', file]);

  assert.equal(code, 2);
  assert.match(output, /entrypoints\.web\.address: expected an address without a zone/);
});

test('render says in one line where --out cannot be written', async (t) => {
  const file = await configFor(t, [GOOD]);
  for (const out of ['/proc/none/below', file]) {
    const { code, output } = await hindProxy(t, ['render', '--config', file, '--out', out]);
    assert.equal(code, 1);
    assert.match(output, new RegExp(`^Cannot write to --out ${out}: .*, expected a directory\n$`));
  }
});

test('what cannot be written is an error, and a reader that has gone is none', async () => {
  const printTo = async (path: string): Promise<readonly unknown[]> => {
    const output = openSync(path, 'w');
    const child = spawn(process.execPath, [MAIN, 'capabilities'], { stdio: ['ignore', output, 'pipe'] });
    closeSync(output);
    assert.ok(child.stderr);
    const [told, code] = await Promise.all([text(child.stderr), once(child, 'exit').then(([ended]: unknown[]) => ended)]);
    return [code, told];
  };

  const [code, told] = await printTo('/dev/full');
  assert.equal(code, 1);
  assert.match(String(told), /Cannot write the output: .*ENOSPC/);
  assert.deepEqual(await printTo('/dev/null'), [0, '']);
  const piped = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" capabilities | head -c 1`], { encoding: 'utf8' });
  assert.deepEqual([piped.stdout.length, piped.stderr], [1, '']);
});

test('status and health say that no controller runs', async (t) => {
  const config = await configFor(t, [GOOD]);
  for (const command of ['status', 'health']) {
    const { code, output } = await hindProxy(t, [command, '--config', config]);
    assert.equal(code, 1);
    assert.match(output, /Cannot ask the controller/);
  }
});

test('an unknown command or flag ends with 2', async (t) => {
  assert.equal((await hindProxy(t, ['rout'])).code, 2);
  assert.equal((await hindProxy(t, ['routes', '--nope'])).code, 2);
});

test('help of every command has an example', async (t) => {
  for (const command of [
    'run',
    'apply',
    'render',
    'validate',
    'plan',
    'routes',
    'services',
    'status',
    'explain',
    'test',
    'conflicts',
    'capabilities',
    'generations',
    'rollback',
    'unpin',
    'guard',
    'exec-proxy',
    'health',
    'demo',
  ]) {
    const { code, output } = await hindProxy(t, [command, '--help']);
    assert.equal(code, 0);
    assert.match(output, /Examples:\n {2}\$ /, command);
  }
});

test('every migrate command says in its help what its exit codes mean', async (t) => {
  for (const command of ['plan', 'write', 'verify', 'finish', 'revert']) {
    const { output } = await hindProxy(t, ['migrate', command, '--help']);
    assert.match(output, /^Exit codes:\n {2}0 {2}\w/m, command);
  }
});

test('routes reads Nomad where NOMAD_ADDR names it, and services of the environment', async (t) => {
  const nomad = await startFakeNomad(t);
  const { port } = await startEcho(t, 'api');
  nomad.register({ name: 'api', id: 'api-1', port, address: '127.0.0.1', tags: ['urlprefix-api.test/'] });
  const env = {
    NOMAD_ADDR: nomad.address,
    HIND_PROXY_SERVICE__WEB: 'http://127.0.0.1:9;tag=urlprefix-web.test/',
    HIND_PROXY_STATEDIR: await tempDir(t),
  };
  const { code, output } = await hindProxy(t, ['routes', '--json'], env);

  assert.equal(code, 0, output);
  assert.deepEqual(
    (JSON.parse(output) as readonly { match: string; source: string }[]).map(({ match, source }) => `${match} ${source}`).toSorted(),
    ['api.test/ nomad', 'web.test/ static'],
  );
});

test('validate names a tag of a live catalog whose prefix is misspelt, of a service that has no other', async (t) => {
  const nomad = await startFakeNomad(t);
  nomad.register({ name: 'api', id: 'api-1', port: 80, address: '127.0.0.1', tags: ['urlpefix-api.test/'] });
  const env = { NOMAD_ADDR: nomad.address, HIND_PROXY_STATEDIR: await tempDir(t) };
  const { code, output } = await hindProxy(t, ['validate'], env);
  assert.equal(code, 0, output);
  assert.match(output, /warning TAG_MISSPELT[^\n]*\n +api [^\n]*\n +urlpefix-api\.test\/\n +\^{9}\n +hint: Did you mean `urlprefix-`/);
});

test('every command, argument and option says what it is for', () => {
  const context = { env: {}, printer: createPrinter({ color: false }), signal: new AbortController().signal, version: '0' };
  const silent: string[] = [];
  const look = (command: Command, path: string): void => {
    if (command.description() === '') silent.push(path);
    for (const option of command.options) if (option.description === '' && !option.hidden) silent.push(`${path} ${option.flags}`);
    for (const argument of command.registeredArguments) if (argument.description === '') silent.push(`${path} ${argument.name()}`);
    for (const inner of command.commands) look(inner, `${path} ${inner.name()}`);
  };
  look(
    createProgram(context, () => undefined),
    'hind-proxy',
  );
  assert.deepEqual(silent, []);
});

test('a variable that names no program of a proxy is named by every command that would run it, with what to do', async (t) => {
  const config = await configFor(t, [GOOD]);
  const dir = await tempDir(t);
  const plain = join(dir, 'plain');
  await writeFile(plain, '');
  for (const [path, why] of [
    [join(dir, 'nosuch'), 'there is no such file'],
    [plain, 'this user may not execute it'],
    [dir, 'that is no file'],
    ['nosuchcaddy', 'PATH has no such program'],
  ] as const)
    for (const command of [
      ['exec-proxy'],
      ['validate', '--rendered'],
      ['migrate', 'verify', '--old-proxy', 'caddy', '--new-proxy', 'traefik'],
    ]) {
      const { code, output } = await hindProxy(t, [...command, '--config', config], { CADDY_BIN: path });
      assert.equal(code, 1, output);
      assert.match(output, new RegExp(`Cannot run caddy: CADDY_BIN names ${path}, and ${why}, .*Correct CADDY_BIN, or unset it`));
    }
  const { code, output } = await hindProxy(t, ['demo', '--consul'], { CONSUL_BIN: join(dir, 'nosuch') });
  assert.equal(code, 1, output);
  assert.match(output, /Cannot run consul: CONSUL_BIN names .*nosuch, and there is no such file/);
});

test('what finds nothing says where it looked, or what to ask next', async (t) => {
  const config = await configFor(t, [{ ...GOOD, tags: ['urlprefx-web.test/'] }]);
  const asked = async (...args: readonly string[]) => (await hindProxy(t, [...args, '--config', config])).output;
  assert.match(await asked('routes'), /No route is served; hind-proxy explain URL says what becomes of the tags/);
  assert.match(await asked('services', 'shop'), /No service "shop" is known/);
  assert.match(await asked('generations'), /Nothing was applied yet \(state directory .*state; --config or --state-dir names another\)/);
  assert.match(await asked('diff', '1'), /nothing was applied yet by a controller with the state directory .*state\./);
});

test('run --once says how to start the proxy that does not answer', async (t) => {
  const { code, output } = await hindProxy(t, ['run', '--once', '--config', await configFor(t, [GOOD])]);
  assert.equal(code, 1);
  assert.match(output, /does not answer at http:\/\/\S+: .*\. Start caddy: hind-proxy exec-proxy/);
});

test('unpin, rollback and switch say where they looked when nothing is pinned or was applied, and make nothing', async (t) => {
  const config = await configFor(t, [GOOD]);
  const unpinned = await hindProxy(t, ['unpin', '--config', config]);
  assert.equal(unpinned.code, 0);
  assert.match(unpinned.output, /No generation is pinned: the catalogs are followed already \(state directory .*state\)/);
  const before = await readdir(dirname(config), { recursive: true });
  for (const args of [['rollback'], ['rollback', '--start'], ['rollback', '1', '--proxy', 'traefik'], ['switch', 'traefik']]) {
    const { code, output } = await hindProxy(t, [...args, '--config', config]);
    assert.equal(code, 2);
    assert.match(
      output,
      /nothing was applied yet by a controller with the state directory .*state\. Start hind-proxy run first; .*--config \(or HIND_PROXY_CONFIG\)/,
    );
  }
  assert.deepEqual(await readdir(dirname(config), { recursive: true }), before);
});
