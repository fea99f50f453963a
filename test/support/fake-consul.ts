import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { sleep } from '../../src/lib/async.ts';
import { createFakeState, type FakeRegistration, type FakeRow, type FakeState } from './fake-consul-state.ts';

/** What a token may see. */
export interface FakeRights {
  /** Names of services; undefined: all. */
  readonly services?: ReadonlySet<string>;
  readonly nodes?: boolean;
  /** `agent:read`: the limit of connections. */
  readonly agent?: boolean;
}

/** An answer in the place of the usual one. */
export interface FakeAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A Consul agent as the recordings show it: reads of a service that carry an index are streamed (no jitter, no leader, no filter
 * header), those of the list wait with jitter, an index of the future waits out its time. Parameters that nobody here may send are
 * answered with 400.
 */
export interface FakeConsul {
  readonly address: string;
  /** Requests so far, `PATH?QUERY`. */
  readonly requests: string[];
  /** The tokens that they carried. */
  readonly tokensSeen: string[];
  /** `no-leader`: streamed reads are empty; `server-lost`: a client agent without servers, streamed reads come from memory. */
  mode: 'up' | 'no-leader' | 'server-lost';
  /** How long a plain read hangs without a leader. */
  noLeaderMs: number;
  defaultPolicy: 'allow' | 'deny';
  /** Tokens that exist; empty: there are no ACLs. The anonymous one is ''. */
  readonly tokens: Map<string, FakeRights>;
  /** Open connections beyond it get a 429 and are closed. */
  connectionLimit: number;
  /** Whether changes end waiting reads of a service, of the list (`''`). */
  rings: (name: string) => boolean;
  /** Asked for every request; what it returns is the answer. */
  intercept: ((path: string, query: URLSearchParams) => FakeAnswer | undefined) | undefined;
  /** How long a request waits before anything is done with it, in ms; by default not at all. */
  delayOf: (path: string) => number;
  /** Reads that wait now, of the list (`''`) or of a service; of all without a name. */
  waiting(name?: string): number;
  openConnections(): number;
  /** The same as a PUT of that path. */
  put(path: string, body?: unknown): void;
  register(...instances: readonly FakeRegistration[]): void;
  deregister(...ids: readonly string[]): void;
  /** Ends waiting reads with the index that they have, as agents may at any time. */
  nudge(name: string): void;
  /** Moves the index of the list, or of a service, and changes nothing else. */
  touch(name?: string): void;
  /** A token is deleted while it is in use. */
  deleteToken(token: string): void;
  /** Marks a state; `restore` goes back to it: the list answers early with its old index and body, services are not woken. */
  save(): number;
  restore(mark: number): void;
  /** The servers behind a client agent go. */
  loseServers(): void;
  /** The agent stops, as with SIGTERM; `wiped`: it starts again without data. */
  down(): Promise<void>;
  up(options?: { readonly wiped?: boolean }): Promise<void>;
}

interface WaitingRead {
  /** Empty: the list. */
  readonly name: string;
  readonly index: number;
  readonly token: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
  /** What the token saw when it began. */
  readonly rights: FakeRights | undefined;
  readonly timer: NodeJS.Timeout;
}

const EVERYTHING: FakeRights = { nodes: true, agent: true };
/** What no path may hold, by Go's `unicode.IsPrint`. */
const UNPRINTED = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const NO_SERVER = 'rpc error getting client: failed to get conn: dial tcp: connection refused';
/** Parameters that no read of ours may have: what they answer proves nothing, or costs more. */
const FORBIDDEN = ['stale', 'cached', 'near', 'filter'];

/** Starts a fake on a free port or a unix socket; it ends with the test. */
export async function startFakeConsul(t: TestContext, options: { readonly socketPath?: string } = {}): Promise<FakeConsul> {
  const { socketPath } = options;
  const sockets = new Set<Socket>();
  const reads = new Set<WaitingRead>();
  const deleted = new Map<string, FakeRights>();
  let writes: { readonly path: string; readonly body: unknown }[] = [];
  let state: FakeState = createFakeState();
  const over = new AbortController();
  const http = createServer((request, response) => void answer(request, response));
  let server = await listen(0);
  const port = socketPath === undefined ? (server.address() as AddressInfo).port : 0;

  const fake: FakeConsul = {
    address: socketPath === undefined ? `http://127.0.0.1:${port}` : `unix://${socketPath}`,
    requests: [],
    tokensSeen: [],
    mode: 'up',
    noLeaderMs: 50,
    defaultPolicy: 'allow',
    tokens: new Map(),
    connectionLimit: 200,
    rings: () => true,
    intercept: undefined,
    delayOf: () => 0,
    waiting: (name) => [...reads].filter((read) => name === undefined || read.name === name).length,
    openConnections: () => sockets.size,
    put(path, body) {
      put(path, body);
    },
    register(...instances) {
      for (const instance of instances) put('/v1/agent/service/register', instance);
    },
    deregister(...ids) {
      for (const id of ids) put(`/v1/agent/service/deregister/${id}`, undefined);
    },
    nudge(name) {
      for (const read of reads) if (read.name === name) finish(read, (one) => send(one.response, { ...rows(one), index: one.index }));
    },
    touch(name) {
      state.touch(name);
      wake();
    },
    deleteToken(token) {
      deleted.set(token, fake.tokens.get(token) ?? {});
      fake.tokens.delete(token);
      for (const read of reads)
        if (read.token === token && read.name !== '') finish(read, ({ response }) => refuse(response, 403, 'ACL not found'));
    },
    save: () => writes.length,
    restore(mark) {
      for (const read of reads) if (read.name === '') finish(read, (one) => send(one.response, { ...rows(one), index: one.index }));
      writes = writes.slice(0, mark);
      state = replayed(writes);
    },
    loseServers() {
      fake.mode = 'server-lost';
      for (const read of reads)
        finish(read, (one) =>
          one.name === '' ? refuseRead(one, 500, NO_SERVER) : refuse(one.response, 503, 'error reading from server: EOF'),
        );
    },
    async down() {
      // the list says what it knows, streams break
      for (const read of reads)
        finish(read, (one) =>
          one.name === ''
            ? send(one.response, { ...rows(one), index: one.index })
            : refuse(one.response, 500, 'grpc: the client connection is closing'),
        );
      await new Promise((resolve) => setImmediate(resolve));
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroySoon();
      await closed;
    },
    async up({ wiped = false } = {}) {
      if (wiped) [writes, state] = [[], createFakeState()];
      server = await listen(port);
    },
  };
  t.after(async () => {
    over.abort();
    for (const { timer } of reads) clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });
  return fake;

  /** Connections are counted before HTTP sees them. */
  async function listen(onPort: number): Promise<Server> {
    const created = createNetServer((socket) => {
      socket.on('error', () => undefined);
      if (sockets.size >= fake.connectionLimit) {
        refuseConnection(socket);
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      http.emit('connection', socket);
    });
    created.listen(socketPath === undefined ? { port: onPort, host: '127.0.0.1' } : { path: socketPath });
    await once(created, 'listening');
    return created;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://consul');
    const { pathname: path, searchParams: query } = url;
    const token = String(request.headers['x-consul-token'] ?? '');
    fake.requests.push(`${path}${url.search}`);
    fake.tokensSeen.push(token);
    if (UNPRINTED.test(decodeURIComponent(path))) return refuse(response, 400, '');
    const delayMs = fake.delayOf(path);
    if (delayMs > 0) await sleep(delayMs, over.signal);
    // a read that nobody waits for any more would wait here for its five minutes
    if (over.signal.aborted) return;
    const intercepted = fake.intercept?.(path, query);
    if (intercepted) return refuse(response, intercepted.status, intercepted.text, intercepted.headers);
    if (request.method === 'PUT') return answerPut(request, response, url);
    if (path === '/v1/status/leader') return sendLeader(response);
    const name = /^\/v1\/health\/service\/([^/]+)$/.exec(path)?.[1];
    const isList = path === '/v1/catalog/services';
    if (path !== '/v1/agent/self' && name === undefined && !isList)
      return refuse(response, 404, 'Invalid URL path: not a recognized HTTP API endpoint');
    if (request.method !== 'GET') return refuse(response, 405, `method ${request.method} not allowed`);
    const wrong = faultOf(query);
    if (wrong !== undefined) return refuse(response, 400, wrong);
    if (path === '/v1/agent/self') return sendSelf(response, token);
    return read({ name: decodeURIComponent(name ?? ''), token, query, response });
  }

  async function read(one: Pick<WaitingRead, 'name' | 'token' | 'query' | 'response'>): Promise<void> {
    const { name, token, query, response } = one;
    const index = Number(query.get('index') ?? '0');
    const isStreamed = name !== '' && index > 0;
    // a view that is in memory outlives its token
    const rights = rightsOf(token) ?? (isStreamed ? deleted.get(token) : undefined);
    if (!rights) return refuseRead(one, 403, 'ACL not found');
    if (query.has('dc') && query.get('dc') !== 'dc1') return refuseRead(one, 500, 'No path to datacenter');
    if (fake.mode === 'server-lost' && !isStreamed) return refuseRead(one, 500, NO_SERVER);
    if (fake.mode === 'no-leader' && !isStreamed) {
      await new Promise((resolve) => setTimeout(resolve, fake.noLeaderMs));
      return refuseRead(one, 500, 'No cluster leader');
    }
    const waitMs = durationMs(query.get('wait') ?? '5m') ?? 0;
    const jitterMs = isStreamed ? 0 : (Math.random() * waitMs) / 16;
    if (index === 0 || currentIndex(name) > index) return send(response, rows({ ...one, index, rights }));
    const waitingRead: WaitingRead = {
      ...one,
      index,
      rights,
      timer: setTimeout(() => finish(waitingRead, (late) => send(late.response, rows(late))), waitMs + jitterMs),
    };
    reads.add(waitingRead);
    response.once('close', () => {
      clearTimeout(waitingRead.timer);
      reads.delete(waitingRead);
    });
  }

  /** What a read of the list or of a service says now. */
  function rows({ name, index, token, rights, query }: Omit<WaitingRead, 'timer' | 'response'>): Rows {
    const isStreamed = name !== '' && index > 0;
    if (isStreamed && fake.mode === 'no-leader') return { index: 1, body: [], isStreamed, isFiltered: false };
    // a list goes on with the rights that it began with; a stream does not
    const own = (isStreamed ? rightsOf(token) : undefined) ?? rights ?? EVERYTHING;
    const mayRead = (row: FakeRow): boolean => own.nodes === true && (own.services?.has(row.Service.Service) ?? true);
    const all = name === '' ? state.allRows() : state.rowsOf(name);
    const seen = all
      .filter(mayRead)
      .filter(({ Checks: checks }) => !query.has('passing') || checks.every(({ Status: status }) => status === 'passing'));
    const isFiltered = token !== '' && !isStreamed && !all.every(mayRead);
    return { index: currentIndex(name), body: name === '' ? listOf(seen) : seen, isStreamed, isFiltered };
  }

  function currentIndex(name: string): number {
    if (fake.mode === 'no-leader' && name !== '') return 1;
    return name === '' ? state.listIndex : state.indexOf(name);
  }

  function put(path: string, body: unknown): readonly [number, string] | undefined {
    const url = new URL(path, 'http://consul');
    writes.push({ path, body });
    const done = state.put(decodeURIComponent(url.pathname), url.searchParams, body);
    wake();
    return done;
  }

  function wake(): void {
    if (fake.mode !== 'up') return;
    for (const read of reads)
      if (fake.rings(read.name) && currentIndex(read.name) > read.index) finish(read, (one) => send(one.response, rows(one)));
  }

  function finish(read: WaitingRead, how: (read: WaitingRead) => void): void {
    clearTimeout(read.timer);
    reads.delete(read);
    how(read);
  }

  function rightsOf(token: string): FakeRights | undefined {
    if (fake.tokens.size === 0) return EVERYTHING;
    return fake.tokens.get(token) ?? (token === '' ? {} : undefined);
  }

  async function answerPut(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const [status, said] = put(`${url.pathname}${url.search}`, text === '' ? undefined : JSON.parse(text)) ?? [404, ''];
    if (status !== 200) return refuse(response, status, said);
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-Consul-Default-Acl-Policy': fake.defaultPolicy });
    response.end(said);
  }

  function sendLeader(response: ServerResponse): void {
    if (fake.mode === 'server-lost') return refuse(response, 500, NO_SERVER);
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-Consul-Default-Acl-Policy': fake.defaultPolicy });
    response.end(JSON.stringify(fake.mode === 'no-leader' ? '' : '127.0.0.1:8300'));
  }

  function sendSelf(response: ServerResponse, token: string): void {
    if (rightsOf(token)?.agent !== true) return refuse(response, 403, "Permission denied: anonymous token lacks permission 'agent:read'");
    response.writeHead(200, { 'Content-Type': 'application/json', 'X-Consul-Default-Acl-Policy': fake.defaultPolicy });
    response.end(JSON.stringify({ Config: { Datacenter: 'dc1' }, DebugConfig: { HTTPMaxConnsPerClient: fake.connectionLimit } }));
  }

  function send(response: ServerResponse, { index, body, isStreamed, isFiltered }: Rows): void {
    response.writeHead(200, {
      'Content-Type': 'application/json',
      Vary: 'Accept-Encoding',
      'X-Consul-Default-Acl-Policy': fake.defaultPolicy,
      'X-Consul-Effective-Consistency': 'leader',
      'X-Consul-Index': String(index),
      'X-Consul-Knownleader': String(!isStreamed),
      'X-Consul-Lastcontact': '0',
      'X-Consul-Query-Backend': isStreamed ? 'streaming' : 'blocking-query',
      ...(isFiltered && { 'X-Consul-Results-Filtered-By-Acls': 'true' }),
    });
    response.end(JSON.stringify(body));
  }

  /** A refused list has the headers of an answer. */
  function refuseRead({ name, response }: Pick<WaitingRead, 'name' | 'response'>, status: number, text: string): void {
    const headers = {
      'X-Consul-Index': '1',
      'X-Consul-Knownleader': 'false',
      'X-Consul-Lastcontact': '0',
      'X-Consul-Query-Backend': 'blocking-query',
    };
    refuse(response, status, text, name === '' ? headers : {});
  }

  function refuse(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      ...(status !== 404 && { Vary: 'Accept-Encoding', 'X-Consul-Default-Acl-Policy': fake.defaultPolicy }),
      ...headers,
    });
    response.end(text);
  }
}

interface Rows {
  readonly index: number;
  readonly body: unknown;
  readonly isStreamed: boolean;
  readonly isFiltered: boolean;
}

function replayed(writes: readonly { readonly path: string; readonly body: unknown }[]): FakeState {
  const state = createFakeState();
  for (const { path, body } of writes) {
    const url = new URL(path, 'http://consul');
    state.put(decodeURIComponent(url.pathname), url.searchParams, body);
  }
  return state;
}

function refuseConnection(socket: Socket): void {
  socket.resume();
  const text = 'Your IP is issuing too many concurrent connections, please rate limit your calls\n';
  socket.end(
    `HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** What is wrong with the parameters of a read. */
function faultOf(query: URLSearchParams): string | undefined {
  if (query.has('ns')) return 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature';
  if (query.has('partition')) return 'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature';
  const forbidden = FORBIDDEN.find((name) => query.has(name));
  if (forbidden !== undefined) return `Nobody here may send ${forbidden}`;
  const [index, wait] = [query.get('index'), query.get('wait')];
  if (index !== null && query.has('consistent')) return 'Nobody here may wait for a consistent read';
  if (index !== null && (!/^\d+$/.test(index) || BigInt(index) >= 2n ** 64n)) return 'Invalid index';
  return wait !== null && durationMs(wait) === undefined ? 'Invalid wait time' : undefined;
}

/** A duration as Go reads it, in ms. */
function durationMs(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit];
  return factor === undefined ? undefined : Number(amount) * factor;
}

/** Names with the union of their tags, in another order at every call. */
function listOf(rows: readonly FakeRow[]): Readonly<Record<string, readonly string[]>> {
  const names = [...new Set(rows.map(({ Service: service }) => service.Service))];
  return Object.fromEntries(
    names.map((name) => [
      name,
      shuffled([...new Set(rows.flatMap(({ Service: service }) => (service.Service === name ? service.Tags : [])))]),
    ]),
  );
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
