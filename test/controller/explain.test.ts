import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainView } from '../../src/controller/explain.ts';
import { testView } from '../../src/controller/request-view.ts';
import { routeViews } from '../../src/controller/views.ts';
import type { Scene } from '../../src/controller/scene.ts';
import { serviceKey, type ServiceInstance } from '../../src/model/catalog.ts';
import { sourceId } from '../../src/model/names.ts';
import { EMPTY_MEMORY, planChange } from '../../src/plan/plan.ts';
import { instanceOf } from '../support/intents.ts';
import { sceneOf } from '../support/scenes.ts';

const tagged = (service: string, ...tags: readonly string[]) => instanceOf(service, { tags });

test('explainView() names the answering route with its tags, instances and their shares', () => {
  const scene = sceneOf([
    instanceOf('web', { tags: ['urlprefix-a.io/'] }),
    instanceOf('web', { instance: 'web-2', address: '10.0.0.2', tags: ['urlprefix-a.io/'] }),
    instanceOf('web', { instance: 'web-3', address: '10.0.0.3', tags: ['urlprefix-a.io/'], health: 'critical' }),
    instanceOf('web', { instance: 'web-4', address: '10.0.0.4', tags: [] }),
  ]);

  const { routes, proxy } = explainView(scene, 'http://a.io/');

  assert.deepEqual(
    routes[0]?.instances.map(({ id, share, why }) => [id, share, why]),
    [
      ['web-1', 0.5, undefined],
      ['web-2', 0.5, undefined],
      ['web-3', 0, 'its check is critical'],
      ['web-4', 0, 'none of its tags asks for this route'],
    ],
  );
  assert.deepEqual(
    routes[0]?.tags.map(({ service, tag }) => [service, tag]),
    [['web', 'urlprefix-a.io/']],
  );
  assert.deepEqual([routes[0]?.state, proxy.state], ['active', 'verified']);
});

/** What is known when what some instances asked for is served, and others are there now. */
function sceneAfter(old: readonly ServiceInstance[], instances: readonly ServiceInstance[]): Scene {
  const now = sceneOf(instances);
  const { change } = planChange({
    serving: sceneOf(old).serving,
    wanted: now.serving,
    faults: new Map(),
    pools: new Map(),
    unreadable: new Set(),
    registered: new Set(now.known.map(({ instance }) => serviceKey(instance))),
    doubts: new Map(),
    unread: new Map(),
    trustedReadAtMs: 0,
    memory: EMPTY_MEMORY,
    nowMs: 0,
    options: { tombstoneMs: 1000, guard: { maxRemovedPercent: 100, minRemoved: 3, allowEmpty: true, holdMs: 0, rereadMs: 0 } },
  });
  return { ...now, serving: change.serving, fitted: change.serving, held: change.held };
}

test('explainView() says of a route that went what it was asked by, and nothing of what stands in the place of its tag now', () => {
  const scene = sceneAfter(
    [tagged('web', 'urlprefix-a.io/'), tagged('gone', 'urlprefix-gone.io/')],
    [tagged('web', 'urlprefix-b.io/ weight=abc')],
  );

  const [route] = explainView(scene, 'http://a.io/').routes;

  assert.deepEqual(
    [route?.state, route?.reason, route?.tags.map(({ tag }) => tag)],
    ['tombstone', 'its service is there, and asks for it no longer', ['urlprefix-a.io/']],
  );
  assert.deepEqual(route?.diagnostics, []);
  assert.deepEqual(
    route?.instances.map(({ why }) => why),
    ['none of its tags asks for this route'],
  );
  assert.equal(explainView(scene, 'http://gone.io/').routes[0]?.reason, 'its service went');
  const { serving, held, diagnostics } = scene;
  assert.deepEqual(Object.fromEntries(routeViews(serving, { held, diagnostics }).map((view) => [view.match, view.diagnostics.length])), {
    'a.io/': 0,
    'b.io/': 1,
    'gone.io/': 0,
  });
});

test('explainView() takes a tag for that of its own route, and not of one that stood in its place before', () => {
  const scene = sceneAfter([tagged('web', 'urlprefix-a.io/')], [tagged('web', 'urlprefix-b.io/x')]);

  const { rivals } = explainView(scene, 'http://b.io/');

  assert.deepEqual(
    rivals.map(({ tag, match, why }) => [tag, match, why]),
    [['urlprefix-b.io/x', 'b.io/x', 'its path asks for /x, the request has /']],
  );
  const pinned = { ...scene, serving: sceneOf([tagged('web', 'urlprefix-a.io/')]).serving, held: [], proxy: { ...scene.proxy, pinned: 3 } };
  assert.deepEqual(
    explainView({ ...pinned, fitted: pinned.serving }, 'http://b.io/x').rivals.map(({ why }) => why),
    ['generation 3 is pinned, which has no route for it'],
  );
});

test('testView() names the service of the route where another one registers the same address', () => {
  const scene = sceneOf([tagged('shop', 'urlprefix-a.io/'), tagged('web', 'urlprefix-b.io/'), tagged('zoo')]);

  const [outcome] = testView(scene, { url: 'http://a.io/' }).outcomes;

  assert.deepEqual(outcome?.answer.kind === 'forward' && outcome.answer.instances.map(({ service }) => service), ['shop']);
});

test('explainView() says which rule of its dialect keeps an instance out', () => {
  const why = (health: 'unknown' | 'warning' | 'maintenance' | 'critical', source: string, tag: string): string | undefined => {
    const instances = [
      instanceOf('web', { source: sourceId(source), tags: [tag], health }),
      instanceOf('web', { source: sourceId(source), instance: 'ok', address: '10.0.0.2', tags: [tag] }),
    ];
    return explainView(sceneOf(instances), 'a.io').routes[0]?.instances.find(({ id }) => id === 'web-1')?.why;
  };

  assert.equal(why('unknown', 'consul', 'urlprefix-a.io/'), 'it has no check, and fabio routes only to checked ones');
  assert.equal(why('warning', 'consul', 'https://a.io'), 'its check warns, and hind routes only to passing ones');
  assert.equal(why('maintenance', 'consul', 'urlprefix-a.io/'), 'it is in maintenance');
  assert.equal(why('critical', 'nomad', 'urlprefix-a.io/'), 'it does not accept connections');
});

test('explainView() says where the primary catalog and refused addresses leave instances out', () => {
  const nomad = instanceOf('web', { source: sourceId('nomad'), tags: ['urlprefix-a.io/'] });
  const consul = instanceOf('web', { instance: 'old', address: '10.0.0.9', tags: ['urlprefix-a.io/'] });
  const local = instanceOf('web', { source: sourceId('nomad'), instance: 'meta', address: '169.254.1.1', tags: ['urlprefix-a.io/'] });

  const { routes } = explainView(sceneOf([nomad, consul, local]), 'http://a.io/');

  const why = new Map(routes[0]?.instances.map(({ id, why: reason }) => [id, reason]));
  assert.equal(why.get('web-1'), undefined);
  assert.match(why.get('old') ?? '', /^the primary catalog/);
  assert.match(why.get('meta') ?? '', /169\.254\.1\.1.+link-local/);
});

test('explainView() names the losers with the reason of each, the refused ones first', () => {
  const scene = sceneOf([
    tagged('web', 'urlprefix-a.io/api'),
    tagged('wide', 'urlprefix-/'),
    tagged('other', 'urlprefix-a.io/other'),
    tagged('star', 'urlprefix-*.io/'),
    tagged('short', 'urlprefix-a.io/'),
    tagged('broken', 'urlprefix-a.io/[x'),
    tagged('off', 'traefik.http.routers.r.rule=Host(`a.io`)'),
    tagged('unrelated', 'urlprefix-b.io/'),
  ]);

  const { rivals } = explainView(scene, 'http://a.io/api/x');

  assert.deepEqual(
    rivals.map(({ service, code, why }) => [service, code ?? why]),
    [
      ['broken', 'FABIO_PATH_GLOB'],
      ['off', 'TRAEFIK_NOT_ENABLED'],
      ['short', 'its path is shorter than that of the answering route'],
      ['star', 'its host is a pattern, and the answering route names the host itself'],
      ['wide', 'it is for every host, and the answering route for this one'],
      ['other', 'its path asks for /other, the request has /api/x'],
    ],
  );
});

test('explainView() names routes that the proxy cannot serve and dialects that are not read', () => {
  const scene = sceneOf([tagged('raw', 'urlprefix-:3306 proto=tcp'), tagged('site', 'https://a.io')], { options: { accept: ['fabio'] } });
  const told = (url: string) => explainView(scene, url).rivals.map(({ service, code, why }) => [service, code ?? why]);

  assert.deepEqual(told('tcp://b.io:3306'), [['raw', 'CADDY_UNSUPPORTED']]);
  assert.deepEqual(told('http://a.io/'), [['site', 'its dialect is not read: dialects.accept is fabio']]);
});

test('explainView() tells dialects as they are configured', () => {
  const scene = sceneOf([tagged('web', 'lb-a.io/')], { options: { accept: ['traefik'] } });
  const dialectOf = (tag: string) => (tag.startsWith('lb-') ? ('fabio' as const) : undefined);

  const { rivals } = explainView({ ...scene, dialectOf }, 'http://a.io/');

  assert.deepEqual(
    rivals.map(({ tag, why }) => [tag, why]),
    [['lb-a.io/', 'its dialect is not read: dialects.accept is traefik']],
  );
});

test('explainView() tells of a conflict between owners with both sides', () => {
  const mine = instanceOf('mine', { tags: ['urlprefix-a.io/'], modifyIndex: 1 });
  const theirs = { ...tagged('theirs', 'urlprefix-a.io/'), owner: 'beta' as typeof mine.owner, modifyIndex: 2 };

  const [rival] = explainView(sceneOf([mine, theirs]), 'http://a.io/').rivals;

  assert.deepEqual([rival?.service, rival?.code], ['theirs', 'ROUTE_CONFLICT_OWNER']);
});

test('explainView() says since when and why a route is held', () => {
  const live = sceneOf([tagged('web', 'urlprefix-a.io/')]);
  const [route] = live.serving.routes;
  assert.ok(route);
  const scene = { ...live, held: [{ route, state: 'held', reason: 'its catalog was not read since the start', untilMs: 5 } as const] };

  const [explained] = explainView(scene, 'http://a.io/').routes;

  assert.deepEqual([explained?.state, explained?.reason, explained?.untilMs], ['held', 'its catalog was not read since the start', 5]);
});

test('explainView() names the policies that act on a route', () => {
  const office = { name: 'office', middlewares: [{ kind: 'ipAllow', cidrs: ['127.0.0.0/8'], of: { kind: 'peer' } } as const] };
  const idle = { name: 'idle', middlewares: [{ kind: 'maxBody', bytes: 1 } as const] };
  const options = {
    policies: new Map([office, idle].map((policy) => [policy.name, policy])),
    attach: [{ match: { service: 'web' }, policies: ['office'] }],
  };

  const { routes } = explainView(sceneOf([tagged('web', 'urlprefix-a.io/')], { options }), 'http://a.io/');

  assert.deepEqual(routes[0]?.policies, ['office']);
});

test('explainView() names hosts that look like one that nothing answers for', () => {
  const scene = sceneOf([tagged('shop', 'urlprefix-shop.test/'), tagged('app', 'urlprefix-app.example.com/')]);

  assert.deepEqual(explainView(scene, 'http://shpo.test/').nearest, ['shop.test']);
  assert.deepEqual(explainView(scene, 'http://app.local/').nearest, ['app.example.com']);
  assert.deepEqual(explainView(scene, 'http://shop.test/').nearest, []);
});

test('explainView() shows no hash of a tag that is in its way', () => {
  const scene = sceneOf([
    tagged(
      'safe',
      'traefik.enable=true',
      'traefik.http.routers.r.rule=Host(`a.io`)',
      'traefik.http.routers.r.middlewares=m',
      'traefik.http.middlewares.m.basicauth.users=eve:$2y$10$abcdefghijklmnopqrstuuzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz',
    ),
  ]);

  assert.ok(!JSON.stringify(explainView(scene, 'http://a.io/')).includes('abcdefghij'));
});

test('testView() tells a small table route by route, and of a large one what is for the host of the request', () => {
  const few = sceneOf([tagged('a', 'urlprefix-x.io/'), tagged('b', 'urlprefix-a.io/p'), tagged('c', 'urlprefix-a.io/')]);
  const many = sceneOf([
    ...Array.from({ length: 60 }, (_, index) => tagged(`s${index}`, `urlprefix-h${index}.io/`)),
    tagged('b', 'urlprefix-a.io/p'),
  ]);

  const small = testView(few, { url: 'http://a.io/' });
  const large = testView(many, { url: 'http://a.io/' });

  assert.deepEqual(
    [small.tried.map(({ match, answers }) => [match, answers]), small.passed],
    [
      [
        ['x.io/', false],
        ['a.io/p', false],
        ['a.io/', true],
      ],
      0,
    ],
  );
  assert.deepEqual([large.tried.map(({ match }) => match), large.passed], [['a.io/p'], 60]);
  assert.equal(small.route, small.tried.at(-1)?.id);
});

test('testView() names service and instance behind every address', () => {
  const [outcome] = testView(sceneOf([tagged('web', 'urlprefix-a.io/')]), { url: 'http://a.io/' }).outcomes;

  assert.deepEqual(outcome?.answer.kind === 'forward' && outcome.answer.instances, [
    { address: '10.0.0.1', port: 8080, protocol: 'http', share: 1, service: 'web', instance: 'web-1' },
  ]);
});

test('explainView() says which router answers in the place of a shadowed one', () => {
  const router = (service: string, priority: number) =>
    instanceOf(service, {
      address: `10.0.0.${priority}`,
      tags: [
        'traefik.enable=true',
        `traefik.http.routers.${service}.rule=Host(\`a.io\`)`,
        `traefik.http.routers.${service}.priority=${priority}`,
      ],
    });

  const { routes } = explainView(sceneOf([router('high', 20), router('low', 10)]), 'http://a.io/');

  assert.deepEqual(
    routes[0]?.instances.map(({ service, share, why }) => [service, share, why?.includes('its priority 20 is higher')]),
    [
      ['high', 1, undefined],
      ['low', 0, true],
    ],
  );
});
