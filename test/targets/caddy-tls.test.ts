import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { ANY_PATH } from '../../src/model/match.ts';
import type { Route, TlsProfile } from '../../src/model/route.ts';
import { caddyTarget } from '../../src/targets/caddy/target.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { ask, caddySettings, startCaddy, startEcho } from '../support/caddy.ts';
import { askTls, type Hello } from '../support/greeting.ts';
import { matchOf } from '../support/intents.ts';
import { needServer, tempDir } from '../support/process.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { until } from '../support/until.ts';

type Files = (certificate: { readonly cert: string; readonly key: string }) => Partial<RenderSettings>;

const MODES: readonly (readonly [string, Files])[] = [
  ['certificates of its own', () => ({})],
  ['certificates in files', (files) => ({ tls: { mode: 'files', certificates: [files, { ...files }], minVersion: '1.2' } })],
];

for (const [name, wishes] of MODES) {
  test(`caddyTarget ends TLS as the policy of a host asks with ${name}`, async (t) => {
    const files = await certificateOf(t);
    const client = { cert: await readFile(files.cert), key: await readFile(files.key) };
    const mutual: TlsProfile = { name: 'mutual', clientAuth: { caFiles: [files.cert], mode: 'requireAndVerify' } };
    const modern: TlsProfile = { name: 'modern', minVersion: '1.3', curves: ['X25519', 'P256', 'P384', 'P521'] };
    const old: TlsProfile = { name: 'old', cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] };
    const routes = [
      routeOf('mutual', 'mutual.io', '/', {
        dialect: 'traefik',
        tlsProfile: mutual,
        action: to('a'),
        middlewares: [{ kind: 'passTlsClientCert', pem: true, info: [] }],
      }),
      routeOf('modern', 'modern.io', '/only', { tlsProfile: modern, action: to('a') }),
      routeOf('old', 'old.io', '/', { tlsProfile: old, action: to('a') }),
      routeOf('all', '*', '/', { action: to('a') }),
    ];
    const caddy = await serve(t, routes, wishes(files));
    if (!caddy) return;

    const status = async (host: string, hello: Hello = {}): Promise<number | string> =>
      (await askTls(caddy.websecure, host, '/only', hello)).status;
    await until('old.io answers over TLS', async () => (await status('old.io')) === 200);
    await until('modern.io answers over TLS', async () => (await status('modern.io')) === 200);
    // certificates of its own come one by one
    await until('mutual.io answers a client with a certificate', async () => (await status('mutual.io', { client })) === 200);
    const known = await askTls(caddy.websecure, 'mutual.io', '/', { client });
    assert.deepEqual([known.status, typeof known.cert], [200, 'string']);
    assert.equal(await status('mutual.io'), 'refused');
    for (const sni of ['other.io', 'old.io', 'modern.io']) assert.equal(await status('mutual.io', { sni }), 421, sni);
    assert.equal(await status('mutual.io', { sni: '' }), 421, 'nobody was greeted');
    assert.equal(await status('mutual.io.', { sni: 'old.io' }), 421, 'the policy holds for the host with a dot behind it too');
    const dotted = await askTls(caddy.websecure, 'mutual.io.', '/', { sni: 'mutual.io', client });
    assert.deepEqual([dotted.status, typeof dotted.cert], [200, 'string']);
    assert.equal(await status('modern.io', { maxVersion: 'TLSv1.2' }), 'refused');
    assert.equal(await status('modern.io', { sni: 'old.io', maxVersion: 'TLSv1.2' }), 421);
    assert.equal(await status('old.io', { maxVersion: 'TLSv1.2' }), 200);
    assert.equal(await status('other.io', { sni: 'old.io' }), 200, 'a host without a policy answers whatever was greeted');
    const plain = async (host: string): Promise<number> => (await ask({ port: caddy.web }, { host, path: '/only' })).status;
    assert.equal(await plain('mutual.io'), 403, 'nobody shows a certificate without TLS');
    assert.equal(await plain('modern.io'), 200);
  });
}

test('caddyTarget withholds a policy of TLS that Caddy cannot follow', () => {
  const mutual: TlsProfile = { name: 'mutual', clientAuth: { caFiles: ['/ca'], mode: 'require' } };
  const match = {
    host: { kind: 'glob', pattern: '*.x.io', regexp: '^.*\\.x\\.io$', port: 'any' },
    path: ANY_PATH,
    conditions: [],
  } as const;
  const routes = [
    routeOf('glob', '*', '/', { tlsProfile: mutual, action: to('a'), match }),
    routeOf('ip', '*', '/', { tlsProfile: mutual, action: to('a'), match: matchOf('10.0.0.1') }),
    routeOf('odd', 'odd.io', '/', { tlsProfile: { name: 'odd', cipherSuites: ['TLS_RSA_WITH_RC4_128_SHA'] }, action: to('a') }),
  ];

  const { value, diagnostics } = caddyTarget.render(tableOf(routes, poolOf('a', [1])), SETTINGS);

  assert.deepEqual(
    diagnostics.map(({ code, message }) => `${code} ${message}`),
    [
      'CADDY_UNSUPPORTED Cannot enforce what the route asks: the policy "mutual" says how TLS is ended, and Caddy can choose that for exact names only; the route answers 503',
      'CADDY_UNSUPPORTED Cannot enforce what the route asks: the policy "mutual" says how TLS is ended, and Caddy can choose that for exact names only; the route answers 503',
      'CADDY_UNSUPPORTED Cannot enforce what the route asks: Caddy does not know the cipher suite TLS_RSA_WITH_RC4_128_SHA of the policy "odd"; the route answers 503',
    ],
  );
  assert.doesNotMatch(value.files[0]?.content ?? '', /reverse_proxy|ciphers|client_auth|strict_sni_host/);
});

const SETTINGS = caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 });

async function certificateOf(t: TestContext): Promise<{ readonly cert: string; readonly key: string }> {
  return ensureDefaultCertificate(join(await tempDir(t), 'tls'));
}

async function serve(
  t: TestContext,
  routes: readonly Route[],
  wishes: Partial<RenderSettings>,
): Promise<{ readonly web: number; readonly websecure: number } | undefined> {
  const binary = needServer(t, 'caddy');
  if (binary === undefined) return undefined;
  const caddy = await startCaddy(t, binary);
  const { value, diagnostics } = caddyTarget.render(tableOf(routes, poolOf('a', [await startEcho(t, 'a')])), {
    ...caddy.settings,
    ...wishes,
  });
  assert.deepEqual(
    diagnostics.map(({ code, message }) => `${code} ${message}`),
    ['CADDY_APPROXIMATED Instances get the certificate of the client alone, without those that vouch for it'],
  );
  const outcome = await caddy.deployer.apply(value, t.signal);
  assert.equal(outcome.kind, 'applied', JSON.stringify(outcome));
  return caddy;
}
