import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_PATH, type HostMatch, type RouteMatch } from '../../src/model/match.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import type { Route } from '../../src/model/route.ts';
import { serveBy } from '../support/both.ts';
import { startEcho } from '../support/caddy.ts';
import { host } from '../support/intents.ts';
import { poolOf, routeOf, to } from '../support/tables.ts';

/** A dot behind the host, on both proxies. */

const DENIED: HostMatch = { kind: 'exact', host: host('no.d.io'), port: 'any' };
const matching = (wanted: HostMatch, conditions: RouteMatch['conditions'] = []): Partial<Route> => ({
  match: { host: wanted, path: ANY_PATH, conditions },
});

for (const server of SERVERS) {
  test(`${server} takes a dot behind the hosts of Traefik tags, wherever they stand`, async (t) => {
    const traefik = { dialect: 'traefik', pathForm: 'clean' } as const;
    const names = ['exact', 'mixed', 'label', 'rest'];
    const glob: HostMatch = { kind: 'glob', pattern: '*.d.io', regexp: '^[^.]+\\.d\\.io$', port: 'any' };
    const served = await serveBy(t, server, {
      pools: await Promise.all(names.map(async (name) => poolOf(name, [await startEcho(t, name)]))),
      routes: [
        routeOf('r1', 'a.io', '/x', { ...traefik, action: to('exact') }),
        routeOf('r2', 'm.io', '/x', { ...traefik, action: to('mixed') }),
        routeOf('r3', 'm.io', '/', { action: to('exact') }),
        routeOf('r4', '*', '/', {
          ...traefik,
          action: to('label'),
          ...matching(glob, [{ kind: 'not', condition: { kind: 'host', host: DENIED } }]),
        }),
        routeOf('r5', '10.0.0.1', '/', { ...traefik, action: to('exact') }),
        routeOf('r6', '*', '/rest', { ...traefik, action: to('rest') }),
      ],
    });
    if (!served) return;

    const answers = async (name: string, path = '/x'): Promise<string | number> => {
      const { echo, status } = await served.ask(name, { path });
      return echo?.name ?? status;
    };
    assert.deepEqual(
      [await answers('a.io'), await answers('A.io.'), await answers('a.io.:81'), await answers('a.io..')],
      ['exact', 'exact', 'exact', 404],
    );
    assert.deepEqual([await answers('a.io.', '/rest'), await answers('a.io.', '/y')], ['rest', 404]);
    assert.deepEqual([await answers('m.io.'), await answers('m.io', '/')], ['mixed', 'exact']);
    assert.deepEqual([await answers('l.d.io'), await answers('l.d.io.'), await answers('a.l.d.io.')], ['label', 'label', 404]);
    assert.deepEqual([await answers('no.d.io'), await answers('no.d.io.')], [404, 404]);
    // a tag of Fabio asks for the host as it stands; Traefik cannot tell
    assert.equal(await answers('m.io.', '/y'), server === 'caddy' ? 404 : 'exact');
  });

  test(`${server} answers requests with an empty Host by the routes for every host`, async (t) => {
    const every = routeOf('every', 'any.io', '/a', { action: to('a') });
    const served = await serveBy(t, server, {
      hosts: { 'h.io': [] },
      routes: [{ ...every, match: { ...every.match, host: { kind: 'any' } } }],
    });
    if (!served) return;

    const { status, echo } = await served.ask('', { path: '/a?q', headers: { 'x-kept': 'a', remote_user: 'b', 'remote.user': 'c' } });
    assert.deepEqual([status, echo?.url, echo?.headers['x-kept']], [200, '/a?q', 'a']);
    if (server === 'caddy') assert.deepEqual([echo?.headers['remote_user'], echo?.headers['remote.user']], [undefined, undefined]);
    assert.deepEqual(await served.statuses('', { path: '/b' }), [404]);
    assert.deepEqual(await served.statuses('h.io', { path: '/b' }), [200]);
  });
}
