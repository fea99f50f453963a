import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { runProgram } from '../../src/apply/exec.ts';
import { exactPath } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { Backend } from '../../src/model/pool.ts';
import type { Route } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { matchOf } from '../support/intents.ts';
import { needServer, tempDir } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

/** The password `oracle`. */
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

const pieces = [
  '`',
  '"',
  '{',
  '}',
  '{$A}',
  '{env.HOME}',
  '\\',
  '\n',
  '#',
  ' ',
  '@r0',
  '*',
  '/',
  '(x)',
  'import',
  '<<E',
  '%',
  'a',
  '\u00e9',
  '\0',
];
const hostileText = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }).map((list) => list.join(''));

/** One route for every field that can hold a stranger's text. */
function routesWith(value: string, index: number): readonly Route[] {
  const site = `h${index}.io`;
  const match = matchOf(site);
  const headers = [{ name: 'X-A', value }];
  const overrides: readonly Partial<Route>[] = [
    { match: { ...match, path: exactPath(`/${value}`) } },
    { match: { ...match, conditions: [{ kind: 'header', name: 'X-A', value }] } },
    { match: { ...match, conditions: [{ kind: 'query', key: value, value }] } },
    { match: { ...match, conditions: [{ kind: 'queryRegexp', key: value, regexp: value }] } },
    { match: { ...match, path: { kind: 'regexp', regexp: value } } },
    { match: { ...match, conditions: [{ kind: 'headerRegexp', name: 'X-A', regexp: value }] } },
    { match: { ...match, conditions: [{ kind: 'method', method: value }] } },
    { middlewares: [{ kind: 'redirectRegexp', regexp: value, replacement: value, permanent: true }] },
    { middlewares: [{ kind: 'stripPrefix', prefixes: [`/${value}`] }] },
    { middlewares: [{ kind: 'addPrefix', prefix: `/${value}` }] },
    { middlewares: [{ kind: 'headers', request: headers, response: headers }] },
    { middlewares: [{ kind: 'headers', request: [{ name: value, value: 'x' }], response: [] }] },
    ...middlewaresWith(value).map((middleware) => ({ middlewares: [middleware] })),
    ...middlewaresWith(value).map((middleware) => ({ dialect: 'traefik', middlewares: [middleware] }) as const),
    { action: to(`pool${index}`) },
    { action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: value }] } } },
  ];
  return overrides.map((override, field) => routeOf(`r${index}-${field}`, site, '/', { action: to('a'), ...override }));
}

/** One middleware for every field that can hold a stranger's text. */
function middlewaresWith(value: string): readonly Middleware[] {
  const users = { kind: 'listed', users: [{ name: value, hash: HASH }] } as const;
  const errors = { kind: 'errors', statuses: [{ from: 500, to: 599 }], backend: backendId('a'), query: `/${value}?${value}{url}` } as const;
  return [
    { kind: 'stripPrefix', prefixes: [`/${value}`] },
    { kind: 'addPrefix', prefix: `/${value}` },
    { kind: 'replacePath', path: `/${value}` },
    { kind: 'replacePathRegexp', regexp: value, replacement: value },
    {
      kind: 'cors',
      allowCredentials: false,
      allowHeaders: [value],
      allowMethods: [value],
      allowOrigins: [value, '*'],
      allowOriginRegexps: [],
      exposeHeaders: [value],
      addVary: true,
    },
    { kind: 'allowedHosts', hosts: [value] },
    { kind: 'basicAuth', users, realm: value },
    { kind: 'basicAuth', users: { ...users, users: [{ name: 'a', hash: HASH }] }, userHeader: value },
    { kind: 'forwardAuth', address: `http://auth.io/${encodeURI(value)}?${value}`, copyHeaders: ['X-A'], bypass: [] },
    { kind: 'rateLimit', average: 1, periodMs: 1000, burst: 1, by: { kind: 'header', name: value } },
    { kind: 'compress', includedContentTypes: [value] },
    errors,
    { ...errors, requestHeaders: [value] },
  ];
}

/** A pool that holds a stranger's text wherever it can. */
function poolWith(value: string, index: number): Backend {
  const healthCheck = { mode: 'http', path: `/${value}`, method: 'GET', headers: [{ name: 'X-A', value }] } as const;
  return poolOf(`pool${index}`, [9, 10], { healthCheck, sticky: { name: value } });
}

test('caddyTarget.render() gives a file that Caddy adapts to the same sites when every field holds hostile text', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const dir = await tempDir(t);
  const settings = caddySettings({ dir, admin: 'http://127.0.0.1:1', web: 18080, websecure: 18443 });
  const file = join(dir, 'Caddyfile');

  await fc.assert(
    fc.asyncProperty(fc.array(hostileText, { minLength: 20, maxLength: 20 }), async (values) => {
      const table = tableOf(values.flatMap(routesWith), poolOf('a', [9]), ...values.map(poolWith));
      await writeFile(file, caddyTarget.render(table, settings).value.files[0]?.content ?? '');
      const env = { HOME: dir, A: 'leak' };
      const args = ['adapt', '--adapter', 'caddyfile', '--config', file];
      const run = await runProgram(binary, args, { env, timeoutMs: 20_000, signal: t.signal });

      assert.ok(run.kind === 'exited' && run.code === 0, JSON.stringify(run).slice(-600));
      const hosts = [...run.stdout.matchAll(/"host":\["(h\d+\.io)"(?:,"\1\.")?\]/g)].map(([, name]) => name);
      assert.deepEqual(new Set(hosts), new Set(values.map((_value, index) => `h${index}.io`)));
      assert.ok(!run.stdout.includes('leak'));
    }),
    { numRuns: 8 },
  );
});
