import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
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

test('ensureApiPassword() gives the same password again when its file is there', async (t) => {
  const file = join(await tempDir(t), 'api.password');

  const [first, second] = [await ensureApiPassword(file), await ensureApiPassword(file)];

  assert.equal(first, second);
  assert.equal(first.length, 32);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});
