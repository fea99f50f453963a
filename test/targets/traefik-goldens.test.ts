import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../../src/lib/hash.ts';
import { digest } from '../../src/model/names.ts';
import { complaintsOf, startTraefik } from '../support/traefik.ts';

const CASES = join(import.meta.dirname, '../cases');

test('traefikTarget.render() gives every golden case a file that Traefik takes without a word', async (t) => {
  const traefik = await startTraefik(t);
  if (!traefik) return;
  const { deployer, settings } = traefik;
  const { cert, key } = settings.traefik.defaultCertificate;

  for (const name of (await readdir(CASES)).toSorted()) {
    const golden = await readFile(join(CASES, name, 'traefik.yml'), 'utf8');
    const content = golden.replaceAll('/srv/default.crt', cert).replaceAll('/srv/default.key', key);
    const marker = /^# hind-proxy table ([0-9a-f]{64})$/m.exec(content)?.[1] ?? '';
    const file = { path: settings.traefik.dynamicFile, content, sha256: digest(sha256(content)), units: [] };
    const outcome = await deployer.apply({ server: 'traefik', files: [file], tableDigest: digest(marker) }, AbortSignal.timeout(20_000));
    assert.equal(outcome.kind, 'applied', `${name}: ${JSON.stringify(outcome)}`);
    assert.deepEqual(await complaintsOf(settings), [], name);
  }
});
