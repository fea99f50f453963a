import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needServer } from '../support/process.ts';
import { openArena } from './arena.ts';
import { traefikOriginal } from './peer.ts';
import { figuresOf, isDeclared, printFinding } from './report.ts';
import { compareCatalogs } from './run.ts';

/** Fixed, so that a failure is one of the change that shows it; `npm run differential` takes others. */
const SEED = 'test';
const [CATALOGS, REQUESTS] = [20, 20];

test('our Traefik answers as Traefik with its own provider does to what generated labels ask for', async (t) => {
  const [consul, traefik] = [needServer(t, 'consul'), needServer(t, 'traefik')];
  if (consul === undefined || traefik === undefined) return;
  const arena = await openArena(t, { binaries: { consul, traefik, caddy: '' }, servers: ['traefik'], original: traefikOriginal(traefik) });

  const result = await compareCatalogs(arena, { seed: SEED, catalogs: CATALOGS, requests: REQUESTS });

  t.diagnostic(`seed ${SEED}: ${JSON.stringify(figuresOf(result, result.findings))}`);
  const undeclared = result.findings.filter((finding) => !isDeclared(finding));
  assert.equal(undeclared.length, 0, undeclared.slice(0, 3).map(printFinding).join('\n\n'));
  assert.deepEqual(result.refused, []);
  assert.ok(result.forwarded > (CATALOGS * REQUESTS) / 4, `only ${result.forwarded} requests reached an instance`);
});
