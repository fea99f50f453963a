import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { needServer, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly told: string;
}

function start(t: TestContext, cwd: string, ...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', TMPDIR: cwd };
  const child = spawn(process.execPath, [MAIN, 'migrate', 'verify', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const code = new Promise<number>((resolve) => void child.once('exit', (number) => resolve(number ?? -1)));
  const ended = Promise.all([code, text(child.stdout), text(child.stderr)]).then(([number, out, told]) => ({ code: number, out, told }));
  return { child, ended };
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function withJob(t: TestContext): Promise<string> {
  const dir = await tempDir(t);
  const tags = ['urlprefix-app.test/', 'urlprefix-app.test/api strip=/api'];
  await writeFile(
    join(dir, 'web.nomad.hcl'),
    `service {\n  name = "web"\n  tags = [\n${tags.map((tag) => `    "${tag}",\n`).join('')}  ]\n}\n`,
  );
  return dir;
}

test('migrate verify refuses what cannot be compared with exit 2', async (t) => {
  const dir = await withJob(t);
  for (const [args, told] of [
    [['web.nomad.hcl'], /both sides are the same/],
    [['--old', 'web.nomad.hcl'], /both are needed/],
    [['web.nomad.hcl', '--to', 'nginx'], /expected traefik, fabio, hind/],
    [['web.nomad.hcl', '--new-proxy', 'nginx'], /expected caddy or traefik/],
    [['none.hcl', '--to', 'traefik'], /none\.hcl/],
    [['web.nomad.hcl', '--old-url', 'x', '--new-url', 'http://127.0.0.1:1'], /Cannot ask "x"/],
    [['web.nomad.hcl', '--to', 'traefik', '--access-log', 'none.log'], /none\.log/],
  ] as const) {
    const ended = await start(t, dir, ...args).ended;
    assert.match(ended.told, told);
    assert.equal(ended.code, 2, ended.told);
  }
  assert.deepEqual(readdirSync(dir), ['web.nomad.hcl']);
});

test('migrate verify compares nothing where a proxy does not answer', async (t) => {
  const dir = await withJob(t);
  const ended = await start(t, dir, 'web.nomad.hcl', '--old-url', 'http://127.0.0.1:1', '--new-url', 'http://127.0.0.1:1').ended;

  assert.match(ended.told, /Cannot ask 127\.0\.0\.1:1: .*ECONNREFUSED.*start the proxy/);
  assert.equal(ended.code, 5, ended.told);
});

test('migrate verify compares proxies that run, changes nothing there, and names the tags behind a difference', async (t) => {
  const dir = await withJob(t);
  const methods = new Set<string>();
  let count = 0;
  const old = await serve(t, (received, response) => {
    methods.add(received.method ?? '');
    count += 1;
    response.end(received.url === '/news' ? `at ${count}` : 'page');
  });
  const fresh = await serve(t, (received, response) => {
    count += 1;
    if (received.url?.startsWith('/api')) response.writeHead(502);
    response.end(received.url === '/news' ? `at ${count}` : 'page');
  });
  await writeFile(
    join(dir, 'access.log'),
    '10.0.0.9 - - [x] "GET /news HTTP/1.1" 200 1\n10.0.0.9 - - [x] "GET /api/items HTTP/1.1" 200 1\n10.0.0.9 - - [x] "POST /api/items HTTP/1.1" 200 1\n',
  );

  const args = ['web.nomad.hcl', '--old-url', old, '--new-url', fresh, '--access-log', 'access.log', '--no-derived'];
  const { code, out } = await start(t, dir, ...args).ended;

  assert.equal(code, 3, out);
  assert.match(out, /differs GET app\.test\/api\/items at web, once in the log\n {4}status: 200 → 502\n/);
  assert.match(out, /web: urlprefix-app\.test\/api strip=\/api {2}web\.nomad\.hcl:5/);
  assert.doesNotMatch(out, /\/news/);
  assert.match(out, /not asked: 1 request that may change something/);
  assert.deepEqual([...methods], ['GET']);
});

/** A service whose Traefik labels ask for a limit, which a stock Caddy has not, and a HinD tag of a port, where a stock Traefik listens not. */
const HARMED = `service {
  name = "api"
  tags = [
    "traefik.enable=true",
    "traefik.http.routers.api.rule=Host(\`api.test\`)",
    "traefik.http.routers.api.middlewares=slow",
    "traefik.http.middlewares.slow.ratelimit.average=10",
  ]
}
service {
  name = "web"
  tags = ["https://web.test:8443", "https://web.test"]
}
`;

test('migrate verify counts what one of the proxies does not serve as a difference, whatever its cause', async (t) => {
  if (needServer(t, 'caddy') === undefined || needServer(t, 'traefik') === undefined) return;
  const dir = await tempDir(t);
  await writeFile(join(dir, 'harmed.nomad.hcl'), HARMED);
  await writeFile(join(dir, 'hind-proxy.json'), '{"configVersion": 1, "tls": {"mode": "internal"}}');
  const args = ['harmed.nomad.hcl', '--config', 'hind-proxy.json'];

  const toCaddy = await start(t, dir, ...args, '--old-proxy', 'traefik', '--new-proxy', 'caddy', '--json').ended;
  const toTraefik = await start(t, dir, ...args, '--old-proxy', 'caddy', '--new-proxy', 'traefik').ended;

  const report = JSON.parse(toCaddy.out) as {
    counts: { byTags: number; notServed: number };
    differences: readonly { cause: string; harm?: string; differences: readonly { what: string; new?: string }[] }[];
  };
  assert.deepEqual([toCaddy.code, report.counts.byTags, report.counts.notServed > 0], [3, 0, true], toCaddy.told);
  const [first] = report.differences;
  assert.deepEqual([first?.cause, first?.harm, first?.differences[0]?.new], ['proxies', 'notServed', '503']);
  assert.equal(toTraefik.code, 3, toTraefik.told);
  assert.match(toTraefik.out, /^not served any more, by the proxies and not by the tags GET web\.test\/ at 8443/m);
  assert.match(toTraefik.out, /\(new\): \d+ are not served any more, by the proxies and not by the tags/);
  assert.doesNotMatch(toTraefik.out, /no difference/);
});

test('migrate verify says what it did not compare: routes for tcp, and what it could not look at, with an exit code of its own', async (t) => {
  const dir = await withJob(t);
  const url = await serve(t, (_, response) => response.end('page'));
  await writeFile(
    join(dir, 'db.nomad.hcl'),
    'service {\n  name = "db"\n  tags = ["urlprefix-:5432 proto=tcp", "urlprefix-db.test/"]\n}\nservice {\n  tags = var.tags\n}\n',
  );
  await writeFile(join(dir, 'tcp.nomad.hcl'), 'service {\n  name = "db"\n  tags = ["urlprefix-:5432 proto=tcp"]\n}\n');
  const args = ['--old-url', url, '--new-url', url];

  const partly = await start(t, dir, 'db.nomad.hcl', ...args).ended;
  const read = await start(t, dir, 'db.nomad.hcl', ...args, '--json').ended;
  const whole = await start(t, dir, 'web.nomad.hcl', ...args, '--json').ended;
  const nothing = await start(t, dir, 'tcp.nomad.hcl', ...args).ended;
  const both = await start(t, dir, 'web.nomad.hcl', 'tcp.nomad.hcl', ...args, '--json').ended;

  assert.equal(partly.code, 4, partly.told);
  assert.match(partly.out, /^not asked: 1 route for tcp: connections are not compared$/m);
  assert.match(partly.out, /no difference; not looked at: 1 place of 1 file$/m);
  const report = JSON.parse(read.out) as { complete: boolean; notCompared: { tcp: number }; unread: readonly { line: number }[] };
  assert.deepEqual([read.code, report.complete, report.notCompared.tcp, report.unread[0]?.line], [4, false, 1, 6]);
  assert.equal((JSON.parse(whole.out) as typeof report).complete, true);
  assert.equal(whole.code, 0);
  assert.deepEqual([(JSON.parse(both.out) as typeof report).complete, both.code], [false, 4]);
  assert.match(nothing.told, /no request to ask, as routes for tcp and udp are not compared/);
  assert.equal(nothing.code, 2);
});

test('migrate verify shows hosts and tags as the file has them where they are filled in later, and what it supposed of them', async (t) => {
  const dir = await withJob(t);
  const old = await serve(t, (_, response) => response.end('page'));
  const fresh = await serve(t, (_, response) => void response.writeHead(502).end());
  await writeFile(join(dir, 'glob.nomad.hcl'), 'service {\n  name = "glob"\n  tags = ["urlprefix-${var.glob}/"]\n}\n');

  const { out, told, code } = await start(t, dir, 'glob.nomad.hcl', '--old-url', old, '--new-url', fresh).ended;
  const { out: json } = await start(t, dir, 'glob.nomad.hcl', '--old-url', old, '--new-url', fresh, '--json').ended;

  assert.match(out, /differs GET \$\{var\.glob\}\/ at web/);
  assert.match(out, /glob: urlprefix-\$\{var\.glob\}\/ {2}glob\.nomad\.hcl:3/);
  assert.match(told, /^FILE_HOST_GUESSED .* glob\.nomad\.hcl:3 \(urlprefix-\$\{var\.glob\}\/\)\. /m);
  assert.doesNotMatch(out + told + json, /filled-/i);
  const report = JSON.parse(json) as { guessed: unknown; complete: boolean };
  assert.deepEqual(report.guessed, [{ file: 'glob.nomad.hcl', line: 3, code: 'FILE_HOST_GUESSED', tag: 'urlprefix-${var.glob}/' }]);
  assert.deepEqual([code, report.complete], [3, true]);
});

test('migrate verify takes a log of strangers: escapes stay text, and requests for every host are not more than it asks', async (t) => {
  const dir = await tempDir(t);
  const url = await serve(t, (_, response) => response.end('page'));
  const services = Array.from(
    { length: 500 },
    (_, index) => `service {\n  name = "s${index}"\n  tags = ["urlprefix-h${index}.test/"]\n}\n`,
  );
  await writeFile(join(dir, 'web.nomad.hcl'), services.join(''));
  const lines = Array.from({ length: 20_000 }, (_, index) => `10.0.0.9 - - [x] "GET /p${index} HTTP/1.1" 200 1\n`);
  await writeFile(join(dir, 'access.log'), `\u001b]0;owned\u0007\u001b[31mred\n${lines.join('')}`);

  const args = ['web.nomad.hcl', '--old-url', url, '--new-url', url, '--access-log', 'access.log', '--no-derived', '--limit', '1000'];
  const { code, out, told } = await start(t, dir, ...args).ended;

  assert.equal(code, 0, told);
  // oxlint-disable-next-line no-control-regex -- none is looked for
  assert.doesNotMatch(out + told, /[\x00-\x09\x0b-\x1f]/);
  assert.match(told, /line 1 is no request: \\u\{1b\}\]0;owned/);
  assert.match(out, /not asked: 19999 requests of a log beyond --limit 1000\n/);
});

test('migrate verify leaves no program and no file behind when it is interrupted', async (t) => {
  if (needServer(t, 'caddy') === undefined || needServer(t, 'traefik') === undefined) return;
  const dir = await withJob(t);
  const { child, ended } = start(t, dir, 'web.nomad.hcl', '--to', 'traefik', '--new-proxy', 'traefik');
  const labs = (): readonly string[] => readdirSync(dir).filter((name) => existsSync(join(dir, name, 'Caddyfile')));
  await until('a Caddy of its own', () => labs().length > 0);

  child.kill('SIGINT');
  const { code } = await ended;

  assert.equal(code, 130);
  assert.deepEqual(readdirSync(dir), ['web.nomad.hcl']);
});
