import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { policiesOf, transportsOf } from '../../src/config/policies.ts';
import type { Middleware } from '../../src/model/middleware.ts';

async function load(t: TestContext, yaml: string): Promise<ReturnType<typeof loadConfig>['config']> {
  const dir = await mkdtemp(join(tmpdir(), 'hind-proxy-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'c.yaml');
  await writeFile(file, yaml);
  return loadConfig({ file, env: {} }).config;
}

async function middlewares(t: TestContext, policy: string, trustsProxies = false): Promise<readonly Middleware[]> {
  const { policies } = await load(t, `policies:\n  p: ${policy}\n`);
  return policiesOf(policies, { trustsProxies }).get('p')?.middlewares ?? [];
}

const READ: readonly (readonly [string, readonly Middleware[]])[] = [
  ['{ipAllow: [10.0.0.0/8]}', [{ kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'peer' } }]],
  ['{redirectHttps: true}', [{ kind: 'redirectScheme', scheme: 'https', permanent: false }]],
  ['{redirectHttps: {permanent: true}}', [{ kind: 'redirectScheme', scheme: 'https', permanent: true }]],
  ['{redirectHttps: false, compress: false}', []],
  ['{maxBody: 10MB}', [{ kind: 'maxBody', bytes: 10_000_000 }]],
  ['{maxBody: 64KiB}', [{ kind: 'maxBody', bytes: 65_536 }]],
  ['{retry: {initialInterval: 100ms}}', [{ kind: 'retry', attempts: 2, initialIntervalMs: 100 }]],
  ['{compress: {encodings: [gzip], minBytes: 1KB}}', [{ kind: 'compress', encodings: ['gzip'], minBytes: 1000 }]],
  ['{inFlight: {amount: 5, by: "header:X-User"}}', [{ kind: 'inFlight', amount: 5, by: { kind: 'header', name: 'X-User' } }]],
  ['{rateLimit: {by: host}}', [{ kind: 'rateLimit', average: 100, periodMs: 1000, burst: 50, by: { kind: 'host' } }]],
  [
    '{hsts: {maxAge: 182d, includeSubdomains: true}}',
    [{ kind: 'hsts', maxAgeSeconds: 15_724_800, includeSubdomains: true, preload: false, always: false }],
  ],
  [
    '{headers: {set: {X-B: b, X-A: a}, remove: [Server], request: {set: {X-Via: us}}}}',
    [
      {
        kind: 'headers',
        request: [{ name: 'X-Via', value: 'us' }],
        response: [
          { name: 'Server', value: '' },
          { name: 'X-A', value: 'a' },
          { name: 'X-B', value: 'b' },
        ],
      },
    ],
  ],
  [
    '{forwardAuth: {address: "http://auth.internal/check", copyHeaders: {Remote-User: ""}, bypass: [10.0.0.0/8]}}',
    [{ kind: 'forwardAuth', address: 'http://auth.internal/check', copyHeaders: ['Remote-User'], bypass: ['10.0.0.0/8'] }],
  ],
];

for (const [policy, expected] of READ)
  test(`policiesOf() reads ${policy}`, async (t) => {
    assert.deepEqual(await middlewares(t, policy), expected);
  });

test('policiesOf() orders what a policy does: refusals, https, the question for a name, the rest', async (t) => {
  const policy =
    '{securityHeaders: true, compress: true, basicAuth: {usersFile: /u}, rateLimit: {}, redirectHttps: true, ipDeny: [10.0.0.1], ipAllow: [10.0.0.0/8], maxBody: 1}';
  const kinds = (await middlewares(t, policy)).map(({ kind }) => kind);

  assert.deepEqual(kinds, ['ipAllow', 'ipDeny', 'redirectScheme', 'rateLimit', 'basicAuth', 'maxBody', 'compress', 'headers']);
});

test('policiesOf() asks the address behind trusted proxies where there are some', async (t) => {
  const [allow] = await middlewares(t, '{ipAllow: [10.0.0.0/8]}', true);

  assert.deepEqual(allow, { kind: 'ipAllow', cidrs: ['10.0.0.0/8'], of: { kind: 'client' } });
});

test('policiesOf() lets a stated header win over the preset', async (t) => {
  const [headers] = await middlewares(t, '{securityHeaders: true, headers: {set: {x-frame-options: DENY}}}');
  assert.ok(headers?.kind === 'headers');

  assert.deepEqual(
    headers.response.filter(({ name }) => name.toLowerCase() === 'x-frame-options'),
    [{ name: 'x-frame-options', value: 'DENY' }],
  );
  assert.equal(headers.response.length, 5);
});

test('policiesOf() and transportsOf() carry TLS options', async (t) => {
  const { policies, transports } = await load(
    t,
    'policies: {m: {tls: {minVersion: "1.3"}, clientAuth: {caFiles: [/ca.pem]}}}\ntransports: {t: {serverName: n.io, rootCAs: [/ca], timeouts: {dial: 2s}}}\n',
  );

  assert.deepEqual(policiesOf(policies, { trustsProxies: false }).get('m')?.tlsProfile, {
    name: 'm',
    minVersion: '1.3',
    clientAuth: { caFiles: ['/ca.pem'], mode: 'requireAndVerify' },
  });
  assert.deepEqual(transportsOf(transports).get('t'), { skipVerify: false, serverName: 'n.io', rootCas: ['/ca'], dialTimeoutMs: 2000 });
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['{jwt: {}}', /c\.yaml:2:\d+: policies\.p\.jwt: Unknown key "jwt": .*forwardAuth/],
  ['{ipAlow: [10.0.0.1]}', /did you mean "ipAllow"\?/],
  ['{ipAllow: []}', /ipAllow/],
  ['{ipAllow: [10.0.0.0/33]}', /CIDR/],
  ['{maxBody: lots}', /size such as/],
  ['{rateLimit: {by: cookie}}', /header:NAME/],
  ['{headers: {set: {"X Y": a}}}', /header name/],
  ['{headers: {set: {X: "\\u00e9"}}}', /printable ASCII/],
  ['{forwardAuth: {address: "file:///etc/passwd"}}', /URL/],
];

for (const [policy, message] of REFUSED)
  test(`loadConfig() refuses the policy ${policy}`, async (t) => {
    await assert.rejects(() => load(t, `policies:\n  p: ${policy}\n`), { message });
  });
