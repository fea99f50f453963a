import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { RawConfig } from '../../src/config/environment.ts';
import { ConfigError } from '../../src/config/error.ts';
import { configJsonSchema, loadConfig } from '../../src/config/load.ts';
import { tempDir } from '../support/process.ts';

async function fileOf(t: TestContext, name: string, text: string): Promise<string> {
  const file = join(await tempDir(t), name);
  writeFileSync(file, text);
  return file;
}

test('loadConfig() gives every default when nothing is said', () => {
  const { config, named } = loadConfig({ env: {} });
  assert.equal(config.proxies[0]?.server, 'caddy');
  assert.equal(config.routes.tombstone, 30_000);
  assert.deepEqual([...named], []);
});

test('loadConfig() lets flags win over the environment and that over the file', async (t) => {
  const file = await fileOf(t, 'c.yaml', 'domainSuffix: from-file\nlogging: {level: warn}\nproxies: [{name: edge, server: traefik}]\n');
  const env = { HIND_PROXY_DOMAINSUFFIX: 'from-env', HIND_PROXY_GUARDS__MAXREMOVEDPERCENT: '50', PROXY_SERVER: 'Caddy' };
  const { config } = loadConfig({ file, env, flags: { logging: { level: 'debug' } } });
  assert.equal(config.domainSuffix, 'from-env');
  assert.equal(config.guards.maxRemovedPercent, 50);
  assert.equal(config.logging.level, 'debug');
  assert.deepEqual(
    config.proxies.map(({ name, server }) => [name, server]),
    [['edge', 'caddy']],
  );
});

test('loadConfig() reports every fault at once with line and column and the key that was meant', async (t) => {
  const file = await fileOf(t, 'c.yaml', 'configVersion: 1\nroutes:\n  tombston: 3s\nguards:\n  maxRemovedPercent: 300\n');
  assert.throws(
    () => loadConfig({ file, env: {} }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /c\.yaml:3:3: routes\.tombston: Unknown key "tombston", did you mean "tombstone"\?/);
      assert.match(error.message, /c\.yaml:5:3: guards\.maxRemovedPercent/);
      return true;
    },
  );
});

test('loadConfig() names the key that is unknown where a value may be of several kinds, and what is wrong with one that is known', async (t) => {
  const told = async (text: string): Promise<string> => {
    const file = await fileOf(t, 'c.yaml', text);
    try {
      loadConfig({ file, env: {} });
      return 'nothing';
    } catch (error) {
      return error instanceof ConfigError ? error.message : String(error);
    }
  };

  assert.match(
    await told('sources:\n  file:\n    pth: services\n'),
    /c\.yaml:3:5: sources\.file\.pth: Unknown key "pth", did you mean "path"\?/,
  );
  assert.match(await told('sources:\n  consul: {adress: x}\n'), /sources\.consul\.adress: Unknown key "adress", did you mean "address"\?/);
  assert.match(await told('sources:\n  consul: {health: sick}\n'), /sources\.consul\.health: Invalid option: expected one of "passing"/);
  assert.match(await told('sources:\n  consul: 5\n'), /sources\.consul: Cannot use 5: expected false or a map of keys/);
});

test('loadConfig() says what to do where the file is not there or is a directory', async (t) => {
  const dir = await tempDir(t);
  for (const [file, message] of [
    [join(dir, 'none.yaml'), /none\.yaml: .*ENOENT.* --config \(or HIND_PROXY_CONFIG\), or leave it out/],
    [dir, /EISDIR.* --config DIR\/hind-proxy\.yaml/],
  ] as const)
    assert.throws(() => loadConfig({ file, env: {} }), { name: 'ConfigError', message });
});

test('loadConfig() names caddy and traefik when PROXY_SERVER is another', () => {
  assert.throws(() => loadConfig({ env: { PROXY_SERVER: 'nginx' } }), /"nginx": expected caddy or traefik/);
});

test('loadConfig() blames who says what is wrong: a variable, the command line, or the file', async (t) => {
  const file = await fileOf(t, 'c.yaml', 'proxies:\n  - server: caddy\nrouts: {}\n');
  const env = { PROXY_SERVER: 'nginx', HIND_PROXY_ROUTES__TOMBSTON: '3s', TRUSTED_PROXIES: '10.0.0.0/8 nowhere' };
  const flags = { logging: { level: 'loud' } };
  assert.throws(
    () => loadConfig({ file, env, flags }),
    (error: Error) => {
      const lines = error.message.split('\n').map((line) => line.split(': ').slice(0, 2).join(': '));
      assert.deepEqual(lines.toSorted(), [
        `${file}:3:1: Unknown key "routs", did you mean "routes"?`,
        'HIND_PROXY_ROUTES__TOMBSTON: routes.tombston',
        'PROXY_SERVER: proxies.0.server',
        'TRUSTED_PROXIES: trustedProxies.1',
        'the command line: logging.level',
      ]);
      return true;
    },
  );
});

test('loadConfig() names the variable whose value cannot be read, and takes an empty one for none', () => {
  assert.throws(() => loadConfig({ env: { HIND_PROXY_ROUTES__TOMBSTONE: '[1' } }), {
    name: 'ConfigError',
    message: /^HIND_PROXY_ROUTES__TOMBSTONE: Cannot read its value as YAML: unexpected end[^\n]*$/,
  });
  assert.deepEqual(loadConfig({ env: { HIND_PROXY_ROUTES: '', HIND_PROXY_DOMAINSUFFIX: '' } }).config, loadConfig({ env: {} }).config);
});

test('loadConfig() says what an address of an admin endpoint looks like', () => {
  const faultsOf = (flags: RawConfig): readonly string[] => {
    try {
      loadConfig({ env: {}, flags });
      return [];
    } catch (error) {
      return error instanceof ConfigError ? error.faults.map(({ key, message }) => `${key}: ${message}`) : [String(error)];
    }
  };
  for (const address of ['127.0.0.1:2019', 'localhost:2019', '/run/caddy.sock', 'unix:/run/caddy.sock', 'http://'])
    assert.deepEqual(faultsOf({ proxies: [{ caddy: { admin: address }, traefik: { api: address } }], admin: { listen: 'somewhere' } }), [
      'proxies.0.caddy.admin: expected http://HOST:PORT or unix//PATH',
      'proxies.0.traefik.api: expected http://HOST:PORT',
      'admin.listen: expected [HOST]:PORT',
    ]);
  assert.deepEqual(faultsOf({ proxies: [{ caddy: { admin: 'unix//run/caddy.sock' }, traefik: { api: 'http://[::1]:1' } }] }), []);
});

test('loadConfig() refuses a second proxy and certificates that would have to be ordered', async (t) => {
  const file = await fileOf(t, 'c.json', '{"proxies": [{"name": "a"}, {"name": "b"}], "tls": {"mode": "auto"}}');
  assert.throws(() => loadConfig({ file, env: {} }), /Cannot use "auto"[^]*expected exactly one proxy/);
});

test('loadConfig() says where a file cannot be parsed', async (t) => {
  const yaml = await fileOf(t, 'c.yaml', 'a: [1\nb: 2');
  const toml = await fileOf(t, 'c.toml', 'a = \n');
  assert.throws(() => loadConfig({ file: yaml, env: {} }), /c\.yaml:\d+:\d+: /);
  assert.throws(() => loadConfig({ file: toml, env: {} }), /c\.toml:1:\d+: /);
});

test('loadConfig() takes a source as named when its key or its address variable is there', async (t) => {
  assert.deepEqual([...loadConfig({ env: { NOMAD_ADDR: 'http://n:4646' } }).named], ['nomad']);
  const file = await fileOf(t, 'c.yaml', 'sources:\n  consul: {}\n  nomad: false\n');
  const { config, named } = loadConfig({ file, env: { NOMAD_ADDR: 'http://n:4646' } });
  assert.deepEqual([...named], ['consul']);
  assert.equal(config.sources.nomad, false);
});

test('loadConfig() reserves HinD’s own host names', () => {
  assert.deepEqual(loadConfig({ env: { FQDN: 'https://hind.example.com', NOMAD_ADDR_EXTRA: ' a.io, b.io' } }).config.reservedHosts, [
    'hind.example.com',
    'a.io',
    'b.io',
  ]);
});

test('configJsonSchema() describes the keys for editors', () => {
  const { properties } = configJsonSchema() as { properties: Record<string, unknown> };
  assert.ok(properties['proxies']);
  assert.ok(properties['guards']);
});

test('loadConfig() adds the services of the environment to those of the file', async (t) => {
  const file = await fileOf(t, 'c.json', '{"services": [{"name": "db", "address": "10.0.0.1", "port": 1}]}');
  const env = { HIND_PROXY_SERVICE__MY_WEB: 'http://10.0.0.5:3000;tag=urlprefix-web.io/;tag=https://web.io' };

  assert.deepEqual(loadConfig({ file, env }).config.services, [
    { name: 'db', address: '10.0.0.1', port: 1 },
    { name: 'my-web', address: '10.0.0.5', port: 3000, tags: ['urlprefix-web.io/', 'https://web.io'] },
  ]);
});
