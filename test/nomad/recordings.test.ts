import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { sortedUnique } from '../../src/lib/sort.ts';
import type { ServiceInstance } from '../../src/model/catalog.ts';
import { createNomad } from '../../src/nomad/client.ts';
import { nomadConnection } from '../../src/nomad/connection.ts';
import { NomadError } from '../../src/nomad/error.ts';
import { createNomadSource } from '../../src/sources/nomad.ts';
import { watchSource } from '../contract/source.ts';
import { startFakeNomad, type FakeNomad, type FakeRegistration } from '../support/fake-nomad.ts';
import {
  RECORDINGS,
  recordedLines,
  recordedSteps,
  recordingNames,
  type RecordedExchange,
  type RecordedLine,
} from '../support/nomad-recordings.ts';
import { until } from '../support/until.ts';

const skip: string | false = RECORDINGS === undefined && 'SKIPPED: needs the recordings in ../shared/recordings or RECORDINGS_DIR';

/** Every recorded answer: the client reads it or says its status. The number is how many reads of services each has at least. */
const ANSWERS: Readonly<Record<string, number>> = {
  '01-shapes.json': 20,
  '02-stream-lifecycle.json': 8,
  '03-stream-failures.json': 0,
  '04-stream-index-and-heartbeat.json': 1,
  '05-namespaces.json': 6,
  '06-blocking.json': 20,
  '07-acl.json': 40,
  '08-checks.json': 2,
  '09-limits-gzip-self.json': 0,
  '10-parse-plan.json': 0,
  '11-rolling-nomad.json': 0,
  '12-rolling-consul.json': 0,
  '13-restart-wiped.json': 4,
  '14-buffer-gap.json': 1,
  '15-no-leader.json': 4,
  '16-node-lost.json': 3,
  '17-stream-refused.json': 2,
  '18-table-index-and-order.json': 6,
};

/** Streams that saw every change from the start: the source must end with what the lines add up to. */
const HISTORIES = [
  '02-stream-lifecycle.service.ndjson',
  '03-stream-failures.service.ndjson',
  '05-namespaces.star-later.ndjson',
  '08-checks.service.ndjson',
  '11-rolling-nomad.service.ndjson',
  '12-rolling-consul.service.ndjson',
  '16-node-lost.service.ndjson',
] as const;

interface Replay {
  /** The recording whose transactions are in the buffer when the stream is opened. */
  readonly history: string;
  /** How many of its transactions are there; the rest comes while the stream is open. */
  readonly before?: number;
  /** The recorded request. */
  readonly query: string;
}

const WHOLE_04 = '04-stream-index-and-heartbeat.zero-live.ndjson';
const at04 = (query: string): Replay => ({ history: WHOLE_04, before: 3, query });

/** Streams that depend on what they asked for: the fake must answer with the same lines. */
const REPLAYS: Readonly<Record<string, Replay>> = {
  '04-stream-index-and-heartbeat.no-index.ndjson': at04('topic=Service'),
  '04-stream-index-and-heartbeat.index-0.ndjson': at04('topic=Service&index=0'),
  '04-stream-index-and-heartbeat.index-1.ndjson': at04('topic=Service&index=1'),
  '04-stream-index-and-heartbeat.index-cur.ndjson': at04('topic=Service&index=21'),
  '04-stream-index-and-heartbeat.index-next.ndjson': at04('topic=Service&index=22'),
  '04-stream-index-and-heartbeat.index-far.ndjson': at04('topic=Service&index=100021'),
  '04-stream-index-and-heartbeat.topic-bad.ndjson': at04('topic=Nope'),
  '04-stream-index-and-heartbeat.ns-nope.ndjson': at04('topic=Service&namespace=nope'),
  '04-stream-index-and-heartbeat.topic-name.ndjson': at04('topic=Service:web'),
  '04-stream-index-and-heartbeat.web-only-live.ndjson': at04('topic=Service:web'),
  '04-stream-index-and-heartbeat.future-live.ndjson': at04('topic=Service&index=100021'),
  [WHOLE_04]: at04('topic=Service&index=0'),
  '05-namespaces.default.ndjson': { history: '05-namespaces.star-later.ndjson', before: 0, query: 'topic=Service' },
  '05-namespaces.star.ndjson': { history: '05-namespaces.star-later.ndjson', before: 0, query: 'topic=Service&namespace=*' },
  '13-restart-wiped.old-index.ndjson': { history: '13-restart-wiped.old-index.ndjson', before: 1, query: 'topic=Service&index=59' },
  '14-buffer-gap.from-old.ndjson': { history: '14-buffer-gap.from-old.ndjson', query: 'topic=Service&index=13' },
  '14-buffer-gap.from-zero.ndjson': { history: '14-buffer-gap.from-zero.ndjson', query: 'topic=Service&index=0' },
};

test('every recording of Nomad is used', { skip }, () => {
  assert.deepEqual([...new Set([...Object.keys(ANSWERS), ...HISTORIES, ...Object.keys(REPLAYS)])].toSorted(), recordingNames());
});

for (const [name, atLeast] of skip === false ? Object.entries(ANSWERS) : []) {
  test(`createNomad() reads what Nomad answered in ${name}`, async (t) => {
    const steps = recordedSteps(name);
    const exchanges = steps.flatMap((step) => step.exchanges).filter(({ request }) => request.method === 'GET');
    let current: RecordedExchange | undefined;
    const nomad = createNomad(nomadConnection({ NOMAD_ADDR: await answerWith(t, () => current) }));
    t.after(() => nomad.close());
    let count = 0;
    for (const exchange of exchanges) {
      current = exchange;
      count += await checkRead(nomad, exchange);
    }
    assert.ok(steps.length > 0);
    assert.ok(count >= atLeast, `${count} reads, expected ${atLeast} or more`);
  });
}

for (const name of skip === false ? HISTORIES : []) {
  test(`createNomadSource() ends with what ${name} adds up to`, async (t) => {
    const fake = await startFakeNomad(t);
    const source = createNomadSource({
      connection: nomadConnection({ NOMAD_ADDR: fake.address }),
      isRoutingTag: () => true,
      resyncMs: 60_000,
      clock: systemClock,
      log: silentLog,
      readiness: false,
    });
    for (const namespace of namespacesIn(name)) fake.createNamespace(namespace);
    const watched = watchSource(t, source);
    await until('the first snapshot', () => watched.snapshots().length > 0);
    const reads = fake.requests.length;
    for (const line of recordedLines(name)) replay(fake, line);
    // what comes last shows that all before it was taken
    fake.register({ name: 'last', id: 'last', port: 9 });
    const expected = [...addUp(recordedLines(name)).values()].map(({ ID: id, Port: port, Tags: tags }) =>
      JSON.stringify([id, port, tags ?? []]),
    );
    const instances = (): readonly ServiceInstance[] => watched.snapshots().at(-1)?.instances ?? [];
    await until('the last event', () => instances().some(({ instance }) => instance === 'last'));
    const shown = instances().filter(({ instance }) => instance !== 'last');
    assert.deepEqual(sortedUnique(shown.map(({ instance, port, tags }) => JSON.stringify([instance, port, tags]))), sortedUnique(expected));
    assert.equal(fake.requests.length, reads, 'events need no read');
  });
}

for (const [name, { history, before, query }] of skip === false ? Object.entries(REPLAYS) : []) {
  test(`startFakeNomad() streams the lines of ${name}`, async (t) => {
    const fake = await startFakeNomad(t);
    const transactions = recordedLines(history).filter(({ Events: events }) => events);
    const expected = recordedLines(name);
    if (!name.startsWith('05')) for (const namespace of namespacesIn(history)) fake.createNamespace(namespace);
    else fake.createNamespace('blue');
    fake.bufferSize = name.startsWith('14') ? 2 : 100;
    for (const line of transactions.slice(0, before)) replay(fake, line);
    // other topics wrote to the buffer after the last service did
    if (history === WHOLE_04) fake.other();
    const lines = await openStream(t, `${fake.address}/v1/event/stream?${query}`);
    await until('the first line', () => lines().length > 0);
    const isLive = name.includes('-live') || name.startsWith('05') || name.startsWith('13');
    if (isLive && before !== undefined) for (const line of transactions.slice(before)) replay(fake, line);
    const beats = isLive && expected.at(-1)?.Events === undefined ? expected.filter(({ Events: events }) => !events).length - 1 : 0;
    for (let beat = 0; beat < beats; beat += 1) {
      const count = lines().length;
      fake.heartbeat();
      await until('the heartbeat', () => lines().length > count);
    }
    await until('all lines', () => lines().length >= expected.length);
    assert.deepEqual(lines(), expected);
  });
}

test('startFakeNomad() lists what Nomad listed after the same events', { skip }, async (t) => {
  const fake = await startFakeNomad(t);
  const steps = recordedSteps('02-stream-lifecycle.json');
  const lines = [...recordedLines('02-stream-lifecycle.service.ndjson')];
  const nomad = createNomad(nomadConnection({ NOMAD_ADDR: fake.address }));
  t.after(() => nomad.close());
  let count = 0;
  for (const { exchanges } of steps) {
    const recorded = exchanges.find(({ request }) => request.path === '/v1/service/web');
    if (!recorded) continue;
    const index = Number(recorded.headers?.['X-Nomad-Index']);
    for (const line of lines.splice(0)) {
      if ((line.Index ?? 0) <= index) replay(fake, line);
      else lines.push(line);
    }
    const answer = await nomad.services.get('web', 'default', AbortSignal.timeout(5000));
    const idsOf = (rows: readonly { readonly ID: string; readonly ModifyIndex: number }[]): unknown[] =>
      rows.map(({ ID: id, ModifyIndex: at }) => `${id} ${at}`).toSorted();
    assert.deepEqual(idsOf(answer.body), idsOf(recorded.body as readonly FakeRegistration[]));
    assert.equal(answer.index, BigInt(index));
    count += 1;
  }
  assert.ok(count >= 8);
});

test('startFakeNomad() grants and refuses as Nomad did', { skip }, async (t) => {
  const fake = await startFakeNomad(t);
  fake.register({ name: 'web', id: 'a', port: 8001 }, { name: 'web', id: 'b', port: 8002, namespace: 'blue' });
  fake.rights
    .set('TOKEN-READ-ALL', new Set(['*']))
    .set('TOKEN-READ-DEFAULT', new Set(['default']))
    .set('TOKEN-NO-RIGHTS', new Set());
  let count = 0;
  for (const { exchanges, do: name } of recordedSteps('07-acl.json')) {
    if (!/^(policy read on|agent read only|no token|a token that does not exist)/.test(name)) continue;
    for (const { request, status, headers, body } of exchanges.filter(({ request }) => request.path.startsWith('/v1/service'))) {
      const answer = await fetch(`${fake.address}${request.path}?${request.query ?? ''}`, { headers: request.headers ?? {} });
      const what = `${name}: ${request.path}?${request.query}`;
      assert.equal(answer.status, status, what);
      if (status === 200) {
        assert.equal(answer.headers.get('x-nomad-index') === '0', headers?.['X-Nomad-Index'] === '0', what);
        assert.equal(((await answer.json()) as unknown[]).length, (body as unknown[]).length, what);
      }
      count += 1;
    }
  }
  assert.ok(count >= 20, `${count} answers were compared`);
});

/** Sends the recorded request's like through the client; 1 where it reads services. */
async function checkRead(nomad: ReturnType<typeof createNomad>, { request, status, body }: RecordedExchange): Promise<number> {
  const signal = AbortSignal.timeout(5000);
  const name = /^\/v1\/service\/([^/]+)$/.exec(request.path)?.[1];
  const isList = request.path === '/v1/services';
  const read = isList ? nomad.services.list('default', signal) : nomad.services.get(name ?? 'web', 'default', signal);
  if (status !== 200) {
    await assert.rejects(read, (error) => error instanceof NomadError && error.status === status && error.failure === 'status');
    return isList || name !== undefined ? 1 : 0;
  }
  if (!isList && name === undefined) {
    // an answer of another endpoint is no answer to this one, unless it is a list of nothing
    const outcome = await read.then(
      ({ body: rows }) => rows.length,
      (error: unknown) => error,
    );
    assert.ok(outcome === 0 || (outcome instanceof NomadError && outcome.failure === 'body'), request.path);
    return 0;
  }
  assert.deepEqual(namesIn((await read).body), namesIn(body));
  return 1;
}

function namesIn(body: unknown): readonly unknown[] {
  const rows = body as readonly {
    readonly ID?: string;
    readonly Namespace?: string;
    readonly Services?: readonly { readonly ServiceName: string }[];
  }[];
  return rows.map(({ ID: id, Namespace: namespace, Services: services }) => [
    id,
    namespace,
    services?.map((service) => service.ServiceName),
  ]);
}

/** The address of a server that gives the recorded answer, whatever is asked. */
async function answerWith(t: TestContext, exchange: () => RecordedExchange | undefined): Promise<string> {
  const server = createServer((_request, response) => {
    const { status = 500, headers, body } = exchange() ?? {};
    const kept = Object.entries(headers ?? {}).filter(
      ([name]) => !/^(content-length|transfer-encoding|connection|content-encoding)$/i.test(name),
    );
    response.writeHead(status, Object.fromEntries(kept));
    response.end(typeof body === 'string' && status !== 200 ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The lines that a stream has given so far. */
async function openStream(t: TestContext, url: string): Promise<() => readonly unknown[]> {
  const closing = new AbortController();
  const answer = await fetch(url, { signal: closing.signal });
  let text = '';
  const reading = (async () => {
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  t.after(async () => {
    closing.abort();
    await reading;
  });
  return () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
}

function replay(fake: FakeNomad, { Events: events }: RecordedLine): void {
  if (events) fake.transaction(events);
  else fake.heartbeat();
}

function namespacesIn(name: string): ReadonlySet<string> {
  return new Set(recordedLines(name).flatMap(({ Events: events = [] }) => events.map(({ Namespace: namespace }) => namespace)));
}

/** What is registered after all lines, by the rule that only ServiceRegistration registers. */
function addUp(lines: readonly RecordedLine[]): ReadonlyMap<string, FakeRegistration> {
  const rows = new Map<string, FakeRegistration>();
  for (const { Events: events = [] } of lines) {
    for (const { Type: type, Payload } of events) {
      if (type === 'ServiceRegistration' && Payload.Service.Port > 0) rows.set(Payload.Service.ID, Payload.Service);
      else rows.delete(Payload.Service.ID);
    }
  }
  return rows;
}
