import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { consulConnection } from '../../src/sources/consul-connection.ts';
import { tempDir } from '../support/process.ts';

const originOf = (env: Readonly<Record<string, string>>): string => consulConnection(env).origin;

test('consulConnection() reads every form of CONSUL_HTTP_ADDR', () => {
  assert.equal(originOf({}), 'http://127.0.0.1:8500');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: '' }), 'http://127.0.0.1:8500');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'consul.test:8500' }), 'http://consul.test:8500');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: '[::1]:8500' }), 'http://[::1]:8500');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'https://consul.test:8501/' }), 'https://consul.test:8501');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'http://proxy.test/consul/east/' }), 'http://proxy.test/consul/east');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'proxy.test/consul' }), 'http://proxy.test/consul');
  assert.equal(consulConnection({ CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' }).socketPath, '/run/consul.sock');
  assert.equal(consulConnection({ CONSUL_HTTP_ADDR: 'a.test:1' }, { address: 'b.test:2' }).origin, 'http://b.test:2');
});

test('consulConnection() refuses an address that is none, without the password in it', () => {
  for (const address of ['ftp://consul.test', 'unix://', 'http://user:geheim@:x', 'a b']) {
    assert.throws(
      () => consulConnection({ CONSUL_HTTP_ADDR: address }),
      (error) =>
        error instanceof RangeError &&
        error.message.startsWith('Cannot use the Consul address: it is "') &&
        !error.message.includes('geheim'),
      address,
    );
  }
});

test('consulConnection() lets no http:// undo CONSUL_HTTP_SSL', () => {
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'http://consul.test:8501', CONSUL_HTTP_SSL: 'true' }), 'https://consul.test:8501');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'consul.test:8501', CONSUL_HTTP_SSL: 'T' }), 'https://consul.test:8501');
  assert.equal(originOf({ CONSUL_HTTP_ADDR: 'https://consul.test', CONSUL_HTTP_SSL: '0' }), 'https://consul.test');
  assert.equal(consulConnection({ CONSUL_HTTP_ADDR: 'unix:///s', CONSUL_HTTP_SSL: '1' }).socketPath, '/s');
  assert.equal(consulConnection({}).tls.verify, true);
  assert.equal(consulConnection({ CONSUL_HTTP_SSL_VERIFY: 'False' }).tls.verify, false);
  for (const name of ['CONSUL_HTTP_SSL', 'CONSUL_HTTP_SSL_VERIFY'])
    assert.throws(() => consulConnection({ [name]: 'yes' }), { message: `Cannot use ${name}: it is "yes", expected true or false` });
});

test('consulConnection() says whether the agent is on this machine', () => {
  for (const address of ['127.0.0.1:8500', '127.9.9.9:1', 'localhost:8500', '[::1]:8500', 'unix:///s'])
    assert.equal(consulConnection({ CONSUL_HTTP_ADDR: address }).local, true, address);
  for (const address of ['10.0.0.1:8500', 'consul.test', '[2001:db8::1]:8500'])
    assert.equal(consulConnection({ CONSUL_HTTP_ADDR: address }).local, false, address);
});

test('consulConnection() prefers the file of a token, then the variable of consul-template', async (t) => {
  const dir = await tempDir(t);
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text);
    return join(dir, name);
  };
  const tokenOf = (env: Readonly<Record<string, string>>, tokenFile?: string): string | undefined =>
    consulConnection(env, { tokenFile }).token()?.reveal();
  const variables = { CONSUL_HTTP_TOKEN: 'http', CONSUL_TOKEN: 'template' };
  assert.equal(tokenOf({}), undefined);
  assert.equal(tokenOf({ CONSUL_HTTP_TOKEN: 'http' }), 'http');
  assert.equal(tokenOf(variables), 'template');
  const files = { CONSUL_HTTP_TOKEN_FILE: await write('http', ' from-file \n'), CONSUL_TOKEN_FILE: await write('template', 'other') };
  assert.equal(tokenOf({ ...variables, ...files }), 'from-file');
  assert.equal(tokenOf({ CONSUL_TOKEN_FILE: files.CONSUL_TOKEN_FILE }), 'other');
  assert.equal(tokenOf({ ...variables, ...files }, await write('own', 'own')), 'own');
  assert.equal(tokenOf({ ...variables, CONSUL_HTTP_TOKEN_FILE: await write('empty', '\n') }), 'template');
});

test('consulConnection() reads the file of a token anew, and keeps the last one while it is replaced', async (t) => {
  const file = join(await tempDir(t), 'token');
  await writeFile(file, 'first');
  const connection = consulConnection({ CONSUL_HTTP_TOKEN_FILE: file });
  const token = () => connection.token();
  assert.equal(token()?.reveal(), 'first');
  await rm(file);
  assert.equal(token()?.reveal(), 'first');
  await writeFile(file, '');
  assert.equal(token()?.reveal(), 'first');
  await writeFile(file, 'second');
  assert.equal(token()?.reveal(), 'second');
});

test('consulConnection() reads certificates, and says which variable names none', async (t) => {
  const dir = await tempDir(t);
  const authorities = join(dir, 'ca');
  await mkdir(join(authorities, 'sub'), { recursive: true });
  for (const name of ['a.pem', 'b.pem']) await writeFile(join(authorities, name), name);
  const env = {
    CONSUL_CACERT: join(authorities, 'a.pem'),
    CONSUL_CLIENT_CERT: join(authorities, 'a.pem'),
    CONSUL_CLIENT_KEY: join(authorities, 'b.pem'),
    CONSUL_TLS_SERVER_NAME: 'consul.test',
  };
  assert.deepEqual(consulConnection(env).tls, { verify: true, ca: ['a.pem'], cert: 'a.pem', key: 'b.pem', serverName: 'consul.test' });
  assert.deepEqual(consulConnection({ CONSUL_CAPATH: authorities }).tls.ca?.toSorted(), ['a.pem', 'b.pem']);
  assert.throws(() => consulConnection({ CONSUL_CLIENT_CERT: env.CONSUL_CACERT }), /CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY alone/);
  for (const name of ['CONSUL_CACERT', 'CONSUL_CAPATH', 'CONSUL_CLIENT_KEY'])
    assert.throws(
      () => consulConnection({ [name]: join(dir, 'none') }),
      (error) => error instanceof RangeError && error.message.startsWith(`Cannot use ${name}: `),
    );
});

test('consulConnection() shows no secret in a dump', () => {
  const connection = consulConnection({ CONSUL_HTTP_ADDR: 'http://user:geheim@consul.test', CONSUL_HTTP_TOKEN: 'geheim' });
  assert.ok(!inspect([connection, connection.token()], { depth: 9 }).includes('geheim'));
  assert.equal(connection.origin, 'http://consul.test');
});
