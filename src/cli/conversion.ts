import type { Config } from '../config/options.ts';
import { convertTags, type ConversionTools } from '../dialects/convert.ts';
import type { FormatContext } from '../dialects/dialect.ts';
import type { Convert } from '../jobfiles/rewrite.ts';
import type { ServiceInstance } from '../model/catalog.ts';
import type { EntryPoint } from '../model/entry-point.ts';
import { parsePort, type Port } from '../model/names.ts';
import { DIALECTS, type DialectName } from '../model/route.ts';
import { createDialect } from './dialects.ts';
import { createFormatter } from './formatters.ts';
import { givenInstance } from './given-tags.ts';
import { entryPointsOf, proxyOf } from './paths.ts';

/** Converts tags of services into one dialect as a configuration says. `from`: only tags of this dialect are read. */
export function createConverter(config: Config, options: { readonly to: DialectName; readonly from?: DialectName | undefined }): Convert {
  const toolsFor = conversionTools(config, options);
  return ({ service = 'service', port, tags }) => {
    const instance = givenInstance(tags, { service, port: (port === undefined ? undefined : parsePort(port)) ?? unnamedPort(tags) });
    return convertTags(instance, toolsFor(instance));
  };
}

/** What the tags of an instance are converted with. */
export function conversionTools(
  config: Config,
  { to, from }: { readonly to: DialectName; readonly from?: DialectName | undefined },
): (instance: Pick<ServiceInstance, 'service' | 'port'>) => ConversionTools {
  const { accept } = config.dialects;
  const order = [...accept, ...DIALECTS.filter((name) => !accept.includes(name))];
  const dialects = order.filter((name) => from === undefined || name === from || name === to).map((name) => createDialect(name, config));
  const formatter = createFormatter(to, config);
  const [entryPoints, httpsRedirect] = [usualEntryPoints(config), httpsRedirectOf(config)];
  return ({ service, port }) => ({
    dialects,
    to: formatter,
    context: { service, port, entryPoints, ...(httpsRedirect && { httpsRedirect }), transports: new Map() },
  });
}

/** What a tag says of ports is said only beside the registered one. Unknown, that is one that no tag names. */
function unnamedPort(tags: readonly string[]): Port {
  const all = tags.join(' ');
  let number = 1;
  while (all.includes(String(number)) && number < 65_535) number += 1;
  return parsePort(number) as Port;
}

/** Names of the first entry points of each kind, as the configured proxy has them. */
function usualEntryPoints(config: Config): FormatContext['entryPoints'] {
  const { plain, tls } = firstPoints(config);
  return { plain: plain?.name ?? 'web', tls: tls?.name ?? 'websecure' };
}

function httpsRedirectOf(config: Config): FormatContext['httpsRedirect'] {
  const { plain, tls } = firstPoints(config);
  return plain && tls && config.https.redirect !== false ? { port: tls.port } : undefined;
}

function firstPoints(config: Config): { readonly plain: EntryPoint | undefined; readonly tls: EntryPoint | undefined } {
  const points = entryPointsOf(proxyOf(config), true).filter(({ protocol }) => protocol === 'http');
  return { plain: points.find(({ tls }) => !tls), tls: points.find(({ tls }) => tls) };
}
