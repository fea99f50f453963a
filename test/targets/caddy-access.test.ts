import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import type { Middleware } from '../../src/model/middleware.ts';
import type { Credentials } from '../../src/model/credentials.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import { ask, startCaddy, startEcho } from '../support/caddy.ts';
import { needServer } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';

// oracle:oracle
const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';
const STAFF: Credentials = { usersFile: '/nowhere', users: [{ name: 'oracle', hash: new Secret(HASH) }] };

type Status = (host: string, options?: { readonly from?: string; readonly headers?: Record<string, string> }) => Promise<number>;

/** Serves one host for every list of middlewares; undefined where there is no Caddy. */
async function serve(t: TestContext, hosts: Readonly<Record<string, readonly Middleware[]>>): Promise<Status | undefined> {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return undefined;
  const echo = await startEcho(t, 'a');
  const caddy = await startCaddy(t, binary);
  const routes = Object.entries(hosts).map(([host, middlewares]) => routeOf(host, host, '/', { middlewares, action: to('a') }));
  const settings = { ...caddy.settings, credentials: new Map([['staff', STAFF]]) };
  const { value, diagnostics } = caddyTarget.render(tableOf(routes, poolOf('a', [echo])), settings);
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    routes.some(({ middlewares }) =>
      middlewares.some((one) => one.kind === 'basicAuth' && one.users.kind === 'policy' && one.users.policy !== 'staff'),
    )
      ? ['CADDY_UNSUPPORTED']
      : [],
  );
  const outcome = await caddy.deployer.apply(value, t.signal);
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  return async (host, options = {}) => (await ask({ port: caddy.web }, { host, ...options })).status;
}

const via = (...hops: readonly string[]): { readonly headers: Record<string, string> } => ({
  headers: { 'x-forwarded-for': hops.join(', ') },
});

test('caddyTarget lets only allowed addresses in, by connection and by every hop when Fabio asks', async (t) => {
  const status = await serve(t, {
    'hops.io': [{ kind: 'ipAllow', cidrs: ['127.0.0.2/31', '10.0.0.0/9'], of: { kind: 'everyHop' } }],
    'peer.io': [{ kind: 'ipAllow', cidrs: ['127.0.0.2/31'], of: { kind: 'peer' } }],
  });
  if (!status) return;
  const from = '127.0.0.2';

  assert.deepEqual(
    [await status('hops.io'), await status('hops.io', { from }), await status('peer.io'), await status('peer.io', { from })],
    [403, 200, 403, 200],
  );
  assert.equal(await status('peer.io', { from, ...via('9.9.9.9') }), 200);
  for (const hops of [['10.127.255.1'], ['10.0.0.1', '127.0.0.3'], ['unknown', '10.1.1.1']])
    assert.equal(await status('hops.io', { from, ...via(...hops) }), 200, hops.join());
  for (const hops of [
    ['10.128.0.1'],
    ['10.0.0.1', '9.9.9.9'],
    ['9.9.9.9', '10.0.0.1'],
    ['2001:db8::1'],
    ['010.0.0.1'],
    ['10.0.0.1 9.9.9.9'],
  ])
    assert.equal(await status('hops.io', { from, ...via(...hops) }), 403, hops.join());
});

test('caddyTarget keeps denied addresses out, by connection and by every hop when Fabio asks', async (t) => {
  const status = await serve(t, {
    'four.io': [{ kind: 'ipDeny', cidrs: ['127.0.0.2/32', '10.0.0.0/8'], of: { kind: 'everyHop' } }],
    'six.io': [{ kind: 'ipDeny', cidrs: ['2001:db8::/32'], of: { kind: 'everyHop' } }],
  });
  if (!status) return;

  assert.deepEqual([await status('four.io'), await status('four.io', { from: '127.0.0.2' })], [200, 403]);
  for (const hops of [['9.9.9.9', '10.2.3.4'], ['10.2.3.4'], ['::ffff:10.2.3.4'], ['0:0:0:0:0:FFFF:a02:304']])
    assert.equal(await status('four.io', via(...hops)), 403, hops.join());
  for (const hops of [['nonsense'], ['110.2.3.4'], ['2001:db8::1']]) assert.equal(await status('four.io', via(...hops)), 200, hops.join());
  assert.deepEqual([await status('six.io', via('2001:db8:0::1')), await status('six.io', via('9.9.9.9'))], [403, 200]);
});

test('caddyTarget asks for a password, and answers 503 when the policy has no users', async (t) => {
  const status = await serve(t, {
    'staff.io': [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'staff' } }],
    'gone.io': [{ kind: 'basicAuth', users: { kind: 'policy', policy: 'gone' } }],
  });
  if (!status) return;
  const as = (user: string): { readonly headers: Record<string, string> } => ({
    headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` },
  });

  assert.deepEqual(
    [await status('staff.io'), await status('staff.io', as('oracle:wrong')), await status('staff.io', as('oracle:oracle'))],
    [401, 401, 200],
  );
  assert.equal(await status('gone.io', as('oracle:oracle')), 503);
});
