import type { Config } from '../config/options.ts';
import type { TagFormatter } from '../dialects/dialect.ts';
import { createFabioFormatter } from '../dialects/fabio/format/format.ts';
import { createHindFormatter } from '../dialects/hind/format.ts';
import { createTraefikFormatter } from '../dialects/traefik/format.ts';
import type { DialectName } from '../model/route.ts';

/** What writes tags of one dialect as it is configured. */
export function createFormatter(name: DialectName, config: Config): TagFormatter {
  return MAKERS[name](config);
}

const MAKERS: Readonly<Record<DialectName, (config: Config) => TagFormatter>> = {
  fabio: ({ dialects }) => createFabioFormatter(dialects.fabio),
  hind: ({ dialects }) => createHindFormatter(dialects.hind),
  traefik: ({ dialects }) => createTraefikFormatter(dialects.traefik),
};
