import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatusView } from '../../src/controller/views.ts';
import type { Server } from '../../src/model/rendered.ts';
import { freePorts } from '../../test/support/process.ts';
import type { Catalog } from './consul.ts';
import { waitFor, type Lab } from './lab.ts';
import { applyToCaddy, applyToTraefik } from './own-apply.ts';
import { pidOf, whenComplete, type Subject } from './subject.ts';

const MAIN = join(import.meta.dirname, '../../src/start.js');

/** Starts a proxy, then the controller on a state directory without a past. `profile`: the controller writes a CPU profile there. */
export async function startOurs(
  lab: Lab,
  { server, catalog, profile }: { readonly server: Server; readonly catalog: Catalog; readonly profile?: string | undefined },
): Promise<Subject> {
  const [web = 0, proxyApi = 0, admin = 0] = await freePorts(3);
  const dir = await lab.dir(`${server}-${web}`);
  const config = join(dir, 'hind-proxy.json');
  const at = (port: number): string => `127.0.0.1:${port}`;
  const caddyfile = join(dir, 'Caddyfile');
  const dynamicFile = join(dir, 'dynamic/hind-proxy.yml');
  const api = `http://${at(proxyApi)}`;
  const proxy = {
    server,
    entrypoints: { web: at(web) },
    caddy: { file: caddyfile, admin: api },
    traefik: { staticFile: join(dir, 'traefik.yaml'), dynamicFile, api },
  };
  const stateDir = join(dir, 'state');
  await writeFile(
    config,
    JSON.stringify({
      stateDir,
      sources: { consul: { address: catalog.address } },
      proxies: [proxy],
      admin: { listen: at(admin), socket: join(dir, 'admin.sock') },
    }),
  );
  // all starts but the first find the code compiled, as on a machine that is not new
  const env = {
    XDG_CACHE_HOME: await lab.dir(`${server}-cache`),
    HOME: dir,
    XDG_DATA_HOME: join(dir, 'data'),
    XDG_CONFIG_HOME: join(dir, 'data'),
  };
  const launcher = lab.start(process.execPath, [MAIN, 'exec-proxy', '--config', config], env);
  const status = async (): Promise<StatusView> => (await (await fetch(`http://${at(admin)}/v1/status`)).json()) as StatusView;
  await waitFor(`${server} to answer`, () => fetch(`http://${at(web)}`).then(always, never), { signal: lab.signal }).catch(
    (error: unknown) => {
      throw new Error(`Cannot start ${server}: ${launcher.output().slice(-800)}`, { cause: error });
    },
  );
  let proxyPid = 0;
  const isNamed = async (): Promise<boolean> => {
    const text = await readFile(join(stateDir, 'proxy-state.json'), 'utf8').catch(() => '{}');
    proxyPid = (JSON.parse(text) as { readonly pid?: number }).pid ?? 0;
    return proxyPid > 0;
  };
  await waitFor('exec-proxy to name the proxy it started', isNamed, { signal: lab.signal, timeoutMs: 5000 });

  const startedAtMs = performance.now();
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  // as deploy/supervisord.conf starts it
  const controller = lab.start(process.execPath, [...profiling, MAIN, 'run', '--config', config], { ...env, MALLOC_ARENA_MAX: '1' });
  const coldMs = await whenComplete(lab, { web, catalog, startedAtMs }).catch((error: unknown) => {
    throw new Error(`Cannot measure ${server}: ${controller.output().slice(-1500)}`, { cause: error });
  });
  // a first configuration without some of them would be seen here: it waits for the next
  const isWhole = async (): Promise<boolean> => ((await status()).proxies[0]?.routes ?? 0) >= catalog.count;
  await waitFor('the status to name every route', isWhole, { signal: lab.signal, timeoutMs: 3000 });
  return {
    name: server,
    web,
    pids: { controller: pidOf(controller), proxy: proxyPid },
    coldMs,
    async isIdle(restMs) {
      const { proxies } = await status();
      return proxies.every(({ verified, appliedAt }) => verified && Date.now() - Date.parse(appliedAt ?? '') >= restMs);
    },
    async ownApplyMs(times) {
      await controller.stop();
      if (server === 'caddy') return applyToCaddy({ admin: api, times });
      const password = (await readFile(join(stateDir, 'traefik-api.password'), 'utf8')).trim();
      return applyToTraefik({ api, file: dynamicFile, stagingDir: join(stateDir, 'staging'), password, times });
    },
    async stop() {
      await controller.stop();
      await launcher.stop();
    },
  };
}

function always(): boolean {
  return true;
}

function never(): boolean {
  return false;
}
