import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createTraefikDeployer } from '../../src/apply/traefik.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { listenOnLoopback } from '../../src/lib/ports.ts';
import type { ApplyOutcome } from '../../src/model/generation.ts';
import { digest } from '../../src/model/names.ts';
import { tempDir } from '../support/process.ts';

const DIGEST = digest(sha256('table'));
const CONTENT = 'http:\n  routers:\n    "web":\n      rule: x\n';

/** What becomes of a configuration where the API lists these routers as disabled. */
async function applied(t: TestContext, routers: string): Promise<ApplyOutcome> {
  const dir = await tempDir(t);
  const api = createServer(({ url = '' }, response) => {
    const isMarker = url.includes('/middlewares/');
    response.end(isMarker ? JSON.stringify({ 'X-Hind-Proxy-Generation': DIGEST }) : url.includes('/http/') ? routers : '[]');
  });
  const port = await listenOnLoopback(api);
  t.after(() => api.close().closeAllConnections());
  const file = join(dir, 'dynamic', 'hind-proxy.yaml');
  const deployer = createTraefikDeployer({
    file,
    api: `http://127.0.0.1:${port}`,
    stagingDir: join(dir, 'staging'),
    verifyTimeoutMs: 1000,
  });
  const units = [{ unit: 'unit-web', firstLine: 3, lastLine: 4 }];
  const files = [{ path: file, content: CONTENT, sha256: digest(sha256(CONTENT)), units }];
  return deployer.apply({ server: 'traefik', files, tableDigest: DIGEST }, t.signal);
}

test('createTraefikDeployer() tells of a disabled router by its unit, with or without an error', async (t) => {
  for (const [error, reason] of [
    [{ error: ['bad rule', 'bad name'] }, 'web@file: bad rule, bad name'],
    [{}, 'web@file: disabled'],
  ] as const) {
    const outcome = await applied(t, JSON.stringify([{ name: 'api@internal' }, { name: 'web@file', ...error }]));
    assert.deepEqual(outcome, { kind: 'rejected', reason, units: ['unit-web'] });
  }
});

test('createTraefikDeployer() takes an answer that is no list of routers for one without disabled ones', async (t) => {
  for (const answer of ['no JSON', '{}', 'null', '[null, 1, {}]']) {
    const { kind } = await applied(t, answer);
    assert.equal(kind, 'applied', answer);
  }
});
