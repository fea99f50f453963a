import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadBalancing } from '../../src/model/pool.ts';
import type { RouteAction } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { choosesByItself, explain, type Case } from './explain.ts';
import { routersIn } from './peer.ts';

const SETTINGS = caddySettings({ dir: '/srv', admin: 'http://127.0.0.1:2019', web: 80, websecure: 443 });

/** A request for a.io, which one pool answers. */
function asked({ peer = '500', ours = '502', loadBalancing = 'random', action = to('a') }: Wishes): Case {
  return {
    catalog: { seed: '1', name: 'c0x', instances: [], routers: [], defaultHosts: [] },
    asked: { tls: false, host: 'a.io', path: '/', method: 'GET', headers: [], from: '127.0.0.1' },
    loaded: {
      table: tableOf([routeOf('r', 'a.io', '/', { action })], poolOf('a', [81, 82], { loadBalancing })),
      diagnostics: [],
      proxy: { target: caddyTarget, settings: SETTINGS },
    },
    peerRouter: 'r',
    peerRouters: new Map(),
    differences: [{ what: 'status', peer, ours }],
  };
}

interface Wishes {
  readonly peer?: string;
  readonly ours?: string;
  readonly loadBalancing?: LoadBalancing;
  readonly action?: RouteAction;
}

test('explain() takes what an instance does not understand for a failure that each proxy tells in its own way', () => {
  const page = (wishes: Wishes): string | undefined => explain(asked(wishes)).page;

  assert.equal(page({}), "the proxy's own failure");
  const others: readonly Wishes[] = [
    { peer: '502' },
    { peer: '500 by 127.0.0.1:81' },
    { ours: '503' },
    { action: { kind: 'respond', status: 503, reason: 'withheld' } },
  ];
  for (const wishes of others) assert.equal(page(wishes), undefined, JSON.stringify(wishes));
});

test('choosesByItself() knows the strategies by which each proxy may choose other instances', () => {
  const chosen = (['leastTime', 'ipHash', 'roundRobin', 'powerOfTwo'] as const).map((loadBalancing) =>
    choosesByItself(asked({ loadBalancing })),
  );

  assert.deepEqual(chosen, [true, true, false, false]);
});

test('routersIn() keeps the router of the first request of an id', () => {
  const line = (id: string, router?: string): string => JSON.stringify({ 'request_X-Ask': id, ...(router && { RouterName: router }) });

  const routers = routersIn(`${[line('a', 'r1@consulcatalog'), line('b', 'r2@consulcatalog'), line('a')].join('\n')}\n`);

  assert.deepEqual(Object.fromEntries(routers), { a: 'r1', b: 'r2' });
});
