import type { Config } from '../config/options.ts';
import type { Dialect, TagFormatter } from '../dialects/dialect.ts';
import { createFabioDialect } from '../dialects/fabio/dialect.ts';
import { createFabioFormatter } from '../dialects/fabio/format/format.ts';
import { createHindDialect } from '../dialects/hind/dialect.ts';
import { createHindFormatter } from '../dialects/hind/format.ts';
import { createTraefikDialect } from '../dialects/traefik/dialect.ts';
import { createTraefikFormatter } from '../dialects/traefik/format.ts';
import type { DialectName } from '../model/route.ts';
import type { Setup } from './setup.ts';

/** The dialects that a set-up reads, in its order. */
export function createDialects({ config }: Pick<Setup, 'config'>): readonly Dialect[] {
  return config.dialects.accept.map((name) => createDialect(name, config));
}

/** One dialect as it is configured. */
export function createDialect(name: DialectName, config: Config): Dialect {
  return MAKERS[name].dialect(config);
}

/** What writes tags of one dialect as it is configured. */
export function createFormatter(name: DialectName, config: Config): TagFormatter {
  return MAKERS[name].formatter(config);
}

const MAKERS: Readonly<
  Record<DialectName, { readonly dialect: (config: Config) => Dialect; readonly formatter: (config: Config) => TagFormatter }>
> = {
  fabio: {
    dialect: ({ dialects }) => createFabioDialect(dialects.fabio),
    formatter: ({ dialects }) => createFabioFormatter(dialects.fabio),
  },
  hind: {
    dialect: ({ dialects }) => createHindDialect(dialects.hind),
    formatter: ({ dialects }) => createHindFormatter(dialects.hind),
  },
  traefik: {
    dialect: ({ dialects: { traefik }, defaultRule, domainSuffix }) => createTraefikDialect({ ...traefik, defaultRule, domainSuffix }),
    formatter: ({ dialects }) => createTraefikFormatter(dialects.traefik),
  },
};
