import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** A registration as Nomad prints it. */
export interface FakeRegistration {
  readonly ID: string;
  readonly ServiceName: string;
  readonly Namespace: string;
  readonly Tags: readonly string[];
  readonly Address: string;
  readonly Port: number;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
  readonly [field: string]: unknown;
}

/** An event about a service as Nomad prints it. */
export interface FakeEvent {
  readonly Topic: string;
  readonly Type: string;
  readonly Index: number;
  readonly Namespace: string;
  readonly FilterKeys?: readonly string[];
  readonly Payload: { readonly Service: FakeRegistration };
  readonly [field: string]: unknown;
}

/**
 * Nomad's catalog API as the recordings show it: one index for all, lists in random order, event streams with a bounded buffer, and
 * tokens. Waiting reads are answered with 400: nobody here may send one.
 */
export interface FakeNomad {
  readonly address: string;
  /** Jobs by id, as `/v1/job/:id` gives them; only these can be planned. */
  readonly jobs: Map<string, object>;
  /** Jobs by the id of an allocation. */
  readonly allocations: Map<string, string>;
  /** Requests that are no GET, with their bodies. */
  readonly sent: { readonly method: string; readonly path: string; readonly body: unknown }[];
  /** Requests so far, `PATH?QUERY`. */
  readonly requests: string[];
  /** `no-leader`: reads are 500, streams open all the same. `down`: nothing listens. */
  mode: 'up' | 'no-leader';
  /** Every new stream is a 200 without a line. */
  refusesStreams: boolean;
  /** Whether lines are sent; the catalog goes on changing. */
  sendsEvents: boolean;
  /** Transactions that are kept for streams. */
  bufferSize: number;
  /** Namespaces that a token may read; empty: there are no ACLs. The anonymous token is ''. */
  readonly rights: Map<string, ReadonlySet<string>>;
  openStreams(): number;
  /** One transaction that registers or changes instances. */
  register(
    ...rows: readonly {
      readonly name: string;
      readonly id: string;
      readonly port: number;
      readonly namespace?: string;
      readonly tags?: readonly string[];
      readonly address?: string;
    }[]
  ): void;
  /** One transaction that deletes; a lost node's has the type PlanResult. */
  deregister(ids: readonly string[], type?: string): void;
  /** One transaction as it was recorded. */
  transaction(events: readonly FakeEvent[]): void;
  /** A transaction that no service is part of. */
  other(): void;
  createNamespace(name: string): void;
  /** Ends every stream, as an agent does at any time. */
  endStreams(): void;
  heartbeat(): void;
  /** Bytes as they are, on every stream. */
  sendRaw(text: string): void;
  /** Starts again without data. */
  wipe(): void;
  down(): Promise<void>;
  up(): Promise<void>;
}

interface OpenStream {
  readonly response: ServerResponse;
  readonly token: string;
  readonly namespaces: ReadonlySet<string>;
  readonly topic: string;
  readonly key: string;
}

/** Starts a fake on a free port or a unix socket; it ends with the test. */
export async function startFakeNomad(t: TestContext, options: { readonly socketPath?: string } = {}): Promise<FakeNomad> {
  const { socketPath } = options;
  const sockets = new Set<Socket>();
  const streams = new Set<OpenStream>();
  const namespaces = new Set(['default']);
  let rows = new Map<string, FakeRegistration>();
  let buffer: { readonly index: number; readonly events: readonly FakeEvent[] }[] = [];
  let [index, tableIndex] = [1, 1];
  let server = await listen(0);
  const port = socketPath === undefined ? (server.address() as AddressInfo).port : 0;

  const fake: FakeNomad = {
    address: socketPath === undefined ? `http://127.0.0.1:${port}` : `unix://${socketPath}`,
    jobs: new Map(),
    allocations: new Map(),
    sent: [],
    requests: [],
    mode: 'up',
    refusesStreams: false,
    sendsEvents: true,
    bufferSize: 100,
    rights: new Map(),
    openStreams: () => streams.size,
    register(...wanted) {
      const next = index + 1;
      fake.transaction(
        wanted.map(({ name, id, port, namespace = 'default', tags = [`urlprefix-${name}.test/`], address = '127.0.0.1' }) =>
          eventOf('ServiceRegistration', next, {
            ID: id,
            ServiceName: name,
            Namespace: namespace,
            NodeID: 'node',
            Datacenter: 'dc1',
            JobID: name,
            AllocID: id,
            Tags: tags,
            Address: address,
            Port: port,
            CreateIndex: rows.get(id)?.CreateIndex ?? next,
            ModifyIndex: next,
          }),
        ),
      );
    },
    deregister(ids, type = 'ServiceDeregistration') {
      // the payload is the last one, with its old ModifyIndex
      fake.transaction(ids.flatMap((id) => (rows.has(id) ? [eventOf(type, index + 1, rows.get(id) as FakeRegistration)] : [])));
    },
    transaction(events) {
      for (const event of events) {
        const { Service: row } = event.Payload;
        index = Math.max(index, event.Index);
        namespaces.add(row.Namespace);
        if (event.Type === 'ServiceRegistration') rows.set(row.ID, row);
        else rows.delete(row.ID);
      }
      tableIndex = index;
      keep(events);
      for (const stream of streams) sendTo(stream, index, events);
    },
    other() {
      index += 1;
      keep([]);
    },
    createNamespace: (name) => void namespaces.add(name),
    endStreams() {
      for (const { response } of streams) response.end();
      streams.clear();
    },
    heartbeat() {
      for (const { response } of streams) response.write('{}\n');
    },
    sendRaw(text) {
      for (const { response } of streams) response.write(text);
    },
    wipe() {
      [rows, buffer, index, tableIndex] = [new Map(), [], 1, 1];
      fake.endStreams();
    },
    async down() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async up() {
      server = await listen(port);
    },
  };
  t.after(async () => {
    if (server.listening) await fake.down();
  });
  return fake;

  async function listen(onPort: number): Promise<Server> {
    const created = createServer(answer);
    created.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    created.listen(socketPath === undefined ? { port: onPort, host: '127.0.0.1' } : { path: socketPath });
    await once(created, 'listening');
    return created;
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://nomad');
    const token = String(request.headers['x-nomad-token'] ?? '');
    const namespace = url.searchParams.get('namespace') ?? 'default';
    fake.requests.push(`${url.pathname}${url.search}`);
    if (url.pathname === '/v1/event/stream') return openStream(url, { token, namespace, response });
    if (fake.mode === 'no-leader') return send(response, 500, 'No cluster leader');
    if (url.pathname === '/v1/status/leader') return send(response, 200, '127.0.0.1:4647');
    if (url.searchParams.has('wait')) return send(response, 400, 'Waiting reads are not for us');
    if (isUnknown(token)) return send(response, 403, 'Permission denied');
    if (request.method !== 'GET') return answerSent(request, { path: url.pathname, response });
    const job = fake.jobs.get(/^\/v1\/job\/([^/]+)$/.exec(url.pathname)?.[1] ?? '');
    if (job) return send(response, 200, job);
    const owner = fake.allocations.get(/^\/v1\/allocation\/([^/]+)$/.exec(url.pathname)?.[1] ?? '');
    if (owner !== undefined) return send(response, 200, { JobID: owner, Namespace: 'default' });
    if (url.pathname === '/v1/services') return sendList(response, { token, namespace });
    const name = /^\/v1\/service\/([^/]+)$/.exec(url.pathname)?.[1];
    if (name === undefined) return send(response, 404, '');
    if (namespace !== '*' && !mayRead(token, namespace)) return send(response, 403, 'Permission denied');
    const found = [...rows.values()].filter((row) => row.ServiceName === decodeURIComponent(name) && row.Namespace === namespace);
    return send(response, 200, shuffled(found), tableIndex);
  }

  /** Parsing and planning as recorded: a job of HCL is one without services, its name that of its first line. */
  function answerSent(request: IncomingMessage, { path, response }: { readonly path: string; readonly response: ServerResponse }): void {
    let text = '';
    request.setEncoding('utf8').on('data', (data: string) => (text += data));
    request.once('end', () => {
      const body = JSON.parse(text) as { readonly JobHCL?: string };
      fake.sent.push({ method: request.method ?? '', path, body });
      const named = /^\s*job "([^"]+)"/.exec(body.JobHCL ?? '')?.[1];
      if (path === '/v1/jobs/parse' && named === undefined)
        return send(response, 400, 'Failed to parse job: input.hcl:1,1-2: Argument or block definition required');
      if (path === '/v1/jobs/parse') return send(response, 200, { ID: named, Namespace: 'default' });
      const id = /^\/v1\/job\/([^/]+)\/plan$/.exec(path)?.[1];
      if (id === undefined) return send(response, 405, 'Nothing may be written here');
      const updates = fake.jobs.has(id) ? { Canary: 0, InPlaceUpdate: 2 } : { Canary: 0, Place: 2 };
      return send(response, 200, {
        Annotations: { DesiredTGUpdates: { web: updates } },
        FailedTGAllocs: null,
        JobModifyIndex: 10,
        Warnings: '',
      });
    });
  }

  function sendList(response: ServerResponse, { token, namespace }: { readonly token: string; readonly namespace: string }): void {
    const isStar = namespace === '*';
    if (!isStar && !mayRead(token, namespace)) return send(response, 403, 'Permission denied');
    const readable = [...namespaces].filter((name) => mayRead(token, name));
    if (isStar && readable.length === 0) return send(response, 200, [], 0);
    const listed = (isStar ? readable : [namespace]).flatMap((name) => {
      const own = [...rows.values()].filter((row) => row.Namespace === name);
      const services = [...new Set(own.map((row) => row.ServiceName))].map((service) => ({
        ServiceName: service,
        Tags: [...new Set(own.filter((row) => row.ServiceName === service).flatMap(({ Tags: tags }) => tags ?? []))],
      }));
      return services.length > 0 ? [{ Namespace: name, Services: shuffled(services) }] : [];
    });
    return send(response, 200, shuffled(listed), tableIndex);
  }

  function openStream(
    url: URL,
    { token, namespace, response }: { readonly token: string; readonly namespace: string; readonly response: ServerResponse },
  ): void {
    const [asked, topicText] = [url.searchParams.get('index') ?? '0', url.searchParams.get('topic') ?? '*'];
    const [topic = '', key = '*', ...more] = topicText.split(':');
    if (!/^\d+$/.test(asked) || more.length > 0) return send(response, 400, 'Invalid index or topic');
    // the star is expanded once
    const wanted = namespace === '*' ? [...namespaces] : [namespace];
    const stream = { response, token, namespaces: new Set(wanted), topic, key };
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache', Connection: 'close' });
    response.flushHeaders();
    if (fake.refusesStreams || isUnknown(token) || !wanted.every((name) => mayRead(token, name))) return;
    streams.add(stream);
    response.once('close', () => streams.delete(stream));
    response.write('{}\n');
    const from = Number(asked);
    const replayed = buffer.filter((line) => line.index >= from);
    // an index of the future gets the newest transaction, whatever it is about
    for (const line of replayed.length > 0 ? replayed : buffer.slice(-1)) sendTo(stream, line.index, line.events);
  }

  function sendTo(stream: OpenStream, lineIndex: number, events: readonly FakeEvent[]): void {
    const { response, token, topic, key, namespaces: own } = stream;
    const seen = events.filter(
      (event) =>
        (topic === event.Topic || topic === '*') &&
        own.has(event.Namespace) &&
        mayRead(token, event.Namespace) &&
        (key === '*' || event.Payload.Service.ServiceName === key),
    );
    if (fake.sendsEvents && seen.length > 0) response.write(`${JSON.stringify({ Events: seen, Index: lineIndex })}\n`);
  }

  function keep(events: readonly FakeEvent[]): void {
    buffer = [...buffer, { index, events }].slice(-fake.bufferSize);
  }

  function isUnknown(token: string): boolean {
    return fake.rights.size > 0 && token !== '' && !fake.rights.has(token);
  }

  function mayRead(token: string, namespace: string): boolean {
    const granted = fake.rights.get(token);
    return fake.rights.size === 0 || granted?.has(namespace) === true || granted?.has('*') === true;
  }
}

function eventOf(type: string, index: number, row: FakeRegistration): FakeEvent {
  const { ServiceName: name, Namespace: namespace, ID: key } = row;
  return {
    FilterKeys: [name, name],
    Index: index,
    Key: key,
    Namespace: namespace,
    Payload: { Service: row },
    Topic: 'Service',
    Type: type,
  };
}

function send(response: ServerResponse, status: number, body: unknown, index?: number): void {
  const isText = status !== 200;
  response.writeHead(status, {
    'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    ...(index !== undefined && { 'X-Nomad-Index': String(index), 'X-Nomad-KnownLeader': 'true', 'X-Nomad-LastContact': '0' }),
  });
  response.end(isText ? String(body) : JSON.stringify(body));
}

/** Another order at every call, as Nomad's. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
