import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { policiesOf } from '../../../src/config/policies.ts';
import type { RenderSettings } from '../../../src/targets/target.ts';
import { freePorts, startProcess, tempDir, type Ending } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import type { Original, OriginalKind } from '../arena.ts';

/** The user and password of the scheme `mybasicauth`, which both sides know: {SHA} of `oracle`. */
const HTPASSWD = 'oracle:{SHA}QxNktkUPxHzNv2oiBd/bG663lBI=\n';

/** Fabio as an original. A service that has no healthy instance has no route there, so ours removes it too. */
export function fabioOriginal(binary: string): OriginalKind<Original> {
  return {
    start: (t, world) => startFabio(t, { binary, ...world }),
    sentinelTags: (service) => [`urlprefix-${service}.test/`],
    compile: {
      accept: ['fabio'],
      unhealthy: 'remove',
      policies: policiesOf({ mybasicauth: { basicAuth: { usersFile: '', removeHeader: false } } }, { trustsProxies: false }),
    },
  };
}

/** One table that nobody updates any more is known by its silence: a tag that Fabio cannot read stops it for all. */
async function startFabio(
  t: Ending,
  { binary, consul, settings }: { readonly binary: string; readonly consul: string; readonly settings: RenderSettings },
): Promise<Original> {
  const [web = 0, websecure = 0, api = 0] = await freePorts(3);
  const passwords = join(await tempDir(t), 'users');
  await writeFile(passwords, HTPASSWD);
  const { cert, key } = settings.traefik.defaultCertificate;
  const fabio = startProcess(t, binary, [
    // it refuses to run as root without
    '-insecure',
    `-registry.consul.addr=${consul}`,
    '-registry.consul.register.enabled=false',
    `-proxy.addr=127.0.0.1:${web},127.0.0.1:${websecure};cs=own`,
    `-proxy.cs=cs=own;type=file;cert=${cert};key=${key}`,
    `-proxy.auth=name=mybasicauth;type=basic;file=${passwords}`,
    `-ui.addr=127.0.0.1:${api}`,
    '-metrics.target=',
    '-log.level=WARN',
    '-proxy.shutdownwait=0s',
  ]);
  const routes = async (): Promise<string> => (await fetch(`http://127.0.0.1:${api}/api/routes`)).text();
  await until('Fabio', async () => (await routes()) !== '').catch((error: unknown) => {
    throw new Error(`Cannot start Fabio: ${fabio.output().slice(-2000)}`, { cause: error });
  });
  return {
    web,
    websecure,
    async whenKnows(service) {
      const isKnown = async (): Promise<boolean> => (await routes()).includes(`"${service}.test/"`);
      await until(`Fabio to know ${service}`, isKnown, 20_000).catch((error: unknown) => {
        throw new Error(`Cannot go on: a tag of these catalogs stops Fabio: ${fabio.output().slice(-2000)}`, { cause: error });
      });
    },
  };
}
