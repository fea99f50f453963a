import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdminClient } from '../../src/apply/admin-client.ts';
import { sleep } from '../../src/lib/async.ts';
import { waitFor } from './lab.ts';

/** A proxy at rest is measured, as it is when something changes: in a row it would be faster. */
const REST_MS = 1000;

/**
 * ms that Caddy needs for each of `times` whole configurations that differ from the one before in one backend: `POST /config/`, which
 * ends when the new one serves.
 */
export async function applyToCaddy({ admin, times }: { readonly admin: string; readonly times: number }): Promise<readonly number[]> {
  const client = createAdminClient(admin);
  const options = { timeoutMs: 60_000, signal: AbortSignal.timeout(300_000) };
  const { body: json } = await client.call('GET', '/config/', options);
  const durations: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const body = json.replace(/("dial":\s*"127\.0\.0\.1:)\d+/, `$1${1 + turn}`);
    await sleep(REST_MS);
    const startedAtMs = performance.now();
    const { status } = await client.call('POST', '/config/', { ...options, body });
    if (status !== 200) throw new Error(`Cannot give Caddy a configuration: it answered ${status}`);
    durations.push(performance.now() - startedAtMs);
  }
  return durations;
}

/** ms from the rename of each of `times` dynamic files into Traefik's directory until its API shows the marker of that file. */
export async function applyToTraefik({
  api,
  file,
  stagingDir,
  password,
  times,
}: {
  readonly api: string;
  readonly file: string;
  readonly stagingDir: string;
  readonly password: string;
  readonly times: number;
}): Promise<readonly number[]> {
  const content = await readFile(file, 'utf8');
  const headers = { authorization: `Basic ${Buffer.from(`hind-proxy:${password}`).toString('base64')}` };
  const durations: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const marker = turn.toString(16).padStart(64, '0');
    const staged = join(stagingDir, 'bench.yml');
    const otherBackend = content.replace(/("url": "http:\/\/127\.0\.0\.1:)\d+/, `$1${1 + turn}`);
    await writeFile(staged, otherBackend.replace(/("X-Hind-Proxy-Generation": ")[0-9a-f]{64}/, `$1${marker}`));
    await sleep(REST_MS);
    const startedAtMs = performance.now();
    await rename(staged, file);
    const isShown = async (): Promise<boolean> => {
      const answer = await fetch(`${api}/api/http/middlewares/hind-proxy-generation@file`, { headers });
      return (await answer.text()).includes(marker);
    };
    await waitFor('Traefik to take a file', isShown, { signal: AbortSignal.timeout(30_000), everyMs: 1 });
    durations.push(performance.now() - startedAtMs);
  }
  return durations;
}
