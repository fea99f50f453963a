import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { openScope } from '../../src/lib/scope.ts';
import { sourceId } from '../../src/model/names.ts';
import { ConsulError, createConsulClient, type ConsulFault } from '../../src/sources/consul-client.ts';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { parseHealthRows, parseServiceList } from '../../src/sources/consul-rows.ts';
import { LIST, WEB, recordedRead, recordedStep, recordedSteps, recordingNames, withoutRecordings } from '../support/consul-recordings.ts';
import { startFakeConsul, type FakeConsul } from '../support/fake-consul.ts';
import { send } from '../support/puppet-consul.ts';
import type { RecordedExchange, RecordedStep } from '../support/recordings.ts';
import { until } from '../support/until.ts';

/** Every recording, with how many of its answers the client reads at least. */
const ANSWERS: Readonly<Record<string, number>> = {
  '01-catalog-services-wakes.json': 18,
  '02-health-service-wakes.json': 24,
  '03-timeouts-and-odd-indexes.json': 13,
  '04-restart-wiped.json': 10,
  '05-addresses-tags-names.json': 9,
  '06-parameters.json': 34,
  '07-acl.json': 68,
  '08-connection-limit.json': 3,
  '09-no-leader.json': 8,
  '10-client-agent.json': 22,
  '11-external-nodes-and-names.json': 16,
  '12-snapshot-restore.json': 7,
  '13-ttl-and-kept-restart.json': 8,
  '14-leader-change.json': 19,
};

/** Recordings whose writes and reads the fake repeats from beginning to end. */
const REPEATED = [
  '01-catalog-services-wakes.json',
  '02-health-service-wakes.json',
  '03-timeouts-and-odd-indexes.json',
  '05-addresses-tags-names.json',
  '06-parameters.json',
  '11-external-nodes-and-names.json',
] as const;

test('every recording of Consul is used', { skip: withoutRecordings }, () => {
  assert.deepEqual(Object.keys(ANSWERS), recordingNames());
});

for (const [name, atLeast] of withoutRecordings === false ? Object.entries(ANSWERS) : []) {
  test(`createConsulClient() reads what Consul answered in ${name}`, async (t) => {
    let current: RecordedExchange | undefined;
    const address = await answerWith(t, () => current);
    const clients = [{}, { CONSUL_HTTP_TOKEN: 'T' }].map((env) =>
      createConsulClient(consulConnection({ CONSUL_HTTP_ADDR: address, ...env })),
    );
    t.after(() => Promise.all(clients.map((client) => client.close())));
    const exchanges = recordedSteps(name).flatMap((step) => step.exchanges.filter(({ request }) => request.method === 'GET'));
    for (current of exchanges) {
      const client = clients[current.request.headers?.['X-Consul-Token'] === undefined ? 0 : 1];
      assert.ok(client);
      await checkRead(client, current);
    }
    assert.ok(exchanges.length >= atLeast, `${exchanges.length} answers were read`);
  });
}

for (const name of withoutRecordings === false ? REPEATED : []) {
  test(`startFakeConsul() answers as Consul did in ${name}`, async (t) => {
    const fake = await startFakeConsul(t);
    const seen = new Map<string, string>();
    let compared = 0;
    for (const step of recordedSteps(name)) compared += await repeat(fake, step, seen);
    assert.ok(compared >= 8, `${compared} answers were compared`);
  });
}

test('startFakeConsul() stops and starts without data as Consul did', { skip: withoutRecordings }, async (t) => {
  const name = '04-restart-wiped.json';
  const fake = await startFakeConsul(t);
  const seen = new Map<string, string>();
  for (let port = 9001; port <= 9030; port += 1) fake.register({ Name: 'web', ID: 'web-1', Port: port, Tags: ['urlprefix-/web'] });
  const [up, stop] = [recordedStep(name, 'agent up'), recordedStep(name, 'a blocking read is open')];
  for (const path of [WEB, LIST]) {
    const answer = await ask(fake, recordedRead(up, path), seen);
    seen.set(`${path} 47`, answer.headers.get('x-consul-index') ?? '');
  }

  const open = [WEB, LIST].map((path) => ({ exchange: recordedRead(stop, path), answer: ask(fake, recordedRead(stop, path), seen) }));
  await until('the reads to wait', () => fake.waiting() === 2);
  await fake.down();

  for (const { exchange, answer } of open) {
    const { status, headers } = await answer;
    assert.equal(status, exchange.status);
    if (exchange.request.path === LIST) assert.equal(headers.get('x-consul-index'), seen.get(`${LIST} 47`));
  }
  await fake.up({ wiped: true });
  fake.register({ Name: 'web', ID: 'web-2', Port: 9999, Tags: ['urlprefix-/web'] });
  for (const what of ['the old index is still used', 'the old index, and a change']) {
    const step = recordedStep(name, what);
    for (const path of [WEB, LIST]) {
      const before = fake.requests.length;
      const answer = ask(fake, recordedRead(step, path), seen);
      await until('the read to arrive', () => fake.requests.length > before);
      if (what.includes('change')) fake.register({ Name: 'web', ID: 'web-9', Port: 9998, Tags: ['urlprefix-/web2'] });
      const { isInTime, headers } = await answer;
      assert.equal(isInTime, false, `${what}: ${path} was woken`);
      assert.ok(Number(headers.get('x-consul-index')) < Number(seen.get(`${path} 47`)), 'the index did not fall');
    }
  }
});

test('startFakeConsul() shows each token what Consul showed it', { skip: withoutRecordings }, async (t) => {
  const name = '07-acl.json';
  const fake = await startFakeConsul(t);
  fake.defaultPolicy = 'deny';
  for (const [service, port] of [
    ['web', 9001],
    ['db', 9002],
  ] as const)
    fake.register({ Name: service, ID: `${service}-1`, Port: port, Tags: [`urlprefix-/${service}`] });
  const all = { nodes: true };
  for (const token of ['TOKEN-READ-ALL', 'TOKEN-DELETED', 'TOKEN-SHRINKS', 'TOKEN-SHORT']) fake.tokens.set(token, all);
  fake.tokens
    .set('TOKEN-READ-WEB', { ...all, services: new Set(['web']) })
    .set('TOKEN-SERVICES-NO-NODES', {})
    .set('TOKEN-NO-SERVICES', { ...all, services: new Set() });
  let compared = 0;
  const check = async (exchange: RecordedExchange, asked: Promise<Asked>, what: string): Promise<void> => {
    compared += 1;
    const { status, headers, body } = await asked;
    assert.equal(status, exchange.status, what);
    assert.deepEqual(consulHeaders(headers), consulHeaders(new Headers(exchange.headers ?? {})), what);
    if (status === 200 && exchange.request.path !== '/v1/status/leader') assert.deepEqual(normal(body), normal(exchange.body), what);
  };

  for (const step of recordedSteps(name).slice(0, 7))
    for (const exchange of step.exchanges.filter(
      ({ request }) => isAnswered(request) || request.path === '/v1/status/leader' || request.path === '/v1/agent/self',
    ))
      await check(exchange, ask(fake, exchange, new Map()), `${step.do}: ${exchange.request.path}`);

  for (const [what, act] of [
    ['a token is deleted', () => fake.deleteToken('TOKEN-DELETED')],
    ['the policy of a token', () => fake.tokens.set('TOKEN-SHRINKS', { nodes: true, services: new Set() })],
    ['a token expires', () => fake.deleteToken('TOKEN-SHORT')],
  ] as const) {
    const { exchanges } = recordedStep(name, what);
    const seen = await indexesNow(fake);
    const isOpen = ({ note }: RecordedExchange): boolean => note?.startsWith('blocking read opened') === true;
    const before = fake.requests.length;
    const open = exchanges.filter(isOpen).map((exchange) => ({ exchange, asked: ask(fake, exchange, seen) }));
    await until('the reads to arrive', () => fake.requests.length >= before + open.length);
    act();
    for (const { exchange, asked } of open) await check(exchange, asked, `${what}: ${exchange.request.path}`);
    for (const exchange of exchanges.filter((one) => !isOpen(one))) await check(exchange, ask(fake, exchange, seen), what);
  }
  assert.ok(compared >= 40, `${compared} answers were compared`);
});

test('startFakeConsul() refuses connections as Consul did', { skip: withoutRecordings }, async (t) => {
  const fake = await startFakeConsul(t);
  const { refusalOnTheWire, result } = recordedStep('08-connection-limit.json', '250 connections');
  const counts = result as Readonly<Record<string, number>>;
  const answers: string[] = [];
  const sockets = await Promise.all(Array.from({ length: 250 }, () => hold(fake, (text) => answers.push(text))));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await until('the refusals', () => answers.length === counts['HTTP/1.1 429 Too Many Requests']);

  assert.equal(fake.openConnections(), counts['held']);
  assert.deepEqual([...new Set(answers)], [refusalOnTheWire]);
  for (const socket of sockets) socket.destroy();
  await until('room', () => fake.openConnections() === 0);
  assert.equal((await fetch(`${fake.address}/v1/status/leader`)).status, 200);
});

test('startFakeConsul() answers without a leader as Consul did', { skip: withoutRecordings }, async (t) => {
  const fake = await startFakeConsul(t);
  fake.mode = 'no-leader';
  for (const exchange of recordedStep('09-no-leader.json', 'there is no leader').exchanges) {
    if (exchange.request.query?.includes('stale')) continue;
    const { status, headers, body } = await ask(fake, exchange, new Map());
    assert.equal(status, exchange.status);
    assert.deepEqual(consulHeaders(headers), consulHeaders(new Headers(exchange.headers ?? {})));
    assert.equal(headers.get('x-consul-index'), exchange.headers?.['X-Consul-Index'] ?? null);
    if (status === 200) assert.deepEqual(body, exchange.body);
  }
});

test('startFakeConsul() goes on without servers as a client agent did', { skip: withoutRecordings }, async (t) => {
  const name = '10-client-agent.json';
  const fake = await startFakeConsul(t);
  const check = { CheckID: 'ttl-web-1', Name: 'ttl', Status: 'passing' };
  fake.register({ Name: 'web', ID: 'web-1', Port: 9001, Tags: ['urlprefix-/web'], Check: check }, { Name: 'api', ID: 'api-1', Port: 9004 });
  const seen = await indexesNow(fake);
  const lost = recordedStep(name, 'the only server is killed');
  const open = lost.exchanges.map((exchange) => ({ exchange, asked: ask(fake, exchange, seen) }));
  await until('the reads to wait', () => fake.waiting() === 2);

  fake.loseServers();

  for (const { exchange, asked } of open) assert.equal((await asked).status, exchange.status);
  for (const exchange of recordedStep(name, 'reads while the server is away').exchanges) {
    const { path, query = '' } = exchange.request;
    if (/stale|cached/.test(query) || path === '/v1/agent/services') continue;
    const { status, headers } = await ask(fake, exchange, seen);
    assert.equal(status, exchange.status, path);
    assert.deepEqual(consulHeaders(headers), consulHeaders(new Headers(exchange.headers ?? {})), path);
  }
});

test('startFakeConsul() restores a snapshot as Consul did', { skip: withoutRecordings }, async (t) => {
  const name = '12-snapshot-restore.json';
  const fake = await startFakeConsul(t);
  const register = (tag: string): void =>
    fake.put('/v1/catalog/register', {
      Node: 'ext-1',
      Address: '10.0.0.1',
      Service: { ID: 'web-1', Service: 'web', Port: 80, Tags: [tag] },
    });
  register('old');
  const mark = fake.save();
  for (let turn = 0; turn < 20; turn += 1) register(`new${turn % 2}`);
  register('new');
  const seen = await indexesNow(fake);
  const step = recordedStep(name, 'the snapshot is restored');
  const before = fake.requests.length;
  const open = [WEB, LIST].map((path) => ({ path, asked: ask(fake, recordedRead(step, path), seen) }));
  await until('the reads to arrive', () => fake.requests.length >= before + 2);

  fake.restore(mark);

  for (const { path, asked } of open) {
    const { isInTime, headers, body } = await asked;
    const isEarly = path === LIST;
    assert.equal(isInTime, isEarly);
    assert.equal(headers.get('x-consul-index') === seen.get(path), isEarly);
    if (isEarly) assert.deepEqual((body as { readonly web: unknown }).web, ['new'], 'the list has its old body');
  }
  const after = recordedStep(name, 'reads after the restore');
  const list = await ask(fake, recordedRead(after, LIST), seen);
  assert.deepEqual((list.body as { readonly web: unknown }).web, (recordedRead(after, LIST).body as { readonly web: unknown }).web);
  assert.ok(Number(list.headers.get('x-consul-index')) < Number(seen.get(LIST)));
});

/** A connection with a waiting read; `onText` gets whatever comes back at once. */
async function hold(fake: FakeConsul, onText: (text: string) => void): Promise<Socket> {
  const socket = connect(Number(new URL(fake.address).port), '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString()));
  socket.on('error', () => undefined);
  socket.once('close', () => text !== '' && onText(text));
  socket.write(`GET ${WEB}?index=100000&wait=5m HTTP/1.1\r\nHost: consul\r\n\r\n`);
  return socket;
}

/** The fake's indexes in the place of whatever a recording asks for. */
async function indexesNow(fake: FakeConsul): Promise<Map<string, string>> {
  const token = fake.tokens.size > 0 ? { 'X-Consul-Token': 'TOKEN-READ-ALL' } : {};
  const seen = new Map<string, string>();
  for (const path of [LIST, WEB]) {
    const { headers } = await fetch(`${fake.address}${path}`, { headers: token });
    const index = headers.get('x-consul-index') ?? '';
    seen.set(path, index);
    for (let recorded = 2; recorded < 60; recorded += 1) seen.set(`${path} ${recorded}`, index);
  }
  return seen;
}

/** Repeats a step: reads that were open before its writes are opened first. Returns how many answers were compared. */
async function repeat(fake: FakeConsul, { exchanges, do: what }: RecordedStep, seen: Map<string, string>): Promise<number> {
  const isEarly = ({ note }: RecordedExchange): boolean => note?.includes('opened before') === true;
  const reads = exchanges.filter(({ request }) => isAnswered(request));
  for (const { request } of reads.filter(isEarly)) await learnIndex(fake, request, seen);
  const before = fake.requests.length;
  const early = reads.filter(isEarly).map((exchange) => ({ exchange, answer: ask(fake, exchange, seen) }));
  await until('the reads to arrive', () => fake.requests.length >= before + early.length);
  const later = exchanges.filter((exchange) => !isEarly(exchange));
  let compared = 0;
  for (const exchange of later) {
    const { request } = exchange;
    if (request.method === 'GET' && !isAnswered(request)) continue;
    // the recorder took these away again after each use
    if (request.method === 'PUT' || request.path === LIST) fake.deregister('odd', 'n1');
    const answer = await ask(fake, exchange, seen);
    compare(exchange, answer, `${what}: ${request.method} ${request.path}?${request.query ?? ''}`, seen);
    compared += 1;
  }
  for (const { exchange, answer } of early) compare(exchange, await answer, `${what}: ${exchange.request.path}`, seen);
  return compared + early.length;
}

/** Where the answer that gave a read its index is none that the fake has, its index is that of now. */
async function learnIndex(fake: FakeConsul, { path, query = '' }: RecordedExchange['request'], seen: Map<string, string>): Promise<void> {
  const key = `${path} ${new URLSearchParams(query).get('index')}`;
  if (seen.has(key) || key.endsWith(' 100018')) return;
  const { headers } = await fetch(`${fake.address}${path}`);
  seen.set(key, headers.get('x-consul-index') ?? '');
}

/** What the fake has an answer for: the reads that a client of ours may send. */
function isAnswered({ method, path, query = '' }: RecordedExchange['request']): boolean {
  const isRead = path === LIST || path.startsWith('/v1/health/service/') || path === '/v1/nope';
  // `..` never leaves a client that knows URLs
  return (
    method !== 'PUT' &&
    isRead &&
    !path.endsWith('/..') &&
    !/filter|stale|consistent|cached|near|tag=|peer|merge|nope=|passing=(false|0)/.test(query)
  );
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** It ended before its wait. */
  readonly isInTime: boolean;
}

/** Whether a recorded read ended with its wait. */
function hasWaited({ request, elapsedMs = 0 }: RecordedExchange): boolean {
  const seconds = /(?:^|&)wait=(\d+)s(?:&|$)/.exec(request.query ?? '')?.[1];
  return seconds !== undefined && elapsedMs >= Number(seconds) * 950;
}

/** Sends a recorded request. Its index is translated into the fake's; a wait that was waited out is shortened, another one long. */
async function ask(fake: FakeConsul, exchange: RecordedExchange, seen: ReadonlyMap<string, string>): Promise<Asked> {
  const { request } = exchange;
  const waitMs = hasWaited(exchange) ? 150 : 20_000;
  const query = new URLSearchParams(request.query ?? '');
  const index = query.get('index');
  if (index !== null) query.set('index', seen.get(`${request.path} ${index}`) ?? index);
  if (/^\d+s$/.test(query.get('wait') ?? '')) query.set('wait', `${waitMs}ms`);
  const startedAtMs = performance.now();
  const answer = await fetch(`${fake.address}${request.path}?${query.toString()}`, {
    method: request.method,
    headers: request.headers ?? {},
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
  });
  const text = await answer.text();
  const body: unknown = answer.status === 200 && text !== '' ? JSON.parse(text) : text;
  return { status: answer.status, headers: answer.headers, body, isInTime: performance.now() - startedAtMs < waitMs * 0.95 };
}

/** Status, headers and body are the same; the index moves where the recorded one does, and the read waited where the recorded one did. */
function compare(recorded: RecordedExchange, asked: Asked, what: string, seen: Map<string, string>): void {
  const { request, status, headers } = recorded;
  assert.equal(asked.status, status, what);
  assert.deepEqual(consulHeaders(asked.headers), consulHeaders(new Headers(headers ?? {})), what);
  if (status !== 200 || request.method !== 'GET') return;
  assert.deepEqual(normal(asked.body), normal(recorded.body), what);
  const [was, is] = [headers?.['X-Consul-Index'] ?? '', asked.headers.get('x-consul-index') ?? ''];
  const known = seen.get(`${request.path} ${was}`);
  if (known !== undefined) assert.equal(is, known, `${what}: the index moved`);
  for (const [key, value] of seen) {
    const [path = '', before = ''] = key.split(' ');
    if (path === request.path && Number(before) < Number(was)) assert.ok(Number(value) < Number(is), `${what}: the index did not move`);
  }
  seen.set(`${request.path} ${was}`, is);
  assert.equal(asked.isInTime, !hasWaited(recorded), `${what}: it ${asked.isInTime ? 'did not wait' : 'waited'}`);
}

/** The headers of Consul, but for numbers. */
function consulHeaders(headers: Headers): readonly string[] {
  return [...headers]
    .filter(([name]) => name.startsWith('x-consul-') && name !== 'x-consul-index')
    .map(([name, value]) => `${name}: ${value}`)
    .toSorted();
}

/** A body without what differs from one agent to the next: order, ids of nodes, indexes, texts of checks. */
function normal(body: unknown): unknown {
  if (!Array.isArray(body))
    return Object.fromEntries(Object.entries(body as Record<string, string[]>).map(([name, tags]) => [name, tags.toSorted()]));
  const rows = body as readonly {
    readonly Node: { readonly Node: string; readonly Address: string };
    readonly Service: Readonly<Record<string, unknown>>;
    readonly Checks: readonly Readonly<Record<string, string>>[];
  }[];
  return rows
    .map(({ Node: { Node: node, Address: address }, Service: service, Checks: checks }) => ({
      // the recordings have one agent's node under two names
      node: node === 'node-b' ? 'node-a' : node,
      address,
      service: ['ID', 'Service', 'Tags', 'Address', 'Port', 'Weights'].map((field) => service[field]),
      meta: service['Meta'],
      checks: checks.map(({ CheckID: id, Status: status, ServiceID: own }) => `${id} ${status} ${own}`).toSorted(),
    }))
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Sends the recorded request's like through the client. */
async function checkRead(client: ReturnType<typeof createConsulClient>, exchange: RecordedExchange): Promise<void> {
  const { request, status, headers, body } = exchange;
  const scope = openScope();
  const index = new URLSearchParams(request.query ?? '').get('index');
  const read = index === null ? client.read(request.path, scope) : client.block(request.path, { index: 1n, waitMs: 1000, scope });
  if (status !== 200) {
    await assert.rejects(read, (error) => error instanceof ConsulError && error.fault === faultOf(exchange));
    return;
  }
  const answer = await read;
  const header = (name: string): string | undefined => headers?.[name];
  assert.deepEqual(answer, {
    index: BigInt(header('X-Consul-Index') ?? '0'),
    knownLeader: header('X-Consul-Knownleader') === 'true',
    filtered: header('X-Consul-Results-Filtered-By-Acls') === 'true',
    blind: header('X-Consul-Default-Acl-Policy') === 'deny' && request.headers?.['X-Consul-Token'] === undefined,
    body,
  });
  if (request.path === LIST) assert.deepEqual(Object.fromEntries(parseServiceList(body)), body);
  const name = /^\/v1\/health\/service\/(.+)$/.exec(request.path)?.[1];
  if (name !== undefined) checkRows(body, decodeURIComponent(name));
}

function checkRows(body: unknown, name: string): void {
  const rows = body as readonly { readonly Service: { readonly Service: string; readonly Port?: number } }[];
  const own = rows.filter(({ Service: service }) => service.Service === name);
  const { instances, portless } = parseHealthRows(body, { name, source: sourceId('consul') });
  assert.equal(instances.length, own.filter(({ Service: { Port: port } }) => port !== undefined).length);
  assert.equal(portless.length, own.filter(({ Service: { Port: port } }) => port === undefined).length);
}

function faultOf({ status, body }: RecordedExchange): ConsulFault {
  if (status === 429) return 'limit';
  if (status === 403) return 'token';
  return status >= 500 && !String(body).includes('boolean expression') ? 'agent' : 'request';
}

/** The address of a server that gives the recorded answer, whatever is asked. */
async function answerWith(t: TestContext, exchange: () => RecordedExchange | undefined): Promise<string> {
  const server = createServer((_request, response) => {
    const current = exchange();
    if (current) send(response, current);
    else response.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
