import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openGenerations } from '../../src/controller/generations.ts';
import { sha256 } from '../../src/lib/hash.ts';
import { silentLog } from '../../src/lib/log.ts';
import { digest } from '../../src/model/names.ts';
import { freePorts, startProcess, tempDir } from '../support/process.ts';
import { plainTable } from '../support/tables.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Who may do nothing with files of ours: another user, or, where only root could be one, ourselves without the rights. */
const OTHER = process.getuid?.() === 0 ? { uid: 65_534 } : {};

/** A state directory that a controller has left. */
export interface Place {
  readonly dir: string;
  readonly listen: number;
  readonly stateDir: string;
  readonly config: string;
  /** Runs a command as another user. */
  readonly asOther: (args: readonly string[]) => Promise<{ readonly code: number | string; readonly output: string }>;
}

/** One with a single generation, which is pinned, and no service in any catalog. */
export async function openPlace(t: TestContext, admin: (dir: string, listen: number) => object): Promise<Place> {
  const dir = await tempDir(t);
  const [caddy = 0, web = 0, listen = 0] = await freePorts(3);
  const [stateDir, config] = [join(dir, 'state'), join(dir, 'hind-proxy.json')];
  await mkdir(join(dir, 'services'));
  await chmod(dir, 0o755);
  const proxy = {
    entrypoints: { web: `127.0.0.1:${web}` },
    caddy: { file: join(dir, 'Caddyfile'), admin: `http://127.0.0.1:${caddy}` },
    traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile: join(dir, 'dynamic/hp.yml') },
  };
  const sources = { file: { path: join(dir, 'services') } };
  await writeFile(config, JSON.stringify({ stateDir, sources, proxies: [proxy], admin: admin(dir, listen) }));
  const generations = await openGenerations(stateDir, { keep: 20, log: silentLog });
  const table = plainTable('web');
  const content = `# hind-proxy table ${table.digest}`;
  const file = { path: join(dir, 'Caddyfile'), content, sha256: digest(sha256(content)), units: [] };
  await generations.add({
    proxy: 'proxy',
    server: 'caddy',
    digest: table.digest,
    table,
    config: { server: 'caddy', files: [file], tableDigest: table.digest },
    versions: { hindProxy: '1' },
    appliedAtMs: 0,
    outcome: 'applied',
  });
  await generations.pin(1);
  return {
    dir,
    listen,
    stateDir,
    config,
    async asOther(args) {
      const running = startProcess(t, process.execPath, [MAIN, ...args, '--config', config], { env: { HOME: dir }, ...OTHER });
      const code = await running.ended;
      return { code, output: running.output() };
    },
  };
}
