import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVERS } from '../../src/model/rendered.ts';
import { serveBy } from '../support/both.ts';
import { startEcho } from '../support/caddy.ts';
import { poolOf, routeOf, to } from '../support/tables.ts';

/** What instances get of a query, on both proxies. */

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
}
