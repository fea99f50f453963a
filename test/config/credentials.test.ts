import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCredentials } from '../../src/config/credentials.ts';
import { ConfigError } from '../../src/config/error.ts';

const HASH = '$2a$10$tM2vTBptyHyPZTvcjc6KH.7a6bkMsJES8l3nXGrqBSrXPfi.a4YB2';

test('readCredentials() gives the users of every policy with a password file and hides their hashes', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hind-proxy-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const usersFile = join(dir, 'htpasswd');
  await writeFile(usersFile, `# staff\noracle:${HASH}\n\n`);

  const credentials = readCredentials({ staff: { basicAuth: { usersFile, removeHeader: false } }, other: {} });

  assert.deepEqual([...credentials.keys()], ['staff']);
  const [user] = credentials.get('staff')?.users ?? [];
  assert.deepEqual([user?.name, user?.hash.reveal()], ['oracle', HASH]);
  assert.ok(!JSON.stringify([...credentials]).includes('$2a$'));
});

test('readCredentials() throws when a file is missing, empty or holds a hash that only one proxy reads', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hind-proxy-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const [md5, empty] = [join(dir, 'md5'), join(dir, 'empty')];
  await writeFile(md5, 'oracle:$apr1$x$y\n');
  await writeFile(empty, '\n');
  const policies = Object.fromEntries(
    [md5, empty, join(dir, 'none')].map((usersFile, index) => [`p${index}`, { basicAuth: { usersFile, removeHeader: false } }]),
  );

  assert.throws(
    () => readCredentials(policies),
    (error) => error instanceof ConfigError && error.faults.length === 3 && !error.message.includes('$apr1$'),
  );
});
