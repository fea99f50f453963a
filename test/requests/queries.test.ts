import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVERS } from '../../src/model/rendered.ts';
import { serveBy } from '../support/both.ts';
import { startEcho } from '../support/caddy.ts';
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
      ['/..', '/'],
    ];
    for (const [path, clean] of cleaned) assert.equal((await served.ask('a.io', { path })).echo?.url, clean, path);
    assert.equal((await served.ask('a.io', { path: '/a?/b//c/..' })).echo?.url, '/a?/b//c/..');
  });
}
