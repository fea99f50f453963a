import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { createAdminClient, type AdminAnswer } from '../../src/apply/admin-client.ts';
import { createCaddyAdapter } from '../../src/apply/caddy-adapter.ts';
import type { Route, RoutingTable } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { startCaddy } from '../support/caddy.ts';
import { needServer } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

const CASES = globSync(join(import.meta.dirname, '../cases/*/Caddyfile'));

/** A running Caddy's own adapter; the texts that it was asked to adapt. */
async function startAdapter(t: TestContext, mode: 'off' | 'internal' = 'off'): Promise<Adapting | undefined> {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return undefined;
  const caddy = await startCaddy(t, binary);
  const settings: RenderSettings = { ...caddy.settings, tls: { ...caddy.settings.tls, mode } };
  const client = createAdminClient(settings.caddy.admin);
  const asked: string[] = [];
  const adapt = async (body: string): Promise<AdminAnswer> => {
    asked.push(body);
    const headers = { 'content-type': 'text/caddyfile' };
    return client.call('POST', '/adapt', { timeoutMs: 10_000, signal: t.signal, body, headers });
  };
  return { settings, asked, adapt, print: (table) => caddyTarget.render(table, settings).value.files[0]?.content ?? '' };
}

interface Adapting {
  readonly settings: RenderSettings;
  readonly asked: string[];
  readonly adapt: (caddyfile: string) => Promise<AdminAnswer>;
  readonly print: (table: RoutingTable) => string;
}

interface Server {
  routes: object[];
  named_routes?: Readonly<Record<string, object>>;
  automatic_https?: { readonly skip?: readonly string[] };
}

/** The named routes that a text of routes invokes, and those that these invoke. */
function invokedBy(text: string, named: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  const all = Object.entries(named);
  const invoked = all.filter(([name]) => text.includes(`"handler":"invoke","name":"${name}"`));
  const deeper = text + invoked.map(([, route]) => JSON.stringify(route)).join('');
  const next = all.filter(([name]) => deeper.includes(`"handler":"invoke","name":"${name}"`));
  return next.length === invoked.length ? Object.fromEntries(invoked) : invokedBy(deeper, named);
}

/** JSON of the same meaning: routes of different hosts may stand in any order, and groups may have any names within a route. */
function meaningOf(json: string): unknown {
  const config = JSON.parse(json) as { readonly apps: { readonly http: { readonly servers: Record<string, Server> } } };
  for (const server of Object.values(config.apps.http.servers)) {
    const { skip = [], ...https } = server.automatic_https ?? {};
    server.automatic_https = { ...https, skip: skip.toSorted() };
    server.named_routes = invokedBy(JSON.stringify(server.routes), server.named_routes ?? {});
    const texts = server.routes.map((route) => {
      const names = new Map<string, string>();
      return JSON.stringify(route, (key, value: unknown) => {
        if (key !== 'group' || typeof value !== 'string') return value;
        if (!names.has(value)) names.set(value, `group ${names.size}`);
        return names.get(value);
      });
    });
    assert.doesNotMatch(texts.at(-1) ?? '', /"host"/, 'every other host comes last');
    server.routes = texts.toSorted().map((text) => JSON.parse(text) as object);
  }
  return config;
}

const OVERRIDES: readonly Partial<Route>[] = [
  {},
  { action: to('one') },
  { action: to('two') },
  { action: to('two'), middlewares: [{ kind: 'addPrefix', prefix: '/p' }] },
  { action: to('one'), middlewares: [{ kind: 'stripPrefix', prefixes: ['/x'] }] },
  { action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: '/new' }] } } },
];
const HOSTS = ['a.io', 'b.io', 'c.io', 'd.io', 'long.name.io'];
const asked = fc.record({
  host: fc.constantFrom(...HOSTS, ...HOSTS, '*'),
  path: fc.constantFrom('/', '/x'),
  overrides: fc.constantFrom(undefined, ...OVERRIDES),
  entryPoints: fc.constantFrom(['web'], ['web'], ['web', 'websecure']),
});
/** Tables of which each differs from the one before in a few routes. */
const sequences = fc.array(fc.array(asked, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 8 }).map((steps) => {
  const routes = new Map(HOSTS.map((host) => [`${host} /`, routeOf(`${host} /`, host, '/', { entryPoints: ['web'], action: to('one') })]));
  return steps.map((changes) => {
    for (const { host, path, overrides, entryPoints } of changes) {
      const id = `${host} ${path}`;
      if (overrides) routes.set(id, routeOf(id, host, path, { ...overrides, entryPoints }));
      else routes.delete(id);
    }
    return tableOf([...routes.values()], poolOf('one', [1]), poolOf('two', [2]));
  });
});

for (const mode of ['off', 'internal'] as const)
  test(`createCaddyAdapter() gives what Caddy makes of the whole file when tables follow each other, TLS ${mode}`, async (t) => {
    const caddy = await startAdapter(t, mode);
    if (!caddy) return;
    const { adapt, asked, print } = caddy;
    let parts = 0;

    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        const adapter = createCaddyAdapter(adapt);
        for (const table of sequence) {
          const file = print(table);
          asked.length = 0;
          const adapted = await adapter(file, t.signal);
          parts += asked.includes(file) ? 0 : 1;
          const whole = JSON.parse((await adapt(file)).body) as { readonly result: object };
          assert.equal(adapted.kind, 'adapted');
          assert.deepEqual(meaningOf(adapted.kind === 'adapted' ? adapted.json : ''), meaningOf(JSON.stringify(whole.result)));
        }
      }),
      { numRuns: 30 },
    );

    assert.ok(parts >= 10, `only ${parts} files were adapted in part`);
  });

test('createCaddyAdapter() has only the sites adapted that are new, changed or gone', async (t) => {
  const caddy = await startAdapter(t);
  if (!caddy) return;
  const { adapt, asked, print } = caddy;
  const adapter = createCaddyAdapter(adapt);
  const web = { entryPoints: ['web'] };
  const routes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => routeOf(name, `${name}.io`, '/', { ...web, action: to(name) }));
  const tableWith = (list: readonly Route[], port: number): string =>
    print(tableOf(list, ...'abcdef'.split('').map((id) => poolOf(id, [port]))));
  await adapter(tableWith(routes, 1), t.signal);
  const others = routes.slice(1).map((one) => ({ ...one, action: { kind: 'respond', status: 503, reason: 'unhealthy' } }) as const);

  asked.length = 0;
  await adapter(tableWith([...routes.slice(0, 5), ...others.slice(4)], 1), t.signal);
  await adapter(tableWith(routes.slice(0, 5), 1), t.signal);
  await adapter(tableWith(routes.slice(0, 5), 2), t.signal);

  const hosts = asked.map((text) => [...text.matchAll(/^http:\/\/(\w\.io)/gm)].map(([, host]) => host).join(' '));
  assert.deepEqual(hosts, ['f.io', '', 'a.io b.io c.io d.io e.io']);
});

test('createCaddyAdapter() asks nothing when only addresses differ', async (t) => {
  const caddy = await startAdapter(t);
  if (!caddy) return;
  const { adapt, asked, print } = caddy;
  const adapter = createCaddyAdapter(adapt);
  const web = { entryPoints: ['web'] };
  const routes = ['a', 'b', 'c', 'd', 'e'].map((name) => routeOf(name, `${name}.io`, '/', { ...web, action: to(name) }));
  const deep = routeOf('deep', 'a.io', '/deep', { ...web, action: to('b') });
  const named = { kind: 'headerRegexp', name: 'upstreams', regexp: '^x' } as const;
  const headed = { ...deep, match: { ...deep.match, conditions: [named] } };
  const fileWith = (a: readonly number[], b: readonly number[]): string =>
    print(tableOf([headed, ...routes], poolOf('a', a), poolOf('b', b), ...['c', 'd', 'e'].map((id) => poolOf(id, [1]))));
  await adapter(fileWith([1, 2], [3]), t.signal);

  for (const [a, b, questions] of [
    [[1, 80], [3], 0],
    [[443, 80], [4], 0],
    [[443, 80], [443], 0],
    [[443], [443], 1],
    [[444], [443], 1],
    [[445], [446], 0],
  ] as const) {
    asked.length = 0;
    const adapted = await adapter(fileWith(a, b), t.signal);
    assert.equal(asked.length, questions, `questions for ${a.join(' ')} and ${b.join(' ')}`);
    const whole = JSON.parse((await adapt(fileWith(a, b))).body) as { readonly result: object };
    assert.deepEqual(meaningOf(adapted.kind === 'adapted' ? adapted.json : ''), meaningOf(JSON.stringify(whole.result)));
  }
});

test('createCaddyAdapter() gives what Caddy makes of every Caddyfile of the cases when an address of a site differs', async (t) => {
  const caddy = await startAdapter(t);
  if (!caddy) return;
  const { adapt, asked } = caddy;
  const others = ['a', 'b'].map((name) => `http://${name}.others:80 {\n\trespond 404\n}`);
  let unasked = 0;

  for (const path of CASES) {
    const [frame = '', ...sites] = (await readFile(path, 'utf8')).trimEnd().split('\n\n');
    const fileOf = (blocks: readonly string[]): string => `${[frame, ...others, ...blocks].join('\n\n')}\n`;
    for (const [index, site] of sites.entries()) {
      const moved = site.replaceAll(/(?<=\treverse_proxy (?:[\d.]+:\d+ )*[\d.]+:)\d+(?= )/g, (port) => `${Number(port) + 1}`);
      if (moved === site) continue;
      const adapter = createCaddyAdapter(adapt);
      await adapter(fileOf(sites), t.signal);
      asked.length = 0;
      const adapted = await adapter(fileOf(sites.with(index, moved)), t.signal);
      unasked += asked.length === 0 ? 1 : 0;
      const whole = JSON.parse((await adapt(fileOf(sites.with(index, moved)))).body) as { readonly result: object };
      assert.deepEqual(meaningOf(adapted.kind === 'adapted' ? adapted.json : ''), meaningOf(JSON.stringify(whole.result)), path);
    }
  }

  assert.ok(unasked >= 50, `only ${unasked} files were changed without a question`);
});

test('createCaddyAdapter() names the line of the whole file when a changed site is refused', async (t) => {
  const caddy = await startAdapter(t);
  if (!caddy) return;
  const { adapt, print } = caddy;
  const adapter = createCaddyAdapter(adapt);
  const good = print(tableOf(['a', 'b', 'c'].map((name) => routeOf(name, `${name}.io`, '/'))));
  const broken = good.replace(/(http:\/\/c\.io[^}]*)respond /, '$1responds ');
  await adapter(good, t.signal);

  const refused = await adapter(broken, t.signal);
  const again = await adapter(good, t.signal);

  assert.notEqual(broken, good);
  assert.deepEqual(refused.kind === 'refused' && refused.answer.body, (await adapt(broken)).body);
  assert.equal(again.kind, 'adapted');
});
