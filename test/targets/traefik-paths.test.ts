import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { exactPath, pathPrefix } from '../../src/model/match.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Redirect, Route } from '../../src/model/route.ts';
import { ask, startEcho, type Answer } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

type Asked = (
  host: string,
  path?: string,
  options?: { readonly method?: string; readonly tls?: boolean; readonly headers?: Record<string, string> },
) => Promise<Answer>;

/** Serves these routes, that forward to one backend where they do; undefined where there is no Traefik. */
async function serve(t: TestContext, routes: readonly Route[], codes: readonly string[] = []): Promise<Asked | undefined> {
  const traefik = await startTraefik(t);
  if (!traefik) return undefined;
  const echo = await startEcho(t, 'a');
  const diagnostics = await serveTable(traefik, tableOf(routes, poolOf('a', [echo])));
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    codes,
  );
  return (host, path = '/', { tls = false, ...options } = {}) =>
    ask({ port: tls ? traefik.websecure : traefik.web, tls }, { host, path, ...options });
}

const changed = (host: string, ...middlewares: readonly Middleware[]): Route => routeOf(host, host, '/', { middlewares, action: to('a') });
const asTraefik = (route: Route): Route => ({ ...route, id: `${route.id}-t` as Route['id'], dialect: 'traefik' });

test('traefikTarget changes paths in every way of the table', async (t) => {
  const strip = { kind: 'stripPrefix', prefixes: ['/sweden', '/norway'] } as const;
  const add: Middleware = { kind: 'addPrefix', prefix: '/opt' };
  const asked = await serve(t, [
    changed('strip.io', strip),
    changed('add.io', add),
    changed('both.io', strip, add),
    asTraefik(changed('tags.io', strip, add)),
    asTraefik(changed('forced.io', { ...strip, forceSlash: true }, add)),
    changed('regexp.io', { kind: 'stripPrefixRegexp', regexps: ['^/v[0-9]+'] }, add),
    changed('replace.io', { kind: 'replacePath', path: '/new' }),
    changed('pattern.io', { kind: 'replacePathRegexp', regexp: '^/a/(.*)$', replacement: '/b/$1/${1}' }),
  ]);
  if (!asked) return;
  const seen = async (host: string, path: string): Promise<string | undefined> => (await asked(host, path)).echo?.url;

  assert.deepEqual(
    [await seen('strip.io', '/sweden/x?q=1'), await seen('strip.io', '/norwayx'), await seen('strip.io', '/sweden')],
    ['/x?q=1', '/x', '/'],
  );
  assert.deepEqual([await seen('add.io', '/'), await seen('add.io', '/x')], ['/opt/', '/opt/x']);
  assert.deepEqual([await seen('both.io', '/sweden'), await seen('both.io', '/sweden/x')], ['/opt/', '/opt/x']);
  assert.equal((await asked('both.io', '/sweden')).echo?.headers['x-replaced-path'], undefined);
  assert.equal(await seen('tags.io', '/sweden'), '/opt', "Traefik's own way for its own tags");
  assert.deepEqual([await seen('forced.io', '/sweden'), await seen('forced.io', '/sweden/x')], ['/opt/', '/opt/x']);
  assert.deepEqual(
    [await seen('regexp.io', '/v12/x'), await seen('regexp.io', '/v1'), await seen('regexp.io', '/x/v1')],
    ['/opt/x', '/opt/', '/opt/x/v1'],
  );
  assert.deepEqual(
    [await seen('replace.io', '/old?q=1'), await seen('pattern.io', '/a/x'), await seen('pattern.io', '/c')],
    ['/new?q=1', '/b/x/x', '/c'],
  );
});

test('traefikTarget matches decoded paths however a client spells them, and those of Traefik tags as Traefik does', async (t) => {
  const at = (host: string, path: string, exact = false): Route => {
    const route = routeOf(host, host, '/', { action: to('a') });
    return { ...route, match: { ...route.match, path: exact ? exactPath(path) : pathPrefix(path) } };
  };
  const plus = at('plus.io', '/c+d');
  const blind = at('blind.io', '/');
  const asked = await serve(t, [
    plus,
    asTraefik(at('tags.io', '/c+d')),
    at('percent.io', '/a%20b', true),
    at('all.io', "/!$&'()*+,;=:@[]{}x", true),
    { ...blind, match: { ...blind.match, path: { kind: 'prefix', path: '/Ab+', ignoreCase: true } } },
  ]);
  if (!asked) return;
  const statuses = (host: string, ...paths: readonly string[]): Promise<readonly number[]> =>
    Promise.all(paths.map(async (path) => (await asked(host, path)).status));

  assert.deepEqual(await statuses('plus.io', '/c+d', '/c%2Bd', '/c%2bd/e', '/c%20d'), [200, 200, 200, 404]);
  assert.deepEqual(await statuses('tags.io', '/c+d', '/c%2Bd'), [200, 404]);
  assert.deepEqual(await statuses('percent.io', '/a%2520b', '/a%20b'), [200, 404]);
  const raw = "/!$&'()*+,;=:@[]";
  const encoded = raw.replace(/[^/]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  assert.deepEqual(await statuses('all.io', `${raw}%7B%7Dx`, `${encoded}%7b%7dx`), [200, 200]);
  assert.deepEqual(await statuses('blind.io', '/aB+', '/AB%2Bx', '/a'), [200, 200, 404]);
});

const redirecting = (host: string, redirect: Redirect, overrides: Partial<Route> = {}): Route =>
  routeOf(host, host, '/', { action: { kind: 'redirect', redirect }, ...overrides });
const text = (value: string): { readonly kind: 'text'; readonly text: string } => ({ kind: 'text', text: value });

test('traefikTarget redirects with any status to a fixed target, and says where it answers another', async (t) => {
  const to = [text('https://y.io/?a=1')];
  const asked = await serve(
    t,
    [
      ...[300, 301, 302, 303, 307, 308].map((status) => redirecting(`fixed-${status}.io`, { status, to })),
      redirecting('pair.io', {
        status: 301,
        otherStatus: 308,
        to: [text('https://'), { kind: 'hostname' }, text(':444'), { kind: 'path' }],
      }),
      redirecting('path.io', { status: 308, to: [text('https://y.io$1'), { kind: 'path' }] }),
      redirecting('odd.io', { status: 399, to }),
      redirecting('host.io', { status: 302, otherStatus: 307, to: [text('http://'), { kind: 'host' }, text('/x?'), { kind: 'path' }] }),
    ],
    ['TRAEFIK_REDIRECT_STATUS', 'TRAEFIK_REDIRECT_STATUS'],
  );
  if (!asked) return;
  const answer = async (host: string, path: string, method: string): Promise<readonly unknown[]> => {
    const { status, headers } = await asked(host, path, { method });
    return [status, headers['location']];
  };

  for (const status of [300, 301, 302, 303, 307, 308])
    for (const method of ['GET', 'POST', 'HEAD'])
      assert.deepEqual(await answer(`fixed-${status}.io`, '/x?y=2', method), [status, 'https://y.io/?a=1'], `${method} ${status}`);
  assert.deepEqual(await answer('pair.io', '/a?q=1', 'GET'), [301, 'https://pair.io:444/a?q=1']);
  assert.deepEqual(await answer('pair.io', '/a?q=1', 'POST'), [308, 'https://pair.io:444/a?q=1']);
  assert.deepEqual(await answer('path.io', '/a?', 'GET'), [301, 'https://y.io$1/a']);
  assert.deepEqual(await answer('path.io', '/a?x?', 'GET'), [301, 'https://y.io$1/a?x?']);
  assert.deepEqual(await answer('odd.io', '/', 'GET'), [302, 'https://y.io/?a=1']);
  assert.deepEqual(await answer('host.io:81', '/a?q=1', 'GET'), [302, 'http://host.io:81/x?/a']);
});

test('traefikTarget passes over a redirect of Fabio when the request already is its target', async (t) => {
  const https: Redirect = { status: 301, otherStatus: 308, to: [text('https://h.io'), { kind: 'path' }] };
  const asked = await serve(t, [
    redirecting('h.io', https),
    redirecting('other.io', { status: 301, otherStatus: 308, to: [text('https://h.io/a+b')] }),
    redirecting('tags.io', { status: 301, otherStatus: 308, to: [text('https://tags.io'), { kind: 'path' }] }, { dialect: 'traefik' }),
    routeOf('wide', '*', '/', { action: to('a') }),
  ]);
  if (!asked) return;

  const plain = await asked('h.io', '/a');
  assert.deepEqual([plain.status, plain.headers['location']], [301, 'https://h.io/a']);
  assert.equal((await asked('h.io', '/a', { tls: true })).status, 200, 'the next route answers');
  assert.equal((await asked('other.io', '/a+b', { tls: true })).status, 301, 'another host');
  assert.equal((await asked('h.io', '/a', { headers: { 'x-forwarded-proto': 'https' } })).status, 301, 'nobody trusts this one');
});

test('traefikTarget redirects to another scheme, and where a whole URL matches', async (t) => {
  const asked = await serve(t, [
    changed('scheme.io', { kind: 'redirectScheme', scheme: 'https', permanent: false }),
    changed('regexp.io', {
      kind: 'redirectRegexp',
      regexp: '^http://regexp.io/old/(.*)$',
      replacement: 'http://regexp.io/new/${1}',
      permanent: true,
    }),
  ]);
  if (!asked) return;

  const scheme = await asked('scheme.io', '/x?y=1');
  assert.deepEqual([scheme.status, scheme.headers['location']], [302, 'https://scheme.io/x?y=1']);
  assert.equal((await asked('scheme.io', '/x', { tls: true })).status, 200);
  const regexp = await asked('regexp.io', '/old/a');
  assert.deepEqual(
    [regexp.status, regexp.headers['location'], (await asked('regexp.io', '/a')).status],
    [301, 'http://regexp.io/new/a', 200],
  );
});
