import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_HOST, ANY_PATH, exactHost, pathPrefix, type Condition, type HostMatch, type RouteMatch } from '../../src/model/match.ts';
import type { Route } from '../../src/model/route.ts';
import { ask, startEcho } from '../support/caddy.ts';
import { host, port } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

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
