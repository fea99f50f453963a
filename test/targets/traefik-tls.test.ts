import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ANY_PATH } from '../../src/model/match.ts';
import type { Route, TlsProfile } from '../../src/model/route.ts';
import { ask, caddySettings, startEcho } from '../support/caddy.ts';
import { host } from '../support/intents.ts';
import { poolOf, routeOf, tableOf, to } from '../support/tables.ts';
import { askTls, type Hello } from '../support/greeting.ts';
import { serveTable, startTraefik } from '../support/traefik.ts';
import { traefikTarget } from '../../src/targets/traefik/target.ts';

const MUTUAL = { kind: 'exact', host: host('mutual.io'), port: 'any' } as const;
const SETTINGS = caddySettings({ dir: '/tmp/none', admin: 'http://127.0.0.1:1', web: 1, websecure: 2 });

test('traefikTarget ends TLS as the policy of a host asks, whatever strangers match', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { cert, key } = traefik.settings.traefik.defaultCertificate;
  const client = { cert: await readFile(cert), key: await readFile(key) };
  const mutual: TlsProfile = { name: 'mutual', clientAuth: { caFiles: [cert], mode: 'requireAndVerify' } };
  const modern: TlsProfile = { name: 'modern', minVersion: '1.3', curves: ['X25519', 'P256'] };
  const old: TlsProfile = { name: 'old', cipherSuites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'] };
  const stranger = routeOf('stranger', '*', '/x', { action: to('a') });
  const wide: Route = {
    ...stranger,
    match: { ...stranger.match, conditions: [{ kind: 'not', condition: { kind: 'host', host: MUTUAL } }] },
  };
  const routes = [
    routeOf('mutual', 'mutual.io', '/', {
      tlsProfile: mutual,
      action: to('a'),
      middlewares: [{ kind: 'passTlsClientCert', pem: true, info: ['subject.commonName'] }],
    }),
    routeOf('modern', 'modern.io', '/only', { tlsProfile: modern, action: to('a') }),
    routeOf('old', 'old.io', '/', { tlsProfile: old, action: to('a') }),
    wide,
    routeOf('all', '*', '/', { action: to('a') }),
  ];

  const diagnostics = await serveTable(traefik, tableOf(routes, poolOf('a', [await startEcho(t, 'a')])));

  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['TRAEFIK_APPROXIMATED', 'TRAEFIK_APPROXIMATED', 'TRAEFIK_APPROXIMATED'],
  );
  const status = async (name: string, hello: Hello = {}, path = '/only'): Promise<number | string> =>
    (await askTls(traefik.websecure, name, path, hello)).status;
  assert.equal(await status('mutual.io'), 'refused');
  assert.equal(await status('mutual.io', { sni: 'other.io' }), 421, 'the name in the Host header is not the one that was greeted');
  const known = await askTls(traefik.websecure, 'mutual.io', '/', { client });
  assert.deepEqual([known.status, typeof known.cert, known.info], [200, 'string', 'Subject%3D%22CN%3Dhind-proxy.invalid%22']);
  assert.equal((await ask({ port: traefik.web }, { host: 'mutual.io' })).status, 403, 'nobody shows a certificate without TLS');
  assert.equal((await ask({ port: traefik.web }, { host: 'modern.io', path: '/only' })).status, 200);
  assert.deepEqual([await status('modern.io'), await status('modern.io', { maxVersion: 'TLSv1.2' })], [200, 'refused']);
  assert.deepEqual([await status('old.io', { maxVersion: 'TLSv1.2' }), await status('other.io')], [200, 200]);
  assert.equal(await status('modern.io', {}, '/elsewhere'), 421, 'as the diagnostic says');
});

test('traefikTarget withholds a policy of TLS from hosts that Traefik cannot tell apart in time', () => {
  const profile: TlsProfile = { name: 'mutual', clientAuth: { caFiles: ['/ca'], mode: 'require' } };
  const glob = { kind: 'glob', pattern: '*.x.io', regexp: '^.*\\.x\\.io$', port: 'any' } as const;
  const route = routeOf('a', '*', '/', { tlsProfile: profile, action: to('a'), match: { host: glob, path: ANY_PATH, conditions: [] } });

  const { value, diagnostics } = traefikTarget.render(tableOf([route], poolOf('a', [1])), SETTINGS);

  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['TRAEFIK_APPROXIMATED', 'TRAEFIK_UNSUPPORTED'],
  );
  assert.doesNotMatch(value.files[0]?.content ?? '', /"service": "a"|"clientAuth"/);
});
