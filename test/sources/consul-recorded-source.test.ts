import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { sourceId } from '../../src/model/names.ts';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { parseHealthRows } from '../../src/sources/consul-rows.ts';
import { createConsulSource } from '../../src/sources/consul.ts';
import { watchSource, type Watched } from '../contract/source.ts';
import { LIST, WEB, recordedRead, recordedStep, recordedSteps, withoutRecordings } from '../support/consul-recordings.ts';
import { startPuppetConsul, type PuppetConsul } from '../support/puppet-consul.ts';
import type { RecordedExchange } from '../support/recordings.ts';
import { until } from '../support/until.ts';

/** What the source concludes from what Consul really said: recorded answers, given to it by a puppet. */
const options = { skip: withoutRecordings };

async function watchPuppet(t: TestContext, puppet: PuppetConsul, env: Readonly<Record<string, string>> = {}): Promise<Watched> {
  const source = createConsulSource({
    connection: consulConnection({ CONSUL_HTTP_ADDR: puppet.address, ...env }),
    isRoutingTag: () => true,
    resyncMs: 60_000,
    clock: systemClock,
    log: silentLog,
  });
  return watchSource(t, source);
}

/** What the source shows of `web`, one line for each instance. */
const shown = (watched: Watched): readonly string[] =>
  (watched.snapshots().at(-1)?.instances ?? [])
    .filter(({ service }) => service === 'web')
    .map(({ instance, address, port, health, tags }) => [instance, address, port, health, ...tags].join(' '));

const rowsOf = ({ body }: RecordedExchange): readonly string[] =>
  parseHealthRows(body, { name: 'web', source: sourceId('consul') }).instances.map(({ instance, address, port, health, tags }) =>
    [instance, address, port, health, ...tags].join(' '),
  );

/** A list that names `web` and nothing else, for recordings that have none; its index is that of the read. */
const listLike = (exchange: RecordedExchange, names: readonly string[] = ['web']): RecordedExchange => ({
  ...exchange,
  body: Object.fromEntries(names.map((name) => [name, ['tag']])),
});

/** The same rows as a read without index gives them. */
const plain = (exchange: RecordedExchange): RecordedExchange => ({
  ...exchange,
  headers: { ...exchange.headers, 'X-Consul-Knownleader': 'true', 'X-Consul-Query-Backend': 'blocking-query' },
});

const readsOf = (puppet: PuppetConsul): number => puppet.reads.filter((path) => path === WEB).length;

const failuresOf = (watched: Watched): readonly string[] =>
  watched.events.flatMap((event) => (event.kind === 'failed' ? [event.error.message] : []));

test('createConsulSource() follows every change of 02, and reads again what a streamed answer would remove', options, async (t) => {
  const steps = recordedSteps('02-health-service-wakes.json').filter((step) => step['woke'] === true);
  const [first, ...rest] = steps.map((step) => recordedRead(step, WEB));
  assert.ok(first && rest.length >= 15);
  const puppet = await startPuppetConsul(t);
  puppet.say(LIST, listLike(plain(first)));
  puppet.say(WEB, plain(first));
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length === 1);
  let before = rowsOf(first);
  for (const answer of rest) {
    const reads = readsOf(puppet);
    puppet.say(WEB, plain(answer));
    await puppet.ring(WEB, answer);
    await until('what it says', () => JSON.stringify(shown(watched)) === JSON.stringify(rowsOf(answer)));
    const ids = (rows: readonly string[]): readonly string[] => rows.map((row) => row.split(' ')[0] ?? '');
    const isLoss = ids(before).some((id) => !ids(rowsOf(answer)).includes(id));
    const isDown = before.some((row) => /passing|unknown/.test(row)) && !rowsOf(answer).some((row) => /passing|unknown/.test(row));
    assert.equal(readsOf(puppet) > reads, isLoss || isDown, `${before.join()} → ${rowsOf(answer).join()}`);
    before = rowsOf(answer);
  }
});

test('createConsulSource() reads all again after the restart of 04, and doubts what is missing', options, async (t) => {
  const name = '04-restart-wiped.json';
  const [up, stop, after] = ['agent up', 'a blocking read is open', 'the old index is still used'].map((what) => recordedStep(name, what));
  assert.ok(up && stop && after);
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(up, path));
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length > 0);
  puppet.say(LIST, recordedRead(after, LIST));
  puppet.say(WEB, recordedRead(recordedStep(name, 'the service is registered again'), WEB));

  await puppet.ring(LIST, recordedRead(stop, LIST));

  await until('the doubt', () => watched.snapshots().at(-1)?.doubt === 'its index fell from 47 to 18');
  assert.deepEqual(shown(watched), rowsOf(recordedRead(after, WEB)));
  assert.equal((await puppet.waits(WEB)).get('index'), '18');
});

test('createConsulSource() ignores the empty answers of 07 that have the same index', options, async (t) => {
  const step = recordedStep('07-acl.json', 'the policy of a token');
  const all = recordedStep('07-acl.json', 'a token that may read everything');
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB, '/v1/health/service/db']) puppet.say(path, recordedRead(all, path));
  puppet.say('/v1/health/service/consul', recordedRead(all, WEB));
  const watched = await watchPuppet(t, puppet, { CONSUL_HTTP_TOKEN: 'TOKEN-SHRINKS' });
  await until('the first snapshot', () => shown(watched).length === 1);

  await puppet.ring(WEB, recordedRead(step, WEB));
  await puppet.ring(WEB, recordedRead(step, WEB));

  await puppet.waits(WEB);
  assert.equal(shown(watched).length, 1);
  assert.ok(watched.snapshots().every(({ instances }) => instances.length === watched.snapshots()[0]?.instances.length));
});

test('createConsulSource() keeps all when its token is deleted as in 07', options, async (t) => {
  const step = recordedStep('07-acl.json', 'a token is deleted');
  const all = recordedStep('07-acl.json', 'a token that may read everything');
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB, '/v1/health/service/db']) puppet.say(path, recordedRead(all, path));
  puppet.say('/v1/health/service/consul', recordedRead(all, WEB));
  const watched = await watchPuppet(t, puppet, { CONSUL_HTTP_TOKEN: 'TOKEN-DELETED' });
  await until('the first snapshot', () => shown(watched).length === 1);
  puppet.say(LIST, recordedRead(step, LIST, 1));
  puppet.say(WEB, recordedRead(step, WEB, 1));

  await puppet.ring(WEB, recordedRead(step, WEB));

  await until('the failure', () => failuresOf(watched).some((message) => message.includes('ACL not found')));
  assert.equal(shown(watched).length, 1);
});

for (const who of [
  'a token that may read service web only',
  'a token that may read services but no nodes',
  'a token without any service',
]) {
  test(`createConsulSource() doubts the answers of 07 to ${who}`, options, async (t) => {
    const step = recordedStep('07-acl.json', who);
    const puppet = await startPuppetConsul(t);
    for (const path of [LIST, WEB]) puppet.say(path, recordedRead(step, path));
    const watched = await watchPuppet(t, puppet, { CONSUL_HTTP_TOKEN: 'T' });
    await until('the first snapshot', () => watched.snapshots().length > 0);
    assert.match(watched.snapshots().at(-1)?.doubt ?? '', /service_prefix "" read and node_prefix "" read/);
  });
}

test('createConsulSource() refuses the answers of 07 to nobody, whose gaps are not marked', options, async (t) => {
  const step = recordedStep('07-acl.json', 'no token');
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(step, path));
  const watched = await watchPuppet(t, puppet);
  await until('the refusal', () => failuresOf(watched).some((message) => message.startsWith('Cannot read Consul without a token')));
  assert.equal(watched.snapshots().length, 0);
});

test('createConsulSource() takes nothing from the answers of 09 without a leader', options, async (t) => {
  const step = recordedStep('09-no-leader.json', 'there is no leader');
  const before = recordedStep('04-restart-wiped.json', 'agent up');
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(before, path));
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length === 1);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(step, path));
  puppet.say('/v1/status/leader', recordedRead(step, '/v1/status/leader'));

  // streamed: 200, no rows, index 1
  await puppet.ring(WEB, recordedRead(step, WEB, 2));

  await until('the failure', () => failuresOf(watched).some((message) => message.includes('No cluster leader')));
  assert.equal(shown(watched).length, 1);
  puppet.say('/v1/status/leader', { ...recordedRead(step, '/v1/status/leader'), body: '127.0.0.1:8300' });
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(before, path));
  const count = watched.snapshots().length;
  await until('the leader', () => watched.snapshots().length > count);
  assert.equal(watched.snapshots().at(-1)?.doubt, 'the connection to it is fresh');
});

test('createConsulSource() keeps all while the servers of 10 are away, and finds the wiped one at once', options, async (t) => {
  const name = '10-client-agent.json';
  const puppet = await startPuppetConsul(t);
  const flip = recordedRead(recordedStep(name, 'blocking read, then a check flip'), WEB);
  const list = recordedRead(recordedStep(name, 'stale, consistent'), LIST);
  puppet.say(LIST, { ...list, body: { web: ['urlprefix-/web'] } });
  puppet.say(WEB, plain(flip));
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length === 1);
  const [lost, away, back] = ['the only server is killed', 'reads while the server is away', 'the server comes back'].map((what) =>
    recordedStep(name, what),
  );
  assert.ok(lost && away && back);
  for (const path of [LIST, WEB, '/v1/status/leader']) puppet.say(path, recordedRead(away, path));

  await puppet.ring(WEB, recordedRead(lost, WEB));

  await until('the failure', () => failuresOf(watched).length > 0);
  assert.deepEqual(shown(watched), rowsOf(flip));
  const reads = puppet.reads.filter((path) => path !== '/v1/status/leader').length;
  await until('some probes', () => puppet.reads.filter((path) => path === '/v1/status/leader').length >= 3);
  assert.equal(puppet.reads.filter((path) => path !== '/v1/status/leader').length, reads, 'a probe is the only read');
  puppet.say(WEB, recordedRead(back, WEB, 1));
  puppet.say(LIST, listLike(recordedRead(back, WEB, 1)));
  puppet.say('/v1/status/leader', { ...list, body: '127.0.0.1:8300' });
  await until('what the wiped server knows', () => JSON.stringify(shown(watched)) === JSON.stringify(rowsOf(recordedRead(back, WEB, 1))));
});

test('createConsulSource() reads all again when the list of 12 comes back early, and doubts what is missing', options, async (t) => {
  const name = '12-snapshot-restore.json';
  const [before, during, after] = ['one service', 'the snapshot is restored', 'reads after the restore'].map((what) =>
    recordedStep(name, what),
  );
  assert.ok(before && during && after);
  const puppet = await startPuppetConsul(t);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(before, path));
  puppet.say('/v1/health/service/consul', recordedRead(before, WEB));
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length === 1);
  for (const path of [LIST, WEB]) puppet.say(path, recordedRead(after, path));

  await puppet.ring(LIST, recordedRead(during, LIST));

  await until('the restored state', () => JSON.stringify(shown(watched)) === JSON.stringify(rowsOf(recordedRead(after, WEB))));
  assert.equal(watched.snapshots().at(-1)?.doubt, 'its index fell from 38 to 18');
});

test('createConsulSource() shows the checks of 13 as they are after a restart with data', options, async (t) => {
  const reads = recordedStep('13-ttl-and-kept-restart.json', 'a service with a TTL check').exchanges;
  const [before, leaderless, passing, critical, streamed] = reads;
  assert.ok(before && leaderless && passing && critical && streamed);
  const api = '/v1/health/service/api';
  const puppet = await startPuppetConsul(t);
  puppet.say(LIST, listLike(before, ['api']));
  puppet.say(api, before);
  const watched = await watchPuppet(t, puppet);
  const health = (): string | undefined => watched.snapshots().at(-1)?.instances[0]?.health;
  await until('the first snapshot', () => health() === 'passing');
  puppet.say(api, leaderless);
  await puppet.ring(LIST, { ...leaderless });
  await until('the failure', () => failuresOf(watched).some((message) => message.includes('No cluster leader')));
  assert.equal(health(), 'passing');
  puppet.say(api, passing);
  await until('the doubt', () => watched.snapshots().at(-1)?.doubt !== undefined);
  assert.equal(health(), 'passing');
  puppet.say(api, critical);

  await puppet.ring(api, streamed);

  await until('the expired check', () => health() === 'critical');
});

test('createConsulSource() keeps web through the change of leader in 14 and sees its check flip', options, async (t) => {
  const step = recordedStep('14-leader-change.json', 'the leader is killed');
  const [first, lost, again, flipped] = [0, 1, 3, 5].map((nth) => recordedRead(step, WEB, nth));
  const streamed = step.exchanges.find(({ request, headers }) => request.query?.includes('index') && headers?.['X-Consul-Index'] === '31');
  assert.ok(first && lost && again && flipped && streamed);
  const puppet = await startPuppetConsul(t);
  puppet.say(LIST, listLike(first));
  puppet.say(WEB, first);
  const watched = await watchPuppet(t, puppet);
  await until('the first snapshot', () => shown(watched).length === 1);
  const list = recordedRead(step, LIST);
  puppet.say(WEB, lost);
  puppet.say(LIST, list);
  puppet.say('/v1/status/leader', lost);

  await puppet.ring(LIST, list);

  await until('the failure', () => failuresOf(watched).length > 0);
  puppet.say(WEB, again);
  puppet.say(LIST, listLike(again));
  puppet.say('/v1/status/leader', { ...again, body: '127.0.0.1:8300' });
  await until('the new leader', () => watched.snapshots().at(-1)?.doubt !== undefined);
  assert.deepEqual(shown(watched), rowsOf(first));
  puppet.say(WEB, flipped);
  await puppet.ring(WEB, streamed);
  await until('the flip', () => shown(watched).some((row) => row.includes('critical')));
  assert.ok(watched.snapshots().every(({ instances }) => instances.length === 1));
});
