import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';
import { ask, caddySettings, startEcho, type Answer } from '../support/caddy.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';

// oracle:oracle
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';
const STAFF = { usersFile: '/nowhere', users: [{ name: 'oracle', hash: new Secret(HASH) }] };
const CREDENTIALS = new Map([['staff', STAFF]]);

interface Ask {
  readonly from?: string;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

interface Served {
  readonly diagnostics: readonly Diagnostic[];
  ask(host: string, options?: Ask): Promise<Answer>;
  status(host: string, options?: Ask): Promise<number>;
}

/** Serves one host for every list of middlewares; undefined where there is no Traefik. */
async function serve(
  t: TestContext,
  hosts: Readonly<Record<string, readonly Middleware[]>>,
  wishes: Partial<Pick<RenderSettings, 'trustedProxies'>> = {},
): Promise<Served | undefined> {
  const traefik = await startTraefik(t, { ...wishes, credentials: CREDENTIALS });
  if (!traefik) return undefined;
  const echo = await startEcho(t, 'a');
  const routes = Object.entries(hosts).map(([host, middlewares]) => routeOf(host, host, '/', { middlewares, action: to('a') }));
  const wide = routeOf('wide', '*', '/', { action: to('a') });
  const diagnostics = await serveTable(traefik, tableOf([...routes, wide], poolOf('a', [echo])));
  const asked: Served['ask'] = (host, options = {}) => ask({ port: traefik.web }, { host, ...options });
  return { diagnostics, ask: asked, status: async (host, options) => (await asked(host, options)).status };
}

const via = (...hops: readonly string[]): { readonly headers: Record<string, string> } => ({
  headers: { 'x-forwarded-for': hops.join(', ') },
});
const basic = (text: string): { readonly headers: Record<string, string> } => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
});

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** What a client answers for `GET /` (RFC 2617, 3.2.2). */
function digestAnswer(challenge: string, password: string): string {
  const part = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '';
  const [realm, nonce, opaque] = [part('realm'), part('nonce'), part('opaque')];
  const hash = md5(`${md5(`oracle:${realm}:${password}`)}:${nonce}:00000001:abc:auth:${md5('GET:/')}`);
  const fields = { username: 'oracle', realm, nonce, uri: '/', cnonce: 'abc', response: hash, opaque };
  const quoted = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  return `Digest ${quoted.join(', ')}, qop=auth, nc=00000001, algorithm=MD5`;
}

test('traefikTarget allows and denies by the address of the connection', async (t) => {
  const served = await serve(t, {
    'allow.io': [{ kind: 'ipAllow', cidrs: ['127.0.0.2/31', '::1'], of: { kind: 'peer' } }],
    'both.io': [
      { kind: 'ipAllow', cidrs: ['127.0.0.0/29'], of: { kind: 'peer' } },
      { kind: 'ipAllow', cidrs: ['127.0.0.4/30'], of: { kind: 'peer' }, status: 404 },
    ],
    'deny.io': [{ kind: 'ipDeny', cidrs: ['127.0.0.2', '127.0.0.4/30'], of: { kind: 'peer' } }],
  });
  if (!served) return;
  const statuses = (host: string): Promise<readonly number[]> =>
    Promise.all(['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.5', '127.0.0.9'].map((from) => served.status(host, { from })));

  assert.deepEqual(await statuses('allow.io'), [403, 200, 200, 403, 403]);
  assert.deepEqual(await statuses('both.io'), [404, 404, 404, 200, 403]);
  assert.deepEqual(await statuses('deny.io'), [200, 403, 200, 403, 200]);
  assert.deepEqual(served.diagnostics, []);
});

const HOPS: Readonly<Record<string, readonly Middleware[]>> = {
  'allow.io': [{ kind: 'ipAllow', cidrs: ['127.0.0.0/8', '10.0.0.0/9'], of: { kind: 'everyHop' } }],
  'deny.io': [{ kind: 'ipDeny', cidrs: ['10.0.0.0/9', 'fe80::/10'], of: { kind: 'everyHop' } }],
  'denied.io': [{ kind: 'ipDeny', cidrs: ['127.0.0.2'], of: { kind: 'everyHop' } }],
};

test('traefikTarget looks at every hop that a trusted proxy names and says that it trusts no other', async (t) => {
  const served = await serve(t, HOPS, { trustedProxies: ['127.0.0.1'] });
  if (!served) return;

  for (const hops of [['10.127.255.1'], ['10.0.0.1', '127.0.0.3'], ['unknown', '10.1.1.1']])
    assert.deepEqual(
      [await served.status('allow.io', via(...hops)), await served.status('deny.io', via(...hops))],
      [200, 403],
      hops.join(),
    );
  for (const hops of [['10.128.0.1'], ['9.9.9.9', '10.128.0.1']])
    assert.deepEqual(
      [await served.status('allow.io', via(...hops)), await served.status('deny.io', via(...hops))],
      [403, 200],
      hops.join(),
    );
  for (const hops of [['10.0.0.1', 'fe80::1'], ['::ffff:10.0.0.1']])
    assert.deepEqual(
      [await served.status('allow.io', via(...hops)), await served.status('deny.io', via(...hops))],
      [403, 403],
      hops.join(),
    );
  assert.deepEqual([await served.status('allow.io'), await served.status('deny.io')], [200, 200]);
  assert.deepEqual([await served.status('denied.io'), await served.status('denied.io', { from: '127.0.0.2' })], [200, 403]);
  assert.equal(await served.status('allow.io', { from: '127.0.0.9', ...via('9.9.9.9') }), 200, 'Traefik takes the header away');
  assert.deepEqual(
    served.diagnostics.map(({ code }) => code),
    ['TRAEFIK_APPROXIMATED', 'TRAEFIK_APPROXIMATED', 'TRAEFIK_APPROXIMATED'],
  );
});

const CLIENT: Readonly<Record<string, readonly Middleware[]>> = {
  'allow.io': [{ kind: 'ipAllow', cidrs: ['9.9.9.0/24', '127.0.0.8'], of: { kind: 'client' } }],
  'deny.io': [{ kind: 'ipDeny', cidrs: ['9.9.9.0/24', '127.0.0.8'], of: { kind: 'client' } }],
  'depth.io': [{ kind: 'ipAllow', cidrs: ['9.9.9.0/24'], of: { kind: 'depth', depth: 2 } }],
  'excluding.io': [{ kind: 'ipAllow', cidrs: ['9.9.9.0/24'], of: { kind: 'excluding', cidrs: ['10.0.0.0/8'] } }],
};

test('traefikTarget takes the client that a trusted proxy names, and else the connection', async (t) => {
  const served = await serve(t, CLIENT, { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] });
  if (!served) return;
  const seen = async (options: Ask): Promise<readonly number[]> =>
    Promise.all(['allow.io', 'deny.io'].map((host) => served.status(host, options)));

  assert.deepEqual(await seen(via('9.9.9.9')), [200, 403]);
  assert.deepEqual(await seen(via('1.1.1.1', '9.9.9.9', '10.1.1.1')), [200, 403], 'behind two proxies');
  assert.deepEqual(await seen(via('9.9.9.9', '1.1.1.1')), [403, 200], 'what the client says of itself does not count');
  assert.deepEqual(await seen({}), [403, 200], 'the proxy speaks for itself');
  assert.deepEqual(await seen({ from: '127.0.0.8' }), [200, 403]);
  assert.deepEqual(await seen({ from: '127.0.0.9', ...via('9.9.9.9') }), [403, 200], 'nobody trusts this one');
  const deep = via('9.9.9.9', '10.0.0.1');
  assert.deepEqual([await served.status('depth.io', deep), await served.status('depth.io', via('10.0.0.1', '9.9.9.9'))], [200, 403]);
  assert.deepEqual([await served.status('excluding.io', deep), await served.status('excluding.io', via('9.9.9.9', '1.1.1.1'))], [200, 403]);
  assert.deepEqual(served.diagnostics, []);
});

test('traefikTarget withholds a list of denied clients that nobody could write down', () => {
  const cidrs = Array.from({ length: 40 }, (_, index) => `10.${index}.7.1`);
  const render = (of: 'peer' | 'client'): readonly string[] => {
    const route = routeOf('a', 'a.io', '/', { middlewares: [{ kind: 'ipDeny', cidrs, of: { kind: of } }], action: to('a') });
    const { value, diagnostics } = traefikTarget.render(tableOf([route], poolOf('a', [1])), SETTINGS);
    assert.equal(/"service": "a"/.test(value.files[0]?.content ?? ''), diagnostics.length === 0);
    return diagnostics.map(({ code }) => code);
  };

  assert.deepEqual(render('peer'), []);
  assert.deepEqual(render('client'), ['TRAEFIK_UNSUPPORTED']);
});

test('traefikTarget asks for names and passwords, from a policy or from the tag', async (t) => {
  const listed = { kind: 'listed', users: [{ name: 'tag', hash: HASH }] } as const;
  const served = await serve(t, {
    'policy.io': [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } }],
    'tag.io': [{ kind: 'basicAuth', users: listed, realm: 'Staff only', removeHeader: true, userHeader: 'X-User' }],
    'digest.io': [
      {
        kind: 'digestAuth',
        users: { kind: 'listed', users: [{ name: 'oracle', hash: `traefik:${md5('oracle:traefik:oracle')}` }] },
        removeHeader: true,
      },
    ],
  });
  if (!served) return;

  assert.deepEqual([await served.status('policy.io'), await served.status('policy.io', basic('oracle:wrong'))], [401, 401]);
  const policy = await served.ask('policy.io', basic('oracle:oracle'));
  assert.deepEqual([policy.status, policy.echo?.headers.authorization !== undefined], [200, true]);
  const refused = await served.ask('tag.io', basic('oracle:oracle'));
  assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Basic realm="Staff only"']);
  const tag = await served.ask('tag.io', basic('tag:oracle'));
  assert.deepEqual([tag.status, tag.echo?.headers.authorization, tag.echo?.headers['x-user']], [200, undefined, 'tag']);
  const challenge = await served.ask('digest.io');
  assert.equal(challenge.status, 401);
  const answer = (password: string): Ask => ({
    headers: { authorization: digestAnswer(String(challenge.headers['www-authenticate']), password) },
  });
  assert.equal(await served.status('digest.io', answer('wrong')), 401);
  const digest = await served.ask('digest.io', answer('oracle'));
  assert.deepEqual([digest.status, digest.echo?.headers.authorization], [200, undefined]);
});

const SETTINGS: RenderSettings = {
  ...caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 }),
  credentials: CREDENTIALS,
};
const UNENFORCED: readonly Middleware[] = [
  { kind: 'basicAuth', users: { kind: 'policy', policy: 'gone' } },
  { kind: 'basicAuth', users: { kind: 'listed', users: [] } },
  { kind: 'basicAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'b:c' }] } },
  { kind: 'digestAuth', users: { kind: 'policy', policy: 'staff' } },
  { kind: 'digestAuth', users: { kind: 'listed', users: [{ name: 'a', hash: 'no digest' }] } },
  { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' }, status: 999 },
  { kind: 'ipDeny', cidrs: ['0.0.0.0/0', '::/0'], of: { kind: 'client' } },
  { kind: 'rateLimit', average: 1, periodMs: 1000, burst: 1, by: { kind: 'address', of: { kind: 'everyHop' } } },
  { kind: 'circuitBreaker', expression: 'Anything() > 1' },
];

for (const middleware of UNENFORCED)
  test(`traefikTarget.render() withholds the route of ${JSON.stringify(middleware)}`, () => {
    const table = tableOf([routeOf('a', 'a.io', '/', { middlewares: [middleware], action: to('a') })], poolOf('a', [1]));

    const { value, diagnostics } = traefikTarget.render(table, SETTINGS);

    assert.ok(diagnostics.some(({ code }) => code === 'TRAEFIK_UNSUPPORTED'));
    assert.doesNotMatch(value.files[0]?.content ?? '', /"service": "a"/);
    assert.match(value.files[0]?.content ?? '', /"service": "hind-proxy-unavailable"/);
  });

/** A server that lets those through who say the word, tells who they are, and shows what it was asked. */
async function startAuthServer(t: TestContext): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(`${String(headers['x-forwarded-uri'])} ${String(headers['x-auth-user'])}`);
    if (headers['x-word'] === 'please') response.writeHead(204, { 'X-Auth-User': 'alice', 'X-Other': 'no' });
    else response.writeHead(302, { Location: '/login', 'X-Said': 'no' });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, asked };
}

test('traefikTarget asks another server, and believes nobody about who they are', async (t) => {
  const auth = await startAuthServer(t);
  const middleware: Middleware = {
    kind: 'forwardAuth',
    address: `http://127.0.0.1:${auth.port}/verify`,
    copyHeaders: ['X-Auth-User'],
    bypass: ['127.0.0.2', '9.9.9.0/24', '10.0.0.0/8'],
  };
  const served = await serve(t, { 'auth.io': [middleware] }, { trustedProxies: ['127.0.0.1', '10.0.0.0/16'] });
  if (!served) return;
  const forged = { 'x-auth-user': 'root', x_auth_user: 'root', 'x.auth-user': 'root' };
  const names = ({ echo }: Answer): readonly unknown[] => ['x-auth-user', 'x_auth_user', 'x.auth-user'].map((name) => echo?.headers[name]);

  const refused = await served.ask('auth.io', { path: '/p?q=1', headers: forged });
  assert.deepEqual([refused.status, refused.headers['location'], refused.headers['x-said']], [302, '/login', 'no']);
  assert.deepEqual(auth.asked, ['/p?q=1 undefined']);
  const passedOn = await served.ask('auth.io', { headers: { ...forged, 'x-word': 'please' } });
  assert.deepEqual(
    [passedOn.status, names(passedOn), passedOn.echo?.headers['x-other']],
    [200, ['alice', undefined, undefined], undefined],
  );

  const passed = await served.ask('auth.io', { from: '127.0.0.2', headers: forged });
  assert.deepEqual([passed.status, names(passed)], [200, [undefined, undefined, undefined]]);
  assert.equal(await served.status('auth.io', { from: '127.0.0.3' }), 302);
  assert.equal(await served.status('auth.io', { from: '127.0.0.3', ...via('9.9.9.9') }), 302, 'nobody trusts this one');
  assert.deepEqual(
    [await served.status('auth.io', via('9.9.9.9')), await served.status('auth.io', via('9.9.9.9', '10.0.1.1'))],
    [200, 200],
  );
  assert.equal(await served.status('auth.io', via('9.9.9.9', '1.1.1.1')), 302, 'what the client says of itself does not count');
  assert.equal(await served.status('auth.io', via('1.1.1.1', '10.0.1.1')), 302, 'a trusted proxy is not the client');
  assert.equal(await served.status('auth.io', via('1.1.1.1', '10.9.1.1')), 200, 'an address beside the trusted ones is');
});
