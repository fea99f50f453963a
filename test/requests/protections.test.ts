import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import { SERVERS } from '../../src/model/rendered.ts';
import { listen, serveBy, type Asking } from '../support/both.ts';
import type { Answer } from '../support/caddy.ts';

/** The same protections on both proxies: the same requests are let in and refused. */

const via = (...hops: readonly string[]): Asking => ({ headers: { 'x-forwarded-for': hops.join(', ') } });
const from = (address: string, asking: Asking = {}): Asking => ({ ...asking, from: address });

/** The password `oracle`. */
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

for (const server of SERVERS) {
  test(`${server} lets in the addresses that count`, async (t) => {
    const cidrs = ['10.0.0.0/8', '127.0.0.2/32'];
    const served = await serveBy(t, server, {
      wishes: { trustedProxies: ['127.0.0.1/32', '127.0.0.9/32'] },
      hosts: {
        'peer.io': [{ kind: 'ipAllow', cidrs, of: { kind: 'peer' }, status: 451 }],
        'client.io': [{ kind: 'ipAllow', cidrs, of: { kind: 'client' } }],
        'denied.io': [{ kind: 'ipDeny', cidrs, of: { kind: 'client' } }],
        'depth.io': [{ kind: 'ipAllow', cidrs, of: { kind: 'depth', depth: 2 } }],
        'excluding.io': [{ kind: 'ipAllow', cidrs, of: { kind: 'excluding', cidrs: ['10.9.0.0/16', '192.168.0.0/16'] } }],
      },
      codes: { caddy: ['CADDY_APPROXIMATED'] },
    });
    if (!served) return;
    assert.deepEqual(await served.statuses('peer.io', from('127.0.0.2'), from('127.0.0.3'), via('10.0.0.1')), [200, 451, 451]);
    assert.deepEqual(
      await served.statuses(
        'client.io',
        via('10.0.0.1'),
        via('9.9.9.9'),
        via('10.0.0.1', '9.9.9.9'),
        via('9.9.9.9', '10.0.0.1', '127.0.0.9'),
        from('127.0.0.2'),
        from('127.0.0.3', via('10.0.0.1')),
        from('127.0.0.2', via('9.9.9.9')),
      ),
      [200, 403, 403, 200, 200, 403, 200],
    );
    assert.deepEqual(
      await served.statuses('denied.io', via('10.0.0.1'), via('9.9.9.9'), via('9.9.9.9', '10.0.0.1'), from('127.0.0.2'), from('127.0.0.3')),
      [403, 200, 403, 403, 200],
    );
    assert.deepEqual(
      await served.statuses(
        'depth.io',
        via('10.0.0.1', '9.9.9.9'),
        via('9.9.9.9', '10.0.0.1'),
        via('10.0.0.1', '10.0.0.1', '9.9.9.9'),
        via('10.0.0.1'),
        {},
        from('127.0.0.3', via('10.0.0.1', '9.9.9.9')),
      ),
      [200, 403, 200, 403, 403, 403],
    );
    assert.deepEqual(
      await served.statuses(
        'excluding.io',
        via('10.0.0.1'),
        via('10.0.0.1', '192.168.1.1'),
        via('10.0.0.1', '9.9.9.9'),
        via('10.9.0.1'),
        via('10.0.0.1', '10.9.0.1', '', '192.168.0.1'),
        {},
        from('127.0.0.3', via('10.0.0.1')),
      ),
      [200, 200, 403, 403, 200, 403, 403],
    );
  });

  test(`${server} asks for names and passwords`, async (t) => {
    const listed = { kind: 'listed', users: [{ name: '{oracle}', hash: HASH }] } as const;
    const served = await serveBy(t, server, {
      wishes: { credentials: new Map([['staff', { usersFile: '', users: [{ name: 'oracle', hash: new Secret(HASH) }] }]]) },
      hosts: {
        'staff.io': [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' }, realm: 'a {http.request.host} b' }],
        'gone.io': [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'gone' } }],
        'listed.io': [{ kind: 'basicAuth', users: listed, removeHeader: true, userHeader: 'X-User' }],
      },
      codes: { caddy: ['CADDY_UNSUPPORTED'], traefik: ['TRAEFIK_UNSUPPORTED'] },
    });
    if (!served) return;
    const as = (user: string): Asking => ({
      headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}`, 'x-user': 'root' },
    });

    assert.deepEqual(
      await served.statuses('staff.io', {}, as('oracle:wrong'), as('oracle:oracle'), as('{oracle}:oracle')),
      [401, 401, 200, 401],
    );
    assert.equal((await served.ask('staff.io')).headers['www-authenticate'], 'Basic realm="a {http.request.host} b"');
    assert.deepEqual(await served.statuses('gone.io', as('oracle:oracle')), [503]);
    const { status, echo } = await served.ask('listed.io', as('{oracle}:oracle'));
    assert.deepEqual([status, echo?.headers['x-user'], echo?.headers.authorization], [200, '{oracle}', undefined]);
    assert.deepEqual(await served.statuses('listed.io', as('oracle:oracle'), as(':oracle')), [401, 401]);
  });

  test(`${server} asks another server, and believes nobody about who they are`, async (t) => {
    const asked: unknown[] = [];
    const hosts: unknown[] = [];
    const auth = await listen(t, (request, response) => {
      const { 'x-forwarded-method': method, 'x-forwarded-uri': uri, 'x-forwarded-host': host, 'x-word': word } = request.headers;
      hosts.push(host);
      asked.push([request.method, request.url, method, uri, request.headers.host]);
      if (word === 'please') response.setHeader('x-auth-user', 'alice').setHeader('x-other', 'a').writeHead(204).end();
      else if (word === 'quiet') response.end();
      else response.writeHead(302, { location: '/login', 'x-said': 'no' }).end('go away');
    });
    const middleware: Middleware = {
      kind: 'forwardAuth',
      address: `http://127.0.0.1:${auth}/verify?a={b}`,
      copyHeaders: ['X-Auth-User'],
      bypass: ['127.0.0.2', '9.9.9.0/24'],
    };
    const served = await serveBy(t, server, {
      wishes: { trustedProxies: ['127.0.0.1', '10.0.0.0/16'] },
      hosts: {
        'auth.io': [middleware],
        'bare.io': [{ ...middleware, address: `http://127.0.0.1:${auth}/verify` }],
        'down.io': [{ ...middleware, address: 'http://127.0.0.1:1/', bypass: [] }],
        'set.io': [{ kind: 'headers', request: [{ name: 'Host', value: 'inner.io' }], response: [] }, middleware],
      },
    });
    if (!served) return;
    const forged = { 'x-auth-user': 'root', x_auth_user: 'root', 'x.auth-user': 'root' };
    const names = ({ echo }: Answer): readonly unknown[] =>
      ['x-auth-user', 'x_auth_user', 'x.auth-user'].map((name) => echo?.headers[name]);

    const refused = await served.ask('auth.io', { path: '/p?q=1', method: 'POST', body: 'b', headers: forged });
    assert.deepEqual(
      [refused.status, refused.headers['location'], refused.headers['x-said'], refused.body],
      [302, '/login', 'no', 'go away'],
    );
    assert.equal(
      JSON.stringify(asked.at(-1)).replace(/%7[Bb]|%7[Dd]/g, (brace) => (/b/i.test(brace) ? '{' : '}')),
      JSON.stringify(['GET', '/verify?a={b}', 'POST', '/p?q=1', `127.0.0.1:${auth}`]),
    );
    const passedOn = await served.ask('auth.io', { path: '/p?q=1', method: 'POST', body: 'b', headers: { ...forged, 'x-word': 'please' } });
    assert.deepEqual(
      [passedOn.status, names(passedOn), passedOn.echo?.headers['x-other']],
      [200, ['alice', undefined, undefined], undefined],
    );
    assert.deepEqual([passedOn.echo?.method, passedOn.echo?.url], ['POST', '/p?q=1']);
    const quiet = await served.ask('auth.io', { headers: { ...forged, 'x-word': 'quiet' } });
    assert.deepEqual([quiet.status, names(quiet)], [200, [undefined, undefined, undefined]]);
    const passed = await served.ask('auth.io', { from: '127.0.0.2', headers: forged });
    assert.deepEqual([passed.status, names(passed)], [200, [undefined, undefined, undefined]]);
    assert.deepEqual(
      await served.statuses(
        'auth.io',
        from('127.0.0.3'),
        from('127.0.0.3', via('9.9.9.9')),
        via('9.9.9.9'),
        via('9.9.9.9', '10.0.1.1'),
        via('9.9.9.9', '1.1.1.1'),
      ),
      [302, 302, 200, 200, 302],
    );
    await served.ask('bare.io', { path: '/p?q=1' });
    assert.deepEqual(asked.at(-1), ['GET', '/verify', 'GET', '/p?q=1', `127.0.0.1:${auth}`], 'the query of the client is its own');
    assert.equal(hosts.at(-1), 'bare.io');
    await served.ask('set.io');
    assert.equal(hosts.at(-1), 'inner.io', 'the host that is set before');
    assert.ok((await served.ask('down.io')).status >= 500);
  });

  test(`${server} refuses large bodies and encoded characters`, async (t) => {
    const arrived: unknown[] = [];
    const instance = await listen(t, (incoming, response) => {
      arrived.push(incoming.headers['content-length']);
      incoming.on('error', () => undefined);
      incoming.resume().on('end', () => response.end());
    });
    const served = await serveBy(t, server, {
      ports: [instance],
      hosts: {
        'max.io': [{ kind: 'maxBody', bytes: 1000 }],
        'none.io': [{ kind: 'encodedCharacters', allowed: [] }],
        'some.io': [{ kind: 'encodedCharacters', allowed: ['percent', 'slash'] }],
      },
      codes: { traefik: ['TRAEFIK_APPROXIMATED'] },
    });
    if (!served) return;
    const post = (bytes: number, more: Record<string, string> = {}): Asking => ({ method: 'POST', body: 'x'.repeat(bytes), headers: more });
    const chunked = { 'transfer-encoding': 'chunked' };
    assert.deepEqual(
      await served.statuses('max.io', post(1000), post(1001), post(1000, chunked), post(1001, chunked), post(100_000), {}),
      [200, 413, 200, 413, 413, 200],
    );
    assert.deepEqual(
      arrived.filter((length) => Number(length) > 1000),
      [],
      'no instance sees what is too large',
    );
    const paths = ['/a', '/a%2Fb', '/a%2fb', '/a%25b', '/a%3Bb', '/a%23b', '/a%3Fb', '/a%5Cb', '/a//b%3Bc', '/a?%2F'].map((path) => ({
      path,
    }));
    assert.deepEqual(await served.statuses('none.io', ...paths), [200, 400, 400, 400, 400, 400, 400, 400, 400, 200]);
    assert.deepEqual(await served.statuses('some.io', ...paths), [200, 200, 200, 200, 400, 400, 400, 400, 400, 200]);
  });
}
