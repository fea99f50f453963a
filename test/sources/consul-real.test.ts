import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { mapLimited } from '../../src/lib/async.ts';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { sourceContract } from '../contract/source.ts';
import { startConsul, type RealConsul } from '../support/consul.ts';
import { consulSourceOf, watchConsul } from '../support/consul-source.ts';
import { needServer, tempDir } from '../support/process.ts';
import { startRelay } from '../support/relay.ts';
import { until } from '../support/until.ts';

const web = (port: number) => ({ Name: 'web', ID: `web-${port}`, Address: '127.0.0.1', Port: port, Tags: ['urlprefix-web.test/'] });
const register = (consul: RealConsul, instance: object): Promise<unknown> => consul.put('/v1/agent/service/register', instance);
const named = (name: string, port: number) => ({ Name: name, Port: port, Tags: [`urlprefix-${name}.test/`] });

/** A self-signed certificate that the name `hind-proxy.invalid` fits, as Consul and its clients are given it. */
async function certificate(t: Parameters<typeof tempDir>[0]): Promise<{ readonly tls: object; readonly env: Record<string, string> }> {
  const { cert, key } = await ensureDefaultCertificate(await tempDir(t));
  return {
    tls: { https: { cert_file: cert, key_file: key } },
    env: { CONSUL_CACERT: cert, CONSUL_TLS_SERVER_NAME: 'hind-proxy.invalid' },
  };
}

for (const kind of ['http', 'https'] as const) {
  sourceContract(`createConsulSource() of a real Consul over ${kind}`, async (t) => {
    const binary = needServer(t, 'consul');
    if (binary === undefined) return undefined;
    const { tls, env } = await certificate(t);
    const consul = await startConsul(t, binary, kind === 'https' ? { config: { tls } } : {});
    const relay = await startRelay(t, kind === 'https' ? consul.httpsPort : consul.port);
    const known = new Set<number>();
    return {
      source: consulSourceOf(`${kind}://127.0.0.1:${relay.port}`, { env }),
      async set(ports) {
        for (const port of known) if (!ports.includes(port)) await consul.put(`/v1/agent/service/deregister/web-${port}`);
        for (const port of ports) if (!known.has(port)) await register(consul, web(port));
        known.clear();
        for (const port of ports) known.add(port);
      },
      fail: () => relay.cut(),
      heal: () => relay.mend(),
    };
  });
}

test('createConsulSource() follows a real Consul over its unix socket', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const consul = await startConsul(t, binary);
  await register(consul, web(8001));
  const world = await watchConsul(t, `unix://${consul.socketPath}`);
  assert.equal(world.snapshots().at(-1)?.local, true);
  await register(consul, web(8002));
  await until('the addition', () => world.latestPorts().length === 2);
  await consul.put('/v1/agent/service/deregister/web-8001');
  await until('the removal', () => world.latestPorts().join() === '8002');
});

test('createConsulSource() leaves alone the names that a real Consul answers no request for, and reads all others', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const consul = await startConsul(t, binary);
  const odd = ['a b', 'a/b', 'a\\b', '%0a', '...', '//', 'ü', 'e\u0301', '\u{1f600}'];
  const unheard = [
    '.',
    '..',
    'e\nvil',
    '\u0001',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u00ad',
    '\u200b',
    '\u2028',
    '\u2029',
    '\u3000',
    '\ue000',
    '\u0378',
  ];
  for (const [turn, name] of [...odd, ...unheard].entries()) await register(consul, { ...named(name, 80), ID: `s${turn}` });

  const world = await watchConsul(t, `http://127.0.0.1:${consul.port}`);

  const served = world.instances().map(({ service }) => service);
  assert.deepEqual(served, odd.toSorted());
  const refused = world.lines.filter(({ fields }) => fields['event'] === 'service_name_refused').map(({ fields }) => fields['service']);
  assert.deepEqual(new Set(refused), new Set(unheard));
  assert.deepEqual(world.failures(), []);
  for (const name of unheard.slice(2)) {
    const { status } = await fetch(`http://127.0.0.1:${consul.port}/v1/health/service/${encodeURIComponent(name)}`);
    assert.equal(status, 400, JSON.stringify(name));
  }
});

test('createConsulSource() watches more services over HTTPS than Consul allows connections', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const { tls, env } = await certificate(t);
  const consul = await startConsul(t, binary, { config: { tls } });
  const names = Array.from({ length: 260 }, (_, turn) => `s${turn}`);
  await mapLimited(names, 16, (name) => register(consul, named(name, 80)));
  const relay = await startRelay(t, consul.httpsPort);
  // polling may not be what finds the changes
  const world = await watchConsul(t, `https://127.0.0.1:${relay.port}`, { env, timing: { pollMs: 600_000, rereadMs: 600_000 } });
  assert.equal(world.instances().length, 260);
  // one after the other: none may have to wait for another's read to end
  for (const name of ['s99', 's0', 's150', 's259', 's98']) {
    await register(consul, named(name, 81));
    await until(`the change of ${name}`, () => world.instances().some(({ service, port }) => service === name && port === 81));
  }
  assert.ok(relay.connections() <= 10, `${relay.connections()} connections`);
  assert.ok(!world.lines.some(({ fields }) => fields['event'] === 'connection_budget'));
  assert.equal(world.failures().length, 0);
});

test('createConsulSource() watches as many services over plain HTTP as a real Consul allows, and polls the rest', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const consul = await startConsul(t, binary);
  const names = Array.from({ length: 230 }, (_, turn) => `s${turn}`);
  for (const name of names) await register(consul, named(name, 80));
  const relay = await startRelay(t, consul.port);
  const world = await watchConsul(t, `127.0.0.1:${relay.port}`, { timing: { pollMs: 200 } });
  await until('the limit to be told', () => world.lines.some(({ fields }) => fields['event'] === 'connection_budget'));
  assert.equal(world.lines.find(({ fields }) => fields['event'] === 'connection_budget')?.fields['limit'], 200);
  for (const name of names) await register(consul, named(name, 81));
  await until('every change', () => world.instances().every(({ port }) => port === 81));
  assert.ok(relay.connections() <= 200, `${relay.connections()} connections`);
  assert.equal(world.failures().length, 0);
});

for (const kind of ['http', 'https'] as const) {
  test(`createConsulSource() gives up a connection over ${kind} on which nobody answers any more`, async (t) => {
    const binary = needServer(t, 'consul');
    if (binary === undefined) return;
    const { tls, env } = await certificate(t);
    const consul = await startConsul(t, binary, kind === 'https' ? { config: { tls } } : {});
    await register(consul, web(8001));
    const relay = await startRelay(t, kind === 'https' ? consul.httpsPort : consul.port);
    const world = await watchConsul(t, `${kind}://127.0.0.1:${relay.port}`, {
      env,
      timing: { waitMs: 1500, readMs: 500, rereadMs: 600_000, checkMs: 600_000 },
    });
    relay.stall();
    await register(consul, web(8002));
    await until('the change on another connection', () => world.latestPorts().length === 2, 8000);
    assert.ok(world.snapshots().every(({ instances }) => instances.length > 0));
  });
}

test('createConsulSource() says what is wrong when it does not trust the certificate', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const { tls } = await certificate(t);
  const consul = await startConsul(t, binary, { config: { tls } });
  const world = await watchConsul(t, `https://127.0.0.1:${consul.httpsPort}`, { isSynced: false });
  await until('the failure', () => world.failures().some((message) => message.includes('self-signed certificate')));
  const unverified = await watchConsul(t, `127.0.0.1:${consul.httpsPort}`, {
    env: { CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_SSL_VERIFY: 'false' },
  });
  assert.deepEqual(unverified.failures(), []);
});

test('createConsulSource() shows its certificate to a Consul that asks for one', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const { cert, key } = await ensureDefaultCertificate(await tempDir(t));
  const https = { cert_file: cert, key_file: key, ca_file: cert, verify_incoming: true };
  const consul = await startConsul(t, binary, { config: { tls: { https } } });
  const env = { CONSUL_CACERT: cert, CONSUL_TLS_SERVER_NAME: 'hind-proxy.invalid' };
  const address = `https://127.0.0.1:${consul.httpsPort}`;
  const nobody = await watchConsul(t, address, { env, isSynced: false });
  await until('the refusal', () => nobody.failures().length > 0);
  const world = await watchConsul(t, address, { env: { ...env, CONSUL_CLIENT_CERT: cert, CONSUL_CLIENT_KEY: key } });
  assert.deepEqual(world.failures(), []);
});

test('createConsulSource() obeys the ACLs of a real Consul', async (t) => {
  const binary = needServer(t, 'consul');
  if (binary === undefined) return;
  const root = 'aaaaaaaa-0000-4000-8000-000000000000';
  const acl = { enabled: true, default_policy: 'deny', tokens: { initial_management: root, agent: root } };
  const consul = await startConsul(t, binary, { config: { acl }, token: root });
  await register(consul, web(8001));
  await register(consul, named('db', 5432));
  const grant = async (name: string, rules: string): Promise<{ readonly SecretID: string; readonly AccessorID: string }> => {
    await consul.put('/v1/acl/policy', { Name: name, Rules: rules });
    return (await consul.put('/v1/acl/token', { Policies: [{ Name: name }] })) as {
      readonly SecretID: string;
      readonly AccessorID: string;
    };
  };
  const all = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
  const [some, whole, next] = [
    await grant('some', 'service "web" { policy = "read" } node_prefix "" { policy = "read" }'),
    await grant('whole', all),
    await grant('next', all),
  ];
  const address = `http://127.0.0.1:${consul.port}`;

  const nobody = await watchConsul(t, address, { isSynced: false });
  await until('the refusal', () => nobody.failures().some((message) => message.startsWith('Cannot read Consul without a token')));
  const partial = await watchConsul(t, address, { env: { CONSUL_HTTP_TOKEN: some.SecretID } });
  assert.match(partial.doubt() ?? '', /service_prefix "" read and node_prefix "" read/);
  assert.deepEqual(partial.latestPorts(), [8001]);

  const tokenFile = join(await tempDir(t), 'token');
  await writeFile(tokenFile, whole.SecretID);
  const world = await watchConsul(t, address, { env: { CONSUL_HTTP_TOKEN_FILE: tokenFile }, timing: { checkMs: 200 } });
  assert.equal(world.doubt(), undefined);
  assert.equal(world.instances().length, 2);
  await fetch(`${address}/v1/acl/token/${whole.AccessorID}`, { method: 'DELETE', headers: { 'X-Consul-Token': root } });
  await until('the refusal', () => world.failures().some((message) => message.includes('ACL not found')), 45_000);
  assert.equal(world.instances().length, 2);
  await register(consul, web(8002));
  await writeFile(tokenFile, next.SecretID);
  await until('the next token', () => world.latestPorts().length === 2);
  assert.ok(world.snapshots().every(({ instances }) => instances.length >= 2));
});
