import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { sourceContract } from '../contract/source.ts';
import { consulSourceOf, watchConsul } from '../support/consul-source.ts';
import type { CatalogSnapshot } from '../../src/model/catalog.ts';
import { LIST, WEB } from '../support/consul-recordings.ts';
import { startFakeConsul, type FakeConsul } from '../support/fake-consul.ts';
import { startPuppetConsul } from '../support/puppet-consul.ts';
import { tempDir } from '../support/process.ts';
import type { RecordedExchange } from '../support/recordings.ts';
import { until } from '../support/until.ts';

const web = (port: number, more: object = {}) => ({ Name: 'web', ID: `web-${port}`, Port: port, Tags: ['urlprefix-web.test/'], ...more });
const checked = (port: number, status = 'passing') => web(port, { Check: { CheckID: `check-${port}`, Name: 'up', Status: status } });
const named = (name: string, port = 80, more: object = {}) => ({
  Name: name,
  ID: name,
  Port: port,
  Tags: [`urlprefix-${name}.test/`],
  ...more,
});

function setPorts(fake: FakeConsul, ports: readonly number[], known: Set<number>): void {
  fake.deregister(...[...known].filter((port) => !ports.includes(port)).map((port) => `web-${port}`));
  fake.register(...ports.map((port) => web(port)));
  known.clear();
  for (const port of ports) known.add(port);
}

for (const kind of ['TCP', 'a unix socket'] as const) {
  sourceContract(`createConsulSource() over ${kind}`, async (t) => {
    const fake = await startFakeConsul(t, kind === 'TCP' ? {} : { socketPath: join(await tempDir(t), 'http.sock') });
    const known = new Set<number>();
    return {
      source: consulSourceOf(fake.address),
      set: async (ports) => setPorts(fake, ports, known),
      fail: () => fake.down(),
      heal: () => fake.up(),
    };
  });
}

const count = (fake: FakeConsul, path: string, query: 'index' | 'plain'): number =>
  fake.requests.filter((request) => request.split('?')[0] === path && request.includes('index=') === (query === 'index')).length;
const plainReads = (fake: FakeConsul, path = WEB): number => count(fake, path, 'plain');

test('createConsulSource() takes additions and changes from a streamed answer without another read', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(checked(8001), checked(8002));
  const world = await watchConsul(t, fake.address);
  const reads = plainReads(fake);
  fake.register(checked(8003));
  await until('the addition', () => world.latestPorts().length === 3);
  fake.put('/v1/agent/check/fail/check-8003');
  await until('the check', () => world.instances().some(({ health }) => health === 'critical'));
  fake.register(web(8001, { Tags: ['urlprefix-new.test/'] }));
  await until('the tag', () => world.instances().some(({ tags }) => tags.includes('urlprefix-new.test/')));
  assert.equal(plainReads(fake), reads);
});

test('createConsulSource() takes no part of the list for all of it from a leader that starts', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001), named('other'));
  const part = { text: '{"web":["urlprefix-web.test/"]}', headers: { 'X-Consul-Index': '2', 'X-Consul-KnownLeader': 'true' } };
  fake.intercept = (path, query) =>
    path === LIST && !query.has('index') && !query.has('consistent') ? { status: 200, ...part } : undefined;
  const world = await watchConsul(t, fake.address);
  assert.equal(world.snapshots()[0]?.instances.length, 2);
});

test('createConsulSource() reads without index before it believes that an instance is gone', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001), web(8002));
  const world = await watchConsul(t, fake.address);
  const reads = plainReads(fake);
  fake.deregister('web-8002');
  await until('the removal', () => world.latestPorts().join() === '8001');
  assert.equal(plainReads(fake), reads + 1);
  assert.equal(world.doubt(), undefined);
});

test('createConsulSource() reads without index before it believes that no instance passes its checks', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(checked(8001), checked(8002));
  const world = await watchConsul(t, fake.address);
  const reads = plainReads(fake);
  fake.put('/v1/agent/check/fail/check-8001');
  await until('one', () => world.instances().some(({ health }) => health === 'critical'));
  assert.equal(plainReads(fake), reads, 'one of two needs no proof');
  fake.put('/v1/agent/maintenance?enable=true');
  await until('all', () => world.instances().every(({ health }) => health === 'maintenance'));
  assert.equal(plainReads(fake), reads + 1);
});

test('createConsulSource() ignores an answer with the same index, whatever it holds', async (t) => {
  const fake = await startFakeConsul(t);
  fake.defaultPolicy = 'deny';
  fake.tokens.set('T', { nodes: true });
  fake.register(web(8001), named('other'));
  const world = await watchConsul(t, fake.address, { env: { CONSUL_HTTP_TOKEN: 'T' } });
  // the rights are lost: streamed answers are empty and have the same index
  fake.tokens.set('T', { nodes: true, services: new Set() });
  const reads = plainReads(fake);
  await until('the read to wait', () => fake.waiting('web') === 1);
  fake.nudge('web');
  await until('the next one', () => fake.waiting('web') === 1);
  assert.equal(plainReads(fake), reads);
  assert.deepEqual(world.latestPorts(), [8001]);
});

/** Answers of a puppet: rows of `web` on these ports, at this index. */
const rows = (index: number | bigint, ports: readonly number[], { isStreamed = false } = {}): RecordedExchange => ({
  request: { method: 'GET', path: WEB },
  status: 200,
  headers: { 'X-Consul-Index': String(index), 'X-Consul-Knownleader': String(!isStreamed) },
  body: ports.map((port) => ({
    Node: { Node: 'n', Address: '127.0.0.1', Datacenter: 'dc1' },
    Service: { ID: `web-${port}`, Service: 'web', Address: '', Port: port, Tags: ['urlprefix-web.test/'], Meta: null, ModifyIndex: 1 },
    Checks: [],
  })),
});
const list = (index: number | bigint, names: readonly string[] = ['web']): RecordedExchange => ({
  ...rows(index, []),
  body: Object.fromEntries(names.map((name) => [name, ['urlprefix-web.test/']])),
});

for (const index of [1, 5]) {
  test(`createConsulSource() discards the answer of a service with index ${index} below its own and reads it again`, async (t) => {
    const puppet = await startPuppetConsul(t);
    puppet.say(LIST, list(20));
    puppet.say(WEB, rows(20, [8001, 8002]));
    const world = await watchConsul(t, puppet.address);
    const reads = puppet.reads.filter((path) => path === WEB).length;
    await puppet.ring(WEB, rows(index, [8001, 8002, 8009], { isStreamed: true }));
    await puppet.waits(WEB);
    assert.equal(puppet.reads.filter((path) => path === WEB).length, reads + 1);
    assert.ok(world.snapshots().every(({ instances }) => instances.map(({ port }) => port).join() === '8001,8002'));
  });
}

test('createConsulSource() keeps indexes beyond the precision of numbers', async (t) => {
  const puppet = await startPuppetConsul(t);
  puppet.say(LIST, list(18_446_744_073_709_551_614n));
  puppet.say(WEB, rows(9_007_199_254_740_993n, [8001]));
  const world = await watchConsul(t, puppet.address);
  assert.equal((await puppet.waits(LIST)).get('index'), '18446744073709551614');
  assert.equal((await puppet.waits(WEB)).get('index'), '9007199254740993');
  await puppet.ring(WEB, rows(9_007_199_254_740_994n, [8001, 8002]));
  await until('the next index', () => world.latestPorts().length === 2);
});

const EPOCH_ENDS: Readonly<Record<string, (fake: FakeConsul) => void>> = {
  'early with the same index': (fake) => fake.nudge(''),
  'with an error': (fake) => {
    let isFirst = true;
    fake.intercept = (path, query) => {
      const isHit = isFirst && path === LIST && query.has('index');
      if (isHit) isFirst = false;
      return isHit ? { status: 500, text: 'rpc error' } : undefined;
    };
    fake.touch();
  },
  'with a lower index': (fake) => fake.restore(3),
};

for (const [how, act] of Object.entries(EPOCH_ENDS)) {
  test(`createConsulSource() drops every waiting read and reads all without index when the list comes back ${how}`, async (t) => {
    const fake = await startFakeConsul(t);
    for (const name of ['a', 'b', 'c', 'd', 'e']) fake.register(named(name));
    const world = await watchConsul(t, fake.address);
    const names = ['a', 'b', 'c'];
    await until('all reads to wait', () => fake.waiting() === 6);
    const [reads, waits] = names
      .map((name) => `/v1/health/service/${name}`)
      .reduce(([plain, waiting], path) => [plain + count(fake, path, 'plain'), waiting + count(fake, path, 'index')], [0, 0]);
    act(fake);
    await until('all to be read and to wait again', () => {
      const plain = names.reduce((sum, name) => sum + plainReads(fake, `/v1/health/service/${name}`), 0);
      const waiting = names.reduce((sum, name) => sum + count(fake, `/v1/health/service/${name}`, 'index'), 0);
      return plain >= (reads ?? 0) + 3 && waiting >= (waits ?? 0) + 3 && fake.waiting('a') === 1 && fake.waiting('') === 1;
    });
    const isReset = how.includes('lower');
    await until('the restored state', () => world.instances().length === (isReset ? 3 : 5));
    assert.equal(/index fell/.test(world.doubt() ?? ''), isReset);
  });
}

test('createConsulSource() does not read in a loop when the list always comes back at once', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address, { clock: { ...systemClock, random: () => 0.5 } });
  const turns = setInterval(() => fake.nudge(''), 1);
  t.after(() => clearInterval(turns));
  const epochs = (): number => world.lines.filter(({ fields }) => fields['event'] === 'epoch_over').length;
  const startedAtMs = performance.now();
  await until('six epochs to be over', () => epochs() >= 6, 30_000);
  const elapsedMs = performance.now() - startedAtMs;
  assert.ok(elapsedMs > 1400, `five in ${elapsedMs} ms, expected pauses of 100, 200, 400 and 800 ms`);
  assert.deepEqual(world.latestPorts(), [8001]);
});

test('createConsulSource() reads a service that changes all the time a few times in a second', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  const turns = setInterval(() => fake.touch('web'), 2);
  t.after(() => clearInterval(turns));
  const reads = (): number => fake.requests.filter((path) => path.includes('/health/service/')).length;
  const before = reads();
  const startedAtMs = performance.now();
  await until('the bucket to be empty', () => reads() - before >= 16);
  const seconds = (performance.now() - startedAtMs) / 1000;
  assert.ok(seconds > 1, `16 reads within ${seconds} s`);
  clearInterval(turns);
  fake.register(web(8002));
  await until('a change afterwards', () => world.latestPorts().length === 2);
  assert.equal(world.failures().length, 0);
});

test('createConsulSource() waits a little less than five minutes in each read, and not the same in all', async (t) => {
  const fake = await startFakeConsul(t);
  for (let turn = 0; turn < 40; turn += 1) fake.register(named(`s${turn}`));
  await watchConsul(t, fake.address);
  await until('all reads to wait', () => fake.waiting() === 41);
  const waits = fake.requests.flatMap((request) => /[?&]wait=(\d+)ms(?:&|$)/.exec(request)?.[1] ?? []).map(Number);
  assert.equal(waits.length, 41);
  assert.ok(waits.every((ms) => ms >= 240_000 && ms <= 300_000));
  assert.ok(new Set(waits).size > 30);
  assert.ok(!fake.requests.some((request) => /stale|cached|near|filter|ns=|partition=/.test(request)));
  assert.equal(fake.requests.filter((request) => request.includes('consistent')).length, 1, 'they cost more');
});

test('createConsulSource() goes on without listeners on one signal when many reads wait', async (t) => {
  const fake = await startFakeConsul(t);
  for (let turn = 0; turn < 100; turn += 1) fake.register(named(`s${turn}`));
  const controller = new AbortController();
  t.after(() => controller.abort());
  const watching = (async () => {
    for await (const event of consulSourceOf(fake.address).watch(controller.signal)) void event;
  })();
  await until('all reads to wait', () => fake.waiting() === 101);
  for (let turn = 0; turn < 100; turn += 1) fake.register(named(`s${turn}`, 81));
  await until('all to wait again', () => fake.waiting() === 101 && fake.requests.length > 300);
  assert.ok(getEventListeners(controller.signal, 'abort').length <= 3);
  controller.abort();
  await watching;
  await until('the end of all reads', () => fake.waiting() === 0 && fake.openConnections() === 0);
});

test('createConsulSource() shows a catalog without routed services, and the first one when it comes', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register({ Name: 'db', Port: 5432, Tags: ['primary'] });
  const world = await watchConsul(t, fake.address);
  assert.deepEqual(world.instances(), []);
  assert.equal(world.doubt(), undefined);
  fake.register(web(8001));
  await until('the first', () => world.latestPorts().length === 1);
  assert.ok(!fake.requests.some((request) => request.includes('/service/db')));
  fake.register(web(8001, { Tags: ['none'] }));
  await until('none', () => world.latestPorts().length === 0);
});

test('createConsulSource() says that Consul is down at the start, and is there within a second when it comes', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  await fake.down();
  const world = await watchConsul(t, fake.address, { isSynced: false });
  await until('the failure', () => world.failures().some((message) => message.includes('ECONNREFUSED')));
  assert.equal(world.snapshots().length, 0);
  await fake.up();
  await until('the first snapshot', () => world.latestPorts().length === 1, 1500);
  assert.equal(world.doubt(), undefined);
});

test('createConsulSource() asks with one probe while the servers are away, and reads all when they are back', async (t) => {
  const fake = await startFakeConsul(t);
  for (let turn = 0; turn < 100; turn += 1) fake.register(named(`s${turn}`));
  const world = await watchConsul(t, fake.address);
  await until('all reads to wait', () => fake.waiting() === 101);
  fake.loseServers();
  await until('the failure', () => world.failures().length > 0);
  const [before, startedAtMs] = [fake.requests.length, performance.now()];
  await until('some probes', () => fake.requests.length - before >= 4);
  const elapsedMs = performance.now() - startedAtMs;
  assert.ok(fake.requests.slice(before).every((request) => request === '/v1/status/leader'));
  assert.ok(elapsedMs > 700 && elapsedMs < 3000, `4 probes in ${elapsedMs} ms`);
  assert.equal(world.instances().length, 100);
  fake.deregister('s0');
  fake.mode = 'up';
  await until('the state of the servers', () => world.instances().length === 99, 1500);
  assert.equal(world.doubt(), 'the connection to it is fresh');
  assert.ok(fake.openConnections() <= 200);
});

test('createConsulSource() takes nothing without a leader, and nothing from an index as before any registration', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  fake.mode = 'no-leader';
  fake.nudge('web');
  fake.nudge('');
  await until('the failure', () => world.failures().some((message) => message.includes('No cluster leader')));
  assert.deepEqual(world.latestPorts(), [8001]);
  fake.mode = 'up';
  await until('the leader', () => world.doubt() === 'the connection to it is fresh');
  assert.ok(world.snapshots().every(({ instances }) => instances.length === 1));

  const puppet = await startPuppetConsul(t);
  puppet.say(LIST, list(1, []));
  const early = await watchConsul(t, puppet.address, { isSynced: false });
  await until('the failure', () => early.failures().some((message) => message.includes('its index is 1')));
  assert.equal(early.snapshots().length, 0);
  puppet.say(LIST, { ...list(20), headers: { 'X-Consul-Index': '20', 'X-Consul-Knownleader': 'false' } });
  await until('the failure', () => early.failures().some((message) => message.includes('it knows no leader')));
  assert.equal(early.snapshots().length, 0);
});

test('createConsulSource() doubts what is missing after a restart without data, and trusts it when the doubt is over', async (t) => {
  const fake = await startFakeConsul(t);
  for (let port = 8001; port <= 8009; port += 1) fake.register(web(port));
  const world = await watchConsul(t, fake.address);
  await until('all reads to wait', () => fake.waiting() === 2);
  await fake.down();
  await fake.up({ wiped: true });
  await until('the wiped catalog', () => world.latestPorts().length === 0);
  assert.match(world.doubt() ?? '', /its index fell from 20 to 11/);
  for (const { instances, doubt } of world.snapshots()) assert.ok(instances.length === 9 || doubt !== undefined);
});

for (const [status, text] of [
  [500, 'rpc error making call'],
  [503, 'error reading from server'],
  [400, 'Bad request'],
  [403, 'Permission denied'],
  [404, 'Not found'],
] as const) {
  test(`createConsulSource() keeps a service that is answered ${status}, asks again ever more slowly and never stops`, async (t) => {
    const fake = await startFakeConsul(t);
    fake.register(web(8001), named('other', 81));
    const world = await watchConsul(t, fake.address);
    fake.intercept = (path) => (path === WEB ? { status, text } : undefined);
    fake.register(web(8002));
    fake.nudge('web');
    const reads = (): number => fake.requests.filter((request) => request.startsWith(WEB)).length;
    const before = reads();
    await until('some attempts', () => reads() - before >= 4, 30_000);
    fake.register(named('other', 82));
    await until('a change of another', () => world.instances().some(({ port }) => port === 82));
    assert.deepEqual(world.latestPorts(), [8001, 8002].slice(0, world.latestPorts().length));
    assert.ok(world.snapshots().every(({ instances }) => instances.some(({ service }) => service === 'web')));
    assert.equal(world.lines.filter(({ fields }) => fields['event'] === 'service_read_failed').length, 1);
    assert.equal(world.lines.filter(({ fields }) => fields['event'] === 'epoch_over').length, 0);
    const faults = (): readonly string[] => world.snapshots().at(-1)?.faults ?? [];
    await until('the source to tell', () => faults().some((fault) => fault.startsWith('web: ')), 30_000);
    fake.intercept = undefined;
    await until('the change', () => world.latestPorts().length === 2 && faults().length === 0, 30_000);
  });
}

test('createConsulSource() does not probe for what is wrong with its own request', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  const text = 'Failed to create boolean expression evaluator: 1:4 (3): no match found';
  fake.intercept = (path) => (path === LIST ? { status: 500, text } : undefined);
  fake.nudge('');
  await until('the failure', () => world.failures().some((message) => message.includes('boolean expression')));
  await until('another attempt', () => world.failures().length >= 2);
  assert.ok(!fake.requests.includes('/v1/status/leader'));
  assert.deepEqual(world.latestPorts(), [8001]);
  fake.intercept = undefined;
  fake.register(web(8002));
  await until('the end of it', () => world.latestPorts().length === 2);
});

test('createConsulSource() reads again only what failed before it shows anything', async (t) => {
  const fake = await startFakeConsul(t);
  for (let turn = 0; turn < 20; turn += 1) fake.register(named(`s${turn}`));
  let failures = 0;
  fake.intercept = (path) => {
    if (path !== '/v1/health/service/s7' || failures === 3) return undefined;
    failures += 1;
    return { status: 500, text: 'rpc error' };
  };
  const world = await watchConsul(t, fake.address);
  assert.equal(world.snapshots()[0]?.instances.length, 20);
  for (let turn = 0; turn < 20; turn += 1) assert.ok(plainReads(fake, `/v1/health/service/s${turn}`) <= (turn === 7 ? 4 : 1));
});

const EVIL = '/v1/health/service/evil';

for (const [status, text] of [
  [400, ''],
  [403, 'Permission denied'],
  [404, 'Not found'],
  [500, 'rpc error making call'],
] as const)
  test(`createConsulSource() shows all others when one service is answered ${status} from the start, says so, and asks again`, async (t) => {
    const fake = await startFakeConsul(t);
    fake.register(named('a'), named('evil'), named('web'));
    fake.intercept = (path) => (path === EVIL ? { status, text } : undefined);

    const world = await watchConsul(t, fake.address, { timing: { unreadMs: 100 } });

    const services = (): readonly string[] => world.instances().map(({ service }) => service);
    const [first] = world.snapshots();
    assert.deepEqual(services(), ['a', 'web']);
    assert.deepEqual(first?.unread, ['evil']);
    assert.match(first?.faults?.join() ?? '', new RegExp(`^evil: Cannot read ${EVIL} from Consul: it answered ${status} `));
    assert.equal(first?.doubt, undefined);
    const told = world.lines.filter(({ level }) => level !== 'info').map(({ fields }) => [fields['event'], fields['service']]);
    assert.deepEqual(told, [['service_read_failed', 'evil']]);
    fake.register(named('later'));
    fake.deregister('a');
    await until('changes of others', () => services().join() === 'later,web');
    const [reads, before] = [plainReads(fake, EVIL), world.snapshots().length];
    world.source.refresh();
    await until('an answer to the refresh', () => world.snapshots().length > before);
    await until('more attempts', () => plainReads(fake, EVIL) >= reads + 2, 30_000);
    assert.equal(world.lines.filter(({ fields }) => fields['event'] === 'epoch_over').length, 0);
    fake.intercept = undefined;
    await until('the service', () => services().includes('evil'), 30_000);
    const last = world.snapshots().at(-1);
    assert.deepEqual([last?.faults, last?.unread], [undefined, undefined]);
  });

test('createConsulSource() waits no longer for a service that cannot be read when the list has lost it', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(named('evil'), named('web'));
  fake.intercept = (path) => (path === EVIL ? { status: 400, text: '' } : undefined);
  const world = await watchConsul(t, fake.address, { isSynced: false, timing: { unreadMs: 600_000 } });
  await until('two attempts', () => plainReads(fake, EVIL) >= 2);
  assert.equal(world.snapshots().length, 0);
  fake.deregister('evil');
  await until('the others', () => world.snapshots().length > 0, 15_000);
  assert.equal(world.instances().length, 1);
  assert.deepEqual([world.snapshots()[0]?.faults, world.snapshots()[0]?.unread], [undefined, undefined]);
});

for (const { title, failing } of [
  { title: 'most services', failing: ['a', 'b', 'c'] },
  { title: 'every service', failing: ['a', 'b', 'c', 'd', 'e'] },
])
  test(`createConsulSource() shows nothing while ${title} cannot be read`, async (t) => {
    const fake = await startFakeConsul(t);
    fake.register(...['a', 'b', 'c', 'd', 'e'].map((name) => named(name)));
    const paths = failing.map((name) => `/v1/health/service/${name}`);
    fake.intercept = (path) => (paths.includes(path) ? { status: 500, text: 'rpc error making call' } : undefined);
    const world = await watchConsul(t, fake.address, { isSynced: false, timing: { unreadMs: 1 } });
    await until('some failures', () => world.failures().length >= 4, 15_000);
    assert.equal(world.snapshots().length, 0);
    fake.intercept = undefined;
    await until('all', () => world.snapshots().length > 0, 15_000);
    assert.equal(world.snapshots()[0]?.instances.length, 5);
  });

test('createConsulSource() keeps what it knows of a service that cannot be read after an outage', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(named('evil'), named('web'));
  const world = await watchConsul(t, fake.address, { timing: { unreadMs: 100 } });
  await fake.down();
  await until('the failure', () => world.failures().length > 0);
  fake.intercept = (path) => (path === EVIL ? { status: 500, text: 'rpc error making call' } : undefined);
  await fake.up();
  await until('what failed', () => world.snapshots().at(-1)?.faults?.length === 1, 15_000);
  assert.equal(world.snapshots().at(-1)?.unread, undefined);
  assert.ok(world.snapshots().every(({ instances }) => instances.length === 2));
  fake.deregister('evil');
  await until('the removal', () => world.instances().length === 1);
  assert.equal(world.snapshots().at(-1)?.faults, undefined);
});

test('createConsulSource() waits as long as a 429 says and goes on with the same indexes', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  let refusals = 0;
  fake.intercept = (path, query) => {
    if (path !== LIST || !query.has('index') || refusals === 2) return undefined;
    refusals += 1;
    return { status: 429, text: 'slow down', headers: { 'Retry-After': '1' } };
  };
  const startedAtMs = performance.now();
  fake.register(named('other'));
  await until('both refusals', () => refusals === 2);
  await until('the read to wait again', () => fake.waiting('') === 1);
  assert.ok(performance.now() - startedAtMs > 1800);
  fake.register(named('third'));
  await until('the list', () => world.instances().some(({ service }) => service === 'third'));
  assert.equal(world.failures().length, 0);
  assert.equal(plainReads(fake), 1, 'nothing was read anew');
});

test('createConsulSource() holds fewer connections when the agent refuses some, and shows every change all the same', async (t) => {
  const fake = await startFakeConsul(t);
  fake.connectionLimit = 60;
  // the limit is not told to who lacks agent:read, so that 150 are tried
  fake.tokens.set('T', { nodes: true });
  for (let turn = 0; turn < 120; turn += 1) fake.register(named(`s${turn}`));
  const world = await watchConsul(t, fake.address, { env: { CONSUL_HTTP_TOKEN: 'T' }, timing: { pollMs: 100 } });
  await until('most to wait', () => fake.waiting() > 30);
  for (let turn = 0; turn < 120; turn += 1) fake.register(named(`s${turn}`, 81));
  await until('every change', () => world.instances().every(({ port }) => port === 81), 60_000);
  assert.equal(world.instances().length, 120);
  assert.ok(world.lines.some(({ fields }) => fields['event'] === 'connection_refused'));
  assert.ok(world.snapshots().every(({ instances }) => instances.length === 120));
});

test('createConsulSource() opens no more connections than the agent holds when all services change at once', async (t) => {
  const fake = await startFakeConsul(t);
  fake.connectionLimit = 90;
  for (let turn = 0; turn < 60; turn += 1) fake.register(named(`s${turn}`));
  const world = await watchConsul(t, fake.address);
  await until('all reads to wait', () => fake.waiting() === 61);
  for (const port of [81, 82, 83]) {
    for (let turn = 0; turn < 60; turn += 1) fake.register(named(`s${turn}`, port));
    await until('every change', () => world.instances().every((instance) => instance.port === port));
    await until('all reads to wait', () => fake.waiting() === 61);
  }
  assert.ok(!world.lines.some(({ fields }) => fields['event'] === 'connection_refused'));
  assert.equal(world.lines.filter(({ fields }) => fields['event'] === 'service_read_failed').length, 0);
});

test('createConsulSource() watches what changed last within the limit of connections and polls the rest', async (t) => {
  const fake = await startFakeConsul(t);
  fake.connectionLimit = 40;
  for (let turn = 0; turn < 25; turn += 1) fake.register(named(`s${turn}`));
  const world = await watchConsul(t, fake.address, { timing: { pollMs: 100 } });
  const waiting = (): readonly string[] => Array.from({ length: 26 }, (_, turn) => `s${turn}`).filter((name) => fake.waiting(name) === 1);
  await until('ten to wait', () => waiting().length === 10);
  assert.deepEqual(
    waiting(),
    Array.from({ length: 10 }, (_, turn) => `s${turn + 15}`),
  );
  const told = world.lines.filter(({ fields }) => fields['event'] === 'connection_budget');
  assert.equal(told.length, 1);
  assert.match(told[0]?.message ?? '', /limits\.http_max_conns_per_client.*HTTPS/);
  assert.deepEqual([told[0]?.fields['services'], told[0]?.fields['limit'], told[0]?.fields['watched']], [25, 40, 10]);

  fake.register(named('s3', 81));
  await until('the change of one that is polled', () => world.instances().some(({ port }) => port === 81));
  await until('its watch', () => waiting().includes('s3'));
  assert.ok(!waiting().includes('s15'), 'the one that changed longest ago is polled now');
  fake.register(named('s25'));
  await until('the watch of a new one', () => waiting().includes('s25'));
  fake.deregister('s0', 's20');
  await until('both removals', () => world.instances().length === 24);
  await until('ten to wait', () => waiting().length === 10);
  assert.ok(fake.openConnections() <= 40);
  assert.equal(world.failures().length, 0);
});

test('createConsulSource() reads each of many new services, though there are fewer connections to watch them', async (t) => {
  const fake = await startFakeConsul(t);
  fake.connectionLimit = 40;
  for (let turn = 0; turn < 25; turn += 1) fake.register(named(`s${turn}`));
  const world = await watchConsul(t, fake.address, { timing: { pollMs: 100 } });
  await until('the limit to be told', () => world.lines.some(({ fields }) => fields['event'] === 'connection_budget'));
  fake.register(...Array.from({ length: 100 }, (_, turn) => named(`new${turn}`)));
  await until('every new one', () => world.instances().length === 125);
  assert.equal(world.failures().length, 0);
});

test('createConsulSource() refuses to read without a token where ACLs deny by default, until it has one', async (t) => {
  const fake = await startFakeConsul(t);
  fake.defaultPolicy = 'deny';
  fake.tokens.set('T', { nodes: true });
  fake.register(web(8001));
  const tokenFile = join(await tempDir(t), 'token');
  const world = await watchConsul(t, fake.address, { env: { CONSUL_HTTP_TOKEN_FILE: tokenFile }, isSynced: false });
  await until('the refusal', () => world.failures().length > 0);
  assert.match(
    world.failures()[0] ?? '',
    /^Cannot read Consul without a token: its ACLs deny by default, expected one with service_prefix "" read and node_prefix "" read/,
  );
  assert.equal(world.snapshots().length, 0);
  await writeFile(tokenFile, 'T\n');
  await until('the first snapshot', () => world.latestPorts().length === 1, 1500);
});

test('createConsulSource() keeps all when its token is deleted, says so, and takes the next one from its file at once', async (t) => {
  const fake = await startFakeConsul(t);
  fake.defaultPolicy = 'deny';
  fake.tokens.set('OLD', { nodes: true }).set('NEW', { nodes: true });
  fake.register(web(8001));
  const tokenFile = join(await tempDir(t), 'token');
  await writeFile(tokenFile, 'OLD\n');
  const world = await watchConsul(t, fake.address, { env: { CONSUL_HTTP_TOKEN_FILE: tokenFile } });
  await until('the read to wait', () => fake.waiting('web') === 1);
  fake.deleteToken('OLD');
  await until('the failure', () => world.failures().some((message) => message.includes('ACL not found')));
  await until('the alert', () => world.lines.some(({ level, fields }) => level === 'error' && fields['event'] === 'source_auth_failed'));
  assert.deepEqual(world.latestPorts(), [8001]);
  const reads = plainReads(fake, LIST);
  fake.register(web(8002));
  await writeFile(tokenFile, 'NEW\n');
  await until('the new token', () => world.latestPorts().length === 2, 1500);
  // no leader heals a token: nothing asks for one, and the old token is not tried over and over
  assert.ok(!fake.requests.includes('/v1/status/leader'));
  assert.ok(plainReads(fake, LIST) <= reads + 2);
  assert.ok(world.lines.every((line) => !JSON.stringify(line).includes('NEW')));
  assert.equal(world.doubt(), 'its token was refused');
});

test('createConsulSource() doubts a filtered list, keeps what it can no longer see, and trusts again when it sees all', async (t) => {
  const fake = await startFakeConsul(t);
  fake.defaultPolicy = 'deny';
  fake.tokens.set('T', { nodes: true });
  fake.register(web(8001), named('db', 5432));
  const world = await watchConsul(t, fake.address, {
    env: { CONSUL_HTTP_TOKEN: 'T' },
    timing: { checkMs: 50, rereadMs: 100, rereadGapMs: 10 },
  });
  fake.tokens.set('T', { nodes: true, services: new Set(['web']) });
  await until('the doubt', () => world.doubt());
  assert.match(world.doubt() ?? '', /service_prefix "" read and node_prefix "" read/);
  assert.deepEqual(
    world.instances().map(({ service }) => service),
    ['db', 'web'],
  );
  assert.ok(world.lines.some(({ level, fields }) => level === 'warn' && fields['event'] === 'catalog_filtered'));
  fake.register(web(8002));
  await until('a change of what it sees', () => world.latestPorts().length === 2);
  fake.tokens.set('T', { nodes: false });
  const reads = plainReads(fake);
  fake.deregister('web-8001');
  await until('reads without any rights', () => plainReads(fake) > reads + 2);
  assert.equal(world.instances().length, 3);
  fake.deregister('db');
  fake.tokens.set('T', { nodes: true });
  await until('trust', () => world.doubt() === undefined && world.instances().length === 1);
  assert.deepEqual(world.latestPorts(), [8002]);
});

test('createConsulSource() reads names with odd characters, and leaves alone those that no request can carry', async (t) => {
  const fake = await startFakeConsul(t);
  const names = ['a/b', 'ü', 'bad name!', '?x', '%2e', '__proto__', '...'];
  const unheard = ['.', '..', 'e\nvil', '\u0001', 'a\u007f', '\u0085', 'a\u00a0b', 'a\u200bb', '\u2028', '\ue000', '\ufeffa', '\uffff'];
  fake.register(...[...names, ...unheard].map((name) => named(name)));
  const world = await watchConsul(t, fake.address);
  assert.deepEqual(
    world.instances().map(({ service }) => service),
    names.toSorted(),
  );
  const refused = world.lines.filter(({ fields }) => fields['event'] === 'service_name_refused').map(({ fields }) => fields['service']);
  assert.deepEqual(new Set(refused), new Set(unheard));
  assert.deepEqual(world.failures(), []);
  for (const name of names) fake.register(named(name, 81));
  await until('all changes', () => world.instances().every(({ port }) => port === 81));
});

test('createConsulSource() keeps services apart whose names differ in case', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(
    web(8001),
    { Name: 'Web', ID: 'upper', Port: 9001, Tags: ['urlprefix-upper.test/'] },
    { Name: 'WEB', ID: 'db', Port: 1, Tags: [] },
  );
  const world = await watchConsul(t, fake.address);
  assert.deepEqual(
    world.instances().map(({ service, port }) => `${service} ${port}`),
    ['Web 9001', 'web 8001'],
  );
  fake.deregister('upper');
  await until('one', () => world.instances().length === 1);
  assert.deepEqual(world.latestPorts(), [8001]);
});

test('createConsulSource() does not route to an instance without a port, and says which', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001), web(0, { ID: 'noport' }));
  const world = await watchConsul(t, fake.address);
  assert.deepEqual(world.latestPorts(), [8001]);
  const told = (): readonly unknown[] =>
    world.lines.filter(({ fields }) => fields['event'] === 'instance_without_port').map(({ fields }) => fields['instance']);
  assert.deepEqual(told(), ['node-a/noport']);
  fake.register(web(8002), web(0, { ID: 'noport-2' }));
  await until('the change', () => world.latestPorts().length === 2 && told().length === 2);
});

test('createConsulSource() takes the address of the node where an instance has none', async (t) => {
  const fake = await startFakeConsul(t);
  fake.put('/v1/catalog/register', {
    Node: 'ext',
    Address: '10.0.0.1',
    Service: { ID: 'web-ext', Service: 'web', Port: 80, Tags: ['urlprefix-web.test/'] },
  });
  fake.register(web(8001, { Address: '10.9.9.9' }));
  const world = await watchConsul(t, fake.address);
  const addresses = (): string =>
    world
      .instances()
      .map(({ address }) => address)
      .join();
  assert.equal(addresses(), '10.0.0.1,10.9.9.9'.split(',').toSorted().join());
  fake.put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.2' });
  await until('the new address of the node', () => addresses().includes('10.0.0.2'));
});

test('createConsulSource() knows changed tags before a service that was registered after them', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  await until('all reads to wait', () => fake.waiting() === 2);
  fake.rings = (name) => name === '';
  const tags = ['urlprefix-new.test/'];
  fake.register(web(8001, { Tags: tags }), named('later'));
  await until('the later one', () => world.instances().some(({ service }) => service === 'later'));
  const first = world.snapshots().find(({ instances }) => instances.some(({ service }) => service === 'later'));
  assert.deepEqual(first?.instances.find(({ service }) => service === 'web')?.tags, tags);
});

test('createConsulSource() takes the first change of the list at once and the next ones after a gap', async (t) => {
  const fake = await startFakeConsul(t);
  const world = await watchConsul(t, fake.address);
  await until('the list to wait', () => fake.waiting('') === 1);
  const lists = (): number => count(fake, LIST, 'index');
  const before = lists();
  fake.register(named('a'));
  await until('the first', () => world.instances().length === 1);
  assert.equal(lists(), before);
  const startedAtMs = performance.now();
  for (const name of ['b', 'c', 'd']) fake.register(named(name));
  await until('the others', () => world.instances().length === 4);
  assert.ok(performance.now() - startedAtMs > 200);
  assert.equal(lists(), before + 1, 'one read has them all');
});

for (const { told, delayMs, togetherMs } of [
  { told: 'together', delayMs: 200, togetherMs: 30_000 },
  { told: 'alone where another one does not answer in time', delayMs: 30_000, togetherMs: 20 },
])
  test(`createConsulSource() tells of new services of one list ${told}`, async (t) => {
    const fake = await startFakeConsul(t);
    fake.register(named('first'));
    const world = await watchConsul(t, fake.address, { timing: { togetherMs } });
    const has = (name: string, { instances }: CatalogSnapshot): boolean => instances.some(({ service }) => service === name);
    const latest = (name: string) => () => world.snapshots().findLast((snapshot) => has(name, snapshot));
    await until('all reads to wait', () => fake.waiting() === 2);
    fake.register(named('before'));
    await until('the one before', latest('before'));
    // in the pause after the list of that one: both come with the next list
    fake.delayOf = (path) => (path.endsWith('/slow') ? delayMs : 0);
    fake.register(named('slow'), named('beside'));

    await until('the one beside it', latest('beside'));

    const first = world.snapshots().find((snapshot) => has('beside', snapshot));
    assert.equal(first && has('slow', first), delayMs < togetherMs);
  });

test('createConsulSource() finds what no bell rang for by reading every service again', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(...Array.from({ length: 20 }, (_, turn) => named(`s${turn}`)));
  const world = await watchConsul(t, fake.address, { timing: { rereadMs: 400, rereadGapMs: 1 } });
  await until('all reads to wait', () => fake.waiting() === 21);
  fake.rings = () => false;
  const before = fake.requests.length;
  const startedAtMs = performance.now();
  fake.register(named('s7', 81));
  fake.put('/v1/agent/service/deregister/s3');
  await until('both', () => world.instances().length === 19 && world.instances().some(({ port }) => port === 81));
  const perSecond = (1000 * (fake.requests.length - before)) / Math.max(400, performance.now() - startedAtMs);
  assert.ok(perSecond < 120, `${Math.round(perSecond)} requests per second for 20 services in 0.4 s`);
});

test('createConsulSource() dates what it knows from the last read of everything', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address);
  const first = world.snapshots().at(-1)?.observedAtMs ?? 0;
  await until('time to pass', () => Date.now() > first + 20);
  fake.register(web(8002));
  await until('the change', () => world.latestPorts().length === 2);
  assert.equal(world.snapshots().at(-1)?.observedAtMs, first, 'a streamed answer confirms nothing');
  world.source.refresh();
  await until('a read of everything', () => (world.snapshots().at(-1)?.observedAtMs ?? 0) > first + 20);
});

test('createConsulSource() names the datacenter in every read', async (t) => {
  const fake = await startFakeConsul(t);
  fake.register(web(8001));
  const world = await watchConsul(t, fake.address, { datacenter: 'dc1' });
  await until('all reads to wait', () => fake.waiting() === 2);
  assert.deepEqual(world.latestPorts(), [8001]);
  assert.ok(
    fake.requests
      .filter((request) => request.startsWith('/v1/catalog') || request.startsWith('/v1/health'))
      .every((request) => request.includes('dc=dc1')),
  );
  const other = await watchConsul(t, fake.address, { datacenter: 'nope', isSynced: false });
  await until('the refusal', () => other.failures().some((message) => message.includes('No path to datacenter')));
});
