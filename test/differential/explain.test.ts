import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadBalancing } from '../../src/model/pool.ts';
import type { Route, RouteAction } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { caddySettings } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { diagnose, type TagSpan } from '../../src/model/diagnostic.ts';
import { ownerId, serviceName, sourceId } from '../../src/model/names.ts';
import { NODE } from './arena.ts';
import { choosesByItself, explain, type Case } from './explain.ts';
import type { Registered } from './generator.ts';
import { routersIn, type PeerRouter } from './peer.ts';

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

test('explain() takes the answer of a breaker for its own time, where no instance answers either side', () => {
  const page = (middlewares: Route['middlewares'], differences: Case['differences']): string | undefined => {
    const found = asked({});
    const table = tableOf([routeOf('r', 'a.io', '/', { action: to('a'), middlewares })], poolOf('a', [81]));
    return explain({ ...found, loaded: { ...found.loaded, table }, differences }).page;
  };
  const breaker: Route['middlewares'] = [{ kind: 'circuitBreaker', expression: 'NetworkErrorRatio() > 0.9' }];

  assert.equal(page(breaker, [{ what: 'status', peer: '503', ours: '502' }]), "a breaker's time");
  assert.equal(page(breaker, [{ what: 'status', peer: '200 by 127.0.0.1:81', ours: '503' }]), undefined);
  assert.equal(page([], [{ what: 'status', peer: '503', ours: '502' }]), undefined);
});

test('explain() takes a rule that names a host only to deny it for one that does not name it', () => {
  const found = asked({});
  const page = (rule: string): string | undefined =>
    explain({
      ...found,
      peerRouter: 'other',
      peerRouters: new Map([['other', { rule, status: 'enabled', priority: 1, errors: [] }]]),
      differences: [{ what: 'status', peer: '200', ours: '404' }],
    }).page;

  assert.equal(page('PathPrefix(`/`) && !Host(`a.io`)'), 'exact host first');
  assert.equal(page('PathPrefix(`/`) && !(Host(`a.io`) && Path(`/x`))'), 'exact host first');
  assert.equal(page('Host(`b.io`) || Host("A.io")'), undefined);
});

test('explain() asks why the peer did not follow the router of a higher priority where both have one match', () => {
  const registered = (service: string): Registered => ({
    service,
    id: service,
    address: '127.0.0.1',
    port: 81,
    tags: [`traefik.http.routers.${service}.rule=Host(\`a.io\`)`],
    status: 'passing',
  });
  const span = (service: string): TagSpan => ({
    source: sourceId('consul'),
    owner: ownerId('default'),
    service: serviceName(service),
    instance: `${NODE}/${service}`,
    tagIndex: 0,
    tag: registered(service).tags[0] ?? '',
    start: 0,
    end: 1,
  });
  const route = routeOf('r', 'a.io', '/', { action: to('a'), spans: [span('low'), span('high')] });
  const router = (priority: number): PeerRouter => ({ rule: 'Host(`a.io`)', status: 'enabled', priority, errors: [] });
  const found = asked({});
  const reportedOf = (high: number): readonly string[] =>
    explain({
      ...found,
      catalog: { ...found.catalog, instances: ['low', 'high'].map(registered) },
      loaded: {
        ...found.loaded,
        table: tableOf([route], poolOf('a', [81])),
        diagnostics: [diagnose('TRAEFIK_NAME_CASE', 'm', { span: span('high') })],
      },
      peerRouter: 'low',
      peerRouters: new Map([
        ['low', router(1)],
        ['high', router(high)],
      ]),
      differences: [{ what: 'host', peer: 'a', ours: 'b' }],
    }).reported.map(({ code }) => code);

  assert.deepEqual(reportedOf(2), ['TRAEFIK_NAME_CASE']);
  assert.deepEqual(reportedOf(1), []);
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
