import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDefaultCertificate } from '../../src/apply/certificates.ts';
import { freePorts } from '../../test/support/process.ts';
import type { Catalog } from './consul.ts';
import type { Lab } from './lab.ts';
import { pidOf, whenComplete, type Subject } from './subject.ts';

/**
 * Starts Traefik with its consulCatalog provider, set to be as fast as it can be: `watch`, no throttle, and a default certificate, which
 * saves it a key at every reload. Its routes come from a default rule, as no label is read from `urlprefix-` tags.
 */
export async function startPeer(lab: Lab, catalog: Catalog): Promise<Subject> {
  const [web = 0] = await freePorts(1);
  const dir = await lab.dir(`peer-${web}`);
  const { cert, key } = await ensureDefaultCertificate(join(dir, 'tls'));
  const dynamicDir = join(dir, 'dynamic');
  await mkdir(dynamicDir);
  await writeFile(
    join(dynamicDir, 'tls.yml'),
    JSON.stringify({ tls: { stores: { default: { defaultCertificate: { certFile: cert, keyFile: key } } } } }),
  );
  const staticFile = join(dir, 'traefik.yml');
  await writeFile(
    staticFile,
    JSON.stringify({
      global: { checkNewVersion: false, sendAnonymousUsage: false },
      log: { level: 'ERROR' },
      entryPoints: { web: { address: `127.0.0.1:${web}` } },
      providers: {
        providersThrottleDuration: '0s',
        file: { directory: dynamicDir },
        consulCatalog: {
          endpoint: { address: new URL(catalog.address).host },
          watch: true,
          exposedByDefault: true,
          defaultRule: 'Host(`{{ normalize .Name }}.bench`)',
        },
      },
    }),
  );
  const startedAtMs = performance.now();
  const traefik = lab.start(lab.paths.get('traefik') ?? 'traefik', [`--configFile=${staticFile}`], { HOME: dir });
  const coldMs = await whenComplete(lab, { web, catalog, startedAtMs }).catch((error: unknown) => {
    throw new Error(`Cannot measure Traefik with its own provider: ${traefik.output().slice(-800)}`, { cause: error });
  });
  return {
    name: 'peer',
    web,
    pids: { proxy: pidOf(traefik) },
    coldMs,
    // it does not tell when it applied: the caller's own wait since the last change stands for it
    isIdle: () => Promise.resolve(true),
    ownApplyMs: () => Promise.resolve([]),
    async stop() {
      await traefik.stop();
    },
  };
}
