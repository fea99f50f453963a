import assert from 'node:assert/strict';
import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Middleware } from '../../src/model/middleware.ts';
import { backendId } from '../../src/model/names.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { ask, startEcho, type Answer } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';
import { until } from '../support/until.ts';

type Options = {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly from?: string;
  readonly tls?: boolean;
};

interface Served {
  readonly web: number;
  ask(host: string, options?: Options): Promise<Answer>;
}

async function listen(t: TestContext, handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Serves one host for every list of middlewares in front of a backend; undefined where there is no Traefik. */
async function serve(
  t: TestContext,
  hosts: Readonly<Record<string, readonly Middleware[]>>,
  {
    ports,
    codes = [],
    wishes = {},
  }: {
    readonly ports?: readonly number[];
    readonly codes?: readonly string[];
    readonly wishes?: Partial<Pick<RenderSettings, 'trustedProxies'>>;
  } = {},
): Promise<Served | undefined> {
  const traefik = await startTraefik(t, wishes);
  if (!traefik) return undefined;
  const pool = poolOf('a', ports ?? [await startEcho(t, 'a')]);
  const side = poolOf('side', [await startEcho(t, 'side')]);
  const routes = Object.entries(hosts).map(([host, middlewares]) => routeOf(host, host, '/', { middlewares, action: to('a') }));
  const diagnostics = await serveTable(traefik, tableOf(routes, pool, side));
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    codes,
  );
  return {
    web: traefik.web,
    ask: (host, { tls = false, ...options } = {}) => ask({ port: tls ? traefik.websecure : traefik.web, tls }, { host, ...options }),
  };
}

test('traefikTarget sets, removes and guards headers', async (t) => {
  const served = await serve(t, {
    'headers.io': [
      {
        kind: 'headers',
        request: [
          { name: 'X-In', value: '{{ "a" }} $1 `b`' },
          { name: 'X-Gone', value: '' },
        ],
        response: [{ name: 'X-Out', value: 'yes' }],
      },
    ],
    'hsts.io': [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: true, preload: true, always: false }],
    'always.io': [{ kind: 'hsts', maxAgeSeconds: 60, includeSubdomains: false, preload: false, always: true }],
    'hosts.io': [{ kind: 'allowedHosts', hosts: ['other.io'] }],
    'nothing.io': [{ kind: 'headers', request: [], response: [] }],
  });
  if (!served) return;

  const headers = await served.ask('headers.io', { headers: { 'x-gone': 'a' } });
  assert.deepEqual(
    [headers.echo?.headers['x-in'], headers.echo?.headers['x-gone'], headers.headers['x-out']],
    ['{{ "a" }} $1 `b`', undefined, 'yes'],
  );
  const hsts = async (host: string, tls: boolean): Promise<unknown> =>
    (await served.ask(host, { tls })).headers['strict-transport-security'];
  assert.deepEqual([await hsts('hsts.io', true), await hsts('hsts.io', false)], ['max-age=60; includeSubDomains; preload', undefined]);
  assert.deepEqual([await hsts('always.io', true), await hsts('always.io', false)], ['max-age=60', 'max-age=60']);
  assert.equal((await served.ask('hosts.io')).status, 500);
  assert.equal((await served.ask('nothing.io')).status, 200);
});

test('traefikTarget answers cross-origin questions', async (t) => {
  const none = { allowHeaders: [], allowMethods: [], allowOrigins: [], allowOriginRegexps: [], exposeHeaders: [] };
  const served = await serve(t, {
    'cors.io': [
      {
        kind: 'cors',
        allowCredentials: true,
        allowHeaders: ['X-A'],
        allowMethods: ['GET', 'PUT'],
        allowOrigins: ['https://a.io'],
        allowOriginRegexps: ['^https://[a-z]+\\.b\\.io$'],
        exposeHeaders: ['X-B'],
        maxAgeSeconds: 30,
        addVary: true,
      },
    ],
    'silent.io': [{ kind: 'cors', allowCredentials: false, addVary: false, ...none }],
  });
  if (!served) return;

  const preflight = await served.ask('cors.io', {
    method: 'OPTIONS',
    headers: { origin: 'https://x.b.io', 'access-control-request-method': 'PUT' },
  });
  const { headers } = preflight;
  assert.deepEqual(
    [
      preflight.status,
      headers['access-control-allow-origin'],
      headers['access-control-allow-methods'],
      headers['access-control-allow-headers'],
      headers['access-control-max-age'],
      headers['access-control-allow-credentials'],
    ],
    [200, 'https://x.b.io', 'GET,PUT', 'X-A', '30', 'true'],
  );
  assert.equal(preflight.echo, undefined, 'no instance is asked');
  const plain = await served.ask('cors.io', { headers: { origin: 'https://a.io' } });
  assert.deepEqual(
    [plain.headers['access-control-allow-origin'], plain.headers['access-control-expose-headers'], plain.headers['vary']],
    ['https://a.io', 'X-B', 'Origin'],
  );
  assert.equal((await served.ask('cors.io', { headers: { origin: 'https://evil.io' } })).headers['access-control-allow-origin'], undefined);
  assert.equal((await served.ask('silent.io')).status, 200);
});

test('traefikTarget limits rates by client, trusted client, header and host', async (t) => {
  const limit = (by: Extract<Middleware, { kind: 'rateLimit' }>['by']): readonly Middleware[] => [
    { kind: 'rateLimit', average: 1, periodMs: 60_000, burst: 2, by },
  ];
  const served = await serve(
    t,
    {
      'peer.io': limit({ kind: 'address', of: { kind: 'peer' } }),
      'client.io': limit({ kind: 'address', of: { kind: 'client' }, ipv6Bits: 64 }),
      'header.io': limit({ kind: 'header', name: 'X-Key' }),
      'host.io': limit({ kind: 'host' }),
    },
    { wishes: { trustedProxies: ['127.0.0.1'] } },
  );
  if (!served) return;
  const statuses = async (host: string, ...asked: readonly Options[]): Promise<readonly number[]> => {
    const answers: number[] = [];
    for (const options of asked) answers.push((await served.ask(host, options)).status);
    return answers;
  };
  const from = (address: string): Options => ({ from: address });
  const via = (hop: string): Options => ({ headers: { 'x-forwarded-for': hop } });
  const key = (value: string): Options => ({ headers: { 'x-key': value } });

  assert.deepEqual(
    await statuses('peer.io', from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.3')),
    [200, 200, 429, 200],
  );
  assert.deepEqual(await statuses('client.io', via('9.9.9.1'), via('9.9.9.1'), via('9.9.9.1'), via('9.9.9.2')), [200, 200, 429, 200]);
  assert.deepEqual(
    await statuses('client.io', from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.2'), from('127.0.0.3')),
    [200, 200, 429, 200],
  );
  assert.deepEqual(await statuses('header.io', key('a'), key('a'), key('a'), key('b')), [200, 200, 429, 200]);
  assert.deepEqual(await statuses('host.io', {}, from('127.0.0.2'), from('127.0.0.3')), [200, 200, 429]);
});

test('traefikTarget limits requests in flight for each client', async (t) => {
  const waiting: (() => void)[] = [];
  const slow = await listen(t, (_, response) => void waiting.push(() => response.end('done')));
  const served = await serve(
    t,
    { 'flight.io': [{ kind: 'inFlight', amount: 1, by: { kind: 'address', of: { kind: 'peer' } } }] },
    { ports: [slow] },
  );
  if (!served) return;

  const first = served.ask('flight.io', { from: '127.0.0.2' });
  await until('the first request waits', () => waiting.length === 1);
  assert.equal((await served.ask('flight.io', { from: '127.0.0.2' })).status, 429);
  const other = served.ask('flight.io', { from: '127.0.0.3' });
  await until('another client is let in', () => waiting.length === 2);
  for (const answer of waiting) answer();
  assert.deepEqual([(await first).status, (await other).status], [200, 200]);
});

/** The status for a body of so many bytes. */
function post(port: number, host: string, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method: 'POST', headers: { host }, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    asked.on('error', reject);
    asked.end(Buffer.alloc(bytes));
  });
}

test('traefikTarget limits and buffers bodies', async (t) => {
  let attempts = 0;
  const failing = await listen(t, (incoming, response) => {
    attempts += 1;
    incoming.resume();
    response.writeHead(attempts % 2 === 1 ? 503 : 200).end('x'.repeat(500));
  });
  const served = await serve(
    t,
    {
      'max.io': [{ kind: 'maxBody', bytes: 1000 }],
      'buffer.io': [
        {
          kind: 'buffering',
          maxRequestBytes: 1000,
          memRequestBytes: 10,
          memResponseBytes: 10,
          retryExpression: 'ResponseCode() == 503 && Attempts() < 2',
        },
      ],
      'answer.io': [{ kind: 'buffering', maxResponseBytes: 100 }],
      'usual.io': [{ kind: 'buffering' }],
    },
    { ports: [failing], codes: ['TRAEFIK_APPROXIMATED'] },
  );
  if (!served) return;

  attempts = 1;
  assert.deepEqual([await post(served.web, 'max.io', 1000), await post(served.web, 'max.io', 1001)], [200, 413]);
  attempts = 0;
  assert.deepEqual([await post(served.web, 'buffer.io', 1000), attempts, await post(served.web, 'buffer.io', 1001)], [200, 2, 413]);
  attempts = 1;
  assert.deepEqual([await post(served.web, 'answer.io', 1), await post(served.web, 'usual.io', 1)], [500, 503]);
});

test('traefikTarget compresses answers and sets missing content types', async (t) => {
  const page = await listen(t, ({ url }, response) => {
    response.sendDate = false;
    if (url !== '/untyped') response.setHeader('content-type', url === '/image' ? 'image/png' : 'text/plain');
    response.end('<html>'.repeat(100));
  });
  const served = await serve(
    t,
    {
      'usual.io': [{ kind: 'compress' }],
      'all.io': [
        { kind: 'compress', encodings: ['gzip', 'br'], defaultEncoding: 'br', excludedContentTypes: ['image/png'], minBytes: 100 },
      ],
      'some.io': [{ kind: 'compress', includedContentTypes: ['text/plain'] }],
      'type.io': [{ kind: 'contentType' }],
    },
    { ports: [page] },
  );
  if (!served) return;
  const encoding = async (host: string, path = '/', accept = 'gzip, br'): Promise<unknown> =>
    (await served.ask(host, { path, headers: accept === '' ? {} : { 'accept-encoding': accept } })).headers['content-encoding'];

  assert.equal(await encoding('usual.io'), undefined, 'smaller than 1024 bytes');
  assert.deepEqual(
    [await encoding('all.io'), await encoding('all.io', '/', ''), await encoding('all.io', '/image')],
    ['gzip', 'br', undefined],
  );
  assert.deepEqual([await encoding('some.io'), await encoding('some.io', '/image')], [undefined, undefined]);
  assert.equal((await served.ask('type.io', { path: '/untyped' })).headers['content-type'], 'text/html; charset=utf-8');
  const body = await new Promise<Buffer>((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: served.web, headers: { host: 'all.io', 'accept-encoding': 'gzip' }, agent: false },
      (answer: IncomingMessage) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)));
      },
    )
      .on('error', reject)
      .end();
  });
  assert.equal(gunzipSync(body).toString(), '<html>'.repeat(100));
});

test('traefikTarget tries again, breaks a circuit and shows pages for errors', async (t) => {
  // nobody listens on the lowest ports
  const ports = [1, 2, 3, await startEcho(t, 'a')];
  const served = await serve(t, { 'retry.io': [{ kind: 'retry', attempts: 8, initialIntervalMs: 1 }], 'usual.io': [] }, { ports });
  if (!served) return;
  const statuses = async (host: string): Promise<readonly number[]> => {
    const answers: number[] = [];
    for (let count = 0; count < 8; count += 1) answers.push((await served.ask(host)).status);
    return [...new Set(answers)].toSorted((a, b) => a - b);
  };
  assert.deepEqual([await statuses('retry.io'), await statuses('usual.io')], [[200], [200, 502]]);

  const broken = await listen(
    t,
    ({ url }, response) => void response.writeHead(url === '/404' ? 404 : 500, { 'x-secret': 'a' }).end('broken'),
  );
  const errors: Middleware = {
    kind: 'errors',
    statuses: [
      { from: 404, to: 404 },
      { from: 500, to: 599 },
    ],
    backend: backendId('side'),
    query: '/{status}?u={url}',
  };
  const failing = await serve(
    t,
    {
      'errors.io': [errors],
      'own.io': [{ ...errors, backend: backendId('a') }],
      'rewrite.io': [{ ...errors, rewrites: [{ from: 500, to: 599, status: 418 }], requestHeaders: ['X-Kept'] }],
      'bare.io': [{ ...errors, requestHeaders: [] }],
      'breaker.io': [
        {
          kind: 'circuitBreaker',
          expression: '(ResponseCodeRatio(500, 600, 0, 600) > 0.5) || NetworkErrorRatio() > 0.25',
          checkPeriodMs: 10,
          fallbackMs: 60_000,
          recoveryMs: 1000,
          status: 418,
        },
      ],
    },
    { ports: [broken] },
  );
  if (!failing) return;
  const page = await failing.ask('errors.io', { path: '/x?y=1' });
  assert.deepEqual(
    [page.status, page.echo?.name, page.echo?.url, page.headers['x-secret']],
    [500, 'side', '/500?u=http%3A%2F%2Ferrors.io%2Fx%3Fy%3D1', undefined],
  );
  assert.equal((await failing.ask('errors.io', { path: '/404' })).echo?.name, 'side');
  assert.deepEqual([(await failing.ask('own.io')).status, (await failing.ask('own.io')).body], [500, 'broken']);
  const headers = { 'x-kept': 'yes', 'x-lost': 'no' };
  const rewritten = await failing.ask('rewrite.io', { headers });
  assert.deepEqual(
    [rewritten.status, rewritten.echo?.url, rewritten.echo?.headers['x-kept'], rewritten.echo?.headers['x-lost']],
    [418, '/418?u=http%3A%2F%2Frewrite.io%2F', 'yes', undefined],
  );
  assert.equal((await failing.ask('bare.io', { headers })).echo?.headers['x-kept'], undefined);
  await until('the circuit breaks', async () => (await failing.ask('breaker.io')).status === 418);
});

test('traefikTarget tries again for statuses and methods as asked', async (t) => {
  let asked = 0;
  const flaky = await listen(t, (incoming, response) => {
    incoming.resume();
    asked += 1;
    response.writeHead(asked === 1 ? 503 : 200).end();
  });
  const statuses = [
    { from: 500, to: 502 },
    { from: 503, to: 503 },
  ];
  const served = await serve(
    t,
    {
      'status.io': [{ kind: 'retry', attempts: 2, statuses, maxBodyBytes: 10, timeoutMs: 5000 }],
      'any.io': [{ kind: 'retry', attempts: 2, statuses, anyMethod: true, ignoreConnectionErrors: true }],
      'nothing.io': [{ kind: 'retry', attempts: 2, ignoreConnectionErrors: true }],
    },
    { ports: [flaky] },
  );
  if (!served) return;
  const status = async (host: string, method: string): Promise<number> => {
    asked = 0;
    return (await served.ask(host, { method })).status;
  };

  assert.deepEqual([await status('status.io', 'GET'), await status('status.io', 'POST')], [200, 503]);
  assert.deepEqual([await status('any.io', 'POST'), await status('nothing.io', 'GET')], [200, 503]);
});

test('traefikTarget refuses encoded characters and translates gRPC-Web', async (t) => {
  const served = await serve(t, {
    'none.io': [{ kind: 'encodedCharacters', allowed: [] }],
    'some.io': [{ kind: 'encodedCharacters', allowed: ['percent', 'slash'] }],
    'grpc.io': [{ kind: 'grpcWeb', allowOrigins: ['https://a.io'] }],
  });
  if (!served) return;
  const statuses = (host: string): Promise<readonly number[]> =>
    Promise.all(
      ['/a', '/a%2Fb', '/a%25b', '/a%3Bb', '/a%23b', '/a%3Fb', '/a%5Cb'].map(async (path) => (await served.ask(host, { path })).status),
    );

  assert.deepEqual(await statuses('none.io'), [200, 400, 400, 400, 400, 400, 400]);
  assert.deepEqual(await statuses('some.io'), [200, 200, 200, 400, 400, 400, 400]);
  const preflight = (origin: string): Promise<Answer> =>
    served.ask('grpc.io', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-grpc-web' },
    });
  assert.equal((await preflight('https://a.io')).headers['access-control-allow-origin'], 'https://a.io');
  assert.equal((await preflight('https://b.io')).headers['access-control-allow-origin'], undefined);
});

test('traefikTarget keeps what only a TLS client can say from everybody else', async (t) => {
  const served = await serve(t, {
    'cert.io': [{ kind: 'passTlsClientCert', pem: true, info: ['issuer.commonName', 'notAfter', 'subject.commonName', 'subject.odd'] }],
    'odd.io': [{ kind: 'passTlsClientCert', pem: false, info: ['odd'] }],
  });
  if (!served) return;

  const answer = await served.ask('cert.io', { tls: true, headers: { 'x-forwarded-tls-client-cert': 'forged' } });
  assert.deepEqual([answer.status, answer.echo?.headers['x-forwarded-tls-client-cert']], [200, undefined]);
  assert.equal((await served.ask('odd.io')).status, 200);
});

test('traefikTarget hands HinD instances what HinD hands them', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const route = routeOf('hind', 'hind.io', '/', { dialect: 'hind', action: to('a') });
  await serveTable(traefik, tableOf([route], poolOf('a', [await startEcho(t, 'a')])));

  const { echo } = await ask({ port: traefik.web }, { host: 'hind.io', headers: { 'x-real-ip': '9.9.9.9' } });

  const forwarded = Object.entries(echo?.headers ?? {}).filter(([name]) => name.startsWith('x-'));
  assert.deepEqual(Object.fromEntries(forwarded), {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'hind.io',
    'x-forwarded-proto': 'http',
  });
});

test('traefikTarget answers unknown hosts as asked', async (t) => {
  for (const status of [410, 503, 404]) {
    const traefik = await startTraefik(t, { unknownHost: { status } });
    if (!traefik) return;
    await serveTable(traefik, tableOf([routeOf('known', 'known.io', '/', { action: to('a') })], poolOf('a', [await startEcho(t, 'a')])));
    const statuses = (tls: boolean): Promise<readonly number[]> =>
      Promise.all(
        ['known.io', 'other.io'].map(async (host) => (await ask({ port: tls ? traefik.websecure : traefik.web, tls }, { host })).status),
      );
    assert.deepEqual(
      [await statuses(false), await statuses(true)],
      [
        [200, status],
        [200, status],
      ],
    );
  }
});

test('traefikTarget sends what arrives at once when the pool asks so', async (t) => {
  const parts = await listen(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('first');
    setTimeout(() => response.end('last'), 60_000).unref();
  });
  const traefik = await startTraefik(t);
  if (!traefik) return;
  await serveTable(traefik, tableOf([routeOf('a', 'a.io', '/', { action: to('a') })], poolOf('a', [parts], { flushIntervalMs: -1 })));

  const first = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: traefik.web }, () => socket.write('GET / HTTP/1.1\r\nHost: a.io\r\n\r\n'));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      if (text.includes('first')) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  assert.match(first, /first/);
});
