import type { RenderSettings } from '../target.ts';
import type { Named } from './named.ts';
import type { HttpRouter } from './schema.ts';
import { servedEntryPoints } from './static.ts';

/** A router answers TLS requests or plain ones, never both: one for each kind of entry point. */
export function routersOf({
  name,
  entryPoints,
  router,
  tls = {},
  settings,
}: {
  readonly name: string;
  readonly entryPoints: readonly string[];
  readonly router: Omit<HttpRouter, 'entryPoints' | 'tls'>;
  readonly tls?: HttpRouter['tls'];
  readonly settings: RenderSettings;
}): readonly Named<HttpRouter>[] {
  const served = servedEntryPoints(settings).filter(
    (entryPoint) => entryPoint.protocol === 'http' && entryPoints.includes(entryPoint.name),
  );
  const plain = served.filter((entryPoint) => !entryPoint.tls).map((entryPoint) => entryPoint.name);
  const secured = served.filter((entryPoint) => entryPoint.tls).map((entryPoint) => entryPoint.name);
  return [
    ...(plain.length > 0 ? [{ name, value: { ...router, entryPoints: plain } }] : []),
    ...(secured.length > 0 ? [{ name: `${name}-tls`, value: { ...router, entryPoints: secured, tls } }] : []),
  ];
}
