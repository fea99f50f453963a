import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, LoadBalancing } from '../../src/model/pool.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { choosesByItself, explain, type Case } from './explain.ts';
import { routersIn } from './peer.ts';

const SETTINGS = caddySettings({ dir: '/srv', admin: 'http://127.0.0.1:2019', web: 80, websecure: 443 });

/** A request for a.io, which one pool answers: 500 by the peer, 502 by ours. */
function failing({ protocol = 'http', loadBalancing = 'random', skipVerify = false }: Wishes): Case {
  const { endpoints, transport, ...pool } = poolOf('a', [81, 82], { loadBalancing });
  const backend = { ...pool, endpoints: endpoints.map((endpoint) => ({ ...endpoint, protocol })), transport: { ...transport, skipVerify } };
  return {
    catalog: { seed: '1', name: 'c0x', instances: [], routers: [], defaultHosts: [] },
    asked: { tls: false, host: 'a.io', path: '/', method: 'GET', headers: [], from: '127.0.0.1' },
    loaded: {
      table: tableOf([routeOf('r', 'a.io', '/', { action: to('a') })], backend),
      diagnostics: [],
      proxy: { target: caddyTarget, settings: SETTINGS },
    },
    peerRouter: 'r',
    peerRouters: new Map(),
    differences: [{ what: 'status', peer: '500', ours: '502' }],
  };
}

interface Wishes {
  readonly protocol?: Endpoint['protocol'];
  readonly loadBalancing?: LoadBalancing;
  readonly skipVerify?: boolean;
}

test('explain() takes what an instance does not understand for a failure that each proxy tells in its own way', () => {
  const page = (wishes: Wishes): string | undefined => explain(failing(wishes)).page;

  assert.equal(page({ protocol: 'https' }), "the proxy's own failure");
  assert.equal(page({ protocol: 'h2c' }), "the proxy's own failure");
  for (const wishes of [{ protocol: 'http' }, { protocol: 'https', skipVerify: true }] as const) assert.equal(page(wishes), undefined);
});

test('choosesByItself() knows the strategies by which each proxy may choose other instances', () => {
  const chosen = (['leastTime', 'ipHash', 'roundRobin', 'powerOfTwo'] as const).map((loadBalancing) =>
    choosesByItself(failing({ loadBalancing })),
  );

  assert.deepEqual(chosen, [true, true, false, false]);
});

test('routersIn() keeps the router of the first request of an id', () => {
  const line = (id: string, router?: string): string => JSON.stringify({ 'request_X-Ask': id, ...(router && { RouterName: router }) });

  const routers = routersIn(`${[line('a', 'r1@consulcatalog'), line('b', 'r2@consulcatalog'), line('a')].join('\n')}\n`);

  assert.deepEqual(Object.fromEntries(routers), { a: 'r1', b: 'r2' });
});
