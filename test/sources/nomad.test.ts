import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { nomadConnection } from '../../src/nomad/connection.ts';
import { createNomadSource, type NomadSourceOptions } from '../../src/sources/nomad.ts';
import { sourceContract, watchSource, type Watched } from '../contract/source.ts';
import { startFakeNomad, type FakeNomad } from '../support/fake-nomad.ts';
import { freePort, tempDir } from '../support/process.ts';
import { until } from '../support/until.ts';

type Source = ReturnType<typeof createNomadSource>;

function sourceOf(fake: FakeNomad, options: Partial<NomadSourceOptions> & { readonly token?: string } = {}): Source {
  const { token, ...rest } = options;
  return createNomadSource({
    connection: nomadConnection({ NOMAD_ADDR: fake.address, ...(token !== undefined && { NOMAD_TOKEN: token }) }),
    isRoutingTag: (tag) => tag.startsWith('urlprefix-'),
    resyncMs: 200,
    clock: systemClock,
    log: silentLog,
    readiness: false,
    patience: { openMs: 300, silenceMs: 2000 },
    ...rest,
  });
}

const web = (port: number, more: object = {}) => ({ name: 'web', id: `web-${port}`, port, ...more });

async function watchWeb(
  t: TestContext,
  fake: FakeNomad,
  options: Parameters<typeof sourceOf>[1] = {},
): Promise<Watched & { readonly source: Source }> {
  const source = sourceOf(fake, options);
  const watched = watchSource(t, source);
  await until('the first snapshot', () => watched.snapshots().length > 0);
  return { ...watched, source };
}

const lastPorts = (watched: Watched): string => watched.latestPorts().join();
const instancesOf = (watched: Watched) => watched.snapshots().at(-1)?.instances ?? [];

function setPorts(fake: FakeNomad, ports: readonly number[], known: Set<number>): void {
  const gone = [...known].filter((port) => !ports.includes(port));
  if (gone.length > 0) fake.deregister(gone.map((port) => `web-${port}`));
  const added = ports.filter((port) => !known.has(port));
  if (added.length > 0) fake.register(...added.map((port) => web(port)));
  known.clear();
  for (const port of ports) known.add(port);
}

for (const kind of ['stream', 'polling', 'unix socket'] as const) {
  sourceContract(`createNomadSource() over ${kind}`, async (t) => {
    const socketPath = kind === 'unix socket' ? join(await tempDir(t), 'api.sock') : undefined;
    const fake = await startFakeNomad(t, socketPath === undefined ? {} : { socketPath });
    fake.refusesStreams = kind === 'polling';
    const known = new Set<number>();
    return {
      source: sourceOf(fake),
      set: async (ports) => setPorts(fake, ports, known),
      fail: () => fake.down(),
      heal: () => fake.up(),
    };
  });
}

test('createNomadSource() takes a registration from its event without another read', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  const watched = await watchWeb(t, fake, { resyncMs: 60_000 });
  const reads = fake.requests.length;
  fake.register(web(8002));
  await until('both', () => lastPorts(watched) === '8001,8002');
  fake.register(web(8002, { tags: ['urlprefix-other.test/'] }));
  await until('the tag', () => instancesOf(watched).some(({ tags }) => tags.includes('urlprefix-other.test/')));
  fake.deregister(['web-8001', 'web-8002'], 'PlanResult');
  await until('none', () => lastPorts(watched) === '');
  assert.equal(fake.requests.length, reads);
  assert.equal(watched.snapshots().at(-1)?.doubt, undefined);
});

test('createNomadSource() gives each namespace its own owner', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001), web(8002, { id: 'blue-web', namespace: 'blue' }));
  const watched = await watchWeb(t, fake);
  assert.deepEqual(
    instancesOf(watched).map(({ owner, port, health }) => [owner, port, health]),
    [
      ['blue', 8002, 'passing'],
      ['default', 8001, 'passing'],
    ],
  );
});

test('createNomadSource() sees a namespace that came after its stream', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  const watched = await watchWeb(t, fake, { patience: { openMs: 300, silenceMs: 60_000 } });
  fake.createNamespace('green');
  fake.register(web(8002, { namespace: 'green' }));
  await until('the instance in the new namespace', () => lastPorts(watched) === '8001,8002');
  await until(
    'a stream that carries it',
    () => fake.openStreams() === 1 && fake.requests.filter((path) => path.includes('stream')).length === 2,
  );
  const lists = fake.requests.filter((path) => path.startsWith('/v1/service/')).length;
  fake.register(web(8003, { namespace: 'green' }));
  await until('an event in the new namespace', () => lastPorts(watched) === '8001,8002,8003');
  assert.equal(fake.requests.filter((path) => path.startsWith('/v1/service/')).length, lists);
});

test('createNomadSource() reads all again when events were lost', async (t) => {
  const fake = await startFakeNomad(t);
  fake.bufferSize = 2;
  fake.register(web(8001), web(8002));
  const watched = await watchWeb(t, fake);
  fake.sendsEvents = false;
  fake.deregister(['web-8001']);
  fake.endStreams();
  for (let count = 0; count < 5; count += 1) fake.other();
  fake.sendsEvents = true;
  await until('the lost removal', () => lastPorts(watched) === '8002');
});

test('createNomadSource() applies events by their index when a stream replays old ones', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  fake.deregister(['web-8001']);
  fake.register(web(8002));
  fake.register(web(8002, { tags: ['urlprefix-new.test/'] }));
  const watched = await watchWeb(t, fake);
  fake.register(web(8003));
  await until('the new one', () => lastPorts(watched) === '8002,8003');
  for (const { instances } of watched.snapshots()) {
    assert.ok(!instances.some(({ port }) => port === 8001), 'an old registration came back');
    assert.ok(
      instances.some(({ tags }) => tags.includes('urlprefix-new.test/')),
      'an old tag came back',
    );
  }
});

test('createNomadSource() leaves services without a claimed tag alone until they have one', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001, { tags: ['v1'] }), web(8002, { tags: [] }), { name: 'api', id: 'api', port: 8080 });
  const watched = await watchWeb(t, fake, { resyncMs: 60_000 });
  assert.deepEqual(
    instancesOf(watched).map(({ service }) => service),
    ['api'],
  );
  assert.ok(!fake.requests.some((path) => path.startsWith('/v1/service/web')));
  fake.register(web(8001, { tags: ['urlprefix-web.test/'] }));
  await until('both instances', () => lastPorts(watched) === '8001,8002');
});

test('createNomadSource() leaves out instances without address or port', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001), web(0, { id: 'noport' }), web(8003, { address: '' }));
  const watched = await watchWeb(t, fake);
  assert.equal(lastPorts(watched), '8001');
});

test('createNomadSource() doubts removals when the server starts again without data', async (t) => {
  const fake = await startFakeNomad(t);
  for (const port of [8001, 8002, 8003]) fake.register(web(port));
  const watched = await watchWeb(t, fake);
  fake.wipe();
  await until('the wiped catalog', () => lastPorts(watched) === '');
  assert.match(watched.snapshots().at(-1)?.doubt ?? '', /index fell from 4 to 1/);
});

test('createNomadSource() keeps what it knows when the token loses all rights', async (t) => {
  const fake = await startFakeNomad(t);
  fake.rights.set('T', new Set(['*']));
  fake.register(web(8001));
  const watched = await watchWeb(t, fake, { token: 'T' });
  fake.rights.set('T', new Set());
  await until('the failure', () => watched.events.some((event) => event.kind === 'failed' && /no namespace/.test(event.error.message)));
  fake.rights.delete('T');
  fake.rights.set('U', new Set());
  await until('the 403', () => watched.events.some((event) => event.kind === 'failed' && /403/.test(event.error.message)));
  assert.equal(lastPorts(watched), '8001');
});

test('createNomadSource() keeps a namespace that the token may no longer read, and says so', async (t) => {
  const fake = await startFakeNomad(t);
  fake.rights.set('T', new Set(['*']));
  fake.register(web(8001), web(8002, { namespace: 'blue' }));
  const watched = await watchWeb(t, fake, { token: 'T' });
  fake.rights.set('T', new Set(['default']));
  watched.source.refresh();
  await until('the doubt', () => watched.snapshots().at(-1)?.doubt?.includes('"blue"'));
  assert.equal(lastPorts(watched), '8001,8002');
  fake.endStreams();
  fake.register(web(8003));
  await until('a change in the other one', () => lastPorts(watched) === '8001,8002,8003');
  fake.rights.set('T', new Set(['*']));
  watched.source.refresh();
  await until('trust', () => watched.snapshots().at(-1)?.doubt === undefined);
});

test('createNomadSource() opens one stream for each namespace when the star is refused', async (t) => {
  const fake = await startFakeNomad(t);
  fake.rights.set('T', new Set(['default', 'blue']));
  fake.register(web(8001), web(8002, { namespace: 'blue' }), web(8003, { id: 'hidden', namespace: 'red' }));
  const watched = await watchWeb(t, fake, { token: 'T', resyncMs: 60_000 });
  assert.equal(lastPorts(watched), '8001,8002');
  assert.equal(fake.openStreams(), 2);
  fake.register(web(8004, { namespace: 'blue' }));
  await until('an event of a namespace', () => lastPorts(watched) === '8001,8002,8004');
});

test('createNomadSource() reads only the namespaces it is given', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001), web(8002, { namespace: 'blue' }));
  const watched = await watchWeb(t, fake, { namespaces: ['blue'] });
  assert.equal(lastPorts(watched), '8002');
  assert.ok(!fake.requests.some((path) => path.includes('namespace=*') || path.includes('namespace=%2A')));
});

test('createNomadSource() fails without a leader and takes nothing from it', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  const watched = await watchWeb(t, fake);
  fake.mode = 'no-leader';
  await until('the failure', () =>
    watched.events.some((event) => event.kind === 'failed' && /No cluster leader/.test(event.error.message)),
  );
  fake.mode = 'up';
  fake.register(web(8002));
  await until('the leader', () => lastPorts(watched) === '8001,8002');
  assert.equal(watched.snapshots().at(-1)?.doubt, 'the connection to it is fresh');
});

test('createNomadSource() opens a silent or broken stream again without a tight loop', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  const watched = await watchWeb(t, fake, { patience: { openMs: 300, silenceMs: 400 }, resyncMs: 60_000 });
  const streams = (): number => fake.requests.filter((path) => path.includes('stream')).length;
  await until('a second stream after silence', () => streams() >= 2);
  fake.sendRaw('no json\n');
  const before = streams();
  await until('another after the broken line', () => streams() > before && fake.openStreams() === 1);
  for (let count = 0; count < 4; count += 1) {
    await until('a stream', () => fake.openStreams() === 1);
    fake.endStreams();
    await until('its end', () => fake.openStreams() === 0);
  }
  await until('a stream', () => fake.openStreams() === 1);
  fake.register(web(8002));
  await until('a change afterwards', () => lastPorts(watched) === '8001,8002');
  assert.ok(!watched.events.some(({ kind }) => kind === 'failed'), 'the end of a stream is no failure');
  assert.ok(streams() < 20, `${streams()} streams were opened`);
});

test('createNomadSource() never waits in a read', async (t) => {
  const fake = await startFakeNomad(t);
  fake.register(web(8001));
  const watched = await watchWeb(t, fake, { resyncMs: 20 });
  await until('some checks', () => fake.requests.length > 20);
  await watched.stop();
  assert.ok(!fake.requests.some((path) => /[?&]wait=/.test(path)));
});

test('createNomadSource() holds a new instance back until it accepts connections', async (t) => {
  const fake = await startFakeNomad(t);
  const [early, late] = [createServer(), createServer()];
  t.after(() => [early, late].map((server) => server.close()));
  early.listen(0, '127.0.0.1');
  await once(early, 'listening');
  const address = early.address();
  assert.ok(typeof address === 'object' && address !== null);
  const latePort = await freePort();
  fake.register(web(address.port));
  const watched = await watchWeb(t, fake, { readiness: true });
  const healthAt = (port: number) => instancesOf(watched).find((instance) => instance.port === port)?.health;
  assert.equal(healthAt(address.port), 'passing');
  fake.register(web(latePort));
  await until('the new one', () => healthAt(latePort) !== undefined);
  assert.equal(healthAt(latePort), 'critical');
  late.listen(latePort, '127.0.0.1');
  await until('that it listens', () => healthAt(latePort) === 'passing');
  assert.equal(healthAt(address.port), 'passing');
});
