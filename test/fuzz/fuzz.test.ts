import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needServer } from '../support/process.ts';
import { fuzzOnThreads } from './threads.ts';

/** Fixed, so that a failure is one of the change that shows it; `npm run fuzz` takes others. */
const SEED = 'test';
const SETS = 200_000;

test('hostile tags crash nothing, change no other service, and neither proxy refuses what they come to', async (t) => {
  const [caddy, traefik] = [needServer(t, 'caddy'), needServer(t, 'traefik')];
  if (caddy === undefined || traefik === undefined) return;
  const options = { seed: SEED, first: 0, sets: SETS, batch: 500, binaries: { caddy, traefik } };

  const { findings, ...figures } = await fuzzOnThreads(options, 2, { signal: t.signal, progress: () => undefined });

  t.diagnostic(`seed ${SEED}: ${JSON.stringify(figures)}`);
  assert.deepEqual(findings.slice(0, 5), []);
  assert.deepEqual([figures.sets, figures.batches], [SETS, SETS / 500]);
  assert.ok(figures.routed > SETS / 4, `only ${figures.routed} sets gave a route`);
});
