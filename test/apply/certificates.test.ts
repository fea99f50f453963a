import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureApiPassword, ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { tempDir } from '../support/process.ts';

test('ensureDefaultCertificate() makes a certificate with its key once', async (t) => {
  const dir = await tempDir(t);
  const { cert, key } = await ensureDefaultCertificate(dir);
  const first = await readFile(cert, 'utf8');

  await ensureDefaultCertificate(dir);

  assert.equal(await readFile(cert, 'utf8'), first);
  const parsed = new X509Certificate(first);
  assert.ok(parsed.verify(parsed.publicKey));
  assert.ok(parsed.checkPrivateKey(createPrivateKey(await readFile(key, 'utf8'))));
  assert.equal(parsed.subjectAltName, 'DNS:hind-proxy.invalid');
  assert.ok(parsed.validToDate.getTime() > Date.now() + 9 * 365 * 86_400_000);
});

test('ensureDefaultCertificate() makes one pair where many begin at the same time', async (t) => {
  const dir = await tempDir(t);

  const made = await Promise.all(Array.from({ length: 20 }, () => ensureDefaultCertificate(dir)));

  assert.ok(await fits(dir));
  assert.deepEqual(new Set(made.map(({ cert }) => cert)), new Set([join(dir, 'default.crt')]));
  assert.deepEqual((await readdir(dir)).toSorted(), ['default.crt', 'default.key']);
});

test('ensureDefaultCertificate() makes what does not fit anew', async (t) => {
  const [dir, other] = [await tempDir(t), await tempDir(t)];
  const { cert, key } = await ensureDefaultCertificate(dir);
  const strange = await ensureDefaultCertificate(other);

  for (const [path, content] of [
    [cert, await readFile(strange.cert, 'utf8')],
    [cert, 'no certificate'],
    [key, 'no key'],
    [key, ''],
  ] as const) {
    await writeFile(path, content);
    await ensureDefaultCertificate(dir);
    assert.ok(await fits(dir), `${path}: ${content}`);
  }
});

/** Whether the certificate in a directory is that of the key beside it. */
async function fits(dir: string): Promise<boolean> {
  const [cert, key] = await Promise.all(['default.crt', 'default.key'].map((name) => readFile(join(dir, name), 'utf8')));
  return new X509Certificate(cert ?? '').checkPrivateKey(createPrivateKey(key ?? ''));
}

test('ensureApiPassword() gives all the same where many begin at the same time', async (t) => {
  const file = join(await tempDir(t), 'api.password');

  const given = await Promise.all(Array.from({ length: 20 }, () => ensureApiPassword(file)));

  assert.deepEqual(new Set(given), new Set([(await readFile(file, 'utf8')).trim()]));
});

test('ensureApiPassword() makes one where the file is blank', async (t) => {
  const file = join(await tempDir(t), 'api.password');
  await writeFile(file, '\n');

  const given = await ensureApiPassword(file);

  assert.equal((await readFile(file, 'utf8')).trim(), given);
  assert.equal(given.length, 32);
});

test('ensureApiPassword() gives the same password again when its file is there', async (t) => {
  const file = join(await tempDir(t), 'api.password');

  const [first, second] = [await ensureApiPassword(file), await ensureApiPassword(file)];

  assert.equal(first, second);
  assert.equal(first.length, 32);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});
