import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { runProgram } from '../../src/apply/exec.ts';
import { exactPath } from '../../src/model/match.ts';
import type { Route } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { matchOf } from '../support/intents.ts';
import { needServer, tempDir } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

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
    { match: { ...match, path: { kind: 'regexp', regexp: value } } },
    { match: { ...match, conditions: [{ kind: 'headerRegexp', name: 'X-A', regexp: value }] } },
    { match: { ...match, conditions: [{ kind: 'method', method: value }] } },
    { middlewares: [{ kind: 'redirectRegexp', regexp: value, replacement: value, permanent: true }] },
    { middlewares: [{ kind: 'stripPrefix', prefixes: [`/${value}`] }] },
    { middlewares: [{ kind: 'addPrefix', prefix: `/${value}` }] },
    { middlewares: [{ kind: 'headers', request: headers, response: headers }] },
    { middlewares: [{ kind: 'headers', request: [{ name: value, value: 'x' }], response: [] }] },
    { action: { kind: 'redirect', redirect: { status: 302, to: [{ kind: 'text', text: value }] } } },
  ];
  return overrides.map((override, field) => routeOf(`r${index}-${field}`, site, '/', { action: to('a'), ...override }));
}

test('caddyTarget.render() gives a file that Caddy adapts to the same sites when every field holds hostile text', async (t) => {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return;
  const dir = await tempDir(t);
  const settings = caddySettings({ dir, admin: 'http://127.0.0.1:1', web: 18080, websecure: 18443 });
  const file = join(dir, 'Caddyfile');

  await fc.assert(
    fc.asyncProperty(fc.array(hostileText, { minLength: 20, maxLength: 20 }), async (values) => {
      const table = tableOf(values.flatMap(routesWith), poolOf('a', [9]));
      await writeFile(file, caddyTarget.render(table, settings).value.files[0]?.content ?? '');
      const env = { HOME: dir, A: 'leak' };
      const args = ['adapt', '--adapter', 'caddyfile', '--config', file];
      const run = await runProgram(binary, args, { env, timeoutMs: 20_000, signal: t.signal });

      assert.ok(run.kind === 'exited' && run.code === 0, JSON.stringify(run).slice(-600));
      const hosts = [...run.stdout.matchAll(/"host":\["(h\d+\.io)"\]/g)].map(([, name]) => name);
      assert.deepEqual(new Set(hosts), new Set(values.map((_value, index) => `h${index}.io`)));
      assert.ok(!run.stdout.includes('leak'));
    }),
    { numRuns: 8 },
  );
});
