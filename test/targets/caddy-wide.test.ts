import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globToRegexp } from '../../src/lib/glob.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { SETTINGS } from '../support/settings.ts';
import { matchOf, port } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

/** The site of a.io where a pattern goes before it. */
function siteBehind(pattern: string): string {
  const host = { kind: 'glob', pattern, regexp: globToRegexp(pattern) ?? '', port: 'own' } as const;
  const table = tableOf([routeOf('wide', '*', '/', { match: { ...matchOf('*'), host } }), routeOf('a', 'a.io', '/')]);
  const text = caddyTarget.render(table, SETTINGS).value.files[0]?.content ?? '';
  return text.split('\n\n').find((part) => part.startsWith('http://a.io:80 ')) ?? '';
}

test('caddyTarget.render() copies a pattern that goes before a host into its site only where it may match', () => {
  for (const pattern of ['*.io', '?.io', '*', 'a*', '*:*', '*.*.*.*.io', 'a.i?:8*'])
    assert.ok(siteBehind(pattern).includes('header_regexp'), pattern);
  for (const pattern of ['b*', '*.b.io', 'b.:x*', '*:x*.b.io', '*.*.*.*.b.io', 'a.b*:8', '$x:*'])
    assert.ok(!siteBehind(pattern).includes('header_regexp'), pattern);
});

test('caddyTarget.render() withholds a route to an address that Caddy would replace', () => {
  for (const address of ['{env.HOME}b', '{$HOME}', '{file./etc/passwd}', '{{b}}']) {
    const pool = poolOf('a', [], { endpoints: [{ address, port: port(80), protocol: 'http', weight: 1 }] });
    const text =
      caddyTarget.render(tableOf([routeOf('a', 'a.io', '/', { action: to('a') })], pool), SETTINGS).value.files[0]?.content ?? '';

    assert.ok(text.includes('http://a.io:80 ') && text.includes('respond * 503') && !text.includes(address), address);
  }
});
