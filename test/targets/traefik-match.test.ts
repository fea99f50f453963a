import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_HOST, ANY_PATH, exactHost, pathPrefix, type Condition, type HostMatch, type RouteMatch } from '../../src/model/match.ts';
import type { Route } from '../../src/model/route.ts';
import { ask, startEcho } from '../support/caddy.ts';
import { host, port } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

interface Options {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly from?: string;
}

/** A condition, requests that it takes and requests that it does not. */
const CONDITIONS: readonly (readonly [Condition, readonly Options[], readonly Options[]])[] = [
  [{ kind: 'method', method: 'PUT' }, [{ method: 'PUT' }], [{}]],
  [{ kind: 'header', name: 'X-A', value: 'a `b` "c"' }, [{ headers: { 'x-a': 'a `b` "c"' } }], [{ headers: { 'x-a': 'a' } }, {}]],
  [{ kind: 'header', name: 'X-A', value: '' }, [{ headers: { 'x-a': '' } }], [{ headers: { 'x-a': 'a' } }, {}]],
  [{ kind: 'headerRegexp', name: 'X-A', regexp: '^a+$' }, [{ headers: { 'x-a': 'aa' } }], [{ headers: { 'x-a': 'b' } }, {}]],
  [{ kind: 'headerRegexp', name: 'X-A', regexp: '' }, [{ headers: { 'x-a': 'b' } }], [{}]],
  [{ kind: 'query', key: 'q', value: '1' }, [{ path: '/?q=1' }, { path: '/?q=2&q=1' }], [{ path: '/?q=12' }, {}]],
  [{ kind: 'query', key: 'q', value: '' }, [{ path: '/?q=' }, { path: '/?q' }], [{ path: '/?q=1' }, {}]],
  [{ kind: 'query', key: 'q' }, [{ path: '/?q=' }, { path: '/?q=1' }], [{ path: '/?p=1' }, {}]],
  [{ kind: 'queryRegexp', key: 'q', regexp: '^[0-9]$' }, [{ path: '/?q=1' }], [{ path: '/?q=12' }, {}]],
  [{ kind: 'clientIp', cidrs: ['127.0.0.2', '127.0.0.8/30'] }, [{ from: '127.0.0.2' }, { from: '127.0.0.9' }], [{ from: '127.0.0.3' }]],
  [{ kind: 'path', path: { kind: 'prefix', path: '/a', ignoreCase: false } }, [{ path: '/ab' }], [{ path: '/b' }]],
  [{ kind: 'path', path: { kind: 'regexp', regexp: '/[0-9]+$' } }, [{ path: '/a/12' }], [{ path: '/a' }]],
  [{ kind: 'not', condition: { kind: 'method', method: 'GET' } }, [{ method: 'PUT' }], [{}]],
  [{ kind: 'not', condition: { kind: 'not', condition: { kind: 'query', key: 'q' } } }, [{ path: '/?q' }], [{}]],
];

test('traefikTarget asks every condition of the table', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const at = (name: string, conditions: readonly Condition[]): Route =>
    routeOf(name, name, '/', { action: to('a'), match: { host: exactHost(host(name)), path: ANY_PATH, conditions } });
  const routes = CONDITIONS.map(([condition], index) => at(`c${index}.io`, [condition]));
  assert.deepEqual(await serveTable(traefik, tableOf(routes, poolOf('a', [await startEcho(t, 'a')]))), []);
  const status = async (name: string, options: Options): Promise<number> =>
    (await ask({ port: traefik.web }, { host: name, ...options })).status;

  for (const [index, [condition, taken, left]] of CONDITIONS.entries()) {
    for (const options of taken) assert.equal(await status(`c${index}.io`, options), 200, JSON.stringify([condition, options]));
    for (const options of left) assert.equal(await status(`c${index}.io`, options), 404, JSON.stringify([condition, options]));
  }
});

test('traefikTarget matches hosts exactly, by pattern, by port and against each other', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const backends = ['exact', 'six', 'port', 'glob', 'regexp', 'rest'];
  const pools = await Promise.all(backends.map(async (name) => poolOf(name, [await startEcho(t, name)])));
  const at = (id: string, match: Partial<RouteMatch>): Route =>
    routeOf(id, '*', '/', { action: to(id), match: { host: ANY_HOST, path: ANY_PATH, conditions: [], ...match } });
  const glob: HostMatch = { kind: 'glob', pattern: '*.g.io', regexp: '^.*\\.g\\.io$', port: 'any' };
  const denied: Condition = { kind: 'not', condition: { kind: 'host', host: { kind: 'exact', host: host('no.io'), port: 'any' } } };
  const routes = [
    at('exact', { host: exactHost(host('a.io')) }),
    at('six', { host: exactHost(host('[::1]')) }),
    at('port', { host: exactHost(host('p.io'), port(8080)) }),
    at('glob', { host: glob }),
    at('regexp', { host: { kind: 'regexp', regexp: '^r[0-9]' } }),
    at('rest', { conditions: [denied], path: pathPrefix('/x') }),
  ];
  assert.deepEqual(await serveTable(traefik, tableOf(routes, ...pools)), []);
  const answers = async (name: string, path = '/'): Promise<string | number> => {
    const { echo, status } = await ask({ port: traefik.web }, { host: name, path });
    return echo?.name ?? status;
  };

  assert.deepEqual([await answers('A.io'), await answers('a.io:81'), await answers('a.io.')], ['exact', 'exact', 'exact']);
  assert.deepEqual([await answers('[::1]'), await answers('[::1]:81')], ['six', 'six']);
  assert.deepEqual([await answers('p.io:8080'), await answers('p.io'), await answers('p.io:80')], ['port', 404, 404]);
  assert.deepEqual([await answers('a.b.g.io'), await answers('g.io'), await answers('R1.io')], ['glob', 404, 'regexp']);
  assert.deepEqual([await answers('any.io', '/x'), await answers('no.io', '/x'), await answers('no.io.', '/x')], ['rest', 404, 404]);
});
