import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactHost, type Condition, type PathMatch } from '../../src/model/match.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import type { Route } from '../../src/model/route.ts';
import { serveBy } from '../support/both.ts';
import { startEcho } from '../support/caddy.ts';
import { host } from '../support/intents.ts';
import { poolOf, routeOf, to } from '../support/tables.ts';

/** What instances get of path and query, on both proxies. */

for (const server of SERVERS) {
  test(`${server} splits a query at semicolons and leaves those of the path`, async (t) => {
    const served = await serveBy(t, server, {
      pools: [poolOf('a', [await startEcho(t, 'a')])],
      routes: [routeOf('r1', 'a.io', '/', { dialect: 'traefik', pathForm: 'clean', action: to('a') })],
    });
    if (!served) return;

    const seen = async (path: string): Promise<string | undefined> => (await served.ask('a.io', { path })).echo?.url;
    for (const path of ['/x', '/p;q=1/y', '/p;q=1%20', '/p%3Bq/y', '/%7Bx%7D;'])
      assert.equal(await seen(`${path}?a;b=1;c&d=%3B`), `${path}?a&b=1&c&d=%3B`);
    assert.equal(await seen('/p;q=1?a=b'), '/p;q=1?a=b');
  });

  test(`${server} cleans paths and leaves encoded what was sent so`, async (t) => {
    const served = await serveBy(t, server, {
      pools: [poolOf('a', [await startEcho(t, 'a')])],
      routes: [routeOf('r1', 'a.io', '/', { dialect: 'traefik', pathForm: 'clean', action: to('a') })],
    });
    if (!served) return;

    const cleaned: readonly (readonly [path: string, clean: string])[] = [
      ['/a//b/./c/../d/', '/a/b/d/'],
      ['/a//b%2F/../c', '/a/c'],
      ['//a%2Fb%3Fc%25', '/a%2Fb%3Fc%25'],
      ['/a%3Bb/../c;d//e%40', '/c;d/e%40'],
      ["/x/..//a'b%27(c)", "/a'b%27(c)"],
      ['/a/%2e%2E/b%2Fc/%2e', '/b%2Fc'],
      ['/a%2F..%2Fb/..%2F/c..', '/a%2F..%2Fb/..%2F/c..'],
      ['/a%2F.//', '/a%2F./'],
      ['/%61//b%20c', '/a/b%20c'],
      ['/%61//b%2Fc%252F%25%3F', '/a/b%2Fc%252F%25%3F'],
      ['/%76/%2E%2F../%7B%23', '/v/.%2F../%7B%23'],
      ['/%c3%a9;%3B%0Ax%2F', '/%C3%A9;%3B%0Ax%2F'],
      ['/%ff%2F', '/%FF%2F'],
      ['/..', '/'],
    ];
    for (const [path, clean] of cleaned) assert.equal((await served.ask('a.io', { path })).echo?.url, clean, path);
    assert.equal((await served.ask('a.io', { path: '/a?/b//c/..' })).echo?.url, '/a?/b//c/..');
  });

  test(`${server} takes no encoded slash for one where Traefik tags ask for a path`, async (t) => {
    const names = ['prefix', 'exact', 'deep', 'not', 'rest'];
    const traefik = { dialect: 'traefik', pathForm: 'clean' } as const;
    const denied: Condition = { kind: 'not', condition: { kind: 'path', path: { kind: 'prefix', path: '/n/m', ignoreCase: false } } };
    const match = (path: PathMatch, conditions: readonly Condition[] = []): Partial<Route> => ({
      match: { host: exactHost(host('a.io')), path, conditions },
    });
    const served = await serveBy(t, server, {
      pools: await Promise.all(names.map(async (name) => poolOf(name, [await startEcho(t, name)]))),
      routes: [
        routeOf('r1', 'a.io', '/api/', { ...traefik, action: to('prefix') }),
        routeOf('r2', 'a.io', '/x/y/z', { ...traefik, action: to('deep') }),
        routeOf('r3', 'a.io', '/', { ...traefik, ...match({ kind: 'exact', path: '/e/f', ignoreCase: false }), action: to('exact') }),
        routeOf('r4', 'a.io', '/', {
          ...traefik,
          ...match({ kind: 'prefix', path: '/n', ignoreCase: false }, [denied]),
          action: to('not'),
        }),
        routeOf('r5', 'a.io', '/', { ...traefik, action: to('rest') }),
      ],
    });
    if (!served) return;

    const asked: readonly (readonly [path: string, name: string])[] = [
      ['/api/a%2Fb', 'prefix'],
      ['//api//a%2Fb', 'prefix'],
      ['/api%2Fa/b', 'rest'],
      ['//api%2Fa', 'rest'],
      ['/x/y/z%2Fa', 'deep'],
      ['/x/y%2Fz', 'rest'],
      ['/x%2fy/z', 'rest'],
      ['/e/f', 'exact'],
      ['/e/f?a/b%2F', 'exact'],
      ['/e%2Ff', 'rest'],
      ['/x%2F../e/f', 'rest'],
      ['/n/m', 'rest'],
      ['/n%2Fm', 'not'],
    ];
    for (const [path, name] of asked) assert.equal((await served.ask('a.io', { path })).echo?.name, name, path);
  });
}
